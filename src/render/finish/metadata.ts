import {
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  type ObjectSettings,
  type SsaMode,
} from '../../model/index.ts';
import { withKey } from './edit.ts';

const GROUP = 'kustomize.toolkit.fluxcd.io';

export interface CommonMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The Kustomization that objects belong to. */
export interface Owner {
  readonly name: string;
  readonly namespace: string;
}

/** Labels of an object that are text. */
export function labelsOf(object: KubeObject): JsonObject {
  const found = object.metadata['labels'];
  return isObject(found) ? found : {};
}

/** Annotations of an object that are text. */
export function annotationsOf(object: KubeObject): JsonObject {
  const found = object.metadata['annotations'];
  return isObject(found) ? found : {};
}

/** Sets the owner labels, then spec.commonMetadata over whatever is there; pod templates are left alone. */
export function withOwner(object: KubeObject, owner: Owner, common: CommonMetadata | undefined): KubeObject {
  const labels: JsonObject = {
    ...labelsOf(object),
    [`${GROUP}/name`]: owner.name,
    [`${GROUP}/namespace`]: owner.namespace,
    ...common?.labels,
  };
  const annotations: JsonObject = { ...annotationsOf(object), ...common?.annotations };
  const metadata = withKey(object.metadata, 'labels', labels);
  const full = Object.keys(annotations).length === 0 ? metadata : withKey(metadata, 'annotations', annotations);
  return withKey(object, 'metadata', full) as KubeObject;
}

/** What labels or annotations ask of the agent; their values count in any case, as in Flux. */
export function settingsOf(object: KubeObject): ObjectSettings {
  const asks = (key: string, word: string): boolean =>
    same(labelsOf(object)[`${GROUP}/${key}`], word) || same(annotationsOf(object)[`${GROUP}/${key}`], word);
  const ssa: SsaMode = asks('ssa', 'Ignore')
    ? 'Ignore'
    : asks('ssa', 'IfNotPresent')
      ? 'IfNotPresent'
      : asks('ssa', 'Merge')
        ? 'Merge'
        : 'Override';
  return {
    reconcile: !asks('reconcile', 'disabled'),
    ssa,
    force: asks('force', 'enabled'),
    prune: !asks('prune', 'disabled'),
  };
}

/** A Secret that still carries SOPS data and does not say that it is meant so. */
export function isEncrypted(object: KubeObject): boolean {
  if (object.apiVersion !== 'v1' || object.kind !== 'Secret' || !Object.hasOwn(object, 'sops')) return false;
  return !same(annotationsOf(object)[`${GROUP}/decrypt`], 'disabled');
}

function same(value: Json | undefined, word: string): boolean {
  return typeof value === 'string' && value.toLowerCase() === word.toLowerCase();
}
