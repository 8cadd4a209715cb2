import { type Cache, openCache } from '../../../src/cache/index.ts';
import {
  type AppliedFact,
  DEFAULT_LIMITS,
  type Digest,
  objectId,
  type RenderedObject,
  type RenderedSet,
  type StoredEntry,
  sha256,
} from '../../../src/model/index.ts';
import type { Disk } from '../../../src/ports/index.ts';

/** One thing that the agent does to its cache. */
export type Op =
  | { readonly do: 'admit'; readonly source: number; readonly version: number }
  | { readonly do: 'forget'; readonly source: number }
  | { readonly do: 'good'; readonly app: number; readonly version: number }
  | { readonly do: 'inventory'; readonly app: number; readonly version: number }
  | { readonly do: 'facts'; readonly app: number; readonly version: number }
  | { readonly do: 'boot' }
  | { readonly do: 'gc' };

export const UID = 'cluster-1';
export const LIMITS = { cacheBytes: DEFAULT_LIMITS.cacheBytes, cacheRevisions: 2 };

export const sourceKey = (source: number): string => `GitRepository/flux/repo-${source}`;
export const appKey = (app: number): string => `apps/app-${app}`;
export const open = (disk: Disk, limits = LIMITS): Cache =>
  openCache({ disk, limits, pause: () => new Promise((done) => setImmediate(done)) });

/** What the cache may say of each thing: one value after a success, the old and the new one while it is open. */
export interface Told {
  readonly sources: Map<number, Set<number | undefined>>;
  readonly apps: Map<number, Set<number | undefined>>;
  readonly inventories: Map<number, Set<number | undefined>>;
  readonly boots: Set<number>;
}

export const nothingTold = (): Told => ({
  sources: new Map(),
  apps: new Map(),
  inventories: new Map(),
  boots: new Set([0]),
});

/** Files of a version of a source: most are the same in all versions. */
export function filesOf(source: number, version: number): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (let i = 0; i < 6; i++) files.set(`base/f${i}.yaml`, `kind: ConfigMap # ${source} ${i}\n`.repeat(4 + i));
  files.set(`base/f${version % 6}.yaml`, `kind: Secret # ${source} ${version}\n`.repeat(5));
  files.set('shared/common.yaml', 'kind: Namespace # the same everywhere\n'.repeat(3));
  files.set('version.txt', `${version}`);
  return files;
}

/** Stores a tree of files and makes it the source's current revision. */
export async function admit(cache: Cache, source: number, version: number): Promise<void> {
  const writer = await cache.store.writer();
  try {
    const folders = new Map<string, StoredEntry[]>([['', []]]);
    for (const [path, text] of filesOf(source, version)) {
      const slash = path.indexOf('/');
      const folder = slash < 0 ? '' : path.slice(0, slash);
      const alias = sha256(`blob ${text}`).slice(7, 47);
      const digest = writer.byAlias(alias) ?? writer.put(Buffer.from(text), alias);
      const entry = {
        name: path.slice(slash + 1),
        mode: 'file',
        digest,
        size: text.length,
        alias,
        hidden: false,
      } as const;
      folders.set(folder, [...(folders.get(folder) ?? []), entry]);
    }
    const top = folders.get('') ?? [];
    for (const [name, entries] of folders)
      if (name !== '')
        top.push({ name, mode: 'dir', digest: writer.putFolder(entries), size: 0, alias: '', hidden: false });
    const root = writer.putFolder(top);
    const keep = writer.put(Buffer.from(`commit ${source} ${version}`));
    await writer.commit();
    const revision = { revision: `main@sha1:${version}`, root, metadata: { version: `${version}` }, keep: [keep] };
    await cache.sources.admit(sourceKey(source), revision, {
      at: version,
      request: sha256(`${source}`),
      count: { requests: 1, up: 10, down: 100 },
    });
  } catch (error) {
    await writer.discard().catch(() => undefined);
    throw error;
  }
}

/** A render of a version: ten objects, one of which is the version's own. */
export function renderOf(app: number, version: number): { set: RenderedSet; bodies: ReadonlyMap<Digest, Buffer> } {
  const bodies = new Map<Digest, Buffer>();
  const objects = Array.from({ length: 10 }, (_, i): RenderedObject => {
    const ref = { group: '', version: 'v1', kind: 'ConfigMap', namespace: `app-${app}`, name: `o${i}` };
    const body = Buffer.from(JSON.stringify({ ...ref, data: i === 0 ? version : 'same', pad: 'x'.repeat(i * 20) }));
    const digest = sha256(body);
    bodies.set(digest, body);
    const settings = { reconcile: true, ssa: 'Override', force: false, prune: i % 2 === 0 } as const;
    const needs = i > 0 ? [objectId({ ...ref, name: 'o0' }), 'elsewhere_x__Secret'] : [];
    return { id: objectId(ref), ref, digest, size: body.length, origin: `f${i}.yaml`, settings, needs };
  });
  return { set: { objects }, bodies };
}

export const inventoryOf = (app: number, version: number) => ({
  clusterUid: UID,
  entries: Array.from({ length: 3 + (version % 3) }, (_, i) => ({
    id: `app-${app}_o${i}-${version}__ConfigMap`,
    v: 'v1',
  })),
});

export const factOf = (version: number): AppliedFact => ({
  uid: `uid-${version}`,
  digest: sha256(`${version}`),
  mark: `m${version}`,
});

