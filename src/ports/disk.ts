import type { Fault } from '../model/index.ts';

/**
 * The one folder that must survive. Paths are relative to it, separated by '/'. Errors are Faults: `cache-full` for
 * ENOSPC and EDQUOT, `cache-io` for all else. Reading is synchronous, writing is not (fsync is slow).
 */
export interface Disk {
  /** Whole file, or undefined when it does not exist. */
  read(path: string): Uint8Array | undefined;
  /** A part of a file; fewer bytes at its end. Throws when the file does not exist. */
  readAt(path: string, offset: number, length: number): Uint8Array;
  /** Bytes of a file, or undefined. */
  size(path: string): number | undefined;
  /** Names in a folder, sorted by code unit; empty when it does not exist. */
  list(path: string): readonly string[];
  /** Temp file, fsync, rename, fsync of the folder: afterwards the file is the old or the new one, whole. Creates folders. */
  writeAtomic(path: string, bytes: Uint8Array): Promise<void>;
  /** Adds to the end of a file (created when missing); durable on return when `sync`. A crash may leave a cut last part. */
  append(path: string, bytes: Uint8Array, options: { readonly sync: boolean }): Promise<void>;
  /** A new file outside every published name, to be published or discarded. */
  create(folder: string): Promise<StagedFile>;
  /** Removes a file or nothing; the folder is synced when `sync`. */
  remove(path: string): Promise<void>;
  /** Removes leftovers of writes that never ended. Called once at start. */
  sweep(): Promise<void>;
  /** Bytes free for us, or undefined where unknown. */
  free(): number | undefined;
  /** Why the folder takes no writes, as far as the kernel tells without one; undefined when it may take them. */
  unwritable(): Fault | undefined;
  /** Writes some KiB of nothing, durably, and takes them away again: rejects with the Fault of a folder that takes no writes. */
  probe(): Promise<void>;
  /** Takes the folder for this process; Fault `cache-locked` when another living process has it. */
  lock(): Promise<Unlock>;
}

export interface StagedFile {
  write(bytes: Uint8Array): Promise<void>;
  /** A part of what has been written; fewer bytes at its end. Not after `publish` or `discard`. */
  readAt(offset: number, length: number): Uint8Array;
  /** fsync, rename to this path, fsync of the folder. */
  publish(path: string): Promise<void>;
  discard(): Promise<void>;
}

export type Unlock = () => Promise<void>;
