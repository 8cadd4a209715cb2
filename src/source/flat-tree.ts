import { type Digest, elided, Fault, type Limits, type StoredEntry } from '../model/index.ts';
import type { ContentWriter } from '../ports/index.ts';

/** A file of a source that knows no folders. */
export interface FlatFile {
  /** Clean, as of `cleanKey`. */
  readonly path: string;
  readonly mode: 'file' | 'exec';
  readonly digest: Digest;
  readonly size: number;
  /** The source's own id of it. */
  readonly alias: string;
}

const NAME_BYTES = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * The path of a file that is named by a key: without empty parts, as Flux joins it to a folder. Fault `source-refused`
 * when it leads out of the folder or holds what no path may, `source-bounds` when it is too long or too deep.
 */
export function cleanKey(key: string, limits: Pick<Limits, 'pathBytes' | 'treeDepth'>): string {
  const parts = key.split('/').filter((part) => part !== '');
  const why = parts.length === 0 ? 'it is empty' : parts.map(partFault).find((found) => found !== undefined);
  if (why !== undefined) throw refused(key, why);
  if (parts.length > limits.treeDepth)
    throw new Fault('source-bounds', `'${elided(key)}': nested deeper than ${limits.treeDepth} (limits.treeDepth)`);
  const path = parts.join('/');
  if (Buffer.byteLength(path) > limits.pathBytes)
    throw new Fault(
      'source-bounds',
      `'${elided(key)}': the path is longer than ${limits.pathBytes} bytes (limits.pathBytes)`,
    );
  return path;
}

function partFault(part: string): string | undefined {
  if (part === '.' || part === '..') return 'it has a part that leads elsewhere (. or ..)';
  if (CONTROL.test(part)) return 'it has a control character';
  if (part.includes('\\')) return 'it has a backslash';
  return Buffer.byteLength(part) > NAME_BYTES ? `a part of it is longer than ${NAME_BYTES} bytes` : undefined;
}

function refused(key: string, why: string): Fault {
  return new Fault(
    'source-refused',
    `'${elided(key)}' cannot be a file: ${why}; rename it, or leave it out by spec.ignore`,
  );
}

/** The files and folders below a folder; a file is undefined while its content is not known. */
type Plot<T> = Map<string, Plot<T> | { readonly file: T }>;

/** Files sorted into folders. */
export interface FlatTree<T> {
  add(path: string, file: T): void;
  readonly root: ReadonlyMap<string, unknown>;
  /** Writes all folders and gives the digest of the root. */
  write(writer: ContentWriter, entryOf: (file: T) => Omit<FlatFile, 'path'>): Digest;
}

/** An empty tree. `add` throws `source-refused` for two files at one place, `source-bounds` for too many. */
export function flatTree<T>(limits: Pick<Limits, 'treeFiles'>): FlatTree<T> {
  const root: Plot<T> = new Map();
  let count = 0;
  const grow = (): void => {
    if (++count > limits.treeFiles)
      throw new Fault('source-bounds', `there are more than ${limits.treeFiles} files and folders (limits.treeFiles)`);
  };
  const add = (path: string, file: T): void => {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let here = root;
    for (const part of parts) {
      let next = here.get(part);
      if (next === undefined) {
        grow();
        next = new Map();
        here.set(part, next);
      }
      if (!(next instanceof Map)) throw refused(path, `'${part}' in it is a file already`);
      here = next;
    }
    const there = here.get(name);
    if (there instanceof Map) throw refused(path, 'it is a folder already');
    if (there !== undefined) throw refused(path, 'two of them lead to the same file');
    grow();
    here.set(name, { file });
  };
  return { root, add, write: (writer, entryOf) => writePlot(writer, root, entryOf) };
}

function writePlot<T>(writer: ContentWriter, plot: Plot<T>, entryOf: (file: T) => Omit<FlatFile, 'path'>): Digest {
  const entries = [...plot].map(([name, one]): StoredEntry => {
    if (one instanceof Map)
      return { name, mode: 'dir', digest: writePlot(writer, one, entryOf), size: 0, alias: '', hidden: false };
    const { mode, digest, size, alias } = entryOf(one.file);
    return { name, mode, digest, size, alias, hidden: false };
  });
  return writer.putFolder(entries);
}
