import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Fault } from '../../../src/model/index.ts';
import type { Disk, StagedFile, Unlock } from '../../../src/ports/index.ts';
import { errnoOf, type Files, nodeFiles, type OpenFile } from './files.ts';
import { lockFolder } from './lock.ts';
import { diskFault, partsOf, TEMP_PREFIX } from './paths.ts';
import { sharingSyncs } from './share.ts';

/** Folders below stateDir that `sweep` looks into. */
const SWEEP_DEPTH = 8;
/** What a folder must take to count as one that takes writes: the records of a site are smaller. */
const PROBE_BYTES = 64 * 1024;

interface Place {
  readonly root: string;
  readonly files: Files;
  /** Absolute folders that are known to exist, to be folders, and to be durable. */
  readonly known: Set<string>;
  /** Absolute folders that have been seen to be no links. */
  readonly plain: Set<string>;
}

export interface DiskParts {
  readonly files: Files;
  /** Takes the lock of a folder that exists. */
  readonly lock: (root: string) => Promise<Unlock>;
}

/** The Disk port on a folder of the local file system. The folder itself is created by the first write. */
export function createDisk(stateDir: string, parts: DiskParts = { files: nodeFiles(), lock: lockFolder }): Disk {
  const root = resolve(stateDir);
  const files = sharingSyncs(parts.files);
  const place: Place = { root, files, known: new Set(), plain: new Set() };
  const at = (path: string): string => inside(place, partsOf(path).slice(0, -1), partsOf(path).at(-1));
  const folderAt = (path: string): string => inside(place, partsOf(path), undefined);
  return {
    read: (path) => guarded('read', path, () => files.read(at(path))),
    readAt: (path, offset, length) =>
      guarded('read', path, () => {
        const bytes = files.read(at(path), offset, length);
        if (bytes === undefined) throw Object.assign(new Error('missing'), { code: 'ENOENT' });
        return bytes;
      }),
    size: (path) =>
      guarded('look at', path, () => {
        const found = files.stat(at(path));
        return found?.kind === 'file' ? found.size : undefined;
      }),
    list: (path) =>
      guarded('list', path, () =>
        files
          .list(folderAt(path))
          .filter((name) => !name.startsWith('.'))
          .sort(),
      ),
    writeAtomic: async (path, bytes) => {
      const staged = await stage(place, folderOf(path));
      await staged.write(bytes);
      await staged.publish(path);
    },
    append: (path, bytes, options) => append(place, path, bytes, options.sync),
    create: (folder) => stage(place, folder),
    remove: (path) =>
      guardedAsync('remove', path, async () => {
        if (await files.unlink(at(path))) await files.syncFolder(folderAt(folderOf(path)));
      }),
    sweep: () => guardedAsync('sweep', '', () => sweep(place, root, 0)),
    free: () => files.free(root),
    unwritable: () => {
      try {
        files.askWrite(root);
        return undefined;
      } catch (error) {
        return diskFault(error, 'write', '');
      }
    },
    probe: () => guardedAsync('write', '', () => probe(place)),
    lock: () =>
      guardedAsync('lock', '', async () => {
        await ensureFolder(place, '');
        return parts.lock(root);
      }),
  };
}

/** The absolute path of a name below folders of stateDir, none of which may be a link. */
function inside(place: Place, folders: readonly string[], name: string | undefined): string {
  let here = place.root;
  for (const folder of folders) {
    here = join(here, folder);
    if (place.plain.has(here)) continue;
    const found = place.files.stat(here);
    if (found === undefined) continue;
    if (found.kind === 'other') throw notFolder(here);
    place.plain.add(here);
  }
  return name === undefined ? here : join(here, name);
}

function notFolder(path: string): Fault {
  return new Fault('cache-io', `${path} is not a folder: stateDir holds something that is not Holdfast's`);
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function guarded<T>(what: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw diskFault(error, what, path);
  }
}

async function guardedAsync<T>(what: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw diskFault(error, what, path);
  }
}

/** Makes a folder and its parents exist and last; the first use in a process also syncs what an earlier one made. */
async function ensureFolder(place: Place, folder: string): Promise<string> {
  let here = place.root;
  await ensureOne(place, here);
  for (const part of partsOf(folder)) {
    here = join(here, part);
    await ensureOne(place, here);
  }
  return here;
}

