import type { DataObject, Kustomization } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, type InventoryEntry, type KubeObject, objectId, type Tree } from '../../../src/model/index.ts';
import { ignoreRules } from '../../../src/plan/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { finishObject, refOf } from '../../../src/render/finish/index.ts';
import { fluxObjects } from '../../../src/render/flux-build/index.ts';
import { type Compared, compareObject, compareSealed, compareStale, type DryRun } from './dry-run.ts';
import type { Reach } from './flags.ts';

/** A Kustomization and what it is compared by. */
export interface Comparison {
  readonly kustomization: Kustomization;
  readonly tree: Tree;
  /** What stands for the root of the tree in messages. */
  readonly displayRoot: string;
  /** ConfigMaps and Secrets that `substituteFrom` names. */
  readonly data: readonly DataObject[];
  readonly inventory: readonly InventoryEntry[];
  /** Variables that are not set are errors. */
  readonly strict: boolean;
  readonly warn: (text: string) => void;
  readonly log: Log;
}

/** Dry runs at the same time. */
const WIDTH = 8;

/** Renders, and asks the API server about every object. In the order of the build; then what would be pruned. */
export async function compareAll(what: Comparison, reach: Reach): Promise<readonly Compared[]> {
  const { kustomization, data, warn } = what;
  const { spec, meta } = kustomization;
  const objects = fluxObjects(what.tree, spec, {
    displayRoot: what.displayRoot,
    strict: what.strict,
    find: (kind, name) =>
      data.find((one) => one.kind === kind && one.name === name && one.namespace === meta.namespace),
    warn,
  });
  const jobs: (() => Promise<Compared>)[] = [];
  const ids = new Set<string>();
  const namespaces = new Set<string>();
  const defined = new Set<string>();
  const run: DryRun = {
    cluster: reach.cluster,
    log: what.log,
    signal: reach.signal,
    owner: `${meta.namespace}/${meta.name}`,
    force: spec.force,
    ignore: ignoreRules(spec.ignore),
    makes: (one) => ('namespace' in one ? namespaces.has(one.namespace) : defined.has(one.kind)),
  };
  for (const object of objects) {
    const ref = refOf(object);
    ids.add(objectId(ref));
    if (ref.group === '' && ref.kind === 'Namespace') namespaces.add(ref.name);
    if (isSealed(object)) {
      jobs.push(() => compareSealed(object, ref, run));
      continue;
    }
    const owner = { namespace: meta.namespace, name: meta.name };
    const made = finishObject(
      { object, origin: what.displayRoot },
      { owner, commonMetadata: spec.commonMetadata, limits: DEFAULT_LIMITS },
    );
    if ('leftOut' in made) {
      const { reason } = made.leftOut;
      jobs.push(async () => ({ ref, did: 'skipped', note: reason, changes: [] }));
      continue;
    }
    const { part, body } = made;
    if (part.defines !== '') defined.add(part.defines);
    jobs.push(() => compareObject({ ...part.object, needs: [] }, body, run));
  }
  const answers = await inBatches(jobs);
  if (!spec.prune || answers.some((one) => one.did === 'failed')) return answers;
  const stale = what.inventory.filter(({ id }) => !ids.has(id));
  const gone = await inBatches(
    stale.map(
      ({ id, v }) =>
        () =>
          compareStale(id, v, run),
    ),
  );
  return [...answers, ...gone.flatMap((one) => one ?? [])];
}

const isSealed = (object: KubeObject): boolean => object.kind === 'Secret' && Object.hasOwn(object, 'sops');

async function inBatches<T>(jobs: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  const out: T[] = [];
  for (let i = 0; i < jobs.length; i += WIDTH)
    out.push(...(await Promise.all(jobs.slice(i, i + WIDTH).map((job) => job()))));
  return out;
}
