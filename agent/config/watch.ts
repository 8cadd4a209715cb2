import { type FSWatcher, watch } from 'node:fs';
import type { Cancel, Clock } from '../../src/ports/index.ts';
import { type Found, findFiles } from './files.ts';
import { type Look, look, type ObjectsSnapshot, type SnapshotLimits } from './snapshot.ts';

export interface WatchOptions {
  readonly limits: SnapshotLimits;
  readonly clock: Clock;
  /** Quiet time after the last sign of a change before it is read. */
  readonly debounceMs?: number;
  /** A look without a sign: some file systems (network, overlay) give none. */
  readonly pollMs?: number;
  /** How long to wait before a new mistake, or the end of an object, is believed: a file may just be being written. */
  readonly settleMs?: number;
}

export interface ObjectsWatch {
  /** As last read. */
  readonly current: () => ObjectsSnapshot;
  /** Reads now; `onChange` is called when something differs. */
  readonly refresh: () => void;
  readonly close: () => void;
}

interface State {
  last: Look;
  marks: string;
  readonly watchers: Map<string, FSWatcher>;
  debounce: Cancel | undefined;
  poll: Cancel | undefined;
  settle: Cancel | undefined;
  closed: boolean;
}

/**
 * Reads the objects of folders (or single files) and watches them: `onChange` gets a full snapshot whenever one differs
 * from the last, at most once per quiet time. The first snapshot is `current()` on return. Never throws: what cannot be
 * read is an error of the snapshot. Keeps no process alive.
 */
export function watchObjects(
  roots: readonly string[],
  onChange: (snapshot: ObjectsSnapshot) => void,
  options: WatchOptions,
): ObjectsWatch {
  const { clock, limits, debounceMs = 200, pollMs = 10_000, settleMs = 2_000 } = options;
  const first = look(roots, limits, undefined);
  const state: State = {
    last: first,
    marks: marksOf(first.found),
    watchers: new Map(),
    debounce: undefined,
    poll: undefined,
    settle: undefined,
    closed: false,
  };
  const read = (patient: boolean): void => {
    if (state.closed) return;
    const next = look(roots, limits, state.last.snapshot);
    state.marks = marksOf(next.found);
    follow(state, next.found, sign);
    // Half a file may read as a mistake, or as fewer objects: look again before telling anyone.
    if (patient && next.doubtful) {
      state.settle ??= clock.after(settleMs, () => {
        state.settle = undefined;
        read(false);
      });
      return;
    }
    const same = next.digest === state.last.digest;
    state.last = same ? { ...next, snapshot: state.last.snapshot } : next;
    if (!same) onChange(next.snapshot);
  };
  const sign = (): void => {
    state.debounce?.();
    state.debounce = clock.after(debounceMs, () => {
      state.debounce = undefined;
      read(true);
    });
  };
  const poll = (): void => {
    if (state.closed) return;
    if (marksOf(findFiles(roots, limits)) !== state.marks) read(true);
    state.poll = clock.after(pollMs, poll);
  };
  follow(state, first.found, sign);
  state.poll = clock.after(pollMs, poll);
  return { current: () => state.last.snapshot, refresh: () => read(false), close: () => close(state) };
}

function close(state: State): void {
  state.closed = true;
  for (const cancel of [state.debounce, state.poll, state.settle]) cancel?.();
  for (const watcher of state.watchers.values()) watcher.close();
  state.watchers.clear();
}

/** Everything whose change means that files are to be read again. */
function marksOf(found: Found): string {
  return [
    ...found.files.map((file) => `${file.path} ${file.mark}`),
    ...found.faults.map((one) => one.fault.message),
  ].join('\n');
}

/** Watches the folders there are now, and no others. A folder that cannot be watched is left to the poll. */
function follow(state: State, found: Found, sign: () => void): void {
  const targets = new Set([
    ...found.folders,
    ...found.files.map((file) => file.path).filter((path) => !inside(path, found.folders)),
  ]);
  for (const [path, watcher] of state.watchers) {
    if (targets.has(path)) continue;
    watcher.close();
    state.watchers.delete(path);
  }
  for (const path of targets) {
    if (state.watchers.has(path)) continue;
    try {
      const watcher = watch(path, { persistent: false }, sign);
      watcher.on('error', () => {
        watcher.close();
        state.watchers.delete(path);
      });
      state.watchers.set(path, watcher);
    } catch {
      // Out of watches, or the folder is gone: the poll sees what happens.
    }
  }
}

function inside(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}
