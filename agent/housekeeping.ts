import type { Cache } from '../src/cache/index.ts';
import type { Clock, Disk, Log } from '../src/ports/index.ts';
import type { DiskState } from './disk-state.ts';
import type { Records, Workshop } from './loop/env.ts';
import type { Loop } from './loop/index.ts';
import { restAfterWork } from './memory.ts';

export interface HousekeepingPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
  readonly diskState: DiskState;
  readonly cache: Cache;
  readonly records: Records;
  readonly workshop: Workshop;
  readonly loop: Loop;
  /** Undefined where no objects are read from the cluster. */
  readonly objects?: { tidy(): Promise<void> } | undefined;
}

const TIDY_MS = 60_000;
/** Flash wears: the last status is for the time when the process is not there to ask. */
const STATUS_MS = 3_600_000;
/** Bit rot is found before the day when the content is needed. */
const VERIFY_MS = 86_400_000;

/** What a long-lived process does besides its work: frees content and memory, looks for damage, leaves its status behind. */
export function keepHouse(ports: HousekeepingPorts): { stop(): Promise<void> } {
  const { clock, log, disk, cache, loop } = ports;
  const cancels = new Map<string, () => void>();
  const every = (name: string, ms: number, work: () => Promise<void>): void => {
    const turn = async (): Promise<void> => {
      await work().catch((error: unknown) =>
        log.warn(`${name} failed`, { error: error instanceof Error ? error.message : String(error) }),
      );
      cancels.set(
        name,
        clock.after(ms, () => void turn()),
      );
    };
    cancels.set(
      name,
      clock.after(ms, () => void turn()),
    );
  };
  const writeStatus = async (): Promise<void> => {
    await disk.writeAtomic('status.json', Buffer.from(`${JSON.stringify(loop.status(), null, 1)}\n`));
    await cache.agent.update({ wallFloor: loop.wallFloor() });
  };
  ports.diskState.start(() => loop.diskBack());
  every('tidying the cache', TIDY_MS, async () => {
    if (!loop.quiet()) return;
    await ports.objects?.tidy();
    await ports.records.tidy();
  });
  every('writing the status', STATUS_MS, writeStatus);
  every('verifying the cache', VERIFY_MS, async () => {
    const { contents, damage } = await cache.verify();
    log.info('cache verified', { contents, damaged: damage.length });
    if (damage.length > 0) loop.nudge(undefined);
  });
  const drop = (): void => {
    cache.rest();
    ports.workshop.rest();
  };
  const awake = restAfterWork({ clock, quiet: () => loop.quiet(), drop });
  return {
    stop: async () => {
      awake();
      for (const cancel of cancels.values()) cancel();
      await writeStatus().catch((error: unknown) =>
        log.warn('status not left behind', { error: error instanceof Error ? error.message : String(error) }),
      );
    },
  };
}
