/**
 * The whole agent as a process on a real control plane and a real Git server, beside the floor and beside what Flux costs.
 * Nothing here asserts: a shared machine is never steady.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ControlPlane, startControlPlane } from '../controlplane/index.ts';
import { runGit } from '../gitserver/git.ts';
import { startGitServer } from '../gitserver/index.ts';
import { appObjects } from '../support/agent.ts';
import { type AgentProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { appFiles, appYaml } from './app.ts';
import { floorMs } from './floor.ts';
import { FLUX, NO_FIGURES } from './flux.ts';
import { createNoise, median, mib, ms, printTable, quantile, type Row, spread } from './table.ts';

type Git = Awaited<ReturnType<typeof startGitServer>>;
type Repo = Awaited<ReturnType<Git['repo']>>;

/** What a run works on. */
interface World {
  readonly count: number;
  readonly width: number;
  readonly cluster: ControlPlane;
  readonly git: Git;
  readonly noise: ReturnType<typeof createNoise>;
  readonly rows: Row[];
}

/** One site: a folder, a repository, a namespace. */
interface Place {
  readonly dir: string;
  readonly repo: Repo;
  readonly namespace: string;
}

const LONG_MS = 1_200_000;
const rest = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** By its log: asking for the status costs the agent memory that is not its own. */
const done = (agent: AgentProcess): Promise<unknown> =>
  until(() => agent.log().includes('"msg":"revision applied"'), { within: LONG_MS, every: 5, what: 'the first sync' });

async function start(world: World, place: Place): Promise<AgentProcess> {
  return startProcess({
    dir: place.dir,
    kubeconfig: await world.cluster.kubeconfigFile(),
    objects: appObjects({ url: place.repo.url, interval: '10s' }),
  });
}

/** Memory when a process has been left alone; the last collection comes seconds after the last work. */
async function memoryAtRest(agent: AgentProcess): Promise<ReturnType<AgentProcess['memory']>> {
  await rest(8_000);
  return agent.memory();
}

/** What `git` itself takes to fetch the newest commit of a repository, milliseconds. */
async function cloneMs({ url }: Repo): Promise<number> {
  await using dir = await tempDir('clone');
  const began = performance.now();
  await runGit(['-c', 'protocol.version=2', 'clone', '-q', '--bare', '--depth=1', url, `${dir.path}/clone`]);
  return performance.now() - began;
}

/** First syncs on an empty cluster each, and the floor before and after each. Leaves the last agent running. */
async function firstSyncs(world: World, rounds: number): Promise<{ agent: AgentProcess; place: Place; took: number }> {
  const { count, width, cluster, git, rows, noise } = world;
  const times: number[] = [];
  const ratios: number[] = [];
  const fetched: number[] = [];
  for (let round = 1; ; round += 1) {
    const namespace = await cluster.namespace('bench');
    const repo = await git.repo(`bench-${count}-${round}`);
    await repo.commit(appFiles(count, namespace));
    const place = { dir: (await tempDir('bench')).path, repo, namespace };
    // Lets the API server, and us, run once.
    await floorMs(cluster, Math.min(count, 200), width);
    const before = await floorMs(cluster, count, width);
    const counts = await cluster.requestCounts();
    const began = performance.now();
    const agent = await start(world, place);
    await done(agent);
    const took = performance.now() - began;
    const asked = (await cluster.requestCounts()).since(counts);
    const peak = agent.memory().peak;
    const floor = (before + (await floorMs(cluster, count, width))) / 2;
    noise.sample();
    times.push(took);
    ratios.push(took / floor);
    fetched.push(took / (floor + (await cloneMs(repo))));
    if (round < rounds) {
      await agent.stop();
      await cluster.wipe();
      continue;
    }
    const flux = FLUX[count] ?? NO_FIGURES;
    const apply = asked.of({ verb: 'APPLY' });
    const held = await memoryAtRest(agent);
    rows.push(
      {
        what: `first sync, process start to all applied (${rounds} rounds)`,
        ours: ms(median(times)),
        floor: `${median(ratios).toFixed(2)}x (${spread(ratios, (n) => n.toFixed(2))})`,
        flux: flux.firstSync,
        target: '1.2x',
      },
      {
        what: '  the same beside `git clone --depth=1` and the floor, one after the other',
        ours: '',
        floor: `${median(fetched).toFixed(2)}x (${spread(fetched, (n) => n.toFixed(2))})`,
      },
      { what: '  requests: apply, all others', ours: `${apply}, ${asked.total - apply}`, floor: `${count}` },
      { what: '  peak VmRSS', ours: mib(Math.max(peak, held.peak)), flux: flux.peak, target: '120 MiB at 1,000' },
      {
        what: 'VmRSS at rest afterwards (of it private)',
        ours: `${mib(held.rss)} (${held.anon.toFixed(1)})`,
        flux: flux.rest,
        target: '64 MiB at 1,000',
      },
    );
    return { agent, place, took: median(times) };
  }
}

