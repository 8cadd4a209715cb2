import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_LIMITS, type JsonObject, type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';
import type { ApiAnswer, ClusterAccess } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { startTestAgent, type TestAgent, type TestAgentOptions } from '../../support/agent.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const CRDS = fileURLToPath(new URL('../../../manifests/crds', import.meta.url));

/** Makes the Flux kinds known to the API server, as a user would by `kubectl apply -f manifests/crds`. */
export async function installDefinitions(cluster: ClusterAccess): Promise<void> {
  for (const file of readdirSync(CRDS).filter((name) => name.endsWith('.yaml')))
    for (const { value } of parseDocuments(readFileSync(join(CRDS, file)), { file, limits: DEFAULT_LIMITS })
      .documents) {
      const name = textAt(value, 'metadata', 'name') ?? '';
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
      const { status, text } = await cluster.api('PATCH', path, value, { type: 'apply' });
      if (status >= 300) throw new Error(`${name}: ${text}`);
    }
  await until(async () => (await cluster.api('GET', listPath('GitRepository', 'default'))).status === 200, {
    within: 20_000,
    what: 'the Flux kinds are served',
  });
}

const APIS: Readonly<Record<string, string>> = {
  GitRepository: 'apis/source.toolkit.fluxcd.io/v1 gitrepositories',
  OCIRepository: 'apis/source.toolkit.fluxcd.io/v1 ocirepositories',
  Bucket: 'apis/source.toolkit.fluxcd.io/v1 buckets',
  ExternalArtifact: 'apis/source.toolkit.fluxcd.io/v1 externalartifacts',
  ServiceAccount: 'api/v1 serviceaccounts',
  Kustomization: 'apis/kustomize.toolkit.fluxcd.io/v1 kustomizations',
  ConfigMap: 'api/v1 configmaps',
  Secret: 'api/v1 secrets',
  Event: 'api/v1 events',
};

function listPath(kind: string, namespace: string): string {
  const [api = '', plural = ''] = (APIS[kind] ?? '').split(' ');
  return `/${api}/namespaces/${namespace}/${plural}`;
}

/** A namespace with Flux objects in it, a repository, and an agent that takes objects of this namespace alone. */
export interface Site {
  readonly ns: string;
  readonly repo: Repo;
  readonly stateDir: string;
  agent: TestAgent;
  path(kind: string, name: string): string;
  apply(object: JsonObject): Promise<ApiAnswer>;
  get(kind: string, name?: string): Promise<KubeObject | undefined>;
  patch(kind: string, name: string, body: unknown): Promise<ApiAnswer>;
  remove(kind: string, name?: string): Promise<ApiAnswer>;
  /** Waits until an object is as asked; throws with what it is when it does not become so. */
  reaches(kind: string, check: (object: KubeObject) => boolean, name?: string): Promise<KubeObject>;
  /** Asks for a run, and waits until it is handled. */
  reconcile(kind: string, name?: string): Promise<KubeObject>;
  events(name?: string): Promise<readonly string[]>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const git = (ns: string, url: string, spec: JsonObject = {}, name = 'app'): JsonObject => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name, namespace: ns },
  spec: { url, interval: '1h', ref: { branch: 'main' }, ...spec },
});

export const kustomization = (ns: string, spec: JsonObject = {}, name = 'app'): JsonObject => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace: ns },
  spec: {
    interval: '1h',
    retryInterval: '2s',
    prune: true,
    sourceRef: { kind: 'GitRepository', name: 'app' },
    ...spec,
  },
});

/** `Status/Reason` of a condition; '' without. */
export function conditionOf(object: KubeObject | undefined, type = 'Ready'): string {
  const one = listAt(object?.['status'], 'conditions').find((each) => textAt(each, 'type') === type);
  return one === undefined ? '' : `${textAt(one, 'status')}/${textAt(one, 'reason')}`;
}

export const messageOf = (object: KubeObject | undefined, type = 'Ready'): string =>
  textAt(
    listAt(object?.['status'], 'conditions').find((each) => textAt(each, 'type') === type),
    'message',
  ) ?? '';

