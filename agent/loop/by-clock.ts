import type { Site } from './site.ts';
import { clockMoved } from './source-run.ts';
import type { SourcePorts } from './source-state.ts';
import { type WallClock, watchWallClock } from './wall-clock.ts';

/** The wall clock, and those who go by it. */
export function wallClockOf(site: Site, ports: SourcePorts): WallClock {
  const { clock, log, records, settings } = site.env;
  return watchWallClock({
    clock,
    log,
    trustedAfter: settings.trustedAfter,
    floor: records.wallFloor(),
    onMoved: (ms) => {
      for (const run of [...site.sources.values(), ...site.kustomizations.values()])
        if (run.nextAt > 0) run.nextAt += ms;
      for (const run of site.sources.values()) void clockMoved(run, ports);
    },
    onAccept: (floor) =>
      void records.acceptWall(floor).catch((error: unknown) => log.warn('not written down', { error: String(error) })),
  });
}
