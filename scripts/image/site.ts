import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '../../src/model/index.ts';
import { appFiles } from '../../test/bench/app.ts';
import { type ControlPlane, startControlPlane } from '../../test/controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../test/gitserver/index.ts';
import { appObjects } from '../../test/support/agent.ts';
import { freePorts } from '../../test/support/ports.ts';
import { until } from '../../test/support/until.ts';
import { ask, type Container } from './container.ts';

/** User and group of the image. */
export const USER = 65532;

/** A machine as docs/install.md prepares one, its cluster and the Git server far away. */
export interface Site {
  readonly cluster: ControlPlane;
  readonly git: GitServer;
  readonly repo: Repo;
  readonly namespace: string;
  readonly port: number;
  readonly places: Readonly<Record<string, string>>;
  readonly objects: number;
  commit(): Promise<string>;
  stop(): Promise<void>;
}

const OBJECTS = 100;

export async function openSite(root: string, dir: string): Promise<Site> {
  const cluster = await startControlPlane({ controllerManager: true });
  const git = await startGitServer();
  const repo = await git.repo('fleet');
  const namespace = await cluster.namespace('store');
  const [port = 0] = await freePorts(1);
  const [state, etc] = [join(dir, 'var-lib-holdfast'), join(dir, 'etc-holdfast')];
  mkdirSync(state, { mode: 0o700 });
  chownSync(state, USER, USER);
  mkdirSync(join(etc, 'objects'), { recursive: true });
  const config = readFileSync(join(root, 'manifests', 'standalone', 'config.yaml'), 'utf8');
  // The port of the manifest may be in use here.
  writeFileSync(join(etc, 'config.yaml'), config.replace('127.0.0.1:8080', `127.0.0.1:${port}`));
  writeFileSync(join(etc, 'objects', 'app.yaml'), appObjects({ url: repo.url, interval: '1m' }));
  copyFileSync(cluster.kubeconfigFile(), join(etc, 'kubeconfig'));
  chownSync(join(etc, 'kubeconfig'), USER, USER);
  chmodSync(join(etc, 'kubeconfig'), 0o400);
  return {
    cluster,
    git,
    repo,
    namespace,
    port,
    places: { '/var/lib/holdfast': state, '/etc/holdfast': etc },
    objects: OBJECTS,
    commit: () => repo.commit(appFiles(OBJECTS, namespace)),
    stop: async () => {
      await git.stop();
      await cluster.stop();
    },
  };
}

export async function statusOf(container: Container): Promise<AgentStatus> {
  return JSON.parse((await ask(container.port, '/status')).body) as AgentStatus;
}

/** Waits until the agent says that a commit is applied, and all is well. */
export async function applied(container: Container, commit: string): Promise<void> {
  const there = async (): Promise<boolean> => {
    const [one] = (await statusOf(container)).kustomizations;
    return one?.converged === true && one.lastAppliedRevision === `main@sha1:${commit}`;
  };
  await until(there, { within: 60_000, every: 20, what: `commit ${commit.slice(0, 8)} to be applied` });
}

/** Deletes one object and edits another by hand; gives how long each was wrong, in milliseconds. */
export async function healed(site: Site): Promise<readonly [number, number]> {
  const path = (name: string): string => `/api/v1/namespaces/${site.namespace}/configmaps/${name}`;
  const timed = async (hurt: () => Promise<unknown>, well: () => Promise<boolean>): Promise<number> => {
    await hurt();
    const began = performance.now();
    await until(well, { within: 20_000, every: 3, what: 'drift to be healed' });
    return performance.now() - began;
  };
  const value = async (name: string): Promise<unknown> =>
    ((await site.cluster.get(path(name)))?.['data'] as Record<string, unknown> | undefined)?.['value'];
  return [
    await timed(
      () => site.cluster.api('DELETE', path('app-1')),
      async () => (await value('app-1')) === '1',
    ),
    await timed(
      () => site.cluster.api('PATCH', path('app-2'), { data: { value: 'by hand' } }),
      async () => (await value('app-2')) === '1',
    ),
  ];
}
