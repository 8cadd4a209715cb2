import type { Limits, Tree } from '../../../model/index.ts';
import { KUSTOMIZATION_FILES, parseLenient } from './kustomization.ts';
import { joinPath } from './loader.ts';
import type { GeneratorArgs, Kustomization } from './types.ts';

/** What kustomizations name. */
export interface Reached {
  /** Paths of the tree that are away. */
  readonly away: readonly string[];
  /** Something of it names files in its own way, which only a build finds out. */
  readonly plugins: boolean;
}

interface Walk {
  readonly root: string | undefined;
  readonly tree: Tree;
  readonly limits: Limits;
  readonly seen: Set<string>;
  readonly away: Set<string>;
  plugins: boolean;
}

/**
 * Follows what the kustomizations in some folders name, the first with all below it, through what is here. Never fails: what cannot be read is passed
 * over, and comes out at the build.
 */
export function followNames(tree: Tree, folders: readonly string[], limits: Limits): Reached {
  const walk: Walk = { root: folders[0], tree, limits, seen: new Set(), away: new Set(), plugins: false };
  const todo = [...folders];
  for (let path = todo.pop(); path !== undefined && walk.seen.size < limits.renderFiles; path = todo.pop()) {
    if (walk.seen.has(path)) continue;
    walk.seen.add(path);
    todo.push(...(attempt(walk, path, () => visit(walk, path)) ?? []));
  }
  return { away: [...walk.away], plugins: walk.plugins };
}

function attempt<T>(walk: Walk, path: string, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isAway(error)) walk.away.add(path);
    return undefined;
  }
}

const isAway = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === AWAY;
const AWAY = 'source-incomplete';

/** Reads a file, or what a folder names; the paths that follow. */
function visit(walk: Walk, path: string): readonly string[] {
  const { tree, limits } = walk;
  const found = tree.stat(path);
  if (found?.type === 'file') tree.read(path);
  if (found?.type !== 'directory') return [];
  const files = KUSTOMIZATION_FILES.map((name) => within(path, name)).filter(
    (file): file is string => file !== undefined && tree.stat(file)?.type === 'file',
  );
  if (files.length === 0) return walk.root === undefined || !isBelow(walk.root, path) ? [] : foldersIn(tree, path);
  return files.flatMap((file) => {
    const bytes = attempt(walk, file, () => tree.read(file));
    if (bytes === undefined) return [];
    const content = attempt(walk, file, () => parseLenient(Buffer.from(bytes).toString('utf8'), limits));
    if (content === undefined) return [];
    const { generators = [], transformers = [], validators = [] } = content;
    if (generators.length + transformers.length + validators.length > 0) walk.plugins = true;
    return namesOf(content).flatMap((name) => (name.includes('\n') ? [] : (within(path, name) ?? [])));
  });
}

/** Of a folder without a kustomization, Flux makes one that names those below it. */
const foldersIn = (tree: Tree, path: string): readonly string[] =>
  (tree.list(path) ?? []).flatMap(({ name, type }) => (type === 'directory' ? (within(path, name) ?? []) : []));

const isBelow = (root: string, path: string): boolean => root === '' || path === root || path.startsWith(`${root}/`);

const within = (folder: string, name: string): string | undefined => (name === '' ? undefined : joinPath(folder, name));

/** Everything that a kustomization names in the tree. */
function namesOf(content: Kustomization): readonly string[] {
  const { resources, bases, components, crds, configurations, generators, transformers, validators } = content;
  const lists = [resources, bases, components, crds, configurations, generators, transformers, validators];
  const { patches = [], patchesJson6902 = [], patchesStrategicMerge = [], replacements = [] } = content;
  const paths = [...patches, ...patchesJson6902, ...replacements].map(({ path }) => path);
  const made = [...(content.configMapGenerator ?? []), ...(content.secretGenerator ?? [])];
  return [
    ...lists.flatMap((list) => list ?? []),
    ...patchesStrategicMerge,
    ...[...paths, content.openapi?.get('path')].flatMap((path) => path ?? []),
    ...made.flatMap(filesOf),
  ];
}

function filesOf({ files = [], envs = [], env }: GeneratorArgs): readonly string[] {
  return [...files.map((file) => file.slice(file.indexOf('=') + 1)), ...envs, ...(env === undefined ? [] : [env])];
}
