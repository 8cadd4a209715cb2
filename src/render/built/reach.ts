import type { KustomizationSpec } from '../../flux/index.ts';
import type { Limits, Tree } from '../../model/index.ts';
import { missedBy } from '../complete.ts';
import { buildPath } from '../flux-build/index.ts';
import { followNames } from '../kustomize/index.ts';

/**
 * The paths that a build of this reaches and that are away in the tree: bases, components, files of generators, patches,
 * and what these name, as far as what is here tells. Never fails.
 */
export function reachedPaths(tree: Tree, spec: KustomizationSpec, limits: Limits): readonly string[] {
  const start = [spec.path, ...spec.components.flatMap((one) => joined(spec.path, one) ?? [])];
  const { away, plugins } = followNames(tree, start, limits);
  if (away.length > 0 || !plugins) return away;
  return missedBy(tree, (noted) => buildPath(noted, spec, { limits }));
}

function joined(folder: string, name: string): string | undefined {
  const out = folder === '' ? [] : folder.split('/');
  for (const part of name.split('/'))
    if (part === '..') {
      if (out.pop() === undefined) return undefined;
    } else if (part !== '' && part !== '.') out.push(part);
  return out.join('/');
}
