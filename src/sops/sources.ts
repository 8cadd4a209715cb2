import { Fault, type Limits, type Tree } from '../model/index.ts';
import { KUSTOMIZATION_FILES, type Kustomization, readKustomizationLeniently } from '../render/kustomize/index.ts';
import { refuse } from './fault.ts';
import { type Format, formatFor } from './formats.ts';

/** What a build reads that may be encrypted. */
export interface Inputs {
  /** Files of resources. */
  readonly manifests: ReadonlySet<string>;
  /** Files of generators and patches, each with its format. */
  readonly files: ReadonlyMap<string, Format>;
  /** Of them, those that become part of other objects by a patch. */
  readonly patches: ReadonlySet<string>;
  /** Files that generators of ConfigMaps read, encrypted or not. */
  readonly configMaps: ReadonlySet<string>;
  /** Values may be copied from one object into another. */
  readonly copies: boolean;
}

interface Found extends Inputs {
  readonly manifests: Set<string>;
  readonly files: Map<string, Format>;
  readonly patches: Set<string>;
  readonly configMaps: Set<string>;
  copies: boolean;
}

interface Walk {
  readonly tree: Tree;
  readonly limits: Limits;
  readonly visited: Set<string>;
  readonly found: Found;
}

/**
 * The files that a kustomization and everything below it names, within the tree. What cannot be read is passed over: the
 * build tells. Flux looks at generators of Secrets and at patches; manifests are decrypted before the build here, not
 * after it, since the MAC is over the file as it was encrypted.
 */
export function inputsOf(tree: Tree, root: string, limits: Limits): Inputs {
  const found: Found = {
    manifests: new Set(),
    files: new Map(),
    patches: new Set(),
    configMaps: new Set(),
    copies: false,
  };
  visit({ tree, limits, visited: new Set(), found }, root);
  return found;
}

function visit(walk: Walk, folder: string): void {
  const { tree, limits, visited, found } = walk;
  if (visited.has(folder)) return;
  if (visited.size > limits.renderFiles)
    throw refuse(folder, `more folders than limits.renderFiles = ${limits.renderFiles}`);
  visited.add(folder);
  const content = kustomizationIn(tree, folder, limits);
  if (content === undefined) return;
  noteGenerators(walk, folder, content);
  notePatches(walk, folder, content);
  const { vars, replacements, transformers, generators } = content;
  const copying = [vars, replacements, transformers, generators];
  if (copying.some((list) => list !== undefined && list.length > 0)) found.copies = true;
  const { resources = [], bases = [], components = [] } = content;
  for (const named of [...resources, ...bases, ...components]) {
    const path = within(folder, named);
    const entry = path === undefined ? undefined : tree.stat(path);
    if (path === undefined || entry === undefined) continue;
    if (entry.type === 'directory') visit(walk, path);
    else found.manifests.add(path);
  }
}

function kustomizationIn(tree: Tree, folder: string, limits: Limits): Kustomization | undefined {
  for (const name of KUSTOMIZATION_FILES) {
    const bytes = tree.read(folder === '' ? name : `${folder}/${name}`);
    if (bytes === undefined) continue;
    try {
      return readKustomizationLeniently(Buffer.from(bytes).toString('utf8'), limits);
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
  }
  return undefined;
}

function noteGenerators(walk: Walk, folder: string, content: Kustomization): void {
  const { found } = walk;
  for (const { files = [], envs = [], env } of content.secretGenerator ?? []) {
    for (const source of files) {
      const equals = source.indexOf('=');
      const key = equals < 0 ? source : source.slice(0, equals);
      note(walk, within(folder, source.slice(equals + 1)), formatFor(key));
    }
    for (const path of env === undefined ? envs : [...envs, env]) {
      const format = formatFor(path);
      note(walk, within(folder, path), format === 'binary' ? 'dotenv' : format);
    }
  }
  for (const { files = [], envs = [] } of content.configMapGenerator ?? [])
    for (const source of [...files.map((file) => file.slice(file.indexOf('=') + 1)), ...envs]) {
      const path = within(folder, source);
      if (path !== undefined) found.configMaps.add(path);
    }
}

function notePatches(walk: Walk, folder: string, content: Kustomization): void {
  const named = [
    ...(content.patches ?? []).map(({ path }) => path ?? ''),
    ...(content.patchesStrategicMerge ?? []).filter((one) => !one.includes('\n')),
  ];
  for (const one of named) {
    const path = one === '' ? undefined : within(folder, one);
    if (note(walk, path, formatFor(one)) && path !== undefined) walk.found.patches.add(path);
  }
}

function note({ tree, found }: Walk, path: string | undefined, format: Format): boolean {
  if (path === undefined || tree.stat(path)?.type !== 'file') return false;
  if (!found.files.has(path)) found.files.set(path, format);
  return true;
}

/** A path that a folder names, within the tree; undefined for what leads out of it, and for what is no local path. */
function within(folder: string, named: string): string | undefined {
  if (named.startsWith('/') || /^[a-z+]+:\/\//i.test(named)) return undefined;
  const out = folder === '' ? [] : folder.split('/');
  for (const part of named.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.pop() === undefined) return undefined;
  }
  return out.join('/');
}
