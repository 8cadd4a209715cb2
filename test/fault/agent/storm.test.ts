import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { seeded } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { wrong } from './compare.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { quickHands } from './quick-hands.ts';
import { createTurmoil, turmoilObjects } from './turmoil.ts';

/** The same seed gives the same commits; whose harm comes first is a race, and meant to be one. */
const SEED = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env['HOLDFAST_STORMS'] ?? 3);
const COMMITS = 10;

let cluster: ControlPlane;
let git: GitServer;
let repo: Repo;
let dir: TempDir;
let agent: Launched | undefined;

beforeAll(async () => {
  requireBundle();
  cluster = await startControlPlane();
  git = await startGitServer();
  repo = await git.repo('site');
  dir = await tempDir('storm');
});
afterAll(async () => {
  await agent?.stop('SIGKILL');
  await git.stop();
  await cluster.stop();
  await dir.remove();
});

it(`what is deleted and changed in the moment of its apply is as committed soon after (HOLDFAST_SEED=${SEED})`, async () => {
  const random = seeded(SEED);
  const turmoil = createTurmoil(random);
  await repo.commit(turmoil.everything());
  const kubeconfig = await cluster.kubeconfigFile({ name: 'agent', groups: ['system:masters'] });
  const config = 'pruneGuard: { share: 1 }\nlogLevel: debug\nlimits: { backoffMs: 1s }';
  const running = launch(writeSite({ dir: dir.path, kubeconfig, objects: turmoilObjects(repo.url), config }));
  agent = running;
  await running.serving();
  let harm = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const hands = quickHands(cluster, { kubeconfig, random, share: 0.3 });
    for (let i = 0; i < COMMITS; i += 1) {
      const changes = turmoil.step();
      if (Object.keys(changes).length > 0) await repo.commit(changes);
      running.signal('SIGHUP');
      await new Promise((later) => setTimeout(later, random() * 600));
    }
    await hands.stop();
    const revision = `main@sha1:${await repo.head()}`;
    for (const name of ['infra', 'app'])
      await running.reaches(name, (one) => one.converged && one.lastAppliedRevision === revision, { within: 60_000 });
    harm += hands.done.deleted + hands.done.changed + hands.done.unlabelled;
    // Nobody nudges: the watches alone have to know.
    await until(async () => (await wrong(cluster, turmoil.things())).length === 0, { within: 10_000 }).catch(
      () => undefined,
    );
    expect(await wrong(cluster, turmoil.things()), `seed ${SEED}, round ${round}`).toEqual([]);
  }
  expect(harm).toBeGreaterThan(5 * ROUNDS);
  expect(scandals(running.lines())).toEqual([]);
}, 400_000);
