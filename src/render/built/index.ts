import type { Kustomization } from '../../flux/index.ts';
import { type KubeObject, type Tree, textAt } from '../../model/index.ts';
import { askedDigest, finderOf } from '../asked.ts';
import { complete } from '../complete.ts';
import { finish, type Seal } from '../finish/index.ts';
import { builtKey, type RenderOptions, type RenderOutcome } from '../index.ts';
import { recordingTree } from '../inputs.ts';
import type { ParsedTexts } from '../kustomize/index.ts';
import { type Decryption, decryptedObjects, type OpenedObject, plainObjects } from './decryption.ts';

export { type ParsedTexts, parsedTexts } from '../kustomize/index.ts';
export type { Decryption, OpenedObject } from './decryption.ts';
export { reachedPaths } from './reach.ts';

/** Where an object came from, for messages: its origin annotation where there is one, else the kustomization's folder. */
function originOf(object: KubeObject, path: string): string {
  return textAt(object.metadata, 'annotations', 'config.kubernetes.io/origin') ?? (path === '' ? '.' : path);
}

export interface BuiltOptions extends RenderOptions {
  readonly parsed?: ParsedTexts;
  /** For a Kustomization that asks for decryption. */
  readonly decryption?: Decryption | undefined;
  /** For objects that hold values of Secrets (`substituteFrom`); as they are without. */
  readonly seal?: Seal | undefined;
}

/**
 * Renders by kustomize and Flux's layer over it. Pure. A room of its own, so that an agent that never needs kustomize
 * never loads it. Throws Faults: `path-missing`, `build-failed`, `decryption-failed`, `source-incomplete` where something
 * that it asked for is away.
 */
export function renderBuilt(tree: Tree, kustomization: Kustomization, options: BuiltOptions): Promise<RenderOutcome> {
  return complete(tree, (view) => build(view, kustomization, options));
}

async function build(tree: Tree, kustomization: Kustomization, options: BuiltOptions): Promise<RenderOutcome> {
  const { spec, meta } = kustomization;
  const { decryption, limits, parsed } = options;
  const recording = recordingTree(tree);
  const how = { limits, find: finderOf(kustomization, options.data) };
  const made =
    decryption === undefined
      ? plainObjects(recording.tree, spec, { ...how, ...(parsed === undefined ? {} : { parsed }) })
      : await decryptedObjects(recording.tree, spec, { ...how, decryption });
  const objects = made.map((one) => ({
    object: one.object,
    origin: originOf(one.object, spec.path),
    seal: sealOf(one, options),
  }));
  const owner = { namespace: meta.namespace, name: meta.name };
  const { set, built, bodies, leftOut } = (decryption?.hide ?? now)(() =>
    finish(objects, { owner, commonMetadata: spec.commonMetadata, limits }),
  );
  return {
    key: builtKey(askedDigest(kustomization, options.data)),
    set,
    built,
    bodies,
    leftOut: leftOut.map((one) => `${one.id}: ${one.reason}`),
    memo: JSON.stringify(recording.inputs()),
  };
}

/** What was decrypted is sealed with the keys that opened it, what holds a value of a Secret with the agent's own. */
function sealOf({ secret, substituted }: OpenedObject, { decryption, seal }: BuiltOptions): Seal | undefined {
  if (secret && decryption !== undefined) return decryption.seal;
  return substituted === true ? seal : undefined;
}

const now = <T>(act: () => T): T => act();