async function changes(world: World, agent: AgentProcess, place: Place): Promise<void> {
  const { cluster, rows, count } = world;
  const flux = FLUX[count] ?? NO_FIGURES;
  const path = `/api/v1/namespaces/${place.namespace}/configmaps/app-1`;
  const times: number[] = [];
  let requests = 0;
  for (let round = 0; round <= 5; round += 1) {
    const value = `round ${round}`;
    await place.repo.commit({ 'apps/app-00001.yaml': appYaml('app-1', place.namespace, value) });
    const before = await cluster.requestCounts();
    const began = performance.now();
    let gets = 0;
    agent.nudge();
    const seen = async (): Promise<boolean> => {
      gets += 1;
      return ((await cluster.get(path))?.['data'] as Record<string, unknown> | undefined)?.['value'] === value;
    };
    await until(seen, { within: 60_000, every: 4 });
    // The first one warms up.
    if (round > 0) times.push(performance.now() - began);
    await rest(1_500);
    const since = (await cluster.requestCounts()).since(before);
    requests = since.total - since.of({ verb: 'WATCH' }) - gets - METRICS;
  }
  rows.push(
    {
      what: 'one-file change, nudge to seen on the API server (5)',
      ours: `${ms(median(times))} (${spread(times, ms)})`,
      flux: flux.change,
      target: '300 ms at 1,000',
    },
    { what: '  requests to the API server', ours: String(requests), flux: flux.changeRequests, target: '2' },
  );
}

/** Reading the counters is a request that they count. */
const METRICS = 1;

async function atRest(world: World, agent: AgentProcess, place: Place): Promise<void> {
  const { cluster, rows, count } = world;
  const flux = FLUX[count] ?? NO_FIGURES;
  // What is left to tidy of the changes before is tidied once a minute.
  await rest(65_000);
  const counts = await cluster.requestCounts();
  const git = place.repo.totals();
  const cpu = agent.cpu();
  await rest(30_000);
  const since = (await cluster.requestCounts()).since(counts);
  const mine = ['APPLY', 'LIST', 'PATCH'].reduce((sum, verb) => sum + since.of({ verb }), 0);
  rows.push(
    {
      what: 'CPU of 30 s at rest, interval 10 s: 3 looks at the source',
      ours: `${(agent.cpu() - cpu).toFixed(2)} s`,
      flux: flux.noopCpu === '' ? '' : `3 x ${flux.noopCpu}`,
      target: '1/20 of Flux',
    },
    {
      what: '  requests: API server (apply, list, patch), Git',
      ours: `${mine}, ${place.repo.totals().requests - git.requests}`,
      flux: flux.noopRequests === '' ? '' : `3 x ${flux.noopRequests}, 3`,
      target: '0, 3',
    },
  );
}

