import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { diskTree } from '../../agent/cli/disk-tree.ts';
import { build, toYaml } from '../../src/render/kustomize/index.ts';
import { CORPUS, hasCorpus } from '../golden/kustomize/corpus.ts';
import { type KustomizeParts, startKustomize } from '../kustomize/index.ts';

/** What a process took. */
export interface Cost {
  /** Milliseconds by the clock, and of all cores in user and system mode. */
  readonly wall: number;
  readonly cpu: number;
  /** Most memory it had at once, MiB. */
  readonly peak: number;
}

/** Runs a command a few times: the least time, and the most memory. */
export function costOf(parts: KustomizeParts, times: number, ...command: readonly string[]): Cost {
  let cost: Cost = { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY, peak: 0 };
  for (let i = 0; i < times; i++) {
    const done = spawnSync(parts.server, command, { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${command.join(' ')}: ${done.stderr}`);
    const { wall, cpu, peak } = JSON.parse(done.stdout) as Cost;
    cost = {
      wall: Math.min(cost.wall, wall / 1_000),
      cpu: Math.min(cost.cpu, cpu / 1_000),
      peak: Math.max(cost.peak, peak / 1_048_576),
    };
  }
  return cost;
}

interface Case {
  readonly name: string;
  readonly folder: string;
  readonly root: string;
  readonly bytes: number;
  readonly unrestricted: boolean;
}

/** The cases from public repositories with the largest output. */
function largest(count: number): Case[] {
  const cases = join(CORPUS, 'cases');
  const found: Case[] = [];
  for (const name of readdirSync(cases)) {
    const expected = join(cases, name, 'expected.yaml');
    if (!/^(?:real|example)\./.test(name) || !existsSync(expected)) continue;
    const root = normalize(readFileSync(join(cases, name, 'root'), 'utf8').trim()).replace(/^\.$|\/$/g, '');
    const { options } = JSON.parse(readFileSync(join(cases, name, 'meta.json'), 'utf8')) as {
      options: { loadRestrictor: string };
    };
    const unrestricted = options.loadRestrictor === 'none';
    found.push({ name, folder: join(cases, name, 'input'), root, bytes: statSync(expected).size, unrestricted });
  }
  return found.sort((a, b) => b.bytes - a.bytes).slice(0, count);
}

/** The least CPU of all threads that a piece of work took, milliseconds. */
export function least(times: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

const WARM = 7;
const COLD = 3;

/** A table of the largest real cases, in Markdown: `binary` is the built program, beside kustomize's own. */
export async function largestCases(parts: KustomizeParts, binary: string, count = 20): Promise<void> {
  if (!hasCorpus) {
    console.log('no conformance cases beside the repository: no table of the largest real cases');
    return;
  }
  const server = startKustomize(parts);
  console.log(`
Output in KiB. All times are CPU of all threads in user and system mode, ms. *Warm* is the library in a process that has built the same
before, least of ${WARM}; *process* the whole program, least of ${COLD}, with the clock's time in brackets; *peak* its largest resident set, MiB.

| case | output | warm: Holdfast | Go | ratio | process: Holdfast | kustomize | ratio | peak: Holdfast | kustomize |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|`);
  const sums = { warm: [0, 0], cpu: [0, 0], peak: [0, 0] };
  for (const one of largest(count)) {
    const dir = join(one.folder, one.root);
    const flags = one.unrestricted ? ['--load-restrictor=LoadRestrictionsNone'] : [];
    const tree = diskTree(one.folder);
    const warm = least(WARM, () =>
      toYaml(build(tree, one.root, { loadRestrictor: one.unrestricted ? 'none' : 'rootonly' })),
    );
    let go = Number.POSITIVE_INFINITY;
    for (let i = 0; i < WARM; i++) {
      const answer = await server.build({ dir, reorder: 'none', unrestricted: one.unrestricted });
      go = Math.min(go, answer.cpu / 1_000);
    }
    const own = costOf(parts, COLD, binary, 'build', dir, ...flags);
    const reference = costOf(parts, COLD, parts.kustomize, 'build', dir, ...flags);
    const pairs = { warm: [warm, go], cpu: [own.cpu, reference.cpu], peak: [own.peak, reference.peak] } as const;
    for (const key of ['warm', 'cpu', 'peak'] as const) {
      sums[key][0] = (sums[key][0] ?? 0) + pairs[key][0];
      sums[key][1] = (sums[key][1] ?? 0) + pairs[key][1];
    }
    const cells = [
      one.name.replace(/^\w+\./, ''),
      (one.bytes / 1024).toFixed(0),
      warm.toFixed(1),
      go.toFixed(1),
      (warm / go).toFixed(2),
      `${own.cpu.toFixed(0)} (${own.wall.toFixed(0)})`,
      `${reference.cpu.toFixed(0)} (${reference.wall.toFixed(0)})`,
      (own.cpu / reference.cpu).toFixed(2),
      own.peak.toFixed(0),
      reference.peak.toFixed(0),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  server.stop();
  const ratio = ([a = 0, b = 0]: readonly number[]): string => (a / b).toFixed(2);
  console.log(`
Over all of them: warm ${ratio(sums.warm)}x of Go's warm library, ${ratio([sums.warm[0] ?? 0, sums.cpu[1] ?? 0])}x of the binary's CPU; process ${ratio(sums.cpu)}x of
the binary's CPU; peak ${ratio(sums.peak)}x.`);
}
