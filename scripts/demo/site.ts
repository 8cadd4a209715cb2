import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ControlPlane, startControlPlane } from '../../test/controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../test/gitserver/index.ts';
import { type AgentProcess, startProcess } from '../../test/support/process.ts';
import { type TempDir, tempDir } from '../../test/support/temp.ts';
import { until } from '../../test/support/until.ts';

const STORE = join(fileURLToPath(new URL('.', import.meta.url)), 'store');

/** The manifests of the store, by file name. */
export function storeFiles(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(STORE).map((name) => [`store/${name}`, readFileSync(join(STORE, name), 'utf8')]),
  );
}

/** Objects that the store's manifests declare. */
export const storeObjects = (): number =>
  (
    Object.values(storeFiles())
      .join('\n')
      .match(/^kind:/gm) ?? []
  ).length;

/** A store: its cluster, the Git server far away, and the agent with its disk. */
export interface StoreSite {
  readonly cluster: ControlPlane;
  readonly git: GitServer;
  readonly repo: Repo;
  readonly dir: TempDir;
  agent: AgentProcess;
  /** Starts the agent (again) on the same disk. */
  startAgent(): Promise<void>;
  stop(): Promise<void>;
}

export async function openSite(): Promise<StoreSite> {
  const cluster = await startControlPlane({ controllerManager: true });
  const git = await startGitServer();
  const repo = await git.repo('fleet');
  const dir = await tempDir('demo');
  const objects = fluxObjects(repo.url);
  const start = async (): Promise<AgentProcess> =>
    startProcess({ dir: dir.path, kubeconfig: await cluster.kubeconfigFile(), objects });
  const site: StoreSite = {
    cluster,
    git,
    repo,
    dir,
    agent: undefined as unknown as AgentProcess,
    startAgent: async () => {
      site.agent = await start();
    },
    stop: async () => {
      await site.agent.stop();
      await git.stop();
      await cluster.stop();
    },
  };
  return site;
}

const fluxObjects = (url: string): string => `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: fleet, namespace: flux-system }
spec: { url: ${url}, interval: 1m, ref: { branch: main } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: store, namespace: flux-system }
spec:
  interval: 10m
  path: ./store
  prune: true
  sourceRef: { kind: GitRepository, name: fleet }
`;

/** Waits until the agent says that this commit is applied. */
export async function applied(site: StoreSite, commit: string): Promise<void> {
  const there = async (): Promise<boolean> => {
    const [one] = (await site.agent.status()).kustomizations;
    return one?.converged === true && one.lastAppliedRevision === `main@sha1:${commit}`;
  };
  await until(there, { within: 60_000, every: 10, what: `commit ${commit.slice(0, 8)} to be applied` });
}

/** How many objects of the store are on the API server, by the owner label, over all kinds in use. */
export async function countObjects(cluster: ControlPlane): Promise<number> {
  const namespaced = [
    'api/v1:limitranges,serviceaccounts,configmaps,secrets,services',
    'apis/apps/v1:deployments,statefulsets,daemonsets',
    'apis/batch/v1:cronjobs',
  ];
  const more = [
    'apis/rbac.authorization.k8s.io/v1:roles,rolebindings',
    'apis/networking.k8s.io/v1:networkpolicies',
    'apis/policy/v1:poddisruptionbudgets',
    'apis/retail.example/v1:tills',
  ];
  const paths = [...namespaced, ...more].flatMap((line) => {
    const [group = '', kinds = ''] = line.split(':');
    return kinds.split(',').map((kind) => `/${group}/namespaces/store/${kind}`);
  });
  const whole = ['/api/v1/namespaces', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'];
  let count = 0;
  for (const path of [...paths, ...whole]) {
    const answer = await cluster.api('GET', `${path}?labelSelector=kustomize.toolkit.fluxcd.io/name%3Dstore`);
    count += ((answer.body as { items?: unknown[] } | undefined)?.items ?? []).length;
  }
  return count;
}
