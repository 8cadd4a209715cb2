import type { JsonObject, KubeObject, VersionedRef } from '../../../src/model/index.ts';
import type { Cluster, WatchEvent } from '../../../src/ports/index.ts';

export const MANAGER = 'kustomize-controller';

export const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' } as const;

export const configMapRef = (namespace: string, name: string): VersionedRef => ({ ...CONFIG_MAP, namespace, name });

export const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

export function configMap(
  ref: VersionedRef,
  data: Readonly<Record<string, string>>,
  labels: JsonObject = {},
): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: ref.name, namespace: ref.namespace, labels }, data };
}

export const APPLY = { dryRun: false, manager: MANAGER, force: true, answer: 'object' } as const;

/** Applies a ConfigMap with this data, as the agent would. */
export async function applyData(
  cluster: Cluster,
  ref: VersionedRef,
  data: Readonly<Record<string, string>>,
  labels: JsonObject = {},
): Promise<KubeObject> {
  return (await cluster.apply(ref, bytes(configMap(ref, data, labels)), APPLY)).object;
}

/** A watch that keeps what it was told. */
export interface Watched {
  readonly events: readonly WatchEvent[];
  /** `put name`, `delete name`, or the type alone. */
  readonly lines: () => readonly string[];
  stop(): Promise<void>;
}

export function startWatch(
  cluster: Cluster,
  gvk: { group: string; version: string; kind: string },
  options: { readonly labelSelector?: string; readonly metadataOnly: boolean },
): Watched {
  const events: WatchEvent[] = [];
  const stop = new AbortController();
  const done = cluster.watch(gvk, { ...options, signal: stop.signal, onEvent: (event) => events.push(event) });
  return {
    events,
    lines: () => events.map((e) => ('object' in e ? `${e.type} ${e.object.metadata.name}` : e.type)),
    stop: async () => {
      stop.abort();
      await done;
    },
  };
}
