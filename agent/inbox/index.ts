import { asFault, byCodeUnit, FAULTS, type FaultCode, type InboxStatus } from '../../src/model/index.ts';
import type { Cancel, MediumEntry } from '../../src/ports/index.ts';
import { rfc3339 } from '../loop/time.ts';
import { type Memory, markOf, openMemory } from './memory.ts';
import type { InboxPorts, InboxSettings } from './settings.ts';
import { tryFile, type Verdict } from './try.ts';

export type { InboxSettings } from './settings.ts';

/** Folders where files arrive instead of fetches. */
export interface Inbox {
  /** Looks now; files that were refused are looked at again. */
  nudge(): void;
  list(): readonly InboxStatus[];
  /** Breaks off, and waits for the file that is being taken; of a medium that hangs not for long. */
  stop(): Promise<void>;
}

/** All that is remembered of one file while it lies there. */
interface Seen {
  readonly path: string;
  readonly name: string;
  /** Size and time: another one means that it is being written. */
  stamp: string;
  /** Monotonic, of the first look at this stamp. */
  since: number;
  /** Looks at this stamp. */
  looks: number;
  tries: number;
  /** Monotonic; not tried before, unless something happened at the site. */
  nextAt: number;
  /** Its digests were compared, at this stamp. */
  proven: boolean;
  /** What the site was like at the last try. */
  situation: string;
  shown: InboxStatus;
}

interface State {
  readonly ports: InboxPorts;
  readonly settings: InboxSettings;
  readonly memory: Memory;
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
/** Names under which files are while they are copied, and ours beside them. */
const PASSED_OVER = /^\.|\.(?:part|tmp|crdownload|reason)$|^(?:done|refused)$/;

/** Watches the inbox by looking at it: network mounts and sticks give no signs. */
export function startInbox(ports: InboxPorts, settings: InboxSettings): Inbox {
  const { clock, log, disk } = ports;
  const ended = new AbortController();
  const { signal } = ended;
  const state: State = { ports, settings, memory: openMemory(disk, log), signal, seen: new Map(), past: [] };
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
      state.memory.forgetRefused();
      for (const one of state.seen.values()) {
        one.nextAt = 0;
        if (one.shown.state === 'refused') one.shown = { ...one.shown, state: 'held' };
      }
      look();
    },
    list: () => [...[...state.seen.values()].map(({ shown }) => shown), ...state.past],
    stop: async () => {
      ended.abort();
      timer?.();
      if (looking === undefined) return;
      let late: Cancel | undefined;
      const patience = new Promise<void>((resolve) => {
        late = clock.after(STOP_MS, resolve);
      });
      await Promise.race([looking, patience]);
      late?.();
    },
  };
}

/** One look at all folders. What one file brings may be what another waits for, so it goes on as long as something is taken. */
async function lookAt(state: State): Promise<void> {
  const there = new Set<string>();
  for (const root of state.settings.paths)
    for (const entry of await entriesOf(state, root)) there.add(notice(state, root, entry).path);
  for (const path of state.seen.keys()) if (!there.has(path)) state.seen.delete(path);
  for (let progress = true; progress && !state.signal.aborted; ) {
    progress = false;
    for (const one of due(state)) {
      if (state.signal.aborted) return;
      progress = (await attempt(state, one)) || progress;
    }
  }
}

async function entriesOf({ ports }: State, root: string): Promise<readonly MediumEntry[]> {
  const { medium, log, limits } = ports;
  try {
    const files = ((await medium.list(root)) ?? []).filter(
      ({ name, kind }) => kind === 'file' && !PASSED_OVER.test(name),
    );
    if (files.length > limits.inboxFiles)
      log.warn('inbox has more files than are looked at', {
        folder: root,
        files: files.length,
        limit: limits.inboxFiles,
      });
    return files.slice(0, limits.inboxFiles);
  } catch (error) {
    log.warn('inbox cannot be read', { folder: root, error: asFault(error).message });
    return [];
  }
}

