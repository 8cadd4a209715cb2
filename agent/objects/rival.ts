import { asFault, type Gvk, isObject, type KubeObject, listAt, textAt } from '../../src/model/index.ts';
import type { Cancel, Clock, Cluster, Log, WatchEvent } from '../../src/ports/index.ts';

export interface RivalPorts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespaces: readonly string[];
  /** Told of each change: undefined when nobody else is at work, '' until that is known, else who is. */
  readonly onChange: (why: string | undefined) => void;
}

/** Finds out whether Flux works for the same objects. */
export interface Rival {
  /** Undefined when nobody else is at work, '' until that is known, else who is. */
  why(): string | undefined;
  /** Looks from now on, anew: a cluster answers. */
  begin(signal: AbortSignal): void;
  /** An object of the Flux API as a watch shows it. */
  saw(key: string, object: KubeObject): void;
  forget(key: string): void;
}

/** What Flux's controllers hold while they work; those of shards have other names. */
const LEASES = ['kustomize-controller-leader-election', 'source-controller-leader-election'];
const LEASE: Gvk = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease' };
/** By these names Flux writes the status of objects: seen where it runs without leader election. */
const WRITERS: ReadonlySet<string> = new Set([
  'gotk-kustomize-controller',
  'gotk-source-controller',
  'source-controller',
]);

/** A lease that says nothing of its own duration, and what is added to any, milliseconds. */
const LEASE_MS = 35_000;
const SLACK_MS = 2_000;
/** A lease whose last renewal is older than this by our wall clock is not waited for: if it is renewed after all, that is seen. */
const STALE_MS = 60_000;
/** A status written by Flux counts for so long, where no lease tells more exactly. */
const WRITTEN_MS = 120_000;
/** What was written under a lease may be seen so much later than its end. */
const LATE_MS = 10_000;
/** After so long without a list of leases nobody is thought to hold one. */
const LIST_MS = 10_000;

/** Something that shows Flux at work, until a monotonic time. */
interface Sign {
  readonly version: string;
  readonly who: string;
  readonly until: number;
}

interface State extends RivalPorts {
  readonly leases: Map<string, Sign>;
  /** Newest mark of Flux on each object. */
  readonly marks: Map<string, string>;
  wrote: Sign | undefined;
  /** Until this monotonic time what Flux writes is explained by the lease that changed last. */
  explained: number;
  /** Lists of leases that have not come yet. */
  open: number;
  openUntil: number;
  told: string | undefined;
  timer: Cancel | undefined;
}

/**
 * Watches the leases of Flux's controllers and who writes the status of Flux objects. Renewals are dated by this process:
 * clocks of several machines need not agree.
 */
export function createRival(ports: RivalPorts): Rival {
  const state: State = {
    ...ports,
    leases: new Map(),
    marks: new Map(),
    wrote: undefined,
    explained: Number.NEGATIVE_INFINITY,
    open: 0,
    openUntil: 0,
    told: '',
    timer: undefined,
  };
  return {
    why: () => state.told,
    begin: (signal) => begin(state, signal),
    saw: (key, object) => saw(state, key, object),
    forget: (key) => void state.marks.delete(key),
  };
}

function begin(state: State, signal: AbortSignal): void {
  const namespaces = state.namespaces.length === 0 ? [''] : state.namespaces;
  Object.assign(state, { wrote: undefined, open: 0, openUntil: state.clock.monotonic() + LIST_MS });
  state.leases.clear();
  state.marks.clear();
  for (const name of LEASES) for (const namespace of namespaces) watchLease(state, { name, namespace, signal });
  signal.addEventListener('abort', () => state.timer?.(), { once: true });
  judge(state);
}

