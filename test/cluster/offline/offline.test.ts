import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { appObjects, startTestAgent } from '../../support/agent.ts';
import { type AgentProcess, startProcess } from '../../support/process.ts';
import { shiftedClock } from '../../support/shifted-clock.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const DAY = 86_400_000;

const namespace = `apiVersion: v1
kind: Namespace
metadata: { name: site }
`;
const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: valves.site.example }
spec:
  group: site.example
  scope: Namespaced
  names: { kind: Valve, plural: valves, singular: valve }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
`;
const valve = `apiVersion: site.example/v1
kind: Valve
metadata: { name: main, namespace: site }
spec: { open: true }
`;
const config = (value: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: conf, namespace: site }
data: { v: "${value}" }
`;
const app = `apiVersion: apps/v1
kind: Deployment
metadata: { name: app, namespace: site }
spec:
  replicas: 0
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec: { containers: [{ name: app, image: registry.example/app:1, envFrom: [{ configMapRef: { name: conf } }] }] }
`;

describe('with the link cut', () => {
  let cluster: ControlPlane;
  let git: GitServer;
  let repo: Repo;
  let dir: TempDir;
  let commit: string;
  let agent: AgentProcess;

  const conf = async (): Promise<unknown> =>
    ((await cluster.get('/api/v1/namespaces/site/configmaps/conf'))?.['data'] as { v?: string } | undefined)?.v;
  const edit = (): Promise<unknown> =>
    cluster.api('PATCH', '/api/v1/namespaces/site/configmaps/conf', { data: { v: 'by hand' } });
  const healed = (): Promise<unknown> => until(async () => (await conf()) === '1', { within: 30_000 });
  const start = async (): Promise<AgentProcess> =>
    startProcess({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: appObjects({ url: repo.url, interval: '5s' }),
    });
  const converged = (revision: string): Promise<unknown> =>
    until(
      async () => {
        const [one] = (await agent.status()).kustomizations;
        return one?.converged === true && one.lastAppliedRevision === `main@sha1:${revision}`;
      },
      { within: 30_000 },
    );

  beforeAll(async () => {
    cluster = await startControlPlane({ controllerManager: true });
    git = await startGitServer();
    repo = await git.repo('site');
    dir = await tempDir('offline');
    commit = await repo.commit({
      'ns.yaml': namespace,
      'crd.yaml': crd,
      'valve.yaml': valve,
      'conf.yaml': config('1'),
      'app.yaml': app,
    });
    agent = await start();
    await converged(commit);
    git.pause();
  });
  afterAll(async () => {
    await agent.stop();
    await git.stop();
    await cluster.stop();
  });

  it('S2: an agent that is killed and started again heals drift, and says that the link is down and the site is converged', async () => {
    await agent.stop('SIGKILL');
    await edit();
    agent = await start();
    await healed();
    const status = await until(async () => {
      const now = await agent.status();
      return now.link.state === 'down' && now.kustomizations[0]?.converged === true ? now : undefined;
    });
    expect(status.sources[0]).toMatchObject({
      ready: 'False',
      revision: `main@sha1:${commit}`,
      notConverged: { code: 'wire-unreachable' },
    });
    expect(status.cluster.api.state).toBe('up');
  });

  it('S3: the API server and the agent restart together, and drift is healed', async () => {
    await agent.stop('SIGKILL');
    await edit();
    await cluster.kill('kube-apiserver');
    agent = await start();
    expect(await until(async () => (await agent.status()).cluster.api.state === 'down')).toBe(true);
    await cluster.start('kube-apiserver');
    await healed();
  });

  it('S3: an agent that keeps running outlives a restart of the API server', async () => {
    await cluster.restart('kube-apiserver');
    await edit();
    await healed();
    await cluster.api('DELETE', '/apis/apps/v1/namespaces/site/deployments/app');
    await until(async () => (await cluster.get('/apis/apps/v1/namespaces/site/deployments/app')) !== undefined, {
      within: 30_000,
    });
  });

  it('S4: an emptied cluster is rebuilt from disk in order of dependence, by a running agent', async () => {
    await cluster.wipe();
    const there = async (): Promise<boolean> =>
      (await cluster.get('/apis/site.example/v1/namespaces/site/valves/main').catch(() => undefined)) !== undefined;
    await until(there, { within: 60_000 });
    await healed();
    await until(async () => (await cluster.get('/apis/apps/v1/namespaces/site/deployments/app')) !== undefined, {
      within: 30_000,
    });
    const [one] = (await agent.status()).kustomizations;
    expect(one?.inventory).toHaveLength(5);
  });

  it('S4: and by one that starts after the wipe', async () => {
    await agent.stop();
    await cluster.wipe();
    agent = await start();
    await until(
      async () =>
        (await cluster.get('/apis/site.example/v1/namespaces/site/valves/main').catch(() => undefined)) !== undefined,
      { within: 60_000 },
    );
    await healed();
  });

  it('goes on with the newest commit when the link returns, and prunes only what left Git', async () => {
    const next = await repo.commit({ 'conf.yaml': config('2'), 'app.yaml': null });
    await git.resume();
    agent.nudge();
    await converged(next);
    expect(await conf()).toBe('2');
    expect(await cluster.get('/apis/apps/v1/namespaces/site/deployments/app')).toBeUndefined();
    expect(await cluster.get('/apis/site.example/v1/namespaces/site/valves/main')).toBeDefined();
    await repo.commit({ 'conf.yaml': config('1'), 'app.yaml': app });
  });

  it('S1: 30 days without the source change nothing: drift is healed, nothing is pruned, the age is told', async () => {
    // Two agents of different revisions would undo each other's work.
    await agent.stop();
    const clock = shiftedClock();
    const home = await tempDir('days');
    const one = await startTestAgent({
      stateDir: home.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: appObjects({ url: repo.url, interval: '5s' }),
      clock,
    });
    await one.reaches((status) => status.converged);
    git.pause();
    for (let day = 0; day < 30; day += 1) {
      const before = one.loop.status().sources[0]?.failures ?? 0;
      clock.pass(DAY);
      await until(() => (one.loop.status().sources[0]?.failures ?? 0) > before);
    }
    await edit();
    await healed();
    const status = one.loop.status();
    await git.resume();
    expect(status.sources[0]?.ageSeconds).toBeGreaterThanOrEqual(30 * 86_400);
    expect(status.sources[0]?.failures).toBeGreaterThanOrEqual(30);
    expect(status.kustomizations[0]).toMatchObject({ converged: true, objects: { total: 5 } });
    expect(one.loop.alive()).toBe(true);
    // A fault that stays is not written down again and again.
    expect(
      one.lines.filter((line) => line['msg'] === 'not converged' && line['source'] !== undefined).length,
    ).toBeLessThan(10);
    await one.stop();
  });

  it.each([
    ['at 1970', 0],
    ['ten years ahead', Date.UTC(2036, 0, 1)],
  ])('S5: with the clock %s it fetches, applies and heals all the same, also when it jumps', async (_title, wall) => {
    const clock = shiftedClock();
    clock.setWall(wall);
    const home = await tempDir('clock');
    const one = await startTestAgent({
      stateDir: home.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: appObjects({ url: repo.url, interval: '5s' }),
      clock,
    });
    await one.reaches((status) => status.converged);
    clock.setWall(Date.UTC(2026, 10, 23));
    await edit();
    await healed();
    clock.setWall(wall);
    await edit();
    await healed();
    expect(one.loop.status().clock.trusted).toBe(wall > 0);
    await one.stop();
  });
});