function notice({ seen, ports }: State, root: string, { name, size, mtime }: MediumEntry): Seen {
  const path = `${root}/${name}`;
  const stamp = `${size} ${mtime}`;
  const known = seen.get(path);
  if (known?.stamp === stamp) {
    known.looks += 1;
    return known;
  }
  const now = ports.clock.monotonic();
  const shown: InboxStatus = {
    file: path,
    state: 'held',
    code: '',
    message: 'it is looked at when it stands still',
    since: rfc3339(ports.clock.now()),
    sources: [],
  };
  const fresh: Seen = {
    path,
    name,
    stamp,
    since: now,
    looks: 1,
    tries: 0,
    nextAt: 0,
    proven: false,
    situation: '',
    shown,
  };
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
    .filter((one) => one.nextAt <= now || (one.shown.code !== 'bundle-damaged' && one.situation !== situation))
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
  const impatient = clock.monotonic() - one.since >= state.settings.patienceMs;
  if (verdict.state === 'held') {
    const damaged = verdict.code === 'bundle-damaged';
    if (damaged && impatient) await finish(state, one, { ...verdict, state: 'refused' });
    else {
      const wait = Math.min(limits.backoffMs, FIRST_WAIT_MS * 2 ** Math.min(one.tries - 1, 10));
      one.nextAt = damaged ? one.since + state.settings.patienceMs : clock.monotonic() + wait;
      show(state, one, verdict);
    }
  } else await finish(state, one, { ...verdict, state: verdict.state });
  return situationOf(state) !== before;
}

async function verdictOf(state: State, one: Seen): Promise<Verdict & { readonly remembered?: boolean }> {
  const { ports, memory } = state;
  try {
    const file = await ports.medium.open(one.path);
    try {
      const known = memory.get(await markOf(file));
      if (known !== undefined && (known.state === 'refused' || haveAll(state, known.sources)))
        return { ...known, code: codeIn(known.message), sources: [], remembered: true };
      return await tryFile({ path: one.path, name: one.name, file, proven: one.proven }, ports, state.signal);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code, message } = asFault(error);
    return { state: 'held', code, message, sources: [] };
  }
}

/** Whether sources that took of a file still have something: their objects may have been deleted since. */
function haveAll({ ports }: State, sources: readonly string[]): boolean {
  const { sources: all } = ports.loop.status();
  return sources.every((key) =>
    all.some((one) => `${one.kind}/${one.namespace}/${one.name}` === key && one.revision !== ''),
  );
}

/** A file that is done with: moved aside where that can be, else remembered. */
async function finish(
  state: State,
  one: Seen,
  verdict: Verdict & { readonly state: 'taken' | 'refused'; readonly remembered?: boolean },
): Promise<void> {
  const { medium } = state.ports;
  show(state, one, verdict);
  const folder = verdict.state === 'taken' ? 'done' : 'refused';
  const text = `${one.shown.since} ${verdict.state}: ${verdict.message}${verdict.code === '' ? '' : ` (${verdict.code})`}\n`;
  if (state.settings.moveAside && (await medium.setAside(one.path, folder, text))) {
    state.seen.delete(one.path);
    state.past = [one.shown, ...state.past.filter(({ file }) => file !== one.path)].slice(0, PAST);
    return;
  }
  if (verdict.remembered === true) return;
  try {
    const file = await medium.open(one.path);
    try {
      const mark = await markOf(file);
      const message = verdict.code === '' ? verdict.message : `${verdict.message} (${verdict.code})`;
      const sources = verdict.sources.map(({ source }) => source);
      await state.memory.set(mark, { state: verdict.state, message, sources });
    } finally {
      await file.close();
    }
  } catch {
    // Pulled out: it is read again when it is back, and found to be here.
  }
}

function show(state: State, one: Seen, { state: is, code, message, sources }: Verdict): void {
  const { clock, log } = state.ports;
  const same = one.shown.state === is && one.shown.code === code && one.shown.message === message;
  if (same) return;
  one.shown = { file: one.path, state: is, code, message, since: rfc3339(clock.now()), sources };
  const fields = { file: one.path, code: code === '' ? undefined : code, message };
  if (is === 'taken') log.info('file taken', fields);
  else log.warn(is === 'held' ? 'file held' : 'file refused', fields);
}

/** The code at the end of a remembered text. */
function codeIn(message: string): FaultCode | '' {
  const code = /\(([a-z-]+)\)$/.exec(message)?.[1] ?? '';
  return Object.hasOwn(FAULTS, code) ? (code as FaultCode) : '';
}
