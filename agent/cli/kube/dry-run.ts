import { keepReason, seenOf, send, yieldFields } from '../../../src/apply/index.ts';
import {
  asFault,
  type Fault,
  fromJson,
  type IgnoredFields,
  isObject,
  type JsonObject,
  type KubeObject,
  parseObjectId,
  type RenderedObject,
  type VersionedRef,
} from '../../../src/model/index.ts';
import type { Cluster, Log } from '../../../src/ports/index.ts';
import { type FieldChange, fieldChanges } from '../../../src/report/objects/index.ts';

/** What an apply would do to one object. */
export interface Compared {
  readonly ref: VersionedRef;
  readonly did: 'created' | 'drifted' | 'deleted' | 'unchanged' | 'skipped' | 'failed';
  /** Why it is skipped or failed, or what else is to be said; '' for nothing. */
  readonly note: string;
  readonly changes: readonly FieldChange[];
}

export interface DryRun {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** `namespace/name` of the Kustomization. */
  readonly owner: string;
  readonly force: boolean;
  readonly ignore: (ref: VersionedRef) => readonly IgnoredFields[];
  /** Whether the set itself makes this namespace, or defines this `group/kind`. */
  readonly makes: (what: { readonly namespace: string } | { readonly kind: string }) => boolean;
}

/** Asks the API server what an apply would make of an object, and compares that with what is there. Nothing changes. */
export async function compareObject(object: RenderedObject, body: Uint8Array, run: DryRun): Promise<Compared> {
  const { ref, settings } = object;
  const done = (did: Compared['did'], note = '', changes: readonly FieldChange[] = []): Compared => ({
    ref,
    did,
    note,
    changes,
  });
  if (!settings.reconcile) return done('skipped', 'reconcile: disabled');
  if (settings.ssa === 'Ignore') return done('skipped', 'ssa: Ignore');
  try {
    const live = await readLive(ref, run);
    const seen = live === undefined ? undefined : seenOf(live.metadata);
    if (seen?.settings.reconcile === false) return done('skipped', 'reconcile: disabled in the cluster');
    if (seen?.settings.ignore === true) return done('skipped', 'ssa: Ignore in the cluster');
    if (seen !== undefined && settings.ssa === 'IfNotPresent')
      return done('skipped', 'ssa: IfNotPresent, and it exists');
    const force = run.force || settings.force || seen?.settings.force === true;
    const merged = await applied(ref, body, run).catch((error: unknown) => asFault(error));
    if (!(merged instanceof Error))
      return live === undefined ? done('created') : drift(ref, { live, merged, body }, run);
    if (live === undefined && isAwaited(ref, merged, run)) return done('created');
    if (merged.code === 'apply-immutable' && force) return done('drifted', 'made anew: it cannot be changed in place');
    return done('failed', merged.message);
  } catch (error) {
    run.signal.throwIfAborted();
    return done('failed', asFault(error).message);
  }
}

async function readLive(ref: VersionedRef, { cluster, signal }: DryRun): Promise<KubeObject | undefined> {
  try {
    return await cluster.read(ref, { signal });
  } catch (error) {
    if (asFault(error).code === 'kind-unknown') return undefined;
    throw error;
  }
}

async function applied(ref: VersionedRef, body: Uint8Array, { cluster, log, signal }: DryRun): Promise<KubeObject> {
  return (await send({ ref }, body, { cluster, log }, { dryRun: true, whole: true, signal })).object;
}

/** Refused only because something else of the set is not there yet. */
function isAwaited(ref: VersionedRef, fault: Fault, run: DryRun): boolean {
  if (fault.code === 'kind-unknown') return run.makes({ kind: `${ref.group}/${ref.kind}` });
  return /namespaces? "?[^"]*"? not found/.test(fault.message) && run.makes({ namespace: ref.namespace });
}

function drift(
  ref: VersionedRef,
  { live, merged, body }: { readonly live: KubeObject; readonly merged: KubeObject; readonly body: Uint8Array },
  run: DryRun,
): Compared {
  const desired = fromJson(Buffer.from(body).toString('utf8')) as JsonObject;
  const { drifted, left } = yieldFields(desired, live, merged, run.ignore(ref));
  if (!drifted) return { ref, did: 'unchanged', note: '', changes: [] };
  const isLeft = ({ path }: FieldChange): boolean =>
    left.some((pointer) => `${pointerOf(path)}/`.startsWith(`${pointer}/`));
  return { ref, did: 'drifted', note: '', changes: fieldChanges(live, merged).filter((one) => !isLeft(one)) };
}

const pointerOf = (path: readonly string[]): string =>
  path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Without the keys to open it, only the names in an encrypted Secret can be compared. */
export async function compareSealed(object: KubeObject, ref: VersionedRef, run: DryRun): Promise<Compared> {
  const live = await readLive(ref, run);
  if (live === undefined) return { ref, did: 'created', note: '', changes: [] };
  const names = (one: KubeObject): readonly string[] =>
    ['data', 'stringData'].flatMap((where) => (isObject(one[where]) ? Object.keys(one[where]) : []));
  const [before, after] = [names(live), names(object)];
  const one = (key: string, has: readonly string[]): string | undefined => (has.includes(key) ? '*****' : undefined);
  const changes = [...new Set([...before, ...after])]
    .filter((key) => before.includes(key) !== after.includes(key))
    .map((key): FieldChange => ({ path: ['data', key], before: one(key, before), after: one(key, after) }));
  return {
    ref,
    did: changes.length === 0 ? 'unchanged' : 'drifted',
    note: 'encrypted: only names are compared',
    changes,
  };
}

/** What an inventory names that is not rendered any more, is still there, and may go. */
export async function compareStale(id: string, version: string, run: DryRun): Promise<Compared | undefined> {
  const ref = parseObjectId(id);
  if (ref === undefined) return undefined;
  const versioned = { ...ref, version };
  const live = await readLive(versioned, run);
  if (live === undefined) return undefined;
  const keep = keepReason(versioned, live.metadata, run.owner);
  return { ref: versioned, did: keep === '' ? 'deleted' : 'skipped', note: keep, changes: [] };
}