async function ensureOne(place: Place, path: string): Promise<void> {
  if (place.known.has(path)) return;
  const { files, root } = place;
  const found = files.stat(path);
  if (found === undefined) await makeWithParents(files, path);
  // stateDir itself may be a link or a mount that the operator chose; nothing below it may.
  else if (found.kind !== 'folder' && path !== root) throw notFolder(path);
  if (path !== root) await files.syncFolder(join(path, '..'));
  place.known.add(path);
}

async function makeWithParents(files: Files, path: string): Promise<void> {
  const parent = join(path, '..');
  if (parent !== path && files.stat(parent) === undefined) await makeWithParents(files, parent);
  if (await files.makeFolder(path)) await files.syncFolder(parent);
}

async function openIn(
  place: Place,
  folder: string,
  name: string,
  how: 'new' | 'append',
): Promise<{ file: OpenFile; path: string }> {
  const path = join(await ensureFolder(place, folder), name);
  try {
    return { file: await place.files.open(path, how), path };
  } catch (error) {
    // Someone removed the folder while we ran: what was known is wrong, so look again once.
    if (errnoOf(error) !== 'ENOENT') throw error;
    place.known.clear();
    await ensureFolder(place, folder);
    return { file: await place.files.open(path, how), path };
  }
}

async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const wrote = await file.write(done === 0 ? bytes : bytes.subarray(done));
    if (wrote <= 0) throw Object.assign(new Error('a write made no progress'), { code: 'EIO' });
    done += wrote;
  }
}

async function append(place: Place, path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  await guardedAsync('write', path, async () => {
    const parts = partsOf(path);
    const existed = place.files.stat(join(place.root, ...parts)) !== undefined;
    const { file } = await openIn(place, folderOf(path), parts.at(-1) ?? '', 'append');
    try {
      await writeAll(file, bytes);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    if (sync && !existed) await place.files.syncFolder(join(place.root, ...partsOf(folderOf(path))));
  });
}

async function stage(place: Place, folder: string): Promise<StagedFile> {
  const name = `${TEMP_PREFIX}${process.pid}-${randomBytes(9).toString('hex')}`;
  const { file, path } = await guardedAsync('create a file in', folder, () => openIn(place, folder, name, 'new'));
  let open = true;
  const discard = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await file.close().catch(() => undefined);
    // A leftover is swept at the next start; the error that led here matters more.
    await place.files.unlink(path).catch(() => undefined);
  };
  const orDiscard = async (what: string, target: string, call: () => Promise<void>): Promise<void> => {
    if (!open) throw new Fault('internal', `${target}: the staged file is already published or discarded`);
    try {
      await call();
    } catch (error) {
      await discard();
      throw diskFault(error, what, target);
    }
  };
  return {
    write: (bytes) => orDiscard('write', folder, () => writeAll(file, bytes)),
    readAt: (offset, length) => guarded('read', folder, () => file.readAt(offset, length)),
    publish: (target) =>
      orDiscard('write', target, async () => {
        const parts = partsOf(target);
        const into = await ensureFolder(place, folderOf(target));
        await file.sync();
        await place.files.rename(path, join(into, parts.at(-1) ?? ''));
        open = false;
        await file.close().catch(() => undefined);
        await place.files.syncFolder(into);
      }),
    discard,
  };
}

/** A write as any other, up to the moment when it would be given a name. */
async function probe(place: Place): Promise<void> {
  const name = `${TEMP_PREFIX}${process.pid}-${randomBytes(9).toString('hex')}`;
  const { file, path } = await openIn(place, '', name, 'new');
  try {
    // Chance, so that no file system makes it smaller.
    await writeAll(file, randomBytes(PROBE_BYTES));
    await file.sync();
  } finally {
    await file.close();
    await place.files.unlink(path);
  }
}

/** Removes temp files and syncs every folder: what a killed predecessor renamed may not be durable yet. */
async function sweep(place: Place, folder: string, depth: number): Promise<void> {
  const { files } = place;
  if (files.stat(folder) === undefined) return;
  for (const name of listable(files, folder)) {
    const path = join(folder, name);
    if (name.startsWith(TEMP_PREFIX)) await files.unlink(path);
    else if (!name.startsWith('.') && depth < SWEEP_DEPTH && files.stat(path)?.kind === 'folder')
      await sweep(place, path, depth + 1);
  }
  if (depth === 0 || listable(files, folder).length > 0) await files.syncFolder(folder);
}

/** A folder that is not ours to read, such as lost+found on a volume of its own, holds nothing of ours. */
function listable(files: Files, folder: string): readonly string[] {
  try {
    return files.list(folder);
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return [];
    throw error;
  }
}
