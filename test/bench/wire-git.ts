import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { createDisk } from '../../agent/adapters/disk/index.ts';
import { createWire } from '../../agent/adapters/wire/index.ts';
import { openCache } from '../../src/cache/index.ts';
import { DEFAULT_LIMITS, type SourceRevision } from '../../src/model/index.ts';
import { fetchGit } from '../../src/source/git/index.ts';
import { type Repo, runGit, startGitServer } from '../gitserver/index.ts';
import { realTime, silentLog } from '../support/quiet.ts';
import { startRelay } from '../support/relay.ts';
import { tempDir } from '../support/temp.ts';
import { createNoise, mib, printTable, type Row } from './table.ts';

/*
 * Bytes of Git on the wire, both ways, counted between the site and the server (TCP payload), beside `git fetch`:
 *   npm run bench -- wire-git
 */

interface Told {
  readonly fault: string;
  readonly kind: string;
  readonly idle: number;
  readonly peak: number;
}

const run = promisify(execFile);
const hex = (text: string): string => createHash('sha256').update(text).digest('hex');

function noise(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < size; i++) parts.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

/** About 1.1 KB, as manifests are: most of it is like the next one. */
const manifest = (i: number, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app-${i}, namespace: team-${i % 40} }\ndata:\n  id: ${hex(`${i}`)}\n  value: "${value}"\n${'  setting: "the same in all of them, as settings are"\n'.repeat(16)}`;

/** 5,000 files, 5.7 MB. */
const fleet = (): Record<string, string> =>
  Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`apps/a${i % 50}/f${i}.yaml`, manifest(i, '0')]));

/** 50 MB that do not compress. */
const large = (): Record<string, Buffer> =>
  Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`d${i % 20}/f${i}.bin`, noise(`f${i}`, 50_000)]));

const kb = (bytes: number): string =>
  bytes < 10_000
    ? String(bytes)
    : bytes < 2_000_000
      ? `${(bytes / 1000).toFixed(1)} KB`
      : `${(bytes / 1e6).toFixed(2)} MB`;

await using temp = await tempDir('bench-wire');
const server = await startGitServer();
const relay = await startRelay({ port: server.port });
const sound = createNoise();
const through = (repo: Repo): string => repo.url.replace(/:[0-9]+\//, `:${relay.port}/`);

/** Bytes up and down of a piece of work. */
async function counted<T>(work: () => Promise<T>): Promise<{ value: T; up: number; down: number; text: string }> {
  relay.resetCounts();
  const value = await work();
  await new Promise((done) => setTimeout(done, 100));
  const [up, down] = [relay.in(), relay.out()];
  return { value, up, down, text: `${kb(up)} + ${kb(down)}` };
}

/** One attempt of ours; a child, so that memory and connections are its own. */
async function ours(state: string, repo: Repo, timeoutMs = 120_000): Promise<Told> {
  sound.sample();
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--max-semi-space-size=1'];
  const args = [...flags, 'test/bench/wire-site.ts', `${temp.path}/${state}`, through(repo), String(timeoutMs)];
  return JSON.parse((await run(process.execPath, args)).stdout) as Told;
}

const gits = (dir: string, ...args: string[]): Promise<string> =>
  runGit(['-c', 'protocol.version=2', ...args], { cwd: `${temp.path}/${dir}` });

async function changes(rows: Row[]): Promise<void> {
  const repo = await server.repo('fleet');
  await repo.commit(fleet());
  await repo.git('repack', '-adq');
  const first = await counted(() => ours('fleet', repo));
  const clone = await counted(() =>
    runGit(['-c', 'protocol.version=2', 'clone', '-q', '--bare', '--depth=1', through(repo), `${temp.path}/clone`], {}),
  );
  rows.push({ what: 'first clone, 5,000 files of 5.7 MB', ours: first.text, floor: clone.text, flux: '1,297 KB' });
  const poll = await counted(() => ours('fleet', repo));
  const fetch = await counted(() => gits('clone', 'fetch', '-q', '--depth=1', 'origin', 'main'));
  rows.push({ what: 'poll without a change', ours: poll.text, floor: fetch.text, flux: '832', target: '0.5x of Flux' });
  await repo.commit({ 'apps/a7/f7.yaml': manifest(7, 'changed') });
  const change = await counted(() => ours('fleet', repo));
  const difference = await counted(() => gits('clone', 'fetch', '-q', '--depth=1', 'origin', 'main'));
  rows.push({
    what: 'one file changed of 5,000',
    ours: change.text,
    floor: difference.text,
    flux: '1,298 KB',
    target: '2x of git',
  });
  await repo.manyRefs(50_000);
  const many = await counted(() => ours('fleet', repo));
  const remote = await counted(() => gits('clone', 'fetch', '-q', '--depth=1', 'origin', 'main'));
  rows.push({
    what: 'poll without a change, 50,000 more branches',
    ours: many.text,
    floor: remote.text,
    flux: '316 KB at 5,000',
    target: '1 KB',
  });
}

const SITES = 2_000;

/** 2,000 sites of ten files, and a base. */
const stores = (): Record<string, string> => ({
  ...Object.fromEntries(
    Array.from({ length: SITES * 10 }, (_, i) => [
      `clusters/site-${i % SITES}/part-${Math.floor(i / SITES)}.yaml`,
      `kind: ConfigMap\nmetadata: { name: site-${i} }\ndata: { id: ${hex(`${i}`)} }\n`,
    ]),
  ),
  ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`bases/shop/f${i}.yaml`, manifest(i, 'base')])),
});

async function part(rows: Row[]): Promise<void> {
  const repo = await server.repo('stores');
  await repo.commit(stores());
  await repo.git('repack', '-adq');
  const wire = createWire();
  const cache = openCache({ disk: createDisk(`${temp.path}/part`), limits: DEFAULT_LIMITS });
  const needs = { paths: ['clusters/site-7', 'clusters/site-1999', 'bases/shop'] };
  let have: SourceRevision | undefined;
  const bring = async (): Promise<void> => {
    const request = { url: through(repo), ref: { branch: 'main' }, sparseCheckout: [], timeoutMs: 60_000, needs };
    const outcome = await fetchGit(
      { wire, store: cache.store, clock: realTime, log: silentLog },
      have === undefined ? request : { ...request, have },
      { limits: DEFAULT_LIMITS },
    );
    if (outcome.kind === 'fetched') have = outcome.content;
  };
  const first = await counted(bring);
  const clone = await counted(() =>
    runGit(
      ['-c', 'protocol.version=2', 'clone', '-q', '--bare', '--depth=1', through(repo), `${temp.path}/stores`],
      {},
    ),
  );
  rows.push({ what: '3 folders of 2,000 sites, 20,020 files (fetch: needed)', ours: first.text, floor: clone.text });
  await repo.commit({ 'clusters/site-7/part-3.yaml': 'changed: 1\n' });
  const next = await counted(bring);
  const change = await counted(() => gits('stores', 'fetch', '-q', '--depth=1', 'origin', 'main'));
  rows.push({ what: '  one file of them changed', ours: next.text, floor: change.text });
  wire.close();
}

async function cuts(rows: Row[]): Promise<void> {
  const repo = await server.repo('large');
  await repo.commit(large());
  await repo.git('repack', '-adq');
  const whole = await counted(() => ours('whole', repo));
  const more = (told: Told): string => `+${mib(told.peak - told.idle)} over ${mib(told.idle)}`;
  rows.push({ what: '50 MB that do not compress', ours: whole.text });
  rows.push({ what: '  memory at the peak', ours: more(whole.value), target: '+40 MiB' });
  relay.cutAfter(200_000, 'out');
  const began = performance.now();
  const cut = await counted(() => ours('cut', repo, 900_000));
  const took = (performance.now() - began) / 1000;
  await relay.restore();
  const share = (cut.up + cut.down) / (whole.up + whole.down);
  rows.push({
    what: '  every connection cut after 200 KB',
    ours: cut.value.fault === '' ? `${cut.text}: ${share.toFixed(2)}x, ${took.toFixed(0)} s` : cut.value.fault,
    floor: 'git starts over, for ever',
    flux: 'starts over, for ever',
    target: '1.3x',
  });
  rows.push({ what: '  memory at the peak', ours: more(cut.value), target: '+40 MiB' });
}

const rows: Row[] = [];
await changes(rows);
await part(rows);
await cuts(rows);
printTable('Git on the wire: bytes up + down, with a new connection each time', rows);
console.log(sound.text());
await relay.stop();
await server.stop();
