/**
 * One agent that lives through a busy time: commits, edits by hand, a link that is cut, an API server that stands still,
 * starts anew or has lost everything. Whether it comes back to what is committed is asserted, in rounds; how its memory,
 * open files and disk grow is printed. Unlike the other files of this folder it fails when the cluster is wrong.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ControlPlane, startControlPlane } from '../controlplane/index.ts';
import { editByHand } from '../fault/agent/by-hand.ts';
import { wrong } from '../fault/agent/compare.ts';
import { type Launched, launch, scandals, writeSite } from '../fault/agent/launch.ts';
import { createTurmoil, type Turmoil, turmoilObjects } from '../fault/agent/turmoil.ts';
import { startGitServer } from '../gitserver/index.ts';
import { seeded } from '../support/fault-disk.ts';
import { tempDir } from '../support/temp.ts';
import { until } from '../support/until.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const MINUTES = Number(values.minutes ?? 30);
const SEED = Number(values.seed ?? Date.now() % 1_000_000);
/** In less, memory that fills looks like memory that leaks. */
const LEAST_MINUTES = 30;
/** Events between two comparisons. */
const ROUND = 40;

type Git = Awaited<ReturnType<typeof startGitServer>>;

interface World {
  readonly cluster: ControlPlane;
  readonly git: Git;
  readonly repo: Awaited<ReturnType<Git['repo']>>;
  readonly turmoil: Turmoil;
  readonly random: () => number;
  readonly stateDir: string;
  readonly agent: Launched;
  linked: boolean;
  readonly done: Record<'commits' | 'edits' | 'cuts' | 'pauses' | 'restarts' | 'wipes', number>;
}

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

async function link(world: World, up: boolean): Promise<void> {
  if (up === world.linked) return;
  world.linked = up;
  if (!up) world.done.cuts += 1;
  await (up ? world.git.resume() : world.git.pause());
}

async function commit(world: World): Promise<void> {
  const anew = world.random() < 0.05;
  const changes = world.turmoil.step();
  if (Object.keys(changes).length === 0) return;
  world.done.commits += 1;
  await (anew ? world.repo.rewrite(world.turmoil.everything()) : world.repo.commit(changes));
  world.agent.signal('SIGHUP');
}

async function event(world: World): Promise<void> {
  const { cluster, turmoil, random, done } = world;
  const roll = random();
  if (roll < 0.55) await commit(world);
  else if (roll < 0.9) {
    done.edits += 1;
    await editByHand(cluster, turmoil.things(), random);
  } else if (roll < 0.95) await link(world, !world.linked);
  else if (roll < 0.97) {
    done.pauses += 1;
    await cluster.pause('kube-apiserver');
    await pause(300 + random() * 3_000);
    cluster.resume('kube-apiserver');
  } else if (roll < 0.975) {
    done.restarts += 1;
    await cluster.restart('kube-apiserver');
  } else {
    done.wipes += 1;
    await cluster.wipe();
  }
}

/** Waits until the agent says that all is as committed, then looks whether that is so. */
async function compare(world: World): Promise<void> {
  const { cluster, agent, repo, turmoil } = world;
  // It gives up when the API server is gone for long; somebody starts it again.
  if (cluster.pids()['kube-controller-manager'] === undefined) await cluster.start('kube-controller-manager');
  await link(world, true);
  agent.signal('SIGHUP');
  const revision = `main@sha1:${await repo.head()}`;
  for (const name of ['infra', 'app'])
    await agent.reaches(name, (one) => one.converged && one.lastAppliedRevision === revision, { within: 120_000 });
  const asked = (): Promise<readonly string[]> => wrong(cluster, turmoil.things());
  await until(async () => (await asked()).length === 0, { within: 30_000 }).catch(async () => {
    throw new Error(`the cluster is not as committed: ${JSON.stringify(await asked())}`);
  });
  const bad = scandals(agent.lines());
  if (bad.length > 0) throw new Error(`the agent's log: ${bad.join('\n')}`);
}

