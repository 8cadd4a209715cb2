/** A file that somebody brought, such as one on a stick. It may be pulled out at any moment. */
export interface MediumFile {
  readonly size: number;
  /** A part; fewer bytes at its end. */
  read(offset: number, length: number): Promise<Uint8Array>;
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
  /** Links are not followed. */
  open(path: string): Promise<MediumFile>;
  /**
   * Moves a file into a folder beside it, made when missing, with a text `NAME.reason`. A file or link of that name that is
   * there already is replaced. False when the medium takes no writes, when either folder is a link, or when a folder has the place
   * of the file; then the file is where it was.
   */
  setAside(path: string, folder: string, reason: string): Promise<boolean>;
}
