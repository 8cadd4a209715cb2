import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { createDisk } from '../../agent/adapters/disk/index.ts';
import { type Cache, openCache } from '../../src/cache/index.ts';
import { DEFAULT_LIMITS, type Digest, type StoredEntry, sha256 } from '../../src/model/index.ts';
import { tempDir } from '../support/temp.ts';

/*
 * What the cache costs, beside a floor measured in the same run:
 *   node --expose-gc test/bench/cache.ts
 */

const FILES = 5_000;
const PER_FOLDER = 50;
const KEY = 'GitRepository/bench/repo';

function fileText(i: number, version: number): Buffer {
  const meta = `metadata:\n  name: app-${i}\n  namespace: team-${i % 40}\n`;
  const body = `apiVersion: apps/v1\nkind: Deployment\n${meta}spec:\n  replicas: ${(i * 7 + version) % 5}\n`;
  return Buffer.from(`${body.repeat(6)}# ${sha256(`${i} ${version}`)}\n`);
}

function line(what: string, value: number, unit: string, beside = ''): void {
  console.log(`${what.padEnd(58)} ${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit.padEnd(6)} ${beside}`);
}

async function timed<T>(call: () => T | Promise<T>): Promise<{ ms: number; value: T }> {
  const start = performance.now();
  const value = await call();
  return { ms: performance.now() - start, value };
}

/** Stores a tree of `count` files of which `changed` are new in this version. */
async function store(cache: Cache, count: number, version: number, changed: number): Promise<Digest> {
  const writer = await cache.store.writer();
  const top: StoredEntry[] = [];
  for (let d = 0; d < count / PER_FOLDER; d++) {
    const entries: StoredEntry[] = [];
    for (let f = 0; f < PER_FOLDER; f++) {
      const i = d * PER_FOLDER + f;
      const bytes = fileText(i, i < changed ? version : 0);
      const alias = sha256(bytes).slice(7, 47);
      const digest = writer.put(bytes, alias);
      entries.push({ name: `f${f}.yaml`, mode: 'file', digest, size: bytes.length, alias, hidden: false });
    }
    const digest = writer.putFolder(entries, sha256(`tree ${d} ${version}`).slice(7, 47));
    top.push({ name: `d${d}`, mode: 'dir', digest, size: 0, alias: '', hidden: false });
    await writer.drain();
  }
  const root = writer.putFolder(top);
  await writer.commit();
  return root;
}

const admit = (cache: Cache, root: Digest, version: number): Promise<void> =>
  cache.sources.admit(
    KEY,
    { revision: `main@sha1:${version}`, root, metadata: {}, keep: [] },
    { at: version, request: 'r', count: { requests: 1, up: 0, down: 0 } },
  );

/** The floor: one file, written, synced, renamed, its folder synced. */
function plainWrite(folder: string, bytes: Uint8Array): void {
  mkdirSync(folder, { recursive: true });
  const fd = openSync(`${folder}/t`, 'w');
  writeSync(fd, bytes);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${folder}/t`, `${folder}/f`);
  const dir = openSync(folder, 'r');
  fsyncSync(dir);
  closeSync(dir);
}

function rssBytes(): number {
  globalThis.gc?.();
  const match = /VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

await using temp = await tempDir('bench-cache');
const limits = DEFAULT_LIMITS;
const pause = (): Promise<void> => new Promise((done) => setImmediate(done));
const disk = createDisk(`${temp.path}/state`);
const cache = openCache({ disk, limits, pause });

const content = Buffer.concat(Array.from({ length: FILES }, (_, i) => fileText(i, 0)));
const floor = await timed(() => plainWrite(`${temp.path}/plain`, content));
const first = await timed(() => store(cache, FILES, 0, 0));
const point = await timed(() => admit(cache, first.value, 0));
line(`write ${content.length >> 20} MiB as one plain file, synced`, floor.ms, 'ms', '(floor)');
line(`admit ${FILES} files (hash, deflate, pack, sync)`, first.ms, 'ms', `${cache.usage().bytes >> 10} KiB on disk`);
line('prove and point at them', point.ms, 'ms');

const small = await timed(async () => admit(cache, await store(cache, FILES, 1, 1), 1));
line(`the same again with one file changed, ${FILES} put`, small.ms, 'ms', `${cache.usage().packs} packs`);

for (let version = 2; version < 14; version++) await admit(cache, await store(cache, FILES, version, version), version);
const collected = await timed(() => cache.gc());
line('garbage collection after 14 revisions', collected.ms, 'ms', JSON.stringify(collected.value));

const opened = await timed(() => openCache({ disk, limits, pause }));
const again = opened.value;
const pointer = await timed(() => again.sources.get(KEY));
line('open', opened.ms, 'ms');
line('read the pointer', pointer.ms, 'ms');
const root = pointer.value?.current.root ?? sha256('');
const lookup = await timed(() => again.store.has(root));
line('first look-up (reads and verifies the indexes)', lookup.ms, 'ms');

const tree = again.store.tree(root);
let bytes = 0;
const read = await timed(() => {
  for (const { name } of tree.list('') ?? [])
    for (const file of tree.list(name) ?? []) bytes += tree.read(`${name}/${file.name}`)?.length ?? 0;
});
line(`read and verify all ${FILES} files`, read.ms, 'ms', `${((bytes / read.ms) * 1000) >> 20} MiB/s`);
const hits = await timed(() => {
  for (let i = 0; i < FILES; i++) again.store.byAlias(sha256(fileText(i, 0)).slice(7, 47));
});
line(`${FILES} look-ups by alias (digests of the benchmark included)`, hits.ms, 'ms');

const big = createDisk(`${temp.path}/big`);
await store(openCache({ disk: big, limits, pause }), 9_800, 0, 0);
const before = rssBytes();
const heap = process.memoryUsage();
const holder = openCache({ disk: big, limits, pause });
holder.store.has(root);
const now = process.memoryUsage();
const held = now.arrayBuffers - heap.arrayBuffers + (now.heapUsed - heap.heapUsed);
line(
  'memory of an open store, 10,000 contents with aliases',
  held / 1024,
  'KiB',
  `VmRSS +${(rssBytes() - before) >> 10} KiB`,
);
holder.rest();
const inventory = {
  clusterUid: 'u',
  entries: Array.from({ length: 1_000 }, (_, i) => ({ id: `ns_app-${i}_apps_Deployment`, v: 'v1' })),
};
const wrote = await timed(() => holder.kustomizations.putInventory('a/b', inventory));
const same = await timed(() => holder.kustomizations.putInventory('a/b', inventory));
line('inventory of 1,000 objects, written', wrote.ms, 'ms');
line(
  'inventory of 1,000 objects, unchanged',
  same.ms,
  'ms',
  `${readdirSync(`${temp.path}/big/inventories`).length} file`,
);
