import { type Inbox, type InboxSettings, startInbox } from '../../../agent/inbox/index.ts';
import type { InboxPorts } from '../../../agent/inbox/settings.ts';
import type { Spool } from '../../../agent/inbox/spool.ts';
import type { BroughtPart } from '../../../agent/loop/env.ts';
import type { Loop } from '../../../agent/loop/index.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type InboxStatus,
  type LimitName,
  type SourceStatus,
} from '../../../src/model/index.ts';
import type { Log, Medium } from '../../../src/ports/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

/** A line of the log. */
export interface Line {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An inbox on a stick of memory, with sources that the test plays. */
export interface World {
  readonly clock: ManualClock;
  readonly inbox: Inbox;
  /** The stick: bytes by name; undefined when it is not in. Another array counts as written anew. */
  stick: Map<string, Uint8Array> | undefined;
  /** Sources by key, with their revisions; '' for none. */
  readonly sources: Map<string, string>;
  /** What a source says to an offer; the revision that it has then, or the Fault. */
  answer: (source: string, part: BroughtPart) => Promise<string>;
  /** All declared objects are known. */
  complete: boolean;
  readonly offered: string[];
  readonly lines: Line[];
  /** What a file is shown as: `state code`; '' when it is not. */
  shown(name: string): string;
  status(name: string): InboxStatus | undefined;
  /** Lets so many looks pass. */
  looks(count?: number): Promise<void>;
  /** Another process on the same disk. */
  restart(): Promise<void>;
}

export interface WorldOptions {
  readonly settings?: Partial<InboxSettings>;
  readonly limits?: Partial<Record<LimitName, number>>;
  /** What becomes of a read; absent for one that works. */
  readonly read?: (length: number) => Promise<void>;
}

const LOOK_MS = 1_000;

export async function world(options: WorldOptions = {}): Promise<World> {
  const [clock, disk, lines] = [manualClock(), faultDisk().disk, [] as Line[]];
  const mtimes = new Map<Uint8Array, number>();
  const note =
    (level: string) =>
    (event: string, fields = {}): void =>
      void lines.push({ level, event, fields });
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    with: () => log,
  };
  const medium: Medium = {
    list: async () =>
      self.stick === undefined
        ? undefined
        : [...self.stick].map(([name, bytes]) => {
            mtimes.set(bytes, mtimes.get(bytes) ?? mtimes.size);
            return { name, kind: 'file' as const, size: bytes.length, mtime: mtimes.get(bytes) ?? 0 };
          }),
    layout: async () => undefined,
    open: async (path) => {
      const bytes = self.stick?.get(path.slice('/stick/'.length));
      if (bytes === undefined) throw new Fault('bundle-damaged', `${path} cannot be read (ENOENT)`);
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        await options.read?.(length);
        return bytes.subarray(offset, offset + length);
      };
      return { size: bytes.length, read, close: async () => undefined };
    },
    setAside: async () => false,
  };
  const sourceOf = ([key, revision]: readonly [string, string]): SourceStatus => {
    const [kind, namespace, name] = key.split('/');
    return { kind, namespace, name, revision, suspended: false, url: 'oci://r/a' } as unknown as SourceStatus;
  };
  const loop: Pick<Loop, 'offer' | 'status' | 'knowsAll'> = {
    knowsAll: () => self.complete,
    status: () => ({ sources: [...self.sources].map(sourceOf) }) as unknown as ReturnType<Loop['status']>,
    offer: async (key, part) => {
      self.offered.push(`${key} ${part.path}`);
      if (!self.sources.has(key)) throw new Fault('bundle-unclaimed', `${key} is not declared here`);
      const revision = await self.answer(key, part);
      self.sources.set(key, revision);
      return { revision, isNew: true };
    },
  };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const spool: Spool = { trying: (one, _, use) => use(one), tidy: async () => undefined, clear: async () => undefined };
  const ports: InboxPorts = { clock, log, disk, medium, spool, loop, limits, cluster: { name: 'here', labels: {} } };
  const settings = {
    paths: ['/stick'],
    intervalMs: LOOK_MS,
    patienceMs: 10_000,
    moveAside: false,
    ...options.settings,
  };
  let inbox = startInbox(ports, settings);
  const self: World = {
    clock,
    get inbox() {
      return inbox;
    },
    stick: new Map(),
    sources: new Map(),
    answer: async () => 'r1',
    complete: true,
    offered: [],
    lines,
    status: (name) => inbox.list().find(({ file }) => file === `/stick/${name}`),
    shown: (name) => {
      const found = self.status(name);
      return found === undefined ? '' : `${found.state} ${found.code}`.trim();
    },
    looks: async (count = 2) => {
      for (let i = 0; i < count; i++) await clock.advance(LOOK_MS);
    },
    restart: async () => {
      await inbox.stop();
      inbox = startInbox(ports, settings);
    },
  };
  return self;
}
