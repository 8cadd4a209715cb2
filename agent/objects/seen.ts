import { timestamp } from '../../src/flux/index.ts';
import { asFault, type FaultCode, type KubeObject, textAt } from '../../src/model/index.ts';
import type { WatchEvent } from '../../src/ports/index.ts';
import { backoff } from '../../src/schedule/index.ts';
import { claim, release } from './finalizer.ts';
import type { Kept } from './keeper.ts';
import { FLUX_KINDS, type FluxKind, isForeign, keyOfRef, refOf } from './kinds.ts';
import type { Parts } from './parts.ts';
import { readObject, refusal } from './refusal.ts';
import { isHeld, statusOf, type Tracked, track } from './tracked.ts';

/** Longest wait before something is tried again, milliseconds. */
const LONGEST_WAIT_MS = 60_000;

/** What one watch is for. */
export interface Scope {
  readonly kind: FluxKind;
  readonly namespace: string;
  /** During a fresh list: what was known before and has not come again. */
  readonly stale: Set<string>;
}

/** Takes up what a watch shows. */
export function onEvent(parts: Parts, scope: Scope, event: WatchEvent): void {
  if (event.type === 'put') {
    scope.stale.delete(keyOfRef(refOf(scope.kind, event.object)));
    onPut(parts, scope.kind, event.object);
  } else if (event.type === 'delete') onGone(parts, keyOfRef(refOf(scope.kind, event.object)));
  else if (event.type === 'restart') {
    for (const [key, { ref }] of parts.tracked)
      if (ref.kind === scope.kind.kind && (scope.namespace === '' || ref.namespace === scope.namespace))
        scope.stale.add(key);
  } else if (event.type === 'synced') {
    const awaited = [...parts.awaited.values()].filter(
      (kept) => kept.object.kind === scope.kind.kind && isIn(kept, scope) && kept.clusterUid === parts.uid(),
    );
    const missing = [...scope.stale, ...awaited.map((kept) => kept.key)];
    scope.stale.clear();
    if (missing.length > 0) void confirmGone(parts, missing);
  } else parts.log.debug('watch interrupted', { kind: scope.kind.kind, error: event.message });
}

/** A list without an object may be that of another cluster: only this one's says that it is gone. */
async function confirmGone(parts: Parts, keys: readonly string[]): Promise<void> {
  const uid = parts.uid();
  try {
    const seen = new Map(keys.map((key) => [key, parts.tracked.get(key)]));
    const now = await parts.cluster.identity();
    if (now.uid !== uid || parts.uid() !== uid) return;
    for (const key of keys) if (parts.tracked.get(key) === seen.get(key)) onGone(parts, key);
  } catch (error) {
    parts.log.debug('not known whether objects are gone', { objects: keys.length, error: asFault(error).message });
  }
}

const isIn = ({ object }: Kept, { namespace }: Scope): boolean =>
  namespace === '' || textAt(object.metadata, 'namespace') === namespace;

function onPut(parts: Parts, kind: FluxKind, object: KubeObject): void {
  const ref = refOf(kind, object);
  const key = keyOfRef(ref);
  const before = parts.tracked.get(key);
  const now = track(ref, object, before);
  parts.tracked.set(key, now);
  parts.rival.saw(key, object);
  parts.awaited.delete(key);
  if (now.deleting && !isHeld(now)) {
    onSettled(parts, key, before);
    return;
  }
  if (before?.shape === now.shape && before.uid === now.uid) {
    if (before.status.digest !== now.status.digest) parts.publisher.changed(key);
    return;
  }
  const read = readObject(object);
  const why = 'flux' in read ? parts.loop()?.put(read.flux, statusOf(object)) : read.message;
  if (why === undefined || why === '') {
    parts.refused.delete(key);
    // A start from disk must not bring one back to life that is being deleted.
    if (now.deleting) parts.keeper.forget(key);
    else parts.keeper.keep(key, object, parts.uid());
    if (before?.uid !== now.uid) greet(key, parts);
    return;
  }
  const code: FaultCode = 'flux' in read ? 'object-duplicate' : read.code;
  const is = { code, message: why, generation: now.generation, at: timestamp(parts.clock.now()) };
  parts.refused.set(key, refusal(is, object, parts.refused.get(key)));
  if (!('flux' in read)) parts.loop()?.refuse(key, why);
  // Where nobody works for it nothing has to be settled when it goes.
  const known = now.deleting && !('flux' in read) && parts.loop()?.settle(key, statusOf(object)) === true;
  if (now.deleting && !known) void releaseAtLast(parts, key);
  else parts.publisher.changed(key);
}

/** The file that declared an object as well is gone: that of the cluster, which no watch tells of again, is taken up. */
export async function takeAnew(parts: Parts, key: string): Promise<void> {
  await untilDone(parts, key, async (one, signal) => {
    const object = await parts.cluster.read(one.ref, { signal });
    const kind = FLUX_KINDS.find((each) => each.kind === one.ref.kind);
    if (parts.tracked.get(key) !== one || kind === undefined) return;
    if (object === undefined) onGone(parts, key);
    else onPut(parts, kind, object);
  });
}

/** No run of the loop tries again to let go of what the loop has not. */
const releaseAtLast = (parts: Parts, key: string): Promise<void> => untilDone(parts, key, () => release(key, parts));

/** Tries again what fails, for as long as the object is as it was seen. Never throws. */
async function untilDone(
  parts: Parts,
  key: string,
  act: (one: Tracked, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const one = parts.tracked.get(key);
  const signal = parts.signal();
  if (one === undefined || signal === undefined) return;
  // What a watch shows meanwhile is taken up by that.
  one.shape = '';
  for (let failures = 1; !signal.aborted && parts.tracked.get(key) === one; failures++) {
    try {
      return await act(one, signal);
    } catch (error) {
      parts.log.debug('not settled with the API server yet', { object: key, error: asFault(error).message });
      await parts.clock.sleep(backoff(failures, LONGEST_WAIT_MS, key), signal).catch(() => undefined);
    }
  }
}

/** An object that is new here may be one that the loop knows from disk: nothing else would make it run. */
function greet(key: string, parts: Parts): void {
  if (parts.loop()?.leads() === true && parts.rival.why() === undefined) void claim(key, parts);
  parts.publisher.changed(key);
}

/** Held by others only: what hung on it is settled, also where this agent knows it from disk and not as deleted. */
function onSettled(parts: Parts, key: string, before: Tracked | undefined): void {
  if (before?.deleting === true && !isHeld(before)) return;
  parts.refused.delete(key);
  parts.keeper.forget(key);
  remove(parts, key, true);
}

function onGone(parts: Parts, key: string): void {
  const before = parts.tracked.get(key);
  parts.tracked.delete(key);
  parts.rival.forget(key);
  parts.refused.delete(key);
  const known = parts.awaited.delete(key) || before !== undefined;
  if (!known) return;
  parts.keeper.forget(key);
  // An object of this name that is made anew, later, is another one. What others made is not held until it is settled.
  remove(parts, key, before?.deleting === true || isForeign({ kind: key.slice(0, key.indexOf('/')) }));
}

function remove(parts: Parts, key: string, meant: boolean): void {
  void parts
    .loop()
    ?.remove(key, meant)
    .catch((error: unknown) => parts.log.warn('state not removed', { object: key, error: asFault(error).message }));
}
