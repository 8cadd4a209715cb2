import { type Digest, Fault, type Limits, printable, type StoredEntry } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import { nameFault } from '../names.ts';
import type { TarMember, TarSink } from '../tar/index.ts';

interface File {
  readonly mode: 'file' | 'exec';
  readonly digest: Digest;
  readonly size: number;
}

interface Folder {
  readonly files: Map<string, File>;
  readonly folders: Map<string, Folder>;
}

/** A tree in the making: files are with the writer at once, folders when all is there. */
export interface Draft extends TarSink {
  /** Bytes of files since the last call. */
  fresh(): number;
  /** Files and folders so far. */
  entries(): number;
  /** Writes the folders, nothing hidden; answers the root. */
  store(): Digest;
}

/**
 * Takes the members of an archive as files of a source: links are left out, as in Flux. Paths that lead out, names that
 * are no names, one name twice, and with `wholeFiles` hard links: Fault `source-refused`. Limits: treeFiles, treeBytes, treeDepth, pathBytes, objectBytes.
 */
export function createDraft(
  writer: ContentWriter,
  limits: Limits,
  { wholeFiles }: { readonly wholeFiles?: boolean },
): Draft {
  const root: Folder = { files: new Map(), folders: new Map() };
  let [entries, total, fresh] = [0, 0, 0];
  let open:
    | { readonly parts: readonly string[]; readonly bytes: Buffer; at: number; readonly exec: boolean }
    | undefined;

  const count = (): void => {
    entries++;
    if (entries > limits.treeFiles)
      throw bounds(`the archive has more than ${limits.treeFiles} files and folders`, 'treeFiles');
  };
  const enter = (parts: readonly string[], path: string): Folder => {
    let here = root;
    for (const name of parts) {
      if (here.files.has(name)) throw refused(path, 'a file stands where its folder should be');
      let next = here.folders.get(name);
      if (next === undefined) {
        count();
        next = { files: new Map(), folders: new Map() };
        here.folders.set(name, next);
      }
      here = next;
    }
    return here;
  };
  const begin = (member: TarMember): void => {
    const parts = partsOf(member.path, limits);
    if (member.type === 'hardlink' && wholeFiles === true)
      throw refused(member.path, 'it is a hard link, and only files and folders are taken');
    if (member.type === 'link' || member.type === 'hardlink') return;
    if (member.type === 'dir') return void enter(parts, member.path);
    if (parts.length === 0) throw refused(member.path, 'it has no name');
    if (member.size > limits.objectBytes)
      throw bounds(`${shown(member.path)} has ${member.size} bytes, more than ${limits.objectBytes}`, 'objectBytes');
    total += member.size;
    if (total > limits.treeBytes)
      throw bounds(`the files of the archive are larger than ${limits.treeBytes} bytes together`, 'treeBytes');
    count();
    open = { parts, bytes: Buffer.alloc(member.size), at: 0, exec: member.executable };
  };
  return {
    begin,
    data: (bytes) => {
      if (open === undefined) return;
      open.bytes.set(bytes, open.at);
      open.at += bytes.length;
    },
    end: () => {
      if (open === undefined) return;
      const { parts, bytes, exec } = open;
      open = undefined;
      const path = parts.join('/');
      const folder = enter(parts.slice(0, -1), path);
      const name = parts.at(-1) ?? '';
      if (folder.files.has(name) || folder.folders.has(name)) throw refused(path, 'it is there twice');
      folder.files.set(name, { mode: exec ? 'exec' : 'file', digest: writer.put(bytes), size: bytes.length });
      fresh += bytes.length;
    },
    fresh: () => {
      const bytes = fresh;
      fresh = 0;
      return bytes;
    },
    entries: () => entries,
    store: () => storeFolder(writer, root),
  };
}

function storeFolder(writer: ContentWriter, { files, folders }: Folder): Digest {
  const stored: StoredEntry[] = [];
  for (const [name, file] of files) stored.push({ name, ...file, alias: '', hidden: false });
  for (const [name, folder] of folders)
    stored.push({ name, mode: 'dir', digest: storeFolder(writer, folder), size: 0, alias: '', hidden: false });
  return writer.putFolder(stored);
}

/** The names of a path. What Flux cleans away is cleaned away; what it refuses, and what is no name, is refused. */
function partsOf(path: string, limits: Limits): readonly string[] {
  if (Buffer.byteLength(path, 'utf8') > limits.pathBytes)
    throw bounds(`${shown(path)}: the path is longer than ${limits.pathBytes} bytes`, 'pathBytes');
  if (path.startsWith('/')) throw refused(path, 'tar contained invalid name error: it is absolute');
  const parts = path.split('/').filter((name) => name !== '' && name !== '.');
  for (const name of parts) {
    if (name === '..') throw refused(path, 'tar contained invalid name error: it leads out of the archive');
    const why = nameFault(name);
    // Nothing is ever checked out of it, and the rules hide it.
    if (why !== undefined && !why.includes('.git')) throw refused(path, `tar contained invalid name error: ${why}`);
  }
  if (parts.length > limits.treeDepth)
    throw bounds(`${shown(path)}: folders are nested deeper than ${limits.treeDepth}`, 'treeDepth');
  return parts;
}

function refused(path: string, why: string): Fault {
  return new Fault('source-refused', `${shown(path)} is refused: ${why}`);
}

function bounds(text: string, limit: string): Fault {
  return new Fault('source-bounds', `${text} (limits.${limit})`);
}

function shown(path: string): string {
  return `'${printable(path)}'`;
}
