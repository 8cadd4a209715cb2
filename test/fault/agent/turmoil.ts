import type { Changes } from '../../gitserver/index.ts';
import { idOf, objectOf, type Thing } from './objects.ts';

/** A number in [0, 1). */
export type Random = () => number;

/** Files of a repository that change at random, and always stay a state that can be applied. */
export interface Turmoil {
  things(): readonly Thing[];
  /** Makes one to four changes and answers what a commit of them writes. */
  step(): Changes;
  /** Everything, for a commit that begins a new history. */
  everything(): Changes;
}

const SMALL = ['ConfigMap', 'ConfigMap', 'ConfigMap', 'Secret', 'Service', 'Deployment', 'ServiceAccount'] as const;
export const HOME = 'plant';
/** Things that are never removed, so that anything may be done to them by hand. */
export const isRock = (thing: Thing): boolean => thing.name.startsWith('rock');

const text = (thing: Thing): string => JSON.stringify(objectOf(thing), undefined, 1);

interface State {
  readonly random: Random;
  readonly files: Map<string, Thing>;
  count: number;
}

export function createTurmoil(random: Random): Turmoil {
  const state: State = { random, files: new Map(), count: 0 };
  put(state, { path: 'infra/home.yaml', kind: 'Namespace', name: HOME, namespace: '', version: 0 });
  for (const i of [0, 1, 2])
    put(state, { path: `app/rock-${i}.yaml`, kind: 'ConfigMap', name: `rock-${i}`, namespace: HOME, version: 0 });
  for (let i = 0; i < 20; i += 1) add(state);
  return {
    things: () => [...state.files.values()],
    everything: () => Object.fromEntries([...state.files].map(([path, thing]) => [path, text(thing)])),
    step: () => {
      const before = new Map(state.files);
      const changes = 1 + Math.floor(random() * 4);
      for (let i = 0; i < changes; i += 1) change(state);
      return difference(before, state.files);
    },
  };
}

function put(state: State, thing: Thing): void {
  state.files.set(thing.path, thing);
}

function difference(before: ReadonlyMap<string, Thing>, after: ReadonlyMap<string, Thing>): Changes {
  const changes: Record<string, string | null> = {};
  for (const path of before.keys()) if (!after.has(path)) changes[path] = null;
  for (const [path, thing] of after) if (before.get(path) !== thing) changes[path] = text(thing);
  return changes;
}

/** One of them at random; nothing of an empty list. */
export const pick = <T>(from: readonly T[], random: Random): T | undefined => from[Math.floor(random() * from.length)];

function small(state: State): readonly Thing[] {
  return [...state.files.values()].filter((one) => one.kind !== 'Namespace' && one.kind !== 'Crd' && !isRock(one));
}

function change(state: State): void {
  const roll = state.random();
  const things = small(state);
  const some = pick(things, state.random);
  const { files } = state;
  state.count += 1;
  if (roll < 0.05) toggleNamespace(state);
  else if (roll < 0.1) toggleCrd(state);
  else if (some === undefined || things.length < 12 || (roll < 0.3 && things.length < 50)) add(state);
  else if (roll < 0.5) files.delete(some.path);
  else if (roll < 0.6) {
    files.delete(some.path);
    put(state, { ...some, path: `app/moved/${state.count}.yaml` });
  } else if (roll < 0.7 && some.kind !== 'Gauge')
    put(state, { ...some, name: `${some.name.split('-')[0]}-${state.count}` });
  else if (roll < 0.8)
    put(state, { ...(pick([...files.values()].filter(isRock), state.random) ?? some), version: state.count });
  else put(state, { ...some, version: state.count });
}

function add(state: State): void {
  const { random, files } = state;
  state.count += 1;
  const kind = pick(SMALL, random) ?? 'ConfigMap';
  const spaces = [...files.values()].filter((one) => one.kind === 'Namespace').map((one) => one.name);
  const namespace = random() < 0.7 ? HOME : (pick(spaces, random) ?? HOME);
  const name = `${kind.toLowerCase()}-${state.count}`;
  put(state, { path: `app/${name}.yaml`, kind, name, namespace, version: state.count });
}

/** A namespace comes with contents, and goes with all that is in it. */
function toggleNamespace(state: State): void {
  const name = `extra-${Math.floor(state.random() * 3)}`;
  const path = `app/${name}.yaml`;
  if (state.files.has(path)) {
    for (const one of [...state.files.values()]) if (one.namespace === name) state.files.delete(one.path);
    state.files.delete(path);
    return;
  }
  put(state, { path, kind: 'Namespace', name, namespace: '', version: state.count });
  for (const part of ['one', 'two'])
    put(state, {
      path: `app/${name}-${part}.yaml`,
      kind: 'ConfigMap',
      name: part,
      namespace: name,
      version: state.count,
    });
}

/** A definition comes with objects of its kind, and goes with them. */
function toggleCrd(state: State): void {
  const number = Math.floor(state.random() * 2);
  const path = `app/gauges${number}.yaml`;
  if (state.files.has(path)) {
    for (const one of [...state.files.values()])
      if (one.kind === 'Gauge' && one.name.startsWith(`${number}-`)) state.files.delete(one.path);
    state.files.delete(path);
    return;
  }
  put(state, { path, kind: 'Crd', name: `gauges${number}.plant.example`, namespace: '', version: state.count });
  for (const part of ['a', 'b']) {
    const name = `${number}-gauge-${part}`;
    put(state, { path: `app/${name}.yaml`, kind: 'Gauge', name, namespace: HOME, version: state.count });
  }
}

/** Ids of all objects. */
export function idsOf(things: readonly Thing[]): ReadonlySet<string> {
  return new Set(things.map(idOf));
}

/** The source and the Kustomizations `infra` and `app` of these files, as YAML. */
export const turmoilObjects = (url: string): string => `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: site, namespace: flux-system }
spec: { url: ${url}, interval: 1h, ref: { branch: main } }
---
${['infra', 'app']
  .map(
    (name) => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: flux-system }
spec:
  interval: 1h
  retryInterval: 1s
  prune: true
  path: ./${name}
  sourceRef: { kind: GitRepository, name: site }
  ${name === 'app' ? 'dependsOn: [{ name: infra }]' : ''}
`,
  )
  .join('---\n')}`;
