import { openCluster } from '../../agent/adapters/cluster/index.ts';
import { type Gvk, type KubeObject, listAt, textAt } from '../../src/model/index.ts';
import type { WatchEvent, WatchOptions } from '../../src/ports/index.ts';
import { installDefinitions } from '../cluster/objects/site.ts';
import type { ControlPlane } from '../controlplane/index.ts';
import { appYaml } from './app.ts';

const OBJECTS = 10;

/** The folder of each Kustomization: ten objects of three apps. */
function folderFile(namespace: string, index: number, value: string): Record<string, string> {
  const documents = [0, 1, 2].flatMap((n) => appYaml(`app-${index}-${n}`, namespace, value).split('\n---\n'));
  return { [`apps/${index}/app.yaml`]: documents.slice(0, OBJECTS).join('\n---\n') };
}

export function fleetFiles(count: number, namespace: string): Record<string, string> {
  return Object.assign({}, ...Array.from({ length: count }, (_, i) => folderFile(namespace, i, '1'))) as Record<
    string,
    string
  >;
}

/** What a one-file commit changes: three of the ten objects of the first Kustomization. */
export const firstFile = (namespace: string, value: string): Record<string, string> => folderFile(namespace, 0, value);

/** A GitRepository, and the Kustomizations that are made of it. */
export function fleetObjects(count: number, of: { readonly namespace: string; readonly url: string }): KubeObject[] {
  const { namespace, url } = of;
  const source: KubeObject = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'fleet', namespace },
    spec: { url, interval: '10m', ref: { branch: 'main' } },
  };
  const each = Array.from(
    { length: count },
    (_, i): KubeObject => ({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: `app-${i}`, namespace },
      spec: { interval: '10m', prune: true, path: `./apps/${i}`, sourceRef: { kind: 'GitRepository', name: 'fleet' } },
    }),
  );
  return [source, ...each];
}

/** A namespace of a cluster that knows the Flux kinds. */
export async function tenantOf(cluster: ControlPlane): Promise<string> {
  await installDefinitions(cluster);
  return cluster.namespace('fleet');
}

const PLURALS: Readonly<Record<string, string>> = { GitRepository: 'gitrepositories', Kustomization: 'kustomizations' };

export async function putAll(cluster: ControlPlane, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const { name } = object.metadata;
    const path = `/apis/${String(object['apiVersion'])}/namespaces/${textAt(object.metadata, 'namespace')}/${PLURALS[object.kind]}/${name}`;
    const { status, text } = await cluster.api('PATCH', path, object, { type: 'apply' });
    if (status >= 300) throw new Error(`${path}: ${text}`);
  }
}

/** What the API server shows, by watches that cost it one event each. */
export interface Fleet {
  /** How many Kustomizations are ready with this revision. */
  applied(revision: string): number;
  /** `value` of the first ConfigMap. */
  value(): string;
  /** Monotonic time at which the last object of a Kustomization was made. */
  objectsAt(): number;
  stop(): void;
}

const MADE = [
  ['', 'ServiceAccount'],
  ['', 'ConfigMap'],
  ['', 'Service'],
  ['apps', 'Deployment'],
] as const;

/** Resolves once all watches have begun. */
export async function watchFleet(cluster: ControlPlane, namespace: string): Promise<Fleet> {
  const client = openCluster({ kubeconfig: cluster.kubeconfigFile() });
  const ended = new AbortController();
  const revisions = new Map<string, string>();
  const made = new Set<string>();
  const seen = { value: '', madeAt: 0 };
  const follow = (gvk: Gvk, scope: Partial<WatchOptions>, each: (object: KubeObject) => void): Promise<void> =>
    new Promise((resolve) => {
      const onEvent = (event: WatchEvent): void => {
        if (event.type === 'put') each(event.object);
        if (event.type === 'synced') resolve();
      };
      void client.watch(gvk, { metadataOnly: false, ...scope, namespace, signal: ended.signal, onEvent });
    });
  await Promise.all([
    follow({ group: 'kustomize.toolkit.fluxcd.io', version: 'v1', kind: 'Kustomization' }, {}, (object) =>
      revisions.set(object.metadata.name, readyAt(object)),
    ),
    follow({ group: '', version: 'v1', kind: 'ConfigMap' }, { fieldSelector: 'metadata.name=app-0-0' }, (object) => {
      seen.value = textAt(object, 'data', 'value') ?? '';
    }),
    ...MADE.map(([group, kind]) =>
      follow({ group, version: 'v1', kind }, { metadataOnly: true, labelSelector: OWNER }, (object) => {
        const before = made.size;
        if (made.add(`${kind}/${object.metadata.name}`).size > before) seen.madeAt = performance.now();
      }),
    ),
  ]);
  return {
    applied: (revision) => [...revisions.values()].filter((one) => one === revision).length,
    value: () => seen.value,
    objectsAt: () => seen.madeAt,
    stop: () => {
      ended.abort();
      client.close();
    },
  };
}

const OWNER = 'kustomize.toolkit.fluxcd.io/name';

/** The revision that a Kustomization is ready with; '' when it is not. */
function readyAt(object: KubeObject): string {
  const ready = listAt(object['status'], 'conditions').find((one) => textAt(one, 'type') === 'Ready');
  return textAt(ready, 'status') === 'True' ? (textAt(object, 'status', 'lastAppliedRevision') ?? '') : '';
}
