import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NotConverged } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { CASES, type Case } from './hostile-cases.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { configMap, pairOf } from './pairs.ts';

/** Resident memory of the agent and its child together, MiB. */
const MOST_MIB = 200;

describe('hostile repositories', () => {
  let cluster: ClusterAccess;
  let git: GitServer;
  let dir: TempDir;
  let agent: Launched;
  let healthy: Repo;
  let ns: string;
  const repos: Repo[] = [];

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    dir = await tempDir('hostile');
    ns = await cluster.namespace('hostile');
    healthy = await git.repo('healthy');
    await healthy.commit({ 'a.yaml': configMap('a', ns, '1') });
    for (const [i, one] of CASES.entries()) {
      const repo = await git.repo(`bad-${i}`);
      await one.make(repo, ns);
      repos.push(repo);
    }
    const config = writeSite({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: [
        ...CASES.map((one, i) => pairOf({ name: `bad-${i}`, url: repos[i]?.url ?? '', spec: one.spec ?? '' })),
        pairOf({ name: 'healthy', url: healthy.url }),
        pairOf({ name: 'escape', url: healthy.url, spec: 'path: ../../../../etc' }),
      ].join('---\n'),
    });
    agent = launch(config);
    await agent.serving();
  }, 120_000);
  afterAll(async () => {
    await agent?.stop();
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  const refusal = (i: number, at: Case['at']): Promise<NotConverged> =>
    until(
      async () => {
        const status = await agent.status();
        const list = at === 'source' ? status.sources : status.kustomizations;
        return list.find((one) => one.name === `bad-${i}`)?.notConverged;
      },
      { within: 60_000, what: `the refusal of bad-${i}` },
    );

  it('let a healthy one go on', async () => {
    await agent.reaches('healthy', (one) => one.converged, { within: 60_000 });
    const sha = await healthy.commit({ 'a.yaml': configMap('a', ns, '2') });
    const began = performance.now();
    agent.signal('SIGHUP');
    await agent.reaches('healthy', (one) => one.lastAppliedRevision === `main@sha1:${sha}`);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it.each(CASES.map((one, i) => ({ ...one, i })))('$title is refused, and named', async ({ i, at, code, message }) => {
    await until(async () => !/source-not-ready/.test((await refusal(i, at)).code), { within: 60_000 });
    const found = await refusal(i, at);
    expect(found.code).toMatch(new RegExp(`^(${code})`));
    expect(found.message).toMatch(message);
    expect(found.message.length).toBeLessThan(2_000);
  });

  it('a path that leads out of the tree stays within it', async () => {
    const one = await agent.reaches('escape', (status) => status.notConverged !== undefined);
    expect(one.path).toBe('etc');
    expect(one.notConverged?.code).toBe('path-missing');
    expect((await agent.status()).problems).toEqual([]);
  });

  it('leave nothing in the cluster, no bug in the log, and no more than 200 MiB in memory', async () => {
    expect(await cluster.get('/api/v1/namespaces/default/configmaps/never')).toBeUndefined();
    expect(scandals(agent.lines())).toEqual([]);
    console.info(`hostile repositories: at most ${agent.peak().toFixed(0)} MiB in agent and child`);
    expect(agent.peak()).toBeLessThan(MOST_MIB);
  });
});
