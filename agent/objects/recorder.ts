import { asFault, type JsonObject, type KubeObject } from '../../src/model/index.ts';
import type { Clock, Cluster, Log } from '../../src/ports/index.ts';
import type { LoopEvent } from '../loop/env.ts';
import { rfc3339 } from '../loop/time.ts';
import { dropOldest } from './bounded.ts';
import { FLUX_KINDS, isForeign } from './kinds.ts';
import { lastWords, MANAGER } from './publisher.ts';
import type { Tracked } from './tracked.ts';

export interface RecorderPorts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracked: ReadonlyMap<string, Tracked>;
  readonly speaks: () => boolean;
}

/** Writes Events. They are told once, in order; what cannot be told at once, or is too much, is let go of. */
export interface Recorder {
  event(event: LoopEvent): void;
  stop(): Promise<void>;
}

/** An object may tell so many events at once, and one more after each interval. */
const BURST = 25;
const REFILL_MS = 60_000;
/** The same event again within this time is counted, not told anew. */
const SAME_MS = 600_000;
/** Events that wait to be written, and that are remembered for counting. */
const MOST_OPEN = 1_000;
const MOST_KNOWN = 500;
/** Objects of which it is remembered how much they told. */
const MOST_TELLERS = 1_000;
/** Longest that open ones are waited for at the end. */
const LAST_WORDS_MS = 1_000;
/** Longest message, characters. */
const LONGEST = 4_096;

interface Known {
  readonly name: string;
  count: number;
  at: number;
}

export function createRecorder(ports: RecorderPorts): Recorder {
  const { clock, log } = ports;
  const ended = new AbortController();
  const known = new Map<string, Known>();
  const allowance = new Map<string, { left: number; at: number }>();
  const open: (() => Promise<void>)[] = [];
  let working: Promise<void> | undefined;

  const work = async (): Promise<void> => {
    for (let job = open.shift(); job !== undefined && !ended.signal.aborted; job = open.shift())
      await job().catch((error: unknown) => log.debug('event not written', { error: asFault(error).message }));
    working = undefined;
  };
  const may = (key: string): boolean => {
    const now = clock.monotonic();
    const one = allowance.get(key) ?? { left: BURST, at: now };
    const back = Math.floor((now - one.at) / REFILL_MS);
    const left = Math.min(BURST, one.left + back);
    // Who told last is forgotten last.
    allowance.delete(key);
    allowance.set(key, { left: Math.max(0, left - 1), at: one.at + back * REFILL_MS });
    dropOldest(allowance, MOST_TELLERS);
    return left > 0;
  };
  return {
    event: (event) => {
      const tracked = ports.tracked.get(event.key);
      if (
        tracked === undefined ||
        isForeign(tracked.ref) ||
        ended.signal.aborted ||
        !ports.speaks() ||
        open.length >= MOST_OPEN ||
        !may(event.key)
      )
        return;
      open.push(() => tell(event, tracked, known, ports, ended.signal));
      working ??= work();
    },
    stop: async () => {
      await lastWords(clock, ended, LAST_WORDS_MS, () => working ?? Promise.resolve());
    },
  };
}

async function tell(
  event: LoopEvent,
  tracked: Tracked,
  known: Map<string, Known>,
  ports: RecorderPorts,
  signal: AbortSignal,
): Promise<void> {
  const now = ports.clock.now();
  const same = JSON.stringify([
    event.key,
    tracked.uid,
    event.type,
    event.reason,
    event.message,
    event.revision,
    tracked.told,
  ]);
  const before = known.get(same);
  const { namespace } = tracked.ref;
  const at = { group: '', version: 'v1', kind: 'Event', namespace };
  if (before !== undefined && now - before.at < SAME_MS) {
    before.count += 1;
    before.at = now;
    const body = { count: before.count, lastTimestamp: rfc3339(now) };
    await ports.cluster.patch({ ...at, name: before.name }, body, { manager: MANAGER, signal, yields: true });
    return;
  }
  const name = `${tracked.ref.name.slice(0, 200)}.${now.toString(16)}${known.size.toString(16).padStart(3, '0')}`;
  await ports.cluster.create({ ...at, name }, eventObject(event, tracked, name, now), {
    manager: MANAGER,
    signal,
    yields: true,
  });
  known.set(same, { name, count: 1, at: now });
  dropOldest(known, MOST_KNOWN);
}

function eventObject(event: LoopEvent, tracked: Tracked, name: string, now: number): KubeObject {
  const { ref, uid, resourceVersion, told } = tracked;
  const { group, version, kind, namespace } = ref;
  const component = FLUX_KINDS.find((one) => one.kind === kind)?.component ?? MANAGER;
  const annotations: JsonObject = {
    ...(event.revision === '' ? {} : { [`${group}/revision`]: event.revision }),
    ...(event.origin === undefined ? {} : { [`${group}/originRevision`]: event.origin }),
    ...Object.fromEntries(Object.entries(event.more ?? {}).map(([name, value]) => [`${group}/${name}`, value])),
    ...told,
  };
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace, annotations },
    involvedObject: { apiVersion: `${group}/${version}`, kind, namespace, name: ref.name, uid, resourceVersion },
    type: event.type,
    reason: event.reason,
    message: event.message.length > LONGEST ? `${event.message.slice(0, LONGEST - 3)}...` : event.message,
    source: { component },
    reportingComponent: component,
    reportingInstance: MANAGER,
    firstTimestamp: rfc3339(now),
    lastTimestamp: rfc3339(now),
    count: 1,
  };
}
