import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, startGitServer } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { launch, requireBundle, scandals, writeSite } from './launch.ts';
import { configMap, pairOf } from './pairs.ts';

const OBJECTS = 1_000;

describe('SIGTERM in the middle of a first sync of 1,000 objects', () => {
  let cluster: ClusterAccess;
  let git: GitServer;
  let dir: TempDir;
  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    dir = await tempDir('stop');
  });
  afterAll(async () => {
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  it('ends with 0 within 5 s, and the next start does what is left, and no more', async () => {
    const ns = await cluster.namespace('stop');
    const repo = await git.repo('stop');
    const name = (i: number): string => `c${String(i).padStart(4, '0')}`;
    const sha = await repo.commit(
      Object.fromEntries(Array.from({ length: OBJECTS }, (_, i) => [`${name(i)}.yaml`, configMap(name(i), ns)])),
    );
    const user = `stop-${process.pid}`;
    const config = writeSite({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile({ name: user, groups: ['system:masters'] }),
      objects: pairOf({ name: 'stop', url: repo.url }),
    });
    const applied = (since: number): number =>
      cluster
        .audited({ user, verb: 'patch', resource: 'configmaps', since })
        .filter((one) => !one.uri.includes('dryRun')).length;
    const start = cluster.auditMark();
    const first = launch(config);
    await until(() => applied(start) > OBJECTS / 5, { within: 30_000, every: 5 });
    const began = performance.now();
    expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const took = performance.now() - began;
    expect(took).toBeLessThan(5_000);
    expect(scandals(first.lines())).toEqual([]);
    expect(first.lines().at(-1)).toMatchObject({ msg: 'agent stopped' });
    const done = applied(start);
    expect(done).toBeLessThan(OBJECTS);

    const cache = openCache({ disk: createDisk(`${dir.path}/state`), limits: DEFAULT_LIMITS });
    expect(await cache.verify()).toMatchObject({ missing: 0, damage: [] });
    expect(cache.kustomizations.inventory('flux-system/stop')?.entries).toHaveLength(OBJECTS);

    const mark = cluster.auditMark();
    const second = launch(config);
    await second.serving();
    await second.reaches('stop', (one) => one.converged && one.lastAppliedRevision === `main@sha1:${sha}`, {
      within: 60_000,
    });
    // Requests that were under way when it ended may have been carried out without its knowing.
    console.info(
      `SIGTERM after ${done} of ${OBJECTS} objects: ended in ${took.toFixed(0)} ms, ${applied(mark)} applied after the start`,
    );
    expect(applied(mark)).toBeLessThanOrEqual(OBJECTS - done + DEFAULT_LIMITS.requestsInFlight);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    const { items } = (
      await cluster.api(
        'GET',
        `/api/v1/namespaces/${ns}/configmaps?labelSelector=kustomize.toolkit.fluxcd.io/name%3Dstop`,
      )
    ).body as { readonly items: readonly unknown[] };
    expect(items).toHaveLength(OBJECTS);
  });
});
