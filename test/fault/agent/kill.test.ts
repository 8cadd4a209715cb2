import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { seeded } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { editByHand } from './by-hand.ts';
import { blame, type Commit, isReal, OWNER, wrong } from './compare.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { createTurmoil, idsOf, type Turmoil, turmoilObjects } from './turmoil.ts';

/** How often the agent is killed, and the schedule: the same seed gives the same commits, events and waits. */
const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 200);
const SEED = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000);
/** The cluster is compared with the last commit so often. */
const CHECKS = 8;

const AGENT = { name: 'agent', groups: ['system:masters'] };

/** Objects of nobody, and of another owner, under names as Git might have them. */
const FOREIGN = [
  { name: 'foreign-plain', labels: {} },
  { name: 'foreign-other', labels: { [OWNER]: 'other', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' } },
];

describe(`an agent killed ${KILLS} times at random moments of a busy life (HOLDFAST_SEED=${SEED})`, () => {
  const random = seeded(SEED);
  const chance = (share: number): boolean => random() < share;
  const turmoil: Turmoil = createTurmoil(random);
  const commits: Commit[] = [];
  /** Times from which on the agent was seen at a commit. */
  const reached: { readonly at: number; readonly commit: number }[] = [];
  const repairs: Promise<unknown>[] = [];
  let cluster: ControlPlane;
  let git: GitServer;
  let repo: Repo;
  let dir: TempDir;
  let config: string;
  let foreign: readonly string[];
  let linked = true;
  let agent: Launched | undefined;

  const note = async (sha: string): Promise<void> => {
    commits.push({ at: Date.now(), sha, ids: idsOf(turmoil.things()) });
  };
  const foreignVersions = (): Promise<string[]> =>
    Promise.all(
      FOREIGN.map(async ({ name }) => {
        const live = await cluster.get(`/api/v1/namespaces/default/configmaps/${name}`);
        return `${name} ${String(live?.metadata['uid'])} ${String(live?.metadata['resourceVersion'])}`;
      }),
    );

  beforeAll(async () => {
    requireBundle();
    cluster = await startControlPlane({ audit: true });
    git = await startGitServer();
    repo = await git.repo('site');
    dir = await tempDir('kill-agent');
    // A controller manager that is still starting ends when the API server is killed.
    await until(() => cluster.get('/api/v1/namespaces/default/serviceaccounts/default'), { within: 60_000 });
    for (const { name, labels } of FOREIGN)
      await cluster.api('POST', '/api/v1/namespaces/default/configmaps', {
        metadata: { name, labels },
        data: { v: '1' },
      });
    foreign = await foreignVersions();
    await note(await repo.commit(turmoil.everything()));
    config = writeSite({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile(AGENT),
      objects: turmoilObjects(repo.url),
      config: 'pruneGuard: { share: 1 }\nlogLevel: debug\nlimits: { backoffMs: 1s }',
    });
  });
  afterAll(async () => {
    if (agent?.running() === true) await agent.stop('SIGKILL');
    await Promise.all(repairs);
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  const byHand = (): Promise<unknown> => editByHand(cluster, turmoil.things(), random);
  const commit = async (): Promise<void> => {
    const anew = chance(0.1);
    const changes = turmoil.step();
    if (Object.keys(changes).length === 0) return;
    await note(anew ? await repo.rewrite(turmoil.everything()) : await repo.commit(changes));
  };
  const link = async (up: boolean): Promise<void> => {
    if (up === linked) return;
    linked = up;
    await (up ? git.resume() : git.pause());
  };

  const event = async (): Promise<void> => {
    const roll = random();
    if (roll < 0.55) await commit();
    else if (roll < 0.75) await byHand();
    else if (roll < 0.85) {
      await commit();
      await link(!linked);
    } else if (roll < 0.88) {
      await cluster.pause('kube-apiserver');
      repairs.push(new Promise((done) => setTimeout(done, 300)).then(() => cluster.resume('kube-apiserver')));
    }
  };

  /** Lets the agent be until it says that all is as committed, then looks whether that is so. */
  const compare = async (round: number): Promise<void> => {
    await Promise.all(repairs.splice(0));
    // It gives up when the API server is gone for long; somebody starts it again.
    if (cluster.pids()['kube-controller-manager'] === undefined) await cluster.start('kube-controller-manager');
    await link(true);
    agent = launch(config);
    await agent.serving();
    agent.signal('SIGHUP');
    const last = commits.at(-1);
    const revision = `main@sha1:${last?.sha}`;
    for (const name of ['infra', 'app'])
      await agent.reaches(name, (one) => one.converged && one.lastAppliedRevision === revision, { within: 60_000 });
    // What was edited by hand just before is seen by a watch a moment later.
    await until(async () => (await wrong(cluster, turmoil.things())).length === 0, { within: 20_000 }).catch(
      async () => {
        expect(await wrong(cluster, turmoil.things()), `seed ${SEED}, after ${round} kills`).toEqual([]);
      },
    );
    reached.push({ at: Date.now(), commit: commits.length - 1 });
    expect(await foreignVersions()).toEqual(foreign);
    const status = await Promise.all(['infra', 'app'].map((name) => agent?.kustomization(name)));
    expect(status.flatMap((one) => one?.inventory ?? [])).toHaveLength(last?.ids.size ?? -1);
  };

  const verified = async (round: number): Promise<void> => {
    const cache = openCache({ disk: createDisk(`${dir.path}/state`), limits: DEFAULT_LIMITS });
    const found = await cache.verify();
    expect({ ...found, contents: 0, bytes: 0 }, `seed ${SEED}, after ${round} kills`).toEqual({
      contents: 0,
      bytes: 0,
      missing: 0,
      damage: [],
    });
  };

  it('loses nothing, deletes nothing that Git still has, and ends at the last commit', async () => {
    const everyCheck = Math.max(1, Math.round(KILLS / CHECKS));
    for (let round = 1; round <= KILLS; round += 1) {
      agent = launch(config);
      if (chance(0.75)) await agent.serving();
      else await pause(random() * 250);
      if (round % Math.ceil(KILLS / 4) === 10) repairs.push(cluster.restart('kube-apiserver'));
      await event();
      if (chance(0.8) && /"serving"/.test(agent.log())) agent.signal('SIGHUP');
      await pause(20 + random() * 380);
      const end = await agent.stop('SIGKILL');
      expect(end.signal, `seed ${SEED}, round ${round}: ended by itself\n${agent.log()}`).toBe('SIGKILL');
      expect(scandals(agent.lines()), `seed ${SEED}, round ${round}`).toEqual([]);
      if (round % 10 === 0) await verified(round);
      if (round % everyCheck === 0 || round === KILLS) {
        await compare(round);
        await agent.stop('SIGKILL');
        expect(scandals(agent.lines()), `seed ${SEED}, round ${round}`).toEqual([]);
      }
    }
    const deletions = cluster.audited({ user: 'agent', verb: 'delete', code: 200 }).filter(isReal);
    expect(deletions.length).toBeGreaterThan(KILLS / 20);
    expect(
      deletions.map((one) => blame(one, commits, reached)).filter((text) => text !== ''),
      `seed ${SEED}`,
    ).toEqual([]);
  });

  it('a start after that, with nothing to do, writes nothing to the API server, and ends with 0', async () => {
    const mark = cluster.auditMark();
    agent = launch(config);
    await agent.serving();
    for (const name of ['infra', 'app']) await agent.reaches(name, (one) => one.converged);
    await pause(1_000);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(scandals(agent.lines())).toEqual([]);
    const writes = cluster
      .audited({ user: 'agent', since: mark })
      .filter((one) => !['get', 'list', 'watch'].includes(one.verb));
    expect(writes).toEqual([]);
    await verified(KILLS);
  });
});

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