/** Runs a task that changes a value: until it succeeds both are possible. */
async function changing(
  told: Map<number, Set<number | undefined>>,
  [key, value]: readonly [number, number | undefined],
  task: () => Promise<unknown>,
): Promise<void> {
  told.set(key, new Set([...(told.get(key) ?? [undefined]), value]));
  await task();
  told.set(key, new Set([value]));
}

async function storeGood(cache: Cache, app: number, version: number): Promise<void> {
  const { set, bodies } = renderOf(app, version);
  const rendered = await cache.storeRender(set, (digest) => bodies.get(digest));
  const lastGood = { revision: `v${version}`, rendered, at: version };
  await cache.kustomizations.update(appKey(app), { clusterUid: UID, lastGood, status: { big: 2n ** 70n } });
}

/** Does one thing, and notes what was told to the outside. */
export async function perform(cache: Cache, op: Op, told: Told): Promise<void> {
  if (op.do === 'admit')
    await changing(told.sources, [op.source, op.version], () => admit(cache, op.source, op.version));
  else if (op.do === 'forget')
    await changing(told.sources, [op.source, undefined], () => cache.sources.remove(sourceKey(op.source)));
  else if (op.do === 'good')
    await changing(told.apps, [op.app, op.version], () => storeGood(cache, op.app, op.version));
  else if (op.do === 'inventory')
    await changing(told.inventories, [op.app, op.version], () =>
      cache.kustomizations.putInventory(appKey(op.app), inventoryOf(op.app, op.version)),
    );
  else if (op.do === 'facts')
    await cache.facts(appKey(op.app)).record(UID, [
      ['o1', factOf(op.version)],
      [`o${op.version}`, op.version % 2 === 0 ? factOf(op.version) : undefined],
    ]);
  else if (op.do === 'boot') {
    const boots = cache.agent.get().boots + 1;
    told.boots.add(boots);
    await cache.agent.update({ boots });
    told.boots.clear();
    told.boots.add(boots);
  } else await cache.gc();
}

/** Everything that must be true of a cache after whatever happened. Answers what is wrong. */
export async function faultsOf(cache: Cache, told: Told): Promise<string[]> {
  const wrong: string[] = [];
  const say = (text: string): void => void wrong.push(text);
  const check = (what: string, allowed: ReadonlySet<number | undefined>, got: number | undefined): void => {
    if (!allowed.has(got)) say(`${what} is at ${got}, told ${[...allowed].join(' or ')}`);
  };
  for (const [source, allowed] of told.sources) {
    const found = cache.sources.get(sourceKey(source));
    check(`source ${source}`, allowed, found === undefined ? undefined : Number(found.current.metadata['version']));
    for (const revision of found === undefined ? [] : [found.current, ...found.previous])
      readTree(cache, source, revision.root, Number(revision.metadata['version']), say);
  }
  for (const [app, allowed] of told.apps) {
    const good = cache.kustomizations.get(appKey(app))?.lastGood;
    check(`app ${app}`, allowed, good?.at);
    if (good !== undefined) readRender(cache, app, good.at, good.rendered, say);
  }
  for (const [app, allowed] of told.inventories) {
    const got = JSON.stringify(cache.kustomizations.inventory(appKey(app)));
    const right = [...allowed].map((one) => (one === undefined ? undefined : JSON.stringify(inventoryOf(app, one))));
    if (!right.includes(got)) say(`inventory of ${app} is ${got}`);
    for (const fact of cache.facts(appKey(app)).load(UID).values())
      if (JSON.stringify(fact) !== JSON.stringify(factOf(Number(fact.mark.slice(1)))))
        say(`fact ${JSON.stringify(fact)}`);
  }
  check('the boot counter', told.boots, cache.agent.get().boots);
  return wrong;
}

/** What a restarted agent finds is what counts from then on. */
export function settle(cache: Cache, told: Told): Told {
  const settled = nothingTold();
  settled.boots.clear();
  settled.boots.add(cache.agent.get().boots);
  for (const source of told.sources.keys()) {
    const found = cache.sources.get(sourceKey(source));
    settled.sources.set(source, new Set([found === undefined ? undefined : Number(found.current.metadata['version'])]));
  }
  for (const app of told.apps.keys())
    settled.apps.set(app, new Set([cache.kustomizations.get(appKey(app))?.lastGood?.at]));
  for (const [app, allowed] of told.inventories) {
    const got = JSON.stringify(cache.kustomizations.inventory(appKey(app)));
    const found = [...allowed].filter((one) => one !== undefined && got === JSON.stringify(inventoryOf(app, one)));
    settled.inventories.set(app, new Set(found.length === 0 ? [undefined] : found));
  }
  return settled;
}

function readTree(cache: Cache, source: number, root: Digest, version: number, say: (text: string) => void): void {
  try {
    const tree = cache.store.tree(root);
    for (const [path, text] of filesOf(source, version)) {
      const got = Buffer.from(tree.read(path) ?? []).toString();
      if (got !== text) say(`${path} of source ${source} version ${version} reads ${JSON.stringify(got)}`);
    }
  } catch (error) {
    say(`source ${source} version ${version}: ${String(error)}`);
  }
}

function readRender(cache: Cache, app: number, version: number, digest: Digest, say: (text: string) => void): void {
  try {
    const { set, bodies } = renderOf(app, version);
    const got = cache.loadRender(digest);
    if (JSON.stringify(got) !== JSON.stringify(set)) say(`render of app ${app} version ${version} differs`);
    for (const { digest: body } of got.objects)
      if (!bodies.get(body)?.equals(cache.store.get(body))) say(`body ${body} differs`);
  } catch (error) {
    say(`render of app ${app} version ${version}: ${String(error)}`);
  }
}
