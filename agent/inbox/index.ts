import {
  asFault,
  byCodeUnit,
  FAULTS,
  type FaultCode,
  holds,
  type InboxStatus,
  type SourceKey,
} from '../../src/model/index.ts';
import type { Cancel, MediumEntry } from '../../src/ports/index.ts';
import { rfc3339 } from '../loop/time.ts';
import { entriesOf } from './entries.ts';
import { type Memory, markOf, openMemory } from './memory.ts';
import { newlySeen, type Seen, stampOf, tryAnew } from './seen.ts';
import type { InboxPorts, InboxSettings } from './settings.ts';
import { createTeller, type Teller } from './teller.ts';
import { hasRevision, tryFile } from './try.ts';
import type { Verdict } from './verdict.ts';

export type { InboxSettings } from './settings.ts';

/** Folders where files arrive instead of fetches. */
export interface Inbox {
  /** Looks now; files that were refused are looked at again. */
  nudge(): void;
  list(): readonly InboxStatus[];
  /** Breaks off, and waits for the file that is being taken; of a medium that hangs not for long. */
  stop(): Promise<void>;
}

interface State {
  readonly ports: InboxPorts;
  readonly settings: InboxSettings;
  readonly memory: Memory;
  readonly teller: Teller;
  /** Aborts at the end. */
  readonly signal: AbortSignal;
  readonly seen: Map<string, Seen>;
  /** The last that were moved aside. */
  past: readonly InboxStatus[];
}

const PAST = 20;
const FIRST_WAIT_MS = 5_000;
/** A read of a medium that is broken may never come back. */
const STOP_MS = 5_000;
/** Watches the inbox by looking at it: network mounts and sticks give no signs. */
export function startInbox(ports: InboxPorts, settings: InboxSettings): Inbox {
  const { clock, log, disk } = ports;
  const ended = new AbortController();
  const { signal } = ended;
  const [memory, teller] = [openMemory(disk, log), createTeller(log, clock)];
  const state: State = { ports, settings, memory, teller, signal, seen: new Map(), past: [] };
  let timer: Cancel | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  const look = (): void => {
    timer?.();
    if (signal.aborted) return;
    if (looking !== undefined) {
      again = true;
      return;
    }
    looking = lookAt(state)
      .catch((error: unknown) => log.error('looking at the inbox failed', { error: asFault(error).message }))
      .then(() => {
        looking = undefined;
        if (signal.aborted) return;
        if (again) clock.after(0, look);
        else timer = clock.after(settings.intervalMs, look);
        again = false;
      });
  };
  timer = clock.after(0, look);
  return {
    nudge: () => {
      memory.forgetRefused();
      teller.forget();
      for (const one of state.seen.values()) tryAnew(one);
      look();
    },
    list: () => [...[...state.seen.values()].map(({ shown }) => shown), ...state.past],
    stop: async () => {
      ended.abort();
      timer?.();
      if (looking !== undefined) {
        let late: Cancel | undefined;
        const patience = new Promise<void>((resolve) => {
          late = clock.after(STOP_MS, resolve);
        });
        await Promise.race([looking, patience]);
        late?.();
      }
      // What cannot be removed now is removed by the next start.
      await ports.spool.clear().catch(() => undefined);
    },
  };
}

/** One look at all folders. What one file brings may be what another waits for, so it goes on as long as something is taken. */
async function lookAt(state: State): Promise<void> {
  const { ports, teller } = state;
  const there = new Set<string>();
  for (const root of state.settings.paths)
    for (const entry of await entriesOf(root, ports, teller)) there.add(notice(state, root, entry).path);
  for (const path of state.seen.keys()) if (!there.has(path)) state.seen.delete(path);
  for (const one of state.seen.values())
    if (one.shown.state === 'taken' && !haveAll(state, one.takers)) one.shown = { ...one.shown, state: 'held' };
  for (let progress = true; progress && !state.signal.aborted; ) {
    progress = false;
    for (const one of due(state)) {
      if (state.signal.aborted) return;
      progress = (await attempt(state, one)) || progress;
    }
  }
  teller.over();
  await ports.spool.tidy(state.seen);
}

function notice({ seen, ports }: State, root: string, entry: MediumEntry): Seen {
  const path = `${root}/${entry.name}`;
  const known = seen.get(path);
  if (known?.stamp === stampOf(entry)) {
    known.looks += 1;
    return known;
  }
  const fresh = newlySeen(path, entry, rfc3339(ports.clock.now()));
  seen.set(path, fresh);
  return fresh;
}

/** Files that stand still and are to be tried, in the order of their names. */
function due(state: State): readonly Seen[] {
  const now = state.ports.clock.monotonic();
  const open = [...state.seen.values()].filter(({ looks, shown }) => looks > 1 && shown.state === 'held');
  if (open.length === 0) return [];
  const situation = situationOf(state);
  return open
    .filter((one) => one.notBefore <= now && (one.nextAt <= now || one.situation !== situation))
    .sort((a, b) => byCodeUnit(a.path, b.path));
}

