import type { Tree } from '../../../model/index.ts';
import { BuildError, fail, withPrefix } from '../errors.ts';
import { type Build, countFile } from '../options.ts';
import { isRemoteFile, isRepoUrl } from './remote.ts';

/** Reads files for one kustomization: paths are relative to its folder. */
export interface Loader {
  readonly build: Build;
  readonly tree: Tree;
  /** The folder, as a path in the tree. */
  readonly root: string;
  readonly referrer: Loader | undefined;
  /** Inside a remote base: restrictions hold whatever the options say. */
  readonly remote: boolean;
}

/** The path as messages print it. */
export function shown(loader: Pick<Loader, 'build'>, path: string): string {
  const { displayRoot } = loader.build;
  if (path === '') return displayRoot === '' ? '/' : displayRoot;
  return `${displayRoot}/${path}`;
}

/** Joins and cleans a path as Go's filepath.Join does; undefined when it leaves the root of the tree. */
export function joinPath(root: string, path: string): string | undefined {
  const out: string[] = root === '' ? [] : root.split('/');
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (out.length === 0) return undefined;
      out.pop();
    } else out.push(part);
  }
  return out.join('/');
}

function isBelow(path: string, root: string): boolean {
  return root === '' || path === root || path.startsWith(`${root}/`);
}

/** The first part of a path that is not there, as Go's lstat names it. */
function missingPart(loader: Loader, path: string): string {
  const parts = path.split('/');
  for (let i = 1; i <= parts.length; i++) {
    const part = parts.slice(0, i).join('/');
    const entry = loader.tree.stat(part);
    if (entry === undefined) return part;
    if (entry.type === 'file' && i < parts.length) return part;
  }
  return path;
}

function noSuchFile(loader: Loader, path: string): string {
  const part = missingPart(loader, path);
  const isFile = loader.tree.stat(part)?.type === 'file';
  return `evalsymlink failure on '${shown(loader, path)}' : lstat ${shown(loader, part)}${isFile ? '/' : ''}: ${isFile ? 'not a directory' : 'no such file or directory'}`;
}

function resolvePath(loader: Loader, path: string): string {
  if (path.startsWith('/')) {
    const display = loader.build.displayRoot;
    if (display === '' || isBelow(path, display)) return joinPath('', path.slice(display.length)) ?? '';
    return fail(`fs-security-constraint read ${path}: path '${path}' is not in or below '${shown(loader, '')}'`);
  }
  const joined = joinPath(loader.root, path);
  if (joined !== undefined) return joined;
  return fail(`fs-security-constraint read ${path}: path '${path}' is not in or below '${shown(loader, '')}'`);
}

/** The bytes of a file that a kustomization names (fileLoader.Load). */
export function loadBytes(loader: Loader, path: string): Uint8Array {
  if (isRemoteFile(path)) return loadRemote(loader, path);
  const full = resolvePath(loader, path);
  const entry = loader.tree.stat(full);
  if (loader.build.restrictFiles || loader.remote) {
    if (entry === undefined) fail(noSuchFile(loader, full));
    if (entry.type === 'directory') fail(`'${shown(loader, full)}' must resolve to a file`);
    if (!isBelow(loader.build.realPath(full), loader.root))
      fail(`security; file '${shown(loader, full)}' is not in or below '${shown(loader, loader.root)}'`);
  }
  if (entry?.type === 'directory') fail(`read ${shown(loader, full)}: is a directory`);
  if (entry !== undefined) countFile(loader.build, entry.size, full);
  const bytes = loader.tree.read(full);
  if (bytes === undefined) {
    const through = missingPart(loader, full) !== full && loader.tree.stat(missingPart(loader, full))?.type === 'file';
    fail(`open ${shown(loader, full)}: ${through ? 'not a directory' : 'no such file or directory'}`);
  }
  return bytes;
}

function loadRemote(loader: Loader, url: string): Uint8Array {
  const bytes = loader.build.remote?.file?.(url);
  if (bytes === undefined)
    fail(
      `remote resource '${url}' is refused: a build reads nothing from the network; put the file into the repository`,
    );
  countFile(loader.build, bytes.length, url);
  return bytes;
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a file; bytes that are not UTF-8 fail as go-yaml's reader does. */
export function loadText(loader: Loader, path: string): string {
  return decodeText(loadBytes(loader, path));
}

/** Bytes as text. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    throw new BuildError('MalformedYAMLError: yaml: invalid leading UTF-8 octet', true);
  }
}

/** Checks that a path is a folder (filesys.ConfirmDir). */
function confirmFolder(loader: Loader, path: string): string {
  const full = resolvePath(loader, path);
  const entry = loader.tree.stat(full);
  if (entry === undefined) fail(`not a valid directory: ${noSuchFile(loader, full)}`);
  if (entry.type === 'file') fail(`'${shown(loader, full)}': file is not directory`);
  return loader.build.realPath(full);
}

/** A loader for the folder to build. */
export function rootLoader(build: Build, tree: Tree, root: string): Loader {
  const at = joinPath('', root);
  const start: Loader = { build, tree, root: '', referrer: undefined, remote: false };
  if (at === undefined) fail(`the folder '${root}' leaves the tree`);
  const found = withPrefix(
    () => 'must build at directory',
    () => confirmFolder(start, at),
  );
  return { ...start, root: found };
}

/** A loader for another folder that a kustomization names (fileLoader.New). */
export function folderLoader(loader: Loader, path: string): Loader {
  if (path === '') fail('new root cannot be empty');
  if (isRepoUrl(path)) return remoteLoader(loader, path);
  if (path.startsWith('/')) fail(`new root '${path}' cannot be absolute`);
  const root = withPrefix(
    () => 'must build at directory',
    () => confirmFolder(loader, path),
  );
  let depth = 0;
  for (let up: Loader | undefined = loader; up !== undefined && up.tree === loader.tree; up = up.referrer) {
    if (isBelow(up.root, root))
      fail(`cycle detected: candidate root '${shown(loader, root)}' contains visited root '${shown(loader, up.root)}'`);
    if (++depth > loader.build.limits.treeDepth)
      fail(`bases nest more than ${loader.build.limits.treeDepth} deep (limit treeDepth)`);
  }
  return { build: loader.build, tree: loader.tree, root, referrer: loader, remote: loader.remote };
}

function remoteLoader(loader: Loader, url: string): Loader {
  for (let up: Loader | undefined = loader; up !== undefined; up = up.referrer)
    if (up.remote && up.root === url) fail(`cycle detected: URI '${url}' referenced by previous URI '${url}'`);
  const base = loader.build.remote?.base?.(url);
  if (base === undefined)
    return fail(
      `remote base '${url}' is refused: a build reads nothing from the network; put its files into the repository`,
    );
  return { build: loader.build, tree: base.tree, root: joinPath('', base.root) ?? '', referrer: loader, remote: true };
}
