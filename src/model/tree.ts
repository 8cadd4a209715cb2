import type { Digest } from './digest.ts';

/** One name in a folder of a verified, read-only file tree. */
export interface TreeEntry {
  readonly name: string;
  readonly type: 'file' | 'directory';
  /** Of the file's bytes, or of the folder's encoded listing: equal digests mean equal content below. */
  readonly digest: Digest;
  /** Bytes of a file; 0 for a folder, and for what is away. */
  readonly size: number;
}

/**
 * A read-only view of files, the only thing a render sees. Paths are relative, separated by '/', without '.' and '..';
 * '' is the root. Symbolic links, submodules and ignored files are not in it. Reading is synchronous: the bytes are on
 * the local disk or in memory. A damaged file throws a Fault (`cache-damaged`). What the source has and was not fetched
 * is listed under a digest that nothing else has; to read, list or look below it throws a Fault (`source-incomplete`).
 */
export interface Tree {
  /** Entries sorted by code unit, or undefined when the path is not a folder. */
  list(path: string): readonly TreeEntry[] | undefined;
  /** The entry at a path, or undefined. The root has the name ''. */
  stat(path: string): TreeEntry | undefined;
  /** The bytes of a file, or undefined when the path is not a file. */
  read(path: string): Uint8Array | undefined;
}

/** How a folder is stored: every entry the source has, also those a view does not show. */
export interface StoredEntry {
  readonly name: string;
  /** `file`, `exec`, `link` and `module` are Git's 100644, 100755, 120000 and 160000. */
  readonly mode: 'file' | 'exec' | 'link' | 'module' | 'dir';
  /**
   * Undefined for a submodule, where the content was not fetched because it is left out (`hidden`), and where only a part
   * of a source was fetched: then it is away, which is not the same as absent.
   */
  readonly digest: Digest | undefined;
  readonly size: number;
  /** The source's own id of it, such as a Git object id in hex; '' where it has none. */
  readonly alias: string;
  /** Left out of views by ignore rules or a sparse checkout. */
  readonly hidden: boolean;
}