function field(pid: number, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

function sizeOf(path: string): { readonly bytes: number; readonly files: number } {
  const sizes = readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((one) => {
    const about = one.isFile() ? statSync(join(one.parentPath, one.name), { throwIfNoEntry: false }) : undefined;
    return about === undefined ? [] : [about.size];
  });
  return { bytes: sizes.reduce((sum, one) => sum + one, 0), files: sizes.length };
}

interface Sample {
  readonly minute: number;
  readonly rss: number;
}

function sample(world: World, began: number): Sample {
  const { pid } = world.agent;
  const minute = (performance.now() - began) / 60_000;
  const rss = field(pid, 'VmRSS');
  const { bytes, files } = sizeOf(world.stateDir);
  const open = readdirSync(`/proc/${pid}/fd`).length;
  const done = Object.entries(world.done).map(([name, count]) => `${count} ${name}`);
  console.log(
    `${minute.toFixed(1).padStart(6)} min  VmRSS ${rss.toFixed(1)} MiB (private ${field(pid, 'RssAnon').toFixed(1)}), ` +
      `${open} open files, state ${(bytes / 1048576).toFixed(1)} MiB in ${files} files; ${done.join(', ')}`,
  );
  return { minute, rss };
}

/** MiB an hour, by least squares over the second half: in the first one caches fill. */
function slope(samples: readonly Sample[]): number {
  const late = samples.slice(Math.floor(samples.length / 2));
  const mean = (of: (one: Sample) => number): number => late.reduce((sum, one) => sum + of(one), 0) / late.length;
  const [x, y] = [mean((one) => one.minute), mean((one) => one.rss)];
  const over = late.reduce((sum, one) => sum + (one.minute - x) * (one.rss - y), 0);
  const under = late.reduce((sum, one) => sum + (one.minute - x) ** 2, 0);
  return under === 0 ? 0 : (60 * over) / under;
}

async function live(world: World): Promise<void> {
  const began = performance.now();
  const samples: Sample[] = [];
  for (let count = 1; performance.now() - began < MINUTES * 60_000; count += 1) {
    if (!world.agent.running()) throw new Error(`the agent has ended:\n${world.agent.log().slice(-4_000)}`);
    await event(world);
    await pause(world.random() * 800);
    if (count % ROUND > 0) continue;
    await compare(world);
    await pause(5_000);
    samples.push(sample(world, began));
  }
  await compare(world);
  const grew =
    MINUTES < LEAST_MINUTES
      ? `; ${LEAST_MINUTES} minutes are the least to tell how memory grows`
      : `; VmRSS grew by ${slope(samples).toFixed(1)} MiB an hour in the second half`;
  console.log(`\nright after every round${grew}`);
}

async function main(): Promise<void> {
  console.log(`soak: ${MINUTES} minutes, --seed ${SEED}`);
  const cluster = await startControlPlane();
  const git = await startGitServer();
  const dir = await tempDir('soak');
  const random = seeded(SEED);
  const turmoil = createTurmoil(random);
  const repo = await git.repo('site');
  await repo.commit(turmoil.everything());
  const config = writeSite({
    dir: dir.path,
    kubeconfig: await cluster.kubeconfigFile({ name: 'agent', groups: ['system:masters'] }),
    objects: turmoilObjects(repo.url),
    config: 'pruneGuard: { share: 1 }\nlimits: { backoffMs: 1s }',
  });
  const agent = launch(config);
  try {
    await agent.serving();
    const done = { commits: 0, edits: 0, cuts: 0, pauses: 0, restarts: 0, wipes: 0 };
    const stateDir = join(dir.path, 'state');
    await live({ cluster, git, repo, turmoil, random, stateDir, agent, linked: true, done });
  } catch (error) {
    console.log(agent.log().slice(-20_000));
    throw error;
  } finally {
    await agent.stop();
    await git.stop();
    await cluster.stop();
    await dir.remove();
  }
}

await main();
