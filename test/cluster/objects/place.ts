import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { type JsonObject, type KubeObject, listAt, parseApiVersion, textAt } from '../../../src/model/index.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { type Launched, launch, requireBundle } from '../../fault/agent/launch.ts';
import { type GitServer, startGitServer } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A cluster of its own that knows the Flux kinds, a Git server, and built agents that read objects from the cluster. */
export interface FluxPlace {
  readonly cluster: ControlPlane;
  readonly git: GitServer;
  readonly dir: string;
  agent(options?: PlaceAgent): Launched;
  /** Server-side apply by a person; what the API server made of it. */
  put(object: KubeObject): Promise<KubeObject>;
  get(what: string): Promise<KubeObject | undefined>;
  remove(what: string): Promise<void>;
  /** Waits until an object is as asked; throws with the last state. */
  reaches(what: string, check: (object: KubeObject) => boolean, withinMs?: number): Promise<KubeObject>;
  stop(): Promise<void>;
}

export interface PlaceAgent {
  readonly kubeconfig?: string;
  /** Its folder; one of its own by default. */
  readonly dir?: string;
  /** Lines under `objects.cluster`, YAML in one line. */
  readonly scope?: string;
}

const PLURALS: Readonly<Record<string, string>> = {
  GitRepository: 'gitrepositories',
  OCIRepository: 'ocirepositories',
  Kustomization: 'kustomizations',
  CustomResourceDefinition: 'customresourcedefinitions',
};
const GLOBAL = /^(?:Namespace|Cluster.*|CustomResourceDefinition)$/;

function pathOf(apiVersion: string, kind: string, namespace: string, name: string): string {
  const { group, version } = parseApiVersion(apiVersion);
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
  return `${base}${GLOBAL.test(kind) ? '' : `/namespaces/${namespace}`}/${plural}/${name}`;
}

const APIS: Readonly<Record<string, string>> = {
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  Kustomization: 'kustomize.toolkit.fluxcd.io/v1',
  Deployment: 'apps/v1',
  Lease: 'coordination.k8s.io/v1',
  CustomResourceDefinition: 'apiextensions.k8s.io/v1',
};

/** `Kind/namespace/name`, or `Kind//name`. */
export function pathOfText(what: string): string {
  const [kind = '', namespace = '', name = ''] = what.split('/');
  return pathOf(APIS[kind] ?? 'v1', kind, namespace, name);
}

export async function startFluxPlace(definitions: readonly KubeObject[] = fluxDefinitions()): Promise<FluxPlace> {
  requireBundle();
  const cluster = await startControlPlane({ audit: true });
  const git = await startGitServer();
  const temp: TempDir = await tempDir('flux-place');
  const agents: Launched[] = [];
  const put = async (object: KubeObject): Promise<KubeObject> => {
    const namespace = textAt(object.metadata, 'namespace') ?? '';
    const path = pathOf(String(object['apiVersion']), object.kind, namespace, object.metadata.name);
    const query = '?fieldManager=operator&force=true';
    // A definition is served a moment after it was made.
    const answer = await until(async () => {
      const one = await cluster.api('PATCH', path + query, object, { type: 'apply' });
      return one.status === 404 ? undefined : one;
    });
    if (answer.status > 201) throw new Error(`${path}: ${answer.text}`);
    return answer.body as KubeObject;
  };
  for (const one of definitions) await put(one);
  const get = (what: string): Promise<KubeObject | undefined> => cluster.get(pathOfText(what));
  return {
    cluster,
    git,
    dir: temp.path,
    put,
    get,
    agent: (options = {}) => {
      const dir = options.dir ?? join(temp.path, `agent-${agents.length}`);
      const kubeconfig = options.kubeconfig ?? cluster.kubeconfigFile({ name: 'holdfast', groups: ['system:masters'] });
      const agent = launch(configOf(dir, kubeconfig, options.scope ?? ''));
      agents.push(agent);
      return agent;
    },
    remove: async (what) => void (await cluster.api('DELETE', pathOfText(what))),
    reaches: async (what, check, withinMs = 20_000) => {
      let last: KubeObject | undefined;
      try {
        return await until(
          async () => {
            last = await get(what);
            return last !== undefined && check(last) ? last : undefined;
          },
          { within: withinMs },
        );
      } catch {
        const log = agents.at(-1)?.log().split('\n').slice(-12).join('\n');
        throw new Error(`${what} is ${JSON.stringify({ spec: last?.['spec'], status: last?.['status'] })}\n${log}`);
      }
    },
    stop: async () => {
      await Promise.all(agents.map((agent) => agent.stop()));
      await git.stop();
      await cluster.stop();
      await temp.remove();
    },
  };
}

function configOf(dir: string, kubeconfig: string, scope: string): string {
  spawnSync('mkdir', ['-p', dir]);
  const file = join(dir, 'config.yaml');
  writeFileSync(
    file,
    `apiVersion: holdfast.dev/v1alpha1
kind: AgentConfiguration
cluster: { name: test }
stateDir: ./state
objects: { files: [], cluster: { enabled: true${scope} } }
kubeconfig: ${kubeconfig}
listen: 127.0.0.1:0
`,
  );
  return file;
}

/** What `holdfast build` makes of a folder of this repository, as JSON objects. */
export function built(folder: string): string {
  const done = spawnSync(join(ROOT, 'dist', 'holdfast'), ['build', join(ROOT, folder)], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout;
}

export const gitRepository = (name: string, spec: JsonObject, metadata: JsonObject = {}): KubeObject => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name, namespace: 'flux-system', ...metadata },
  spec: { interval: '1h', ref: { branch: 'main' }, ...spec },
});

export const kustomization = (name: string, spec: JsonObject, metadata: JsonObject = {}): KubeObject => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace: 'flux-system', ...metadata },
  spec: { interval: '1h', retryInterval: '2s', prune: true, sourceRef: { kind: 'GitRepository', name }, ...spec },
});

export const namespace = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** `status: reason: message` of the Ready condition; '' without. */
export function readyOf(object: KubeObject): string {
  const ready = listAt(object, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready');
  return ready === undefined ? '' : ['status', 'reason', 'message'].map((key) => textAt(ready, key)).join(': ');
}

/** Ready, for the generation that the object has. */
export function isReady(object: KubeObject): boolean {
  const ready = listAt(object, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready') as JsonObject;
  return ready?.['status'] === 'True' && ready['observedGeneration'] === object.metadata['generation'];
}

export const applied = (object: KubeObject): string => textAt(object, 'status', 'lastAppliedRevision') ?? '';
