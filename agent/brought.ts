import type { InboxStatus, Limits } from '../src/model/index.ts';
import type { Clock, Disk, Log } from '../src/ports/index.ts';
import type { Inbox, InboxSettings } from './inbox/index.ts';
import type { LoopSettings } from './loop/env.ts';
import type { Loop } from './loop/index.ts';

/** The inbox of an agent, or none. */
export interface Brought {
  start(loop: Loop): Promise<void>;
  list(): readonly InboxStatus[];
  nudge(): void;
  stop(): Promise<void>;
}

export interface BroughtOptions {
  readonly inbox?: InboxSettings;
  readonly log: Log;
  readonly limits: Limits;
  readonly settings: Pick<LoopSettings, 'clusterName' | 'clusterLabels'>;
}

/** Its code is loaded for sites that have one. */
export function broughtTo(disk: Disk, clock: Clock, options: BroughtOptions): Brought {
  let inbox: Inbox | undefined;
  const { inbox: asked, log, limits, settings } = options;
  return {
    start: async (loop) => {
      if (asked === undefined || asked.paths.length === 0) return;
      const [{ startInbox }, { createMedium }] = await Promise.all([
        import('./inbox/index.ts'),
        import('./adapters/medium/index.ts'),
      ]);
      const cluster = { name: settings.clusterName, labels: settings.clusterLabels };
      inbox = startInbox({ clock, log, disk, medium: createMedium(), loop, limits, cluster }, asked);
    },
    list: () => inbox?.list() ?? [],
    nudge: () => inbox?.nudge(),
    stop: async () => inbox?.stop(),
  };
}
