/** A file, or a folder read as one, that somebody brought, such as one on a stick. It may be pulled out at any moment. */
export interface MediumFile {
  /** Bytes; of a folder those of its files together. */
  readonly size: number;
  /** Of a folder: where its files lie in it, as if they stood one behind another, by their paths. Undefined for a file. */
  readonly members?: ReadonlyMap<string, { readonly start: number; readonly size: number }>;
  /** A part; fewer bytes at its end. They may lie in `into`, when it has room for them: memory that its owner uses again. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What lies in a folder. */
export interface MediumEntry {
  readonly name: string;
  /** Other things (links, devices) are not listed: a link could lead anywhere. */
  readonly kind: 'file' | 'folder';
  /** Bytes of a file; 0 for a folder. */
  readonly size: number;
  /** Milliseconds since 1970, as the medium has it. */
  readonly mtime: number;
}

/**
 * Folders where files arrive, by absolute paths. Errors are Faults `bundle-damaged`, "cannot be read", with the system's
 * own words: a medium that fails says nothing about its content.
 */
export interface Medium {
  /** Sorted by code unit; undefined when there is no such folder (the stick is not in). */
  list(folder: string): Promise<readonly MediumEntry[] | undefined>;
  /**
   * A folder that is an OCI image layout, or is becoming one: bytes of its files together, and the newest time in it.
   * Undefined for any other folder.
   */
  layout(path: string, maxFiles: number): Promise<MediumEntry | undefined>;
  /**
   * A file, or the files of a folder that are an OCI image layout: `index.json`, `oci-layout` and blobs of SHA-256, at most
   * `maxFiles`. Links are not followed; in a layout: Fault `bundle-unreadable`, as for other things that are no files.
   */
  open(path: string, maxFiles: number): Promise<MediumFile>;
  /**
   * Moves a file or a layout into a folder beside it, made when missing, with a text `NAME.reason`. A file or link of that name that is
   * there already is replaced. False when the medium takes no writes, when either folder is a link, or when a folder has the place
   * of the file; then the file is where it was.
   */
  setAside(path: string, folder: string, reason: string): Promise<boolean>;
}
