import { afterAll, beforeAll } from 'vitest';
import type { JsonObject, KubeObject, KustomizationStatus } from '../../../src/model/index.ts';
import { type ApiAnswer, type ApiOptions, type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, startGitServer } from '../../gitserver/index.ts';
import { startTestAgent, type TestAgent, type TestAgentOptions } from '../../support/agent.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

/** A cluster and a Git server for all tests of a file. */
export interface Place {
  readonly cluster: ClusterAccess;
  readonly git: GitServer;
  /** An app of its own: namespace, repository, state folder, agent. */
  app(options?: AppOptions): Promise<App>;
  /** Ends all agents, and lets go of the servers. */
  stop(): Promise<void>;
}

export type Files = Readonly<Record<string, string | null>>;

export interface AppOptions extends Partial<Omit<TestAgentOptions, 'stateDir' | 'kubeconfig' | 'objects'>> {
  /** Of the first commit. */
  readonly files?: (ns: string) => Files;
  /** More of the spec of the Kustomization (HERE is its namespace), and of the source. */
  readonly spec?: JsonObject;
  readonly source?: JsonObject;
  /** Further Flux objects beside it. */
  readonly more?: (ns: string) => readonly string[];
  /** Address of the API server, such as a relay's. */
  readonly server?: string;
  /** Not an administrator. */
  readonly groups?: readonly string[];
  /** Don't wait until the first commit is applied. */
  readonly wait?: boolean;
}

export interface App {
  readonly ns: string;
  readonly stateDir: string;
  /** Name of the agent's user, for `audited`. */
  readonly user: string;
  readonly repo: Awaited<ReturnType<GitServer['repo']>>;
  agent: TestAgent;
  /** Commits, tells the agent, and gives the revision. */
  commit(files: Files): Promise<string>;
  /** The same, and waits until it is applied and healthy. */
  applied(files: Files): Promise<KustomizationStatus>;
  /** Declares the objects with another spec, and with these beside it. */
  spec(
    spec: JsonObject,
    also?: { readonly source?: JsonObject; readonly annotations?: JsonObject; readonly more?: readonly string[] },
  ): void;
  status(): KustomizationStatus;
  /** The one reason it is not converged. */
  reason(pattern: RegExp, timeoutMs?: number): Promise<KustomizationStatus>;
  get(what: string): Promise<KubeObject | undefined>;
  patch(what: string, body: unknown, options?: ApiOptions & { readonly query?: string }): Promise<ApiAnswer>;
  remove(what: string): Promise<ApiAnswer>;
  /** Ends the agent and starts it again on the same folder. */
  restart(): Promise<void>;
}

const GROUPS: Readonly<Record<string, string>> = {
  deployments: 'apis/apps/v1',
  statefulsets: 'apis/apps/v1',
  jobs: 'apis/batch/v1',
  cronjobs: 'apis/batch/v1',
  roles: 'apis/rbac.authorization.k8s.io/v1',
  rolebindings: 'apis/rbac.authorization.k8s.io/v1',
  horizontalpodautoscalers: 'apis/autoscaling/v2',
};

/** `configmaps/a` in a namespace as a path; what begins with '/' is one. */
export function pathOf(ns: string, what: string): string {
  if (what.startsWith('/')) return what;
  const [plural = ''] = what.split('/');
  return `/${GROUPS[plural] ?? 'api/v1'}/namespaces/${ns}/${what}`;
}

/** A manifest; JSON is YAML. */
export function manifest(apiVersion: string, kind: string, metadata: JsonObject, rest: JsonObject = {}): string {
  return JSON.stringify({ apiVersion, kind, metadata, ...rest });
}

export const configMap = (ns: string, name: string, data: JsonObject, metadata: JsonObject = {}): string =>
  manifest('v1', 'ConfigMap', { name, namespace: ns, ...metadata }, { data });

export function deployment(ns: string, name: string, pod: JsonObject = {}, spec: JsonObject = {}): string {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'pause:1' }], ...pod } };
  return manifest(
    'apps/v1',
    'Deployment',
    { name, namespace: ns },
    {
      spec: { replicas: 1, selector: { matchLabels: labels }, template, ...spec },
    },
  );
}

/** A CustomResourceDefinition of a kind of its own. */
export function definition(group: string, fields: JsonObject = { size: { type: 'integer' } }): string {
  const spec = { type: 'object', properties: fields };
  const status = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec, status } } };
  const version = { name: 'v1', served: true, storage: true, schema, subresources: { status: {} } };
  return manifest(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    { name: `widgets.${group}` },
    {
      spec: { group, scope: 'Namespaced', names: { kind: 'Widget', plural: 'widgets' }, versions: [version] },
    },
  );
}

/** Owner labels and annotations of Flux. */
export const flux = (key: string): string => `kustomize.toolkit.fluxcd.io/${key}`;

export async function startPlace(cluster?: ClusterAccess): Promise<Place> {
  const access = cluster ?? (await sharedControlPlane());
  const git = await startGitServer();
  const agents = new Set<TestAgent>();
  const dirs: TempDir[] = [];
  const dir = async (name: string): Promise<string> => {
    const made = await tempDir(name);
    dirs.push(made);
    return made.path;
  };
  const start = async (options: TestAgentOptions): Promise<TestAgent> => {
    const agent = await startTestAgent(options);
    agents.add(agent);
    return { ...agent, stop: async () => (agents.delete(agent) ? agent.stop() : undefined) };
  };
  return {
    cluster: access,
    git,
    app: (options = {}) => makeApp({ cluster: access, git, start, dir }, options),
    stop: async () => {
      await Promise.all([...agents].map((agent) => agent.stop()));
      await Promise.all(dirs.map((made) => made.remove()));
      await git.stop();
      await access.stop();
    },
  };
}