export const isReady = (object: KubeObject): boolean =>
  conditionOf(object).startsWith('True/') &&
  (object['status'] as JsonObject)['observedGeneration'] === object.metadata['generation'];

export interface SiteOptions extends Partial<TestAgentOptions> {
  readonly files?: (ns: string) => Readonly<Record<string, string>>;
  /** Objects to apply before the agent starts; a GitRepository and a Kustomization `app` when not given. */
  readonly seeds?: (ns: string, url: string) => readonly JsonObject[];
  readonly server?: string;
  /** URL of artifacts; that of a free port, another one after each start, when not given. */
  readonly advertise?: string;
  /** Address of artifacts; a free port when not given. */
  readonly served?: string;
}

export const configMap = (ns: string, name: string, data: JsonObject, metadata: JsonObject = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: ns, ...metadata }, data });

export async function startSite(cluster: ClusterAccess, options: SiteOptions = {}): Promise<Site> {
  const { files, seeds: first, server, advertise = '', served = '127.0.0.1:0', ...rest } = options;
  const gitServer: GitServer = await startGitServer();
  const ns = await cluster.namespace('objects');
  const dir: TempDir = await tempDir(ns);
  const repo = await gitServer.repo(ns);
  await repo.commit(files?.(ns) ?? { 'a.yaml': configMap(ns, 'a', { v: '1' }) });
  const path = (kind: string, name: string): string => `${listPath(kind, ns)}/${name}`;
  const apply = (object: JsonObject): Promise<ApiAnswer> =>
    cluster.api('PATCH', path(String(object['kind']), textAt(object, 'metadata', 'name') ?? ''), object, {
      type: 'apply',
    });
  for (const object of first?.(ns, repo.url) ?? [git(ns, repo.url), kustomization(ns)]) {
    const { status, text } = await apply(object);
    if (status >= 300) throw new Error(text);
  }
  const who = { name: `agent-${ns}`, groups: ['system:masters'], ...(server === undefined ? {} : { server }) };
  const settings: TestAgentOptions = {
    objects: '',
    clusterObjects: { namespaces: [ns], labelSelector: '', artifacts: { listen: served, advertise } },
    ...rest,
    stateDir: dir.path,
    kubeconfig: cluster.kubeconfigFile(who),
  };
  const get = (kind: string, name = 'app'): Promise<KubeObject | undefined> => cluster.get(path(kind, name));
  const patch = (kind: string, name: string, body: unknown): Promise<ApiAnswer> =>
    cluster.api('PATCH', path(kind, name), body);
  const reaches: Site['reaches'] = async (kind, check, name = 'app') => {
    try {
      return await until(
        async () => {
          const object = await get(kind, name);
          return object !== undefined && check(object) ? object : undefined;
        },
        { within: 30_000 },
      );
    } catch {
      const last = site.agent.lines
        .slice(-10)
        .map((line) => JSON.stringify(line))
        .join('\n');
      throw new Error(`not reached; it is ${JSON.stringify(await get(kind, name), undefined, 1)}\n${last}`);
    }
  };
  const site: Site = {
    ns,
    repo,
    stateDir: dir.path,
    agent: await startTestAgent(settings),
    path,
    apply,
    get,
    patch,
    remove: (kind, name = 'app') => cluster.api('DELETE', `${path(kind, name)}?propagationPolicy=Background`),
    reaches,
    reconcile: async (kind, name = 'app') => {
      const token = `${performance.now()}`;
      await patch(kind, name, { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': token } } });
      return reaches(kind, (object) => textAt(object['status'], 'lastHandledReconcileAt') === token, name);
    },
    events: async (name = 'app') => {
      const { body } = await cluster.api('GET', listPath('Event', ns));
      return listAt(body, 'items')
        .filter((one) => textAt(one, 'involvedObject', 'name') === name)
        .map(
          (one) =>
            `${textAt(one, 'involvedObject', 'kind')} ${textAt(one, 'type')} ${textAt(one, 'reason')}: ${textAt(one, 'message')}`,
        );
    },
    restart: async () => {
      await site.agent.stop();
      site.agent = await startTestAgent(settings);
    },
    stop: async () => {
      await site.agent.stop();
      await gitServer.stop();
      await dir.remove();
    },
  };
  return site;
}