async function drifts(world: World, place: Place): Promise<void> {
  const { cluster, rows, count } = world;
  const heals: number[] = [];
  const names = Math.floor(count / 4);
  for (let i = 0; i < 33; i += 1) {
    const path = `/api/v1/namespaces/${place.namespace}/configmaps/app-${2 + (i % (names - 2))}`;
    await cluster.api('PATCH', path, { data: { value: `by hand ${i}` } });
    const began = performance.now();
    const healed = async (): Promise<boolean> =>
      ((await cluster.get(path))?.['data'] as Record<string, unknown> | undefined)?.['value'] === '1';
    await until(healed, { within: 60_000, every: 2 });
    // The first three warm up; then somebody who edits once in a while, not a rival.
    if (i >= 3) heals.push(performance.now() - began);
    await rest(50);
  }
  rows.push({
    what: 'drift healed, p50 and p99 of 30',
    ours: `${ms(median(heals))}, ${ms(quantile(heals, 0.99))}`,
    flux: (FLUX[count] ?? NO_FIGURES).drift,
  });
}

async function restarts(world: World, place: Place): Promise<void> {
  const serving: number[] = [];
  const ready: number[] = [];
  for (let round = 0; ; round += 1) {
    const began = performance.now();
    const agent = await start(world, place);
    serving.push(performance.now() - began);
    const converged = async (): Promise<boolean> => (await agent.status()).kustomizations[0]?.converged === true;
    await until(converged, { within: 60_000, every: 5 });
    ready.push(performance.now() - began);
    if (round < 4) {
      await agent.stop();
      continue;
    }
    const held = await memoryAtRest(agent);
    await agent.stop();
    world.rows.push(
      {
        what: 'start to ready with nothing to do (5): serving, known to be converged',
        ours: `${ms(median(serving))}, ${ms(median(ready))} (${spread(ready, ms)})`,
        target: '300 ms',
      },
      {
        what: 'VmRSS after a restart (of it private)',
        ours: `${mib(held.rss)} (${held.anon.toFixed(1)})`,
        target: '64 MiB at 1,000',
      },
    );
    return;
  }
}

async function lostCluster(world: World, place: Place, first: number): Promise<void> {
  const { cluster, git, rows } = world;
  await git.pause();
  await cluster.wipe();
  await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: place.namespace } });
  const began = performance.now();
  const agent = await start(world, place);
  const converged = async (): Promise<boolean> => (await agent.status()).kustomizations[0]?.converged === true;
  await until(converged, { within: LONG_MS, every: 50 });
  const took = performance.now() - began;
  rows.push({
    what: 'offline start with a wiped cluster to all applied',
    ours: `${ms(took)}, the first sync ${took < first ? '-' : '+'} ${ms(Math.abs(took - first))}`,
    flux: 'never',
    target: 'first sync + 2 s',
  });
  await agent.stop();
}

async function bench(count: number, width: number): Promise<void> {
  const cluster = await startControlPlane({ controllerManager: false });
  const git = await startGitServer();
  const noise = createNoise();
  const world: World = { count, width, cluster, git, noise, rows: [] };
  noise.sample();
  const { agent, place, took } = await firstSyncs(world, count > 2_000 ? 1 : 3);
  await changes(world, agent, place);
  noise.sample();
  await atRest(world, agent, place);
  await drifts(world, place);
  await agent.stop();
  await restarts(world, place);
  noise.sample();
  await lostCluster(world, place, took);
  noise.sample();
  printTable(`${count.toLocaleString('en-US')} objects, ${width} requests at once`, world.rows);
  console.log(`${noise.text()}.`);
  await git.stop();
  await cluster.stop();
}

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '1000' }, width: { type: 'string', default: '16' } },
});
if (!existsSync('dist/holdfast')) throw new Error('build first: npm run build');
for (const count of values.objects.split(',').map(Number)) await bench(count, Number(values.width));
process.exit(0);
