import type { JsonObject } from '../../../src/model/index.ts';
import type { ClusterAccess } from '../../controlplane/index.ts';
import { pick, type Random } from '../../fault/agent/turmoil.ts';
import { configMap, kustomization, type Site } from './site.ts';

/** One Kustomization as somebody wants it now; it alone uses the folders `NAME-a` and `NAME-b`. */
interface Wish {
  readonly name: string;
  readonly folder: 'a' | 'b';
  /** Where its objects go; '' for where Git says. */
  readonly target: string;
  readonly suspend: boolean;
  readonly wait: boolean;
  /** Names of others. */
  readonly after: readonly string[];
  /** What `${v}` stands for; '' for nothing. */
  readonly value: string;
  readonly interval: string;
}

/** Somebody who changes their mind, at the API server and in Git, and never waits for what comes of it. */
export interface Wishes {
  /** Does one thing. */
  step(): Promise<void>;
  /** Ends what keeps a Kustomization from being ready. */
  settle(): Promise<void>;
  names(): readonly string[];
  /** Data of each ConfigMap that is to be there, by `namespace/name`; others of this agent are not. */
  wanted(): ReadonlyMap<string, JsonObject>;
  /** What was done, for messages. */
  readonly story: readonly string[];
}

interface State {
  readonly cluster: ClusterAccess;
  readonly site: Site;
  /** Namespaces that objects may go to besides that of the site. */
  readonly spaces: readonly string[];
  readonly random: Random;
  readonly wishes: Map<string, Wish>;
  /** Value of each file, by path. */
  readonly files: Map<string, string>;
  readonly broken: Set<string>;
  readonly story: string[];
  from: string;
  sourceSuspended: boolean;
  count: number;
}

const COUNT = 6;
const NAMES = Array.from({ length: COUNT }, (_, i) => `w-${i}`);

export function createWishes(site: Site, where: Pick<State, 'cluster' | 'spaces' | 'random'>): Wishes {
  const state: State = {
    ...where,
    site,
    wishes: new Map(),
    files: new Map(),
    broken: new Set(),
    story: [],
    from: 'v0',
    sourceSuspended: false,
    count: 0,
  };
  return {
    story: state.story,
    step: () => step(state),
    settle: () => settle(state),
    names: () => [...state.wishes.keys()],
    wanted: () => wanted(state),
  };
}

/** One thing that somebody may do. */
type Deed = (state: State) => Promise<void>;

const DEEDS: readonly (readonly [number, Deed])[] = [
  [0.3, commit],
  [0.36, makeBroken],
  [0.56, changeSpec],
  [0.66, toggle],
  [0.72, askFor],
  [0.8, suspendSource],
  [0.86, changeValues],
  [1, harm],
];

async function step(state: State): Promise<void> {
  if (state.wishes.size === 0) return toggle(state);
  const roll = state.random();
  const deed = DEEDS.find(([below]) => roll < below)?.[1] ?? commit;
  await deed(state);
}

/** ConfigMaps of one folder come, change and go. */
async function commit(state: State): Promise<void> {
  const { random, files, site } = state;
  state.count += 1;
  const folder = `${pick(NAMES, random)}-${random() < 0.5 ? 'a' : 'b'}`;
  const path = `${folder}/${Math.floor(random() * 4)}.yaml`;
  if (files.has(path) && random() < 0.4) files.delete(path);
  else files.set(path, String(state.count));
  await push(state, { [path]: files.has(path) ? fileOf(state, path) : null });
  state.story.push(`commit ${path} ${files.get(path) ?? 'gone'}`);
  if (random() < 0.7) await ask(site, 'GitRepository', 'app', state.count);
}

async function push(state: State, changes: Record<string, string | null>): Promise<void> {
  await state.site.repo.commit(changes);
}

const nameOf = (path: string): string => path.replace('.yaml', '').replace('/', '-');

// Braces of the build's own.
const VALUE = '${' + 'v:=none}';
const FROM = '${' + 'from:=none}';

const fileOf = ({ site, files }: State, path: string): string =>
  configMap(site.ns, nameOf(path), { file: files.get(path) ?? '', value: VALUE, from: FROM });

async function makeBroken(state: State): Promise<void> {
  const name = pick(NAMES, state.random) ?? '';
  const path = `${name}-a/broken.yaml`;
  const mend = state.broken.delete(path);
  if (!mend) state.broken.add(path);
  await push(state, { [path]: mend ? null : '{ not: yaml' });
  state.story.push(`${mend ? 'mend' : 'break'} ${path}`);
  await ask(state.site, 'GitRepository', 'app', ++state.count);
}

/** What a field of a spec may be instead. */
const CHANGES: readonly ((wish: Wish, state: State) => Partial<Wish>)[] = [
  ({ folder }) => ({ folder: folder === 'a' ? 'b' : 'a' }),
  (_, { spaces, random }) => ({ target: pick(['', ...spaces], random) ?? '' }),
  ({ suspend }) => ({ suspend: !suspend }),
  ({ wait }) => ({ wait: !wait }),
  ({ name }, state) => ({ after: after(state, name) }),
  (_, { count }) => ({ value: `v${count}` }),
  ({ interval }) => ({ interval: interval === '1h' ? '2h' : '1h' }),
];

