/**
 * Flux objects of the cluster in number: Kustomizations of ten objects each, all from one source, on a real control plane
 * and a real Git server, beside the floor and beside what Flux costs. Nothing here asserts: a shared machine is never
 * steady. Who watches and counts is this process, by watches and by the API server's own counters.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ControlPlane, type RequestCounts, startControlPlane } from '../controlplane/index.ts';
import { startGitServer } from '../gitserver/index.ts';
import { cpuOf } from '../support/cpu.ts';
import { type AgentProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { until } from '../support/until.ts';
import { firstFile, fleetFiles, fleetObjects, putAll, tenantOf, watchFleet } from './fleet.ts';
import { floorOf } from './floor.ts';
import { FLUX_300 } from './flux.ts';
import { createNoise, median, mib, ms, printTable, type Row, spread } from './table.ts';
import { leaseRows } from './takeover.ts';

const LONG_MS = 600_000;
const REST_MS = 60_000;
const rest = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

type Git = Awaited<ReturnType<typeof startGitServer>>;
type Repo = Awaited<ReturnType<Git['repo']>>;
type Fleet = Awaited<ReturnType<typeof watchFleet>>;

interface World {
  readonly count: number;
  readonly width: number;
  readonly cluster: ControlPlane;
  readonly repo: Repo;
  readonly namespace: string;
  readonly noise: ReturnType<typeof createNoise>;
  readonly rows: Row[];
}

/** Requests without watches and without our own look at the counters; `kinds` says of what. */
function asked(before: RequestCounts, after: RequestCounts): { readonly total: number; readonly kinds: string } {
  const since = after.since(before);
  const sums = new Map<string, number>();
  for (const { verb, resource, subresource, count } of since.rows) {
    if (verb === 'WATCH' || resource === '') continue;
    const name = `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`;
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  const kinds = [...sums].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${n} ${name}`);
  return { total: [...sums.values()].reduce((all, one) => all + one, 0), kinds: kinds.join(', ') };
}

async function firstSync(
  world: World,
  agent: () => Promise<AgentProcess>,
): Promise<{ agent: AgentProcess; fleet: Fleet }> {
  const { cluster, count, width, rows, repo, namespace, noise } = world;
  const files = (other: string): Record<string, string> => fleetFiles(count, other);
  await repo.commit(files(namespace));
  await putAll(cluster, fleetObjects(count, { namespace, url: repo.url }));
  await floorOf(cluster, { width, files: (other) => fleetFiles(Math.min(count, 20), other) });
  const before = await floorOf(cluster, { width, files });
  const fleet = await watchFleet(cluster, namespace);
  const counts = await cluster.requestCounts();
  const began = performance.now();
  const running = await agent();
  const revision = `main@sha1:${await repo.head()}`;
  await until(() => fleet.applied(revision) === count, { within: LONG_MS, every: 20, what: 'all are ready' });
  const ready = performance.now() - began;
  const cpu = cpuOf(running.pid);
  const applied = fleet.objectsAt() - began;
  const after = asked(counts, await cluster.requestCounts());
  const floor = (before + (await floorOf(cluster, { width, files }))) / 2;
  noise.sample();
  rows.push(
    {
      what: 'first sync, process start to all objects applied',
      ours: ms(applied),
      floor: `${(applied / floor).toFixed(2)}x`,
      target: '1.2x',
    },
    {
      what: '  to everything Ready',
      ours: ms(ready),
      floor: `${(ready / floor).toFixed(2)}x`,
      flux: FLUX_300.firstSync,
    },
    { what: '  CPU', ours: `${cpu.toFixed(1)} s` },
    { what: '  requests', ours: `${after.total}: ${after.kinds}`, flux: FLUX_300.firstRequests },
    { what: '  fetches and requests to Git', ours: `${repo.totals().requests} requests` },
    { what: '  peak VmRSS', ours: mib(running.memory().peak), flux: FLUX_300.peak },
  );
  return { agent: running, fleet };
}

async function commits(world: World, agent: AgentProcess, fleet: Fleet): Promise<void> {
  const { cluster, count, repo, namespace, rows } = world;
  const seen: number[] = [];
  const ready: number[] = [];
  const cpu: number[] = [];
  let last = '';
  let fetches = 0;
  let writes = 0;
  for (let round = 0; round <= 5; round += 1) {
    const value = `round ${round}`;
    await repo.commit(firstFile(namespace, value));
    const revision = `main@sha1:${await repo.head()}`;
    const counts = await cluster.requestCounts();
    const git = repo.totals().requests;
    const used = cpuOf(agent.pid);
    const began = performance.now();
    agent.nudge();
    await until(() => fleet.value() === value, { within: LONG_MS, every: 2, what: 'the change is seen' });
    const first = performance.now() - began;
    await until(() => fleet.applied(revision) === count, { within: LONG_MS, every: 5, what: 'all are ready' });
    const whole = performance.now() - began;
    // What is told late counts, too: events, records.
    await rest(6_000);
    const after = await cluster.requestCounts();
    last = asked(counts, after).kinds;
    writes = after.since(counts).of({ resource: 'kustomizations', subresource: 'status' });
    fetches = repo.totals().requests - git;
    // The first one warms up.
    if (round === 0) continue;
    seen.push(first);
    ready.push(whole);
    cpu.push(cpuOf(agent.pid) - used);
  }
  const text = (values: readonly number[]): string => `${ms(median(values))} (${spread(values, ms)})`;
  rows.push(
    { what: 'one-file commit, nudge to seen (5)', ours: text(seen), flux: FLUX_300.seen, target: '500 ms' },
    { what: '  everything Ready with the new revision', ours: text(ready), flux: FLUX_300.ready, target: '5 s' },
    { what: '  CPU', ours: `${median(cpu).toFixed(2)} s`, flux: FLUX_300.cpu, target: '5 s' },
    { what: '  status writes of Kustomizations', ours: String(writes), flux: '2,400', target: String(count) },
    { what: '  requests', ours: last, flux: FLUX_300.requests },
    { what: '  requests to Git', ours: String(fetches) },
  );
}

async function atRest({ cluster, rows }: World, agent: AgentProcess): Promise<void> {
  // What is left to tidy is tidied once a minute.
  await rest(REST_MS + 5_000);
  const counts = await cluster.requestCounts();
  const cpu = cpuOf(agent.pid);
  await rest(REST_MS);
  const { total, kinds } = asked(counts, await cluster.requestCounts());
  const { rss, anon } = agent.memory();
  rows.push(
    { what: 'a minute at rest: requests', ours: kinds === '' ? '0' : `${total}: ${kinds}`, flux: FLUX_300.rest },
    { what: '  CPU', ours: `${(cpuOf(agent.pid) - cpu).toFixed(2)} s`, flux: '0.2 s' },
    { what: '  VmRSS (of it private)', ours: `${mib(rss)} (${anon.toFixed(1)})`, flux: FLUX_300.rss, target: '80 MiB' },
  );
}

async function restart(world: World, agent: AgentProcess, start: () => Promise<AgentProcess>): Promise<AgentProcess> {
  await agent.stop();
  const counts = await world.cluster.requestCounts();
  const began = performance.now();
  const again = await start();
  const settled = async (): Promise<boolean> =>
    (await again.status()).kustomizations.filter((one) => one.converged).length === world.count;
  await until(settled, { within: LONG_MS, every: 200, what: 'known to be converged' });
  const took = performance.now() - began;
  await rest(15_000);
  const { total, kinds } = asked(counts, await world.cluster.requestCounts());
  const { rss, anon } = again.memory();
  world.rows.push(
    { what: 'start with nothing to do, to all known to be converged', ours: ms(took) },
    { what: '  requests', ours: `${total}: ${kinds}` },
    { what: '  VmRSS (of it private)', ours: `${mib(rss)} (${anon.toFixed(1)})`, target: '80 MiB' },
  );
  return again;
}

async function bench(count: number, width: number, short: boolean): Promise<void> {
  const cluster = await startControlPlane({ controllerManager: false });
  const git = await startGitServer();
  const noise = createNoise();
  noise.sample();
  const namespace = await tenantOf(cluster);
  const world: World = { count, width, cluster, repo: await git.repo('fleet'), namespace, noise, rows: [] };
  const { path: dir } = await tempDir('flux300');
  const kubeconfig = await cluster.kubeconfigFile();
  const start = (): Promise<AgentProcess> =>
    startProcess({
      dir,
      kubeconfig,
      where: '{ files: [], cluster: { enabled: true } }',
      config: 'artifacts: { listen: "127.0.0.1:0" }\n',
    });
  const { agent, fleet } = await firstSync(world, start);
  await commits(world, agent, fleet);
  noise.sample();
  let running = agent;
  if (!short) {
    await atRest(world, agent);
    running = await restart(world, agent, start);
  }
  await running.stop();
  fleet.stop();
  if (!short) world.rows.push(...(await leaseRows(cluster, dir)));
  noise.sample();
  printTable(`${count} Kustomizations of 10 objects, one source, objects of the cluster`, world.rows);
  console.log(`${noise.text()}.`);
  await git.stop();
  await cluster.stop();
}

const { values } = parseArgs({
  options: {
    kustomizations: { type: 'string', default: '300' },
    width: { type: 'string', default: '16' },
    short: { type: 'boolean', default: false },
  },
});
if (!existsSync('dist/holdfast')) throw new Error('build first: npm run build');
await bench(Number(values.kustomizations), Number(values.width), values.short);
process.exit(0);
