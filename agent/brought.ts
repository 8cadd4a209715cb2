import { resolve } from 'node:path';
import { asFault, type InboxStatus, type Limits } from '../src/model/index.ts';
import type { Clock, Disk, Log } from '../src/ports/index.ts';
import type { Inbox, InboxSettings } from './inbox/index.ts';
import type { LoopSettings } from './loop/env.ts';
import type { Loop } from './loop/index.ts';
import type { Unwrapper } from './workshop/index.ts';

/** The inbox of an agent, or none. */
export interface Brought {
  start(loop: Loop): Promise<void>;
  list(): readonly InboxStatus[];
  nudge(): void;
  stop(): Promise<void>;
}

export interface BroughtOptions {
  readonly stateDir: string;
  readonly inbox?: InboxSettings;
  readonly log: Log;
  readonly limits: Limits;
  readonly settings: Pick<LoopSettings, 'clusterName' | 'clusterLabels'>;
}

/** In the state folder: content of files that are compressed as a whole. */
const UNPACKED = 'unpacked';

/** Takes away what a process that was killed has unpacked, also where there is no inbox any more. */
async function sweepSpool(disk: Disk, log: Log): Promise<void> {
  try {
    if (disk.list(UNPACKED).length > 0) await (await import('./inbox/spool.ts')).clearSpool({ disk, folder: UNPACKED });
  } catch (error) {
    log.warn('what was unpacked before cannot be removed', { error: asFault(error).message });
  }
}

/** Its code is loaded for sites that have one. */
export function broughtTo(
  { disk, workshop }: { readonly disk: Disk; readonly workshop: Unwrapper },
  clock: Clock,
  options: BroughtOptions,
): Brought {
  let inbox: Inbox | undefined;
  const { inbox: asked, log, limits, settings, stateDir } = options;
  return {
    start: async (loop) => {
      await sweepSpool(disk, log);
      if (asked === undefined || asked.paths.length === 0) return;
      const [{ startInbox }, { createSpool }, { createMedium }] = await Promise.all([
        import('./inbox/index.ts'),
        import('./inbox/spool.ts'),
        import('./adapters/medium/index.ts'),
      ]);
      const medium = createMedium();
      const place = { disk, stateDir: resolve(stateDir), folder: UNPACKED };
      const spool = createSpool({ ...place, medium, unwrap: workshop.unwrap, limits });
      const cluster = { name: settings.clusterName, labels: settings.clusterLabels };
      inbox = startInbox({ clock, log, disk, medium, spool, loop, limits, cluster }, asked);
    },
    list: () => inbox?.list() ?? [],
    nudge: () => inbox?.nudge(),
    stop: async () => inbox?.stop(),
  };
}
