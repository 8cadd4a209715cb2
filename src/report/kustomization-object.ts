import { durationText, type Kustomization, parseDuration } from '../flux/index.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from '../model/index.ts';

/**
 * A Kustomization as Flux shows it on the API server, with the status that it has there: what `dep` and `self` of a readyExpr
 * are. Durations are written as Go writes them, and optional fields that say nothing (false, '', empty) are left out.
 */
export function kustomizationObject(object: Kustomization, status: JsonObject): KubeObject {
  const { meta, written } = object;
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: object.kind,
    metadata: {
      name: meta.name,
      namespace: meta.namespace,
      generation: meta.generation,
      ...(meta.uid === '' ? {} : { uid: meta.uid }),
      ...(Object.keys(meta.labels).length === 0 ? {} : { labels: meta.labels }),
      ...(Object.keys(meta.annotations).length === 0 ? {} : { annotations: meta.annotations }),
      creationTimestamp: null,
    },
    spec: specOf(written),
    status: Object.fromEntries(Object.entries(status).filter(([, value]) => !saysNothing(value))),
  };
}

/** Fields that are there whatever they say. */
const REQUIRED: ReadonlySet<string> = new Set(['interval', 'prune', 'sourceRef']);
const DURATIONS: ReadonlySet<string> = new Set(['interval', 'retryInterval', 'timeout']);

function specOf(written: JsonObject): JsonObject {
  const out: Record<string, Json> = {};
  for (const [name, value] of Object.entries(written)) {
    const text = DURATIONS.has(name) && typeof value === 'string' ? asGo(value) : value;
    if (REQUIRED.has(name) || !saysNothing(text)) out[name] = text;
  }
  return out;
}

function asGo(text: string): string {
  const ms = parseDuration(text);
  return ms === undefined ? text : durationText(ms);
}

function saysNothing(value: Json): boolean {
  if (value === null || value === false || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
