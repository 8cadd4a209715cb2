import { asFault, Fault, type FaultCode, type Gvk, isOlder } from '../../../src/model/index.ts';
import type { ApiResource, WatchOptions } from '../../../src/ports/index.ts';
import { abortable, pause } from './exchange.ts';
import { isExpired, listKind, METADATA } from './list.ts';
import { collectionPath, kindText, withQuery } from './paths.ts';
import { newestOf, wasPutBack } from './put-back.ts';
import { type End, readEvents, refusal, type State, type WatchParts } from './watch-stream.ts';

/** A connection that lived so long was a good one: the next interruption is a new one. */
const STEADY_MS = 1_000;

/** Lists, then watches a kind, and goes on through every interruption until the signal aborts. */
export async function watchKind(parts: WatchParts, gvk: Gvk, options: WatchOptions): Promise<void> {
  const state: State = {
    version: '',
    bookmarks: false,
    lost: '',
    failures: 0,
    synced: false,
    epoch: '',
    newest: undefined,
    anew: false,
    brokenAt: undefined,
  };
  while (!options.signal.aborted) {
    try {
      const { brokenAt } = state;
      if (brokenAt !== undefined) await checkEpoch(parts, options, state, brokenAt);
      const resource = await served(parts, gvk, options, state);
      if (resource === undefined) return;
      if (brokenAt !== undefined) await checkStore(parts, resource, options, state);
      if (state.version === '') await listAll(parts, resource, options, state);
      const began = performance.now();
      let lived = 0;
      try {
        if ((await watchOnce(parts, resource, options, state)) === 'expired') state.version = '';
      } finally {
        lived = performance.now() - began;
        if (lived >= STEADY_MS) state.failures = 0;
      }
      if (lived < parts.times.lifeMs / 2) state.brokenAt = performance.now();
      // A server that ends every watch at once must not be asked in a tight circle.
      if (lived < STEADY_MS) await backoff(parts, options, state);
    } catch (error) {
      if (options.signal.aborted) return;
      await interrupted(parts, gvk, options, state, asFault(error));
    }
  }
}

/**
 * Before going on from a version: does the same cluster answer? After its datastore was lost, versions begin anew, and a
 * watch from an old one is silent, without an error, until the new ones have caught up.
 */
async function checkEpoch(parts: WatchParts, options: WatchOptions, state: State, brokenAt: number): Promise<void> {
  if (state.version !== '') {
    const epoch = await abortable(parts.epoch.at(brokenAt), options.signal);
    if (epoch === '' || epoch !== state.epoch) {
      state.version = '';
      await parts.discovery.surface({ fresh: true, signal: options.signal });
    }
  }
  state.brokenAt = undefined;
}

/** The same cluster may have gone back in time. */
async function checkStore(
  { transport, discovery }: WatchParts,
  resource: ApiResource,
  { namespace = '', signal }: WatchOptions,
  state: State,
): Promise<void> {
  const { version, newest } = state;
  if (version === '') return;
  if (!(await abortable(wasPutBack(transport, resource, { version, newest, namespace }), signal))) return;
  state.version = '';
  state.anew = true;
  await discovery.surface({ fresh: true, signal });
}

async function interrupted(
  parts: WatchParts,
  gvk: Gvk,
  options: WatchOptions,
  state: State,
  fault: Fault,
): Promise<void> {
  state.brokenAt = performance.now();
  if (isExpired(fault)) state.version = '';
  if (fault.code === 'kind-unknown') {
    state.version = '';
    await parts.discovery.surface({ fresh: true, signal: options.signal }).catch(() => undefined);
  }
  // Bytes that make no sense may have hidden an event: begin from a fresh list.
  if (fault.code === 'cluster-protocol' || fault.code === 'internal') state.version = '';
  tellLost(options, state, `watch of ${kindText(gvk)}: ${fault.message}`, fault.code);
  await backoff(parts, options, state, fault.retryAfterMs);
}

