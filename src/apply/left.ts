import { fromJson, type JsonObject, type KubeObject, type ObjectMeta, toJson } from '../model/index.ts';
import { seenOf } from './managed-fields.ts';

/** An object that asks, where it lives, not to be touched. */
export interface Left {
  readonly left: string;
}

/** Whether an object, as it lives, asks not to be touched. */
export function leftAlone(meta: ObjectMeta): Left | undefined {
  const { settings } = seenOf(meta);
  if (!settings.reconcile) return { left: 'reconcile: disabled in the cluster' };
  return settings.ignore ? { left: 'ssa: Ignore in the cluster' } : undefined;
}

/** The same JSON, to be applied only while the object has this resourceVersion. */
export function atVersion(json: Uint8Array, resourceVersion: string): Uint8Array {
  const object = fromJson(Buffer.from(json).toString('utf8')) as KubeObject;
  const metadata: JsonObject = { ...object.metadata, resourceVersion };
  return Buffer.from(toJson({ ...object, metadata }));
}
