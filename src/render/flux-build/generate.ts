import { Buffer } from 'node:buffer';
import type { KustomizationSpec } from '../../flux/index.ts';
import { DEFAULT_LIMITS, Fault, type Json, type KubeObject, type Limits, type Tree } from '../../model/index.ts';
import {
  checkManifest,
  emitObject,
  KUSTOMIZATION_FILES,
  type Kustomization,
  readKustomizationLeniently,
} from '../kustomize/index.ts';

/** The fields of a Flux Kustomization that go into the kustomization. */
export type BuildSpec = Pick<
  KustomizationSpec,
  | 'path'
  | 'targetNamespace'
  | 'namePrefix'
  | 'nameSuffix'
  | 'patches'
  | 'images'
  | 'components'
  | 'ignoreMissingComponents'
  | 'buildMetadata'
>;

/** A kustomization file as Flux writes it before it builds. */
export interface Generated {
  /** Path in the tree. */
  readonly path: string;
  readonly text: string;
  /** False where a file of the repository was taken as the start. */
  readonly created: boolean;
}

export interface GenerateOptions {
  readonly limits?: Partial<Limits>;
  /** What stands for the root of the tree in messages. */
  readonly displayRoot?: string;
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/**
 * The kustomization that Flux builds for a path: the one that is there, read leniently, or one that lists every manifest
 * below; with the fields of the Flux object put onto it (fluxcd/pkg/kustomize). Throws a Fault `path-missing` when the
 * path is not there, `build-failed` when something below it is no manifest.
 */
export function generateKustomization(tree: Tree, spec: BuildSpec, options: GenerateOptions = {}): Generated {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  if (tree.stat(spec.path)?.type !== 'directory')
    throw new Fault(
      'path-missing',
      `kustomization path not found: the source has no folder '${spec.path}' (spec.path)`,
    );
  const found = KUSTOMIZATION_FILES.map((name) => join(spec.path, name)).find(
    (path) => tree.stat(path)?.type === 'file',
  );
  const start =
    found === undefined ? generated(tree, spec.path, limits, options.displayRoot ?? '') : existing(tree, found, limits);
  const merged = mergeSpec(tree, start, spec);
  const text = emitObject(asJson(merged) as KubeObject, limits);
  return { path: found ?? join(spec.path, KUSTOMIZATION_FILES[0]), text, created: found === undefined };
}

const TYPE = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' } as const;

function existing(tree: Tree, path: string, limits: Limits): Kustomization {
  const bytes = tree.read(path) ?? new Uint8Array();
  const own = readKustomizationLeniently(Buffer.from(bytes).toString('utf8'), limits);
  // An empty kustomization is an error to kustomize; Flux makes it one that is not empty.
  const metadata = (own.resources ?? []).length === 0 ? { buildMetadata: ['originAnnotations'] } : {};
  return { ...TYPE, ...own, ...metadata };
}

function generated(tree: Tree, folder: string, limits: Limits, displayRoot: string): Kustomization {
  const resources: string[] = [];
  scan(tree, folder, (path) => {
    if (tree.stat(path)?.type === 'file') checkManifest(tree, path, { limits, displayRoot });
    resources.push(`.${path.slice(folder.length).replace(/^(?!\/)/, '/')}`);
  });
  return resources.length === 0 ? { ...TYPE, namespace: '_placeholder' } : { ...TYPE, resources };
}

/** Manifests below a folder, in lexical order; a folder that has a kustomization counts as one. */
function scan(tree: Tree, folder: string, found: (path: string) => void): void {
  for (const entry of tree.list(folder) ?? []) {
    const path = join(folder, entry.name);
    if (entry.type === 'file') {
      if (/\.ya?ml$/.test(entry.name)) found(path);
    } else if (KUSTOMIZATION_FILES.some((name) => tree.stat(join(path, name))?.type === 'file')) found(path);
    else scan(tree, path, found);
  }
}

const REMOTE = ['git::', 'gh:', 'ssh://', 'https://', 'http://', 'git@', 'github.com:', 'github.com/'];

function isLocal(path: string): boolean {
  const lower = path.toLowerCase();
  if (REMOTE.some((prefix) => prefix.length < path.length && lower.startsWith(prefix))) return false;
  return !path.startsWith('/') && !lower.replace(/^file:\/\//, '').startsWith('/');
}

/** True when a component is in the tree; one that leaves the tree is not. */
function exists(tree: Tree, folder: string, component: string): boolean {
  const out = folder === '' ? [] : folder.split('/');
  for (const part of component.split('/')) {
    if (part === '..') {
      if (out.pop() === undefined) return false;
    } else if (part !== '' && part !== '.') out.push(part);
  }
  return tree.stat(out.join('/')) !== undefined;
}

function mergeSpec(tree: Tree, k: Kustomization, spec: BuildSpec): Kustomization {
  const components = spec.components.filter((component) => {
    if (!isLocal(component))
      throw new Fault('build-failed', `component path '${component}' must be local and relative`);
    return !spec.ignoreMissingComponents || exists(tree, spec.path, component);
  });
  const { targetNamespace, namePrefix, nameSuffix } = spec;
  return {
    ...k,
    ...(targetNamespace === undefined ? {} : { namespace: targetNamespace }),
    ...(namePrefix === undefined ? {} : { namePrefix }),
    ...(nameSuffix === undefined ? {} : { nameSuffix }),
    patches: [...(k.patches ?? []), ...spec.patches],
    components: [...(k.components ?? []), ...components],
    images: mergeImages(k.images ?? [], spec.images),
    ...emptyParts(k),
    ...(spec.buildMetadata.length === 0 ? {} : { buildMetadata: spec.buildMetadata }),
  };
}

/** What Go writes even when it is empty. */
function emptyParts({ vars, sortOptions }: Kustomization): object {
  const lists = { orderFirst: null, orderLast: null };
  return {
    ...(vars === undefined ? {} : { vars: vars.map((one) => ({ fieldref: {}, ...one })) }),
    ...(sortOptions?.legacySortOptions === undefined
      ? {}
      : { sortOptions: { ...sortOptions, legacySortOptions: { ...lists, ...sortOptions.legacySortOptions } } }),
  };
}

type Images = NonNullable<Kustomization['images']>;

function mergeImages(own: Images, more: BuildSpec['images']): Images {
  const out = [...own];
  for (const image of more) {
    const at = out.findIndex((one) => (one.name ?? '') === image.name);
    const { newName = '', newTag = '', digest = '' } = image;
    if (at < 0) {
      out.push({ name: image.name, newName, newTag, digest });
      continue;
    }
    const renamed = { ...out[at], ...(newName === '' ? {} : { newName }) };
    out[at] = newTag === '' && digest === '' ? renamed : { ...renamed, newTag, digest };
  }
  return out;
}

/** Fields that are written even when they are empty. */
const ALWAYS = new Set(['count', 'select', 'orderFirst', 'orderLast', 'name', 'objref']);

/** As Go writes the struct: empty fields are left out. */
function asJson(value: unknown): Json {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), asJson(item)]));
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value !== 'object' || value === null) return (value ?? null) as Json;
  const out: [string, Json][] = [];
  for (const [key, item] of Object.entries(value)) if (isPresent(key, item)) out.push([key, asJson(item)]);
  return Object.fromEntries(out);
}

function isPresent(key: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (value === null) return ALWAYS.has(key);
  if (ALWAYS.has(key) && value !== '') return true;
  if (value === '' || value === false || value === 0) return false;
  if (value instanceof Map) return value.size > 0;
  return !Array.isArray(value) || value.length > 0;
}