async function changeSpec(state: State): Promise<void> {
  const { random, wishes } = state;
  const before = pick([...wishes.values()], random);
  const change = pick(CHANGES, random);
  if (before !== undefined && change !== undefined) await put(state, { ...before, ...change(before, state) });
}

/** Of those before it by name, so that there is no circle. */
function after({ wishes, random }: State, name: string): readonly string[] {
  return [...wishes.keys()].filter((other) => other < name && random() < 0.4);
}

async function put(state: State, wish: Wish): Promise<void> {
  state.wishes.set(wish.name, wish);
  state.story.push(`put ${JSON.stringify(wish)}`);
  const { site } = state;
  const { status, text } = await site.apply(objectOf(state, wish));
  if (status >= 300) throw new Error(text);
}

function objectOf({ site }: State, wish: Wish): JsonObject {
  return kustomization(
    site.ns,
    {
      path: `./${wish.name}-${wish.folder}`,
      suspend: wish.suspend,
      wait: wish.wait,
      interval: wish.interval,
      retryInterval: '1s',
      ...(wish.target === '' ? {} : { targetNamespace: wish.target }),
      dependsOn: wish.after.map((name) => ({ name })),
      postBuild: {
        ...(wish.value === '' ? {} : { substitute: { v: wish.value } }),
        substituteFrom: [{ kind: 'ConfigMap', name: 'values', optional: true }],
      },
    },
    wish.name,
  );
}

/** A Kustomization is made, or deleted with all that waits for it left as it is. */
async function toggle(state: State): Promise<void> {
  const { random, wishes, site } = state;
  const name = pick(NAMES, random) ?? '';
  if (!wishes.has(name)) {
    // One that is still being deleted would take what is new with it.
    if ((await site.get('Kustomization', name)) !== undefined) return;
    const fresh = { name, folder: 'a', target: '', suspend: false, wait: false, value: '', interval: '1h' } as const;
    return put(state, { ...fresh, after: after(state, name) });
  }
  // One that is suspended leaves its objects.
  if (wishes.get(name)?.suspend === true) return;
  wishes.delete(name);
  for (const other of [...wishes.values()])
    if (other.after.includes(name)) await put(state, { ...other, after: other.after.filter((one) => one !== name) });
  state.story.push(`delete ${name}`);
  await site.remove('Kustomization', name);
}

async function askFor(state: State): Promise<void> {
  const name = pick([...state.wishes.keys()], state.random);
  if (name === undefined) return;
  state.story.push(`ask ${name}`);
  await ask(state.site, 'Kustomization', name, ++state.count);
}

const ask = (site: Site, kind: string, name: string, token: number): Promise<unknown> =>
  site.patch(kind, name, { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': String(token) } } });

async function suspendSource(state: State): Promise<void> {
  state.sourceSuspended = !state.sourceSuspended;
  state.story.push(`source suspended: ${state.sourceSuspended}`);
  await state.site.patch('GitRepository', 'app', { spec: { suspend: state.sourceSuspended } });
}

/** What `${from}` stands for: a ConfigMap that is watched. */
async function changeValues(state: State): Promise<void> {
  const { site } = state;
  state.count += 1;
  state.from = `v${state.count}`;
  state.story.push(`values ${state.from}`);
  const labels = { 'reconcile.fluxcd.io/watch': 'Enabled' };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'values', namespace: site.ns, labels } };
  await site.apply({ ...object, data: { from: state.from } });
}

/** Somebody deletes what was applied. */
async function harm(state: State): Promise<void> {
  const id = pick([...wanted(state).keys()], state.random);
  if (id === undefined) return;
  const [namespace = '', name = ''] = id.split('/');
  state.story.push(`harm ${id}`);
  await state.cluster.api('DELETE', `/api/v1/namespaces/${namespace}/configmaps/${name}`);
}

async function settle(state: State): Promise<void> {
  const changes = Object.fromEntries([...state.broken].map((path) => [path, null]));
  state.broken.clear();
  if (Object.keys(changes).length > 0) await push(state, changes);
  // A folder that has nothing is not there: what names it cannot be ready.
  const used = [...state.wishes.values()].map((one) => `${one.name}-${one.folder}/`);
  const empty = used.filter((path) => ![...state.files.keys()].some((file) => file.startsWith(path)));
  const fresh = empty.map((path) => `${path}0.yaml`);
  for (const path of fresh) state.files.set(path, 'settled');
  if (fresh.length > 0) await push(state, Object.fromEntries(fresh.map((path) => [path, fileOf(state, path)])));
  for (const wish of [...state.wishes.values()]) if (wish.suspend) await put(state, { ...wish, suspend: false });
  if (state.sourceSuspended) await suspendSource(state);
  await changeValues(state);
  await ask(state.site, 'GitRepository', 'app', ++state.count);
}

function wanted({ wishes, files, site, from }: State): ReadonlyMap<string, JsonObject> {
  const all = new Map<string, JsonObject>();
  for (const { name, folder, target, value } of wishes.values())
    for (const [path, file] of files)
      if (path.startsWith(`${name}-${folder}/`))
        all.set(`${target || site.ns}/${nameOf(path)}`, { file, value: value || 'none', from });
  return all;
}
