import type { InboxStatus, SourceKey } from '../../src/model/index.ts';
import type { MediumEntry } from '../../src/ports/index.ts';
import type { Settled } from './verdict.ts';

/** All that is remembered of one file while it lies there. */
export interface Seen {
  readonly path: string;
  readonly name: string;
  /** Size and time: another one means that it is being written. */
  readonly stamp: string;
  /** Monotonic, since when each try has found it damaged; undefined when the last one did not. */
  damagedSince: number | undefined;
  /** Looks at this stamp. */
  looks: number;
  tries: number;
  /** Monotonic; not tried before, unless something happened at the site. */
  nextAt: number;
  /** Monotonic; not tried before, whatever happens. */
  notBefore: number;
  /** Its digests were compared, at this stamp. */
  proven: boolean;
  /** What came of its parts, for good. */
  readonly settled: Map<string, Settled>;
  /** Sources that took of it. */
  takers: readonly SourceKey[];
  /** What the site was like at the last try. */
  situation: string;
  shown: InboxStatus;
}

export const stampOf = ({ size, mtime }: MediumEntry): string => `${size} ${mtime}`;

/** A file that is seen for the first time, or has changed. */
export function newlySeen(path: string, entry: MediumEntry, date: string): Seen {
  return {
    path,
    name: entry.name,
    stamp: stampOf(entry),
    damagedSince: undefined,
    looks: 1,
    tries: 0,
    nextAt: 0,
    notBefore: 0,
    proven: false,
    settled: new Map(),
    takers: [],
    situation: '',
    shown: {
      file: path,
      state: 'held',
      code: '',
      message: 'it is looked at when it stands still',
      since: date,
      sources: [],
    },
  };
}

/** Has a file tried again by the next look, as if nothing was known of it. */
export function tryAnew(one: Seen): void {
  one.nextAt = 0;
  one.notBefore = 0;
  one.damagedSince = undefined;
  one.settled.clear();
  if (one.shown.state === 'refused') one.shown = { ...one.shown, state: 'held' };
}
