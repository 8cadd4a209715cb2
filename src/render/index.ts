import type { DataObject, Kustomization } from '../flux/index.ts';
import { asFault, type Digest, type Limits, type RenderedSet, sha256, type Tree } from '../model/index.ts';
import { askedDigest, needsKustomize } from './asked.ts';
import { completeNow } from './complete.ts';
import { type Inputs, sameInputs } from './inputs.ts';
import { decodeMemo, encodeMemo, type PlainMemo, renderPlain, scanPlain } from './plain/index.ts';

export interface RenderOptions {
  readonly limits: Limits;
  /** ConfigMaps and Secrets that `substituteFrom` may name. */
  readonly data: readonly DataObject[];
  /** What the last render of this Kustomization left for the next, if it is still there. */
  readonly memo?: string | undefined;
  /** Whether the JSON of an object is in the store already. */
  readonly stored?: (digest: Digest) => boolean;
}

export interface RenderOutcome {
  /** Names the inputs: see `sameRender`. */
  readonly key: string;
  readonly set: RenderedSet;
  /** Of what was built, for the history. */
  readonly built: Digest;
  /** JSON of the objects that are not in the store yet. */
  readonly bodies: ReadonlyMap<Digest, Uint8Array>;
  /** Objects of the repository that are not applied, each with why. */
  readonly leftOut: readonly string[];
  /** For the next render. */
  readonly memo: string;
}

/** The begin of keys whose render looked at the one folder only, without kustomize. */
const PLAIN = 'folder:';
const BUILT = 'files:';

/** Whether a key is of a render that needed no kustomize: such renders lean on the last one and are cheap. */
export const isPlainKey = (key: string): boolean => key.startsWith(PLAIN);

function plainKey(tree: Tree, kustomization: Kustomization, data: readonly DataObject[]): string {
  return PLAIN + sha256(`${askedDigest(kustomization, data)} ${tree.stat(kustomization.spec.path)?.digest ?? ''}`);
}

export const builtKey = (asked: string): string => BUILT + asked;

/**
 * True when a render would find the very inputs of the render that `last` names. `memo` is read only where needed: for a
 * render by kustomize, which may reach out of its folder, it holds every file that was looked at.
 */
export function sameRender(
  tree: Tree,
  kustomization: Kustomization,
  last: { readonly key: string; readonly data: readonly DataObject[]; readonly memo: () => string | undefined },
): boolean {
  if (isPlainKey(last.key)) return last.key === plainKey(tree, kustomization, last.data);
  if (last.key !== builtKey(askedDigest(kustomization, last.data))) return false;
  const memo = last.memo();
  return memo !== undefined && sameInputs(tree, JSON.parse(memo) as Inputs);
}

/** True when its folder is here and nothing out of it is read: no kustomization is in it, and none is asked for. */
export function staysInside(tree: Tree, spec: Kustomization['spec'], limits: Limits): boolean {
  if (spec.components.length > 0) return false;
  try {
    return !('needsKustomize' in scanPlain(tree, spec.path, limits));
  } catch (error) {
    return asFault(error).code === 'path-missing';
  }
}

/**
 * Renders a Kustomization whose folder is plain and that asks for nothing of kustomize; undefined for all others. Pure.
 * Throws Faults: `path-missing`, `build-failed`, `source-incomplete` where something that it asked for is away.
 */
export function renderPlainly(
  tree: Tree,
  kustomization: Kustomization,
  options: RenderOptions,
): RenderOutcome | undefined {
  if (needsKustomize(kustomization)) return undefined;
  return completeNow(tree, (view) => plainly(view, kustomization, options));
}

function plainly(tree: Tree, kustomization: Kustomization, options: RenderOptions): RenderOutcome | undefined {
  const { spec, meta } = kustomization;
  const previous: PlainMemo | undefined =
    options.memo === undefined || options.memo === '' ? undefined : decodeMemo(options.memo);
  const result = renderPlain(tree, spec.path, {
    owner: { namespace: meta.namespace, name: meta.name },
    targetNamespace: spec.targetNamespace,
    commonMetadata: spec.commonMetadata,
    limits: options.limits,
    previous,
    ...(options.stored === undefined ? {} : { stored: options.stored }),
  });
  if ('needsKustomize' in result) return undefined;
  const leftOut = result.leftOut.map((one) => `${one.id}: ${one.reason}`);
  return {
    key: plainKey(tree, kustomization, options.data),
    set: result.set,
    built: result.built,
    bodies: result.bodies,
    leftOut,
    memo: encodeMemo(result.memo),
  };
}