interface Scope {
  readonly name: string;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

function watchLease(state: State, { name, namespace, signal }: Scope): void {
  let listed = false;
  state.open += 1;
  const settle = (): void => {
    if (!listed) state.open -= 1;
    listed = true;
  };
  const onEvent = (event: WatchEvent): void => {
    if (signal.aborted) return;
    if (event.type === 'put') note(state, event.object);
    else if (event.type === 'delete') state.leases.delete(leaseKey(event.object));
    else if (event.type === 'synced') settle();
    else if (event.type === 'lost' && event.code === 'cluster-denied') {
      // Who may not see leases goes by what Flux writes.
      if (!listed) state.log.info('leases of Flux not seen', { lease: name, error: event.message });
      settle();
    }
    if (listed) judge(state);
  };
  const where = namespace === '' ? {} : { namespace };
  const options = { ...where, fieldSelector: `metadata.name=${name}`, metadataOnly: false, signal, onEvent };
  state.cluster.watch(LEASE, options).catch((error: unknown) => {
    state.log.warn('leases of Flux not seen', { lease: name, error: asFault(error).message });
    settle();
  });
}

const leaseKey = ({ metadata }: KubeObject): string => `${textAt(metadata, 'namespace') ?? ''}/${metadata.name}`;

function note(state: State, lease: KubeObject): void {
  const { clock, leases } = state;
  const key = leaseKey(lease);
  const version = textAt(lease.metadata, 'resourceVersion') ?? '';
  const before = leases.get(key);
  if (before?.version === version) return;
  const holder = textAt(lease, 'spec', 'holderIdentity') ?? '';
  const spec = lease['spec'];
  const seconds = isObject(spec) ? spec['leaseDurationSeconds'] : undefined;
  const lasts = (typeof seconds === 'number' ? seconds * 1_000 : LEASE_MS) + SLACK_MS;
  const renewed = Date.parse(textAt(lease, 'spec', 'renewTime') ?? '');
  const stale = before === undefined && clock.now() - renewed > Math.max(STALE_MS, lasts);
  const until = holder === '' || stale ? Number.NEGATIVE_INFINITY : clock.monotonic() + lasts;
  const controller = lease.metadata.name.replace('-leader-election', '');
  if (until > clock.monotonic()) state.wrote = undefined;
  state.explained = Math.max(until, clock.monotonic()) + LATE_MS;
  leases.set(key, { version, until, who: `its ${controller} holds the lease ${key} (${holder.split('_')[0]})` });
}

function saw(state: State, key: string, object: KubeObject): void {
  let mark = '';
  let who = '';
  for (const entry of listAt(object.metadata, 'managedFields')) {
    const manager = textAt(entry, 'manager') ?? '';
    const time = textAt(entry, 'time') ?? '';
    if (WRITERS.has(manager) && textAt(entry, 'subresource') === 'status' && time > mark)
      [mark, who] = [time, manager.replace('gotk-', '')];
  }
  if (mark === '') return;
  const before = state.marks.get(key);
  state.marks.set(key, mark);
  // What was written before this agent looked tells nothing of now.
  const now = state.clock.monotonic();
  if (before === undefined || before >= mark || now < state.explained) return;
  const until = now + WRITTEN_MS;
  state.wrote = { version: mark, until, who: `its ${who} writes the status of ${key}` };
  judge(state);
}

/** Tells when something has changed, and looks again when the last sign of Flux has run out. */
function judge(state: State): void {
  const { clock, leases, wrote } = state;
  const now = clock.monotonic();
  const signs = [...leases.values(), ...(wrote === undefined ? [] : [wrote])].filter((one) => one.until > now);
  const waits = state.open > 0 && now < state.openUntil;
  state.timer?.();
  const next = Math.max(...signs.map((one) => one.until), waits ? state.openUntil : Number.NEGATIVE_INFINITY);
  state.timer = Number.isFinite(next) ? clock.after(next - now + 1, () => judge(state)) : undefined;
  const why = signs.length > 0 ? `Flux is at work: ${signs[0]?.who}` : waits ? '' : undefined;
  if (why === state.told) return;
  // One sign after another is the same news.
  if (why !== undefined && why !== '' && state.told !== undefined && state.told !== '') return;
  if (why !== undefined && why !== '') state.log.warn('stays back', { code: 'flux-active', reason: why });
  else if (state.told !== undefined && state.told !== '') state.log.info('Flux is gone: takes over', {});
  state.told = why;
  state.onChange(why);
}
