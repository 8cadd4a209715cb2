import { asFault, type KubeObject, textAt, type VersionedRef } from '../../src/model/index.ts';
import type { Clock, Cluster, Log, WatchOptions } from '../../src/ports/index.ts';

export interface LeaseSettings {
  readonly enabled: boolean;
  readonly namespace: string;
  readonly name: string;
  readonly leaseDurationMs: number;
}

export interface LeaseOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: LeaseSettings;
  /** Unique to this process, such as `node_uid`. */
  readonly identity: string;
  /** This agent became the one that applies. */
  readonly onLead: () => void;
}

/** Who of several agents applies. Without election every agent leads. */
export interface Leadership {
  leads(): boolean;
  /** Gives the lease free, so that another takes over at once. */
  stop(): Promise<void>;
}

/** What was last seen of the lease, dated by this process: clocks of several nodes need not agree. */
interface Seen {
  readonly version: string;
  readonly at: number;
}

const ASK_MS = 5_000;

/** Leader election by a Lease, as Kubernetes controllers do it (coordination.k8s.io/v1). */
export function createLeadership(options: LeaseOptions): Leadership {
  const { clock, settings, log } = options;
  if (!settings.enabled) return { leads: () => true, stop: async () => undefined };
  const ended = new AbortController();
  const ref: VersionedRef = {
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    namespace: settings.namespace,
    name: settings.name,
  };
  let heldUntil = 0;
  let seen: Seen | undefined;
  let leading = false;

  const turn = async (): Promise<void> => {
    const began = clock.monotonic();
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(ASK_MS)]);
    const lease = await options.cluster.read(ref, { signal });
    const version = textAt(lease, 'metadata', 'resourceVersion') ?? '';
    const holder = textAt(lease, 'spec', 'holderIdentity') ?? '';
    if (seen?.version !== version) seen = { version, at: began };
    const free = holder === '' || holder === options.identity || began - seen.at > durationOf(lease, settings);
    if (!free) return;
    await take(options, { ref, lease, signal });
    heldUntil = began + settings.leaseDurationMs;
    if (leading) return;
    leading = true;
    log.info('leads', { lease: `${ref.namespace}/${ref.name}`, before: holder });
    options.onLead();
  };

  const bell = createBell(clock, ended.signal);
  followLease(options, ref, { signal: ended.signal, onFree: bell.ring });
  const lead = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await turn().catch((error: unknown) => log.debug('lease not renewed', { error: asFault(error).message }));
      if (leading && clock.monotonic() > heldUntil) {
        leading = false;
        log.warn('leads no longer', { lease: `${ref.namespace}/${ref.name}` });
      }
      await bell.rings(settings.leaseDurationMs / 5);
    }
  };
  const done = lead();
  return {
    leads: () => leading && clock.monotonic() <= heldUntil,
    stop: async () => {
      ended.abort();
      await done;
      if (!leading) return;
      // From here on another one may.
      leading = false;
      await release(options, ref).catch((error: unknown) =>
        log.debug('lease not given free', { error: asFault(error).message }),
      );
    },
  };
}

interface Bell {
  ring(): void;
  /** Resolves when it has rung since the last time, or after so many milliseconds. For one who waits at a time. */
  rings(longest: number): Promise<void>;
}

/** Rings also when the signal aborts. What waits keeps the process alive, and leaves nothing behind. */
function createBell(clock: Clock, signal: AbortSignal): Bell {
  let waiting = new AbortController();
  const ring = (): void => waiting.abort();
  signal.addEventListener('abort', ring, { once: true });
  return {
    ring,
    rings: async (longest) => {
      if (!signal.aborted) await clock.sleep(longest, waiting.signal).catch(() => undefined);
      waiting = new AbortController();
    },
  };
}

/** Tells at once when a leader gives the lease free. Who may not watch it still asks for it again and again. */
function followLease(
  { cluster, log }: LeaseOptions,
  { group, version, kind, namespace, name }: VersionedRef,
  { signal, onFree }: { readonly signal: AbortSignal; readonly onFree: () => void },
): void {
  const options: WatchOptions = {
    namespace,
    fieldSelector: `metadata.name=${name}`,
    metadataOnly: false,
    signal,
    onEvent: (event) => {
      if (event.type !== 'put' || event.object.metadata.name !== name) return;
      const holder = textAt(event.object, 'spec', 'holderIdentity') ?? '';
      if (holder === '') onFree();
    },
  };
  cluster
    .watch({ group, version, kind }, options)
    .catch((error: unknown) => log.debug('lease not watched', { error: asFault(error).message }));
}

function durationOf(lease: KubeObject | undefined, settings: LeaseSettings): number {
  const spec = lease?.['spec'];
  const seconds =
    typeof spec === 'object' && spec !== null && 'leaseDurationSeconds' in spec
      ? spec['leaseDurationSeconds']
      : undefined;
  return typeof seconds === 'number' ? seconds * 1000 : settings.leaseDurationMs;
}

async function take(
  options: LeaseOptions,
  now: { readonly ref: VersionedRef; readonly lease: KubeObject | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const { ref, lease, signal } = now;
  const { identity, settings, clock } = options;
  const before = lease?.['spec'] as { readonly [key: string]: unknown } | undefined;
  const time = microTime(clock.now());
  const kept = before?.['holderIdentity'] === identity;
  const transitions = typeof before?.['leaseTransitions'] === 'number' ? before['leaseTransitions'] : 0;
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.round(settings.leaseDurationMs / 1000)),
    acquireTime: kept && typeof before?.['acquireTime'] === 'string' ? before['acquireTime'] : time,
    renewTime: time,
    leaseTransitions: kept ? transitions : lease === undefined ? 0 : transitions + 1,
  };
  const manager = 'holdfast';
  if (lease !== undefined) {
    await options.cluster.replace(ref, { ...lease, spec }, { manager, signal });
    return;
  }
  const object: KubeObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: ref.name, namespace: ref.namespace },
    spec,
  };
  await options.cluster.create(ref, object, { manager, signal });
}

async function release(options: LeaseOptions, ref: VersionedRef): Promise<void> {
  const signal = AbortSignal.timeout(ASK_MS);
  const lease = await options.cluster.read(ref, { signal });
  if (lease === undefined || textAt(lease, 'spec', 'holderIdentity') !== options.identity) return;
  await options.cluster.replace(
    ref,
    { ...lease, spec: { ...(lease['spec'] as object), holderIdentity: '' } },
    { manager: 'holdfast', signal },
  );
}

/** RFC 3339 with microseconds, as a MicroTime is written. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