/** What a held file may be waiting for. */
function situationOf({ ports }: State): string {
  return JSON.stringify(
    ports.loop.status().sources.map((one) => [one.kind, one.namespace, one.name, one.suspended, one.revision]),
  );
}

/** Tries a file and notes what came of it. True when something was taken that was not here before. */
async function attempt(state: State, one: Seen): Promise<boolean> {
  const { clock, limits } = state.ports;
  const before = situationOf(state);
  one.tries += 1;
  one.situation = before;
  const verdict = await verdictOf(state, one);
  // What the end has broken off says nothing of the file.
  if (state.signal.aborted && verdict.state !== 'taken') return false;
  one.proven = verdict.proven === true;
  const { patienceMs } = state.settings;
  const now = clock.monotonic();
  // It may be being copied, or its medium fails for a moment: it must stay so for a while.
  one.damagedSince = verdict.code === 'bundle-damaged' ? (one.damagedSince ?? now) : undefined;
  if (verdict.state !== 'held') await finish(state, one, { ...verdict, state: verdict.state });
  else if (one.damagedSince !== undefined && now - one.damagedSince >= patienceMs)
    await finish(state, one, { ...verdict, state: 'refused' });
  else {
    const wait = Math.min(limits.backoffMs, FIRST_WAIT_MS * 2 ** Math.min(one.tries - 1, 10));
    one.notBefore = one.damagedSince === undefined ? now + (verdict.retryAfterMs ?? 0) : one.damagedSince + patienceMs;
    one.nextAt = one.damagedSince === undefined ? now + wait : one.notBefore;
    show(state, one, verdict);
  }
  return situationOf(state) !== before;
}

async function verdictOf(state: State, one: Seen): Promise<Judged> {
  const { ports, memory } = state;
  try {
    const file = await ports.medium.open(one.path, ports.limits.bundleFiles);
    try {
      const known = memory.get(await markOf(file, one.name, state.signal));
      if (known !== undefined && (known.state === 'refused' || haveAll(state, known.sources)))
        return { ...toldIn(known.message), state: known.state, sources: [], takers: known.sources };
      const tried = { ...one, file, mustProve: state.settings.requireVerify === true };
      return await ports.spool.trying(tried, state.signal, (of) => tryFile(of, ports, state.signal));
    } finally {
      await file.close();
    }
  } catch (error) {
    const fault = asFault(error);
    const { code, message, retryAfterMs } = fault;
    return { state: holds(fault) ? 'held' : 'refused', code, message, sources: [], retryAfterMs };
  }
}

/** A verdict; one that is remembered names the sources that took of the file. */
interface Judged extends Verdict {
  readonly takers?: readonly SourceKey[];
}

/** Whether sources that took of a file still have something. */
function haveAll({ ports }: State, sources: readonly SourceKey[]): boolean {
  return sources.every((key) => hasRevision(key, ports));
}

/** A file that is done with: moved aside where that can be, else remembered. */
async function finish(
  state: State,
  one: Seen,
  verdict: Judged & { readonly state: 'taken' | 'refused' },
): Promise<void> {
  const { medium, limits } = state.ports;
  one.takers = verdict.takers ?? verdict.sources.map(({ source }) => source);
  show(state, one, verdict);
  const folder = verdict.state === 'taken' ? 'done' : 'refused';
  const text = `${one.shown.since} ${verdict.state}: ${verdict.message}${verdict.code === '' ? '' : ` (${verdict.code})`}\n`;
  if (state.settings.moveAside && (await medium.setAside(one.path, folder, text))) {
    state.seen.delete(one.path);
    state.past = [one.shown, ...state.past.filter(({ file }) => file !== one.path)].slice(0, PAST);
    return;
  }
  // A damaged file may be read well from the next medium, and a whole one looks the same at its ends.
  if (verdict.takers !== undefined || verdict.code === 'bundle-damaged') return;
  try {
    const file = await medium.open(one.path, limits.bundleFiles);
    try {
      const mark = await markOf(file, one.name, state.signal);
      const message = verdict.code === '' ? verdict.message : `${verdict.message} (${verdict.code})`;
      await state.memory.set(mark, { state: verdict.state, message, sources: one.takers });
    } finally {
      await file.close();
    }
  } catch {
    // Pulled out: it is read again when it is back, and found to be here.
  }
}

function show({ ports, teller }: State, one: Seen, { state: is, code, message, sources }: Verdict): void {
  const same = one.shown.state === is && one.shown.code === code && one.shown.message === message;
  if (same) return;
  one.shown = { file: one.path, state: is, code, message, since: rfc3339(ports.clock.now()), sources };
  teller.file(one.shown);
}

/** Message and code of a remembered text, which has the code at its end. */
function toldIn(text: string): Pick<Verdict, 'message' | 'code'> {
  const [, message = '', code = ''] = /^(.*) \(([a-z-]+)\)$/s.exec(text) ?? [];
  return Object.hasOwn(FAULTS, code) ? { message, code: code as FaultCode } : { message: text, code: '' };
}
