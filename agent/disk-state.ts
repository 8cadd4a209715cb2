import { asFault, type DiskLow, FAULTS, type Fault, type FaultCode, type NotConverged } from '../src/model/index.ts';
import type { Clock, Disk, Log } from '../src/ports/index.ts';
import { bytesText } from '../src/report/index.ts';
import { rfc3339 } from './loop/time.ts';

/** Whether the state folder takes writes, as far as this process knows. */
export interface DiskState {
  /** Why it takes none, in words for an operator; undefined when it does. */
  trouble(): NotConverged | undefined;
  /** Looks every minute without writing, so that a disk at rest is noticed as well. `onBack`: it takes writes again. */
  start(onBack: () => void): void;
  stop(): void;
}

export interface WatchedDisk {
  readonly disk: Disk;
  readonly state: DiskState;
}

/** How often a folder that takes no writes is tried. */
const TRY_MS = 5_000;
/** How often one at rest is looked at. */
const LOOK_MS = 60_000;

const HELP: Readonly<Partial<Record<FaultCode, string>>> = {
  'cache-full':
    'Free space on the disk of stateDir, or give it a larger one: it goes on by itself. What is applied stays and is kept; nothing new is taken meanwhile.',
  'cache-io':
    'Make stateDir writable again (mount, owner, mode), or change the disk: it goes on by itself. What is applied stays and is kept; nothing new is taken meanwhile.',
};

/**
 * Less is free than the next revision may need, or nothing: to be told before a write fails. `coming`: bytes of transfers
 * that are under way. Undefined while there is room, or where that is not known.
 */
export function diskLow(free: number | undefined, room: number, coming: number): DiskLow | undefined {
  const needBytes = room + coming;
  if (free === undefined || free >= needBytes) return undefined;
  const what =
    coming === 0 ? `less than limits.diskRoomBytes (${bytesText(room)})` : `and ${bytesText(coming)} are about to come`;
  const message = free === 0 ? 'full: the next revision does not fit' : `low, ${what}: the next revision may not fit`;
  return { needBytes, message, help: LOW };
}

const LOW =
  'Free space on the disk of stateDir, or give it a larger one, before the next revision comes. limits.cacheBytes bounds what the agent itself takes of it.';

interface Known {
  readonly fault: Fault;
  readonly since: number;
}

/**
 * A Disk that is watched: a write that fails is a doubt, a write of its own (`Disk.probe`) the proof. So a content that is
 * too large says nothing of the folder, and a folder that takes no writes is known until it takes one.
 */
export function watchedDisk(inner: Disk, { clock, log }: { readonly clock: Clock; readonly log: Log }): WatchedDisk {
  let known: Known | undefined;
  let probing = false;
  let ended = false;
  let onBack = (): void => undefined;
  const timers = new Map<'try' | 'look', () => void>();

  const learn = (fault: Fault | undefined): void => {
    if (fault !== undefined) {
      if (known === undefined)
        log.error('the state folder takes no writes', { code: fault.code, error: fault.message });
      known = { fault, since: known?.since ?? clock.now() };
      timers.get('try')?.();
      if (!ended)
        timers.set(
          'try',
          clock.after(TRY_MS, () => void probe()),
        );
    } else if (known !== undefined) {
      known = undefined;
      log.info('the state folder takes writes again');
      onBack();
    }
  };
  const probe = async (): Promise<void> => {
    if (probing || ended) return;
    probing = true;
    const fault = await inner.probe().then(() => undefined, asFault);
    probing = false;
    if (!ended) learn(fault);
  };
  const look = (): void => {
    timers.set('look', clock.after(LOOK_MS, look));
    if (known === undefined && (inner.unwritable() !== undefined || inner.free() === 0)) void probe();
  };
  const shown = (): Known | undefined => {
    const fault = known === undefined ? inner.unwritable() : undefined;
    if (fault !== undefined) learn(fault);
    return known;
  };
  return {
    disk: doubting(inner, () => void (known === undefined && probe())),
    state: {
      trouble: () => {
        const now = shown();
        return now === undefined ? undefined : inWords(now);
      },
      start: (back) => {
        onBack = back;
        look();
      },
      stop: () => {
        ended = true;
        for (const cancel of timers.values()) cancel();
      },
    },
  };
}

function inWords({ fault, since }: Known): NotConverged {
  const { code, reason, message } = fault;
  return { code, reason, message, help: HELP[code] ?? FAULTS[code].help, since: rfc3339(since) };
}

/** The same disk; calls back after each write that failed. */
function doubting(disk: Disk, doubt: () => void): Disk {
  const told = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      doubt();
      throw error;
    }
  };
  return {
    ...disk,
    writeAtomic: (path, bytes) => told(disk.writeAtomic(path, bytes)),
    append: (path, bytes, options) => told(disk.append(path, bytes, options)),
    remove: (path) => told(disk.remove(path)),
    create: async (folder) => {
      const file = await told(disk.create(folder));
      return {
        ...file,
        write: (bytes) => told(file.write(bytes)),
        publish: (path) => told(file.publish(path)),
      };
    },
  };
}