function tellLost(options: WatchOptions, state: State, message: string, code?: FaultCode): void {
  if (state.lost === message) return;
  state.lost = message;
  options.onEvent({ type: 'lost', message, ...(code === undefined ? {} : { code }) });
}

/** Waits longer and longer; ends at once when the signal aborts. */
async function backoff(parts: WatchParts, options: WatchOptions, state: State, atLeast = 0): Promise<void> {
  const ms = Math.min(parts.times.lastBackoffMs, parts.times.firstBackoffMs * 2 ** Math.min(state.failures, 20));
  state.failures += 1;
  await pause(Math.max(atLeast, ms * (0.75 + parts.random() / 2)), options.signal).catch(() => undefined);
}

/** How the kind is served; waits while it is not. Undefined when the signal aborts. */
async function served(
  parts: WatchParts,
  gvk: Gvk,
  options: WatchOptions,
  state: State,
): Promise<ApiResource | undefined> {
  for (;;) {
    const surface = await parts.discovery.surface({ signal: options.signal });
    const resource = surface.find(gvk);
    if (resource !== undefined && isWatchable(resource)) return resource;
    const about = `watch of ${kindText(gvk)}`;
    if (resource !== undefined) tellLost(options, state, `${about}: this kind cannot be watched`);
    // A kind that was never there is no interruption.
    else if (state.synced) tellLost(options, state, `${about}: the API server no longer serves this kind`);
    state.version = '';
    const { unservedMs } = parts.times;
    await parts.discovery.changed(surface, unservedMs * (0.75 + parts.random() / 2), options.signal);
    if (options.signal.aborted) return undefined;
    // Many watches wait for kinds: the first one asks for all.
    if (parts.discovery.age() > unservedMs / 2) await parts.discovery.surface({ fresh: true, signal: options.signal });
  }
}

function isWatchable(resource: ApiResource): boolean {
  return resource.verbs.includes('watch') && resource.verbs.includes('list');
}

async function listAll(parts: WatchParts, resource: ApiResource, options: WatchOptions, state: State): Promise<void> {
  state.epoch = await abortable(parts.epoch.at(Number.NEGATIVE_INFINITY), options.signal);
  state.newest = undefined;
  state.version = await listKind(parts.transport, resource, {
    namespace: options.namespace ?? '',
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    metadataOnly: options.metadataOnly,
    signal: options.signal,
    begin: () => options.onEvent({ type: 'restart', ...(state.anew ? { anew: true } : {}) }),
    each: (object) => {
      const one = newestOf(object, false);
      if (isOlder(one.version, state.newest?.version ?? '0')) state.newest = one;
      options.onEvent({ type: 'put', object });
    },
  });
  state.anew = false;
  state.lost = '';
  state.synced = true;
  options.onEvent({ type: 'synced', version: state.version });
}

async function watchOnce(parts: WatchParts, resource: ApiResource, options: WatchOptions, state: State): Promise<End> {
  const seconds = Math.ceil((parts.times.lifeMs * (1 + parts.random() / 2)) / 1_000);
  const message = await parts.transport.open({
    verb: 'watch',
    method: 'GET',
    path: withQuery(collectionPath(resource, options.namespace ?? ''), {
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: state.version,
      timeoutSeconds: String(seconds),
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    }),
    ...(options.metadataOnly ? { accept: METADATA } : {}),
    signal: options.signal,
  });
  if (message.statusCode !== 200) throw await refusal(message, resource, options.signal);
  if (!(message.headers['content-type'] ?? '').includes('json')) {
    message.destroy();
    throw new Fault('cluster-protocol', `watch of ${resource.plural}: the answer is not JSON`);
  }
  if (state.lost !== '') {
    state.lost = '';
    options.onEvent({ type: 'synced' });
  }
  return readEvents(parts, resource, options, state, { message, lifeMs: seconds * 1_000 });
}
