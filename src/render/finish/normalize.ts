import { isObject, type Json, type JsonObject, type KubeObject, parseApiVersion } from '../../model/index.ts';
import { changeAt, withKey, without } from './edit.ts';

/** Where a kind keeps its pod spec (kinds that Flux's normalisation knows). */
const POD_SPEC: Readonly<Record<string, readonly string[]>> = {
  'v1/Pod': ['spec'],
  'apps/v1/Deployment': ['spec', 'template', 'spec'],
  'apps/v1/StatefulSet': ['spec', 'template', 'spec'],
  'apps/v1/DaemonSet': ['spec', 'template', 'spec'],
  'apps/v1/ReplicaSet': ['spec', 'template', 'spec'],
  'batch/v1/Job': ['spec', 'template', 'spec'],
  'batch/v1/CronJob': ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};

/**
 * What Flux does to every object before it applies it (fluxcd/pkg ssa/normalize): `status` goes (a CRD keeps it), so
 * does `creationTimestamp`; ports without protocol get TCP, which is part of their key in server-side apply; a
 * Secret's `stringData` moves into `data`. Unlike Flux nothing unknown is dropped: the API server judges that. Unlike
 * Flux, too, an aggregated ClusterRole has no `rules`: they are the control plane's, which undoes whatever else is written.
 */
export function normalize(object: KubeObject): KubeObject {
  const { group } = parseApiVersion(object.apiVersion);
  const isCrd = object.kind === 'CustomResourceDefinition' && group === 'apiextensions.k8s.io';
  let result = (isCrd ? object : without(object, 'status')) as KubeObject;
  const empty = result.metadata['namespace'] === null || result.metadata['namespace'] === '' ? ['namespace'] : [];
  const metadata = without(result.metadata, 'creationTimestamp', ...empty);
  if (metadata !== result.metadata) result = withKey(result, 'metadata', metadata) as KubeObject;
  const podSpec = POD_SPEC[`${object.apiVersion}/${object.kind}`];
  if (podSpec !== undefined) {
    result = changeAt(result, [...podSpec, 'containers', '*', 'ports', '*'], withProtocol) as KubeObject;
  }
  if (object.apiVersion === 'v1' && object.kind === 'Service') {
    result = changeAt(result, ['spec', 'ports', '*'], withProtocol) as KubeObject;
  }
  if (group === 'rbac.authorization.k8s.io' && object.kind === 'ClusterRole' && isObject(object['aggregationRule'])) {
    result = without(result, 'rules') as KubeObject;
  }
  return object.apiVersion === 'v1' && object.kind === 'Secret' ? mergeStringData(result) : result;
}

function withProtocol(port: Json): Json {
  if (!isObject(port) || (Object.hasOwn(port, 'protocol') && port['protocol'] !== '' && port['protocol'] !== null)) {
    return port;
  }
  return withKey(port, 'protocol', 'TCP');
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Leaves the Secret as it is when a value is not what the API server takes: it then names the field. */
function mergeStringData(secret: KubeObject): KubeObject {
  const data = mapOf(secret['data']);
  const text = mapOf(secret['stringData']);
  if (data === undefined || text === undefined) return secret;
  const merged: [string, Json][] = [];
  for (const [key, value] of Object.entries(data)) {
    const packed = typeof value === 'string' ? value.replace(/[\r\n]/g, '') : undefined;
    if (packed === undefined || packed.length % 4 !== 0 || !BASE64.test(packed)) return secret;
    if (!Object.hasOwn(text, key)) merged.push([key, packed]);
  }
  for (const [key, value] of Object.entries(text)) {
    if (typeof value !== 'string') return secret;
    merged.push([key, Buffer.from(value, 'utf8').toString('base64')]);
  }
  if (merged.length === 0) return without(secret, 'stringData') as KubeObject;
  return withKey(without(secret, 'stringData'), 'data', Object.fromEntries(merged)) as KubeObject;
}

function mapOf(value: Json | undefined): JsonObject | undefined {
  if (value === undefined || value === null) return {};
  return isObject(value) ? value : undefined;
}