/** A place for all tests of a file, from before the first until after the last. */
export function usePlace(): Place {
  let place: Place | undefined;
  beforeAll(async () => {
    place = await startPlace();
  });
  afterAll(() => place?.stop());
  const here = (): Place => {
    if (place === undefined) throw new Error('used before its tests have begun');
    return place;
  };
  return {
    get cluster() {
      return here().cluster;
    },
    get git() {
      return here().git;
    },
    app: (options) => here().app(options),
    stop: () => here().stop(),
  };
}

interface Parts {
  readonly cluster: ClusterAccess;
  readonly git: GitServer;
  readonly start: (options: TestAgentOptions) => Promise<TestAgent>;
  /** A folder that goes when the place ends. */
  readonly dir: (name: string) => Promise<string>;
}

async function makeApp({ cluster, git, start, dir }: Parts, options: AppOptions): Promise<App> {
  const ns = await cluster.namespace('app');
  const { files, spec = {}, source = {}, more, server, groups, wait = true, ...rest } = options;
  const user = `agent-${ns}`;
  const repo = await git.repo(ns);
  const first = await repo.commit(files?.(ns) ?? { 'a.yaml': configMap(ns, 'a', { v: '1' }) });
  const declare = (how: Declared, beside = more?.(ns) ?? []): string =>
    [declared(repo.url, how).replaceAll('"HERE"', JSON.stringify(ns)), ...beside].join('\n---\n');
  const who = { name: user, groups: groups ?? ['system:masters'], ...(server === undefined ? {} : { server }) };
  const settings: TestAgentOptions = {
    ...rest,
    stateDir: await dir(ns),
    kubeconfig: cluster.kubeconfigFile(who),
    objects: declare({ spec, source }),
  };
  const revision = (sha: string): string => `main@sha1:${sha}`;
  const app: App = {
    ns,
    stateDir: settings.stateDir,
    user,
    repo,
    agent: await start(settings),
    commit: async (next) => {
      const sha = await repo.commit(next);
      app.agent.loop.nudge('GitRepository/flux-system/app');
      return revision(sha);
    },
    applied: async (next) => {
      const wanted = await app.commit(next);
      return app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged);
    },
    spec: (next, { annotations, ...also } = {}) =>
      app.agent.declare(
        declare({ spec: next, source: also.source ?? source, annotations: annotations ?? {} }, also.more),
      ),
    status: () => app.agent.kustomization(),
    reason: (pattern, timeoutMs = 20_000) =>
      app.agent.reaches((s) => pattern.test(`${s.notConverged?.reason}: ${s.notConverged?.message}`), { timeoutMs }),
    get: (what) => cluster.get(pathOf(ns, what)),
    patch: (what, body, { query = '', ...how } = {}) => cluster.api('PATCH', pathOf(ns, what) + query, body, how),
    remove: (what) => cluster.api('DELETE', pathOf(ns, what)),
    restart: async () => {
      await app.agent.stop();
      app.agent = await start(settings);
    },
  };
  if (wait) await app.agent.reaches((s) => s.lastAppliedRevision === revision(first) && s.converged);
  return app;
}

interface Declared {
  readonly spec: JsonObject;
  readonly source: JsonObject;
  readonly annotations?: JsonObject;
}

/** A GitRepository and a Kustomization `flux-system/app`; runs come by nudges, retries fast. */
export function declared(url: string, { spec, source, annotations = {} }: Declared): string {
  const meta = { name: 'app', namespace: 'flux-system' };
  const git = { url, interval: '1h', ref: { branch: 'main' }, ...source };
  const sourceRef = { kind: 'GitRepository', name: 'app' };
  const all = { interval: '1h', retryInterval: '2s', prune: true, sourceRef, ...spec };
  return [
    manifest('source.toolkit.fluxcd.io/v1', 'GitRepository', { ...meta, annotations }, { spec: git }),
    manifest('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', { ...meta, annotations }, { spec: all }),
  ].join('\n---\n');
}

/** `data` of a ConfigMap. */
export async function dataOf(app: App, name: string): Promise<unknown> {
  return (await app.get(`configmaps/${name}`))?.['data'];
}

/** Waits until an object is as a check wants it, and gives the milliseconds that took. */
export async function healed(
  app: App,
  what: string,
  check: (object: KubeObject | undefined) => boolean,
): Promise<number> {
  const began = performance.now();
  await until(async () => check(await app.get(what)), { every: 10, what: `${what} healed` });
  return performance.now() - began;
}

/** managedFields as `manager/operation/subresource`. */
export function managersOf(object: KubeObject | undefined): readonly string[] {
  const entries = (object?.metadata['managedFields'] ?? []) as readonly Record<string, string>[];
  return entries.map((one) => [one['manager'], one['operation'], one['subresource']].filter(Boolean).join('/'));
}

/** `STATUS/REASON: MESSAGE` of a condition; '' where there is none of this type. */
export function condition({ conditions }: Pick<KustomizationStatus, 'conditions'>, type: string): string {
  const found = conditions.find((one) => one.type === type);
  return found === undefined ? '' : `${found.status}/${found.reason}: ${found.message}`;
}
