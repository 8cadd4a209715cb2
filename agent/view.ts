import { refText } from '../src/model/index.ts';
import { type ApiFacts, type Counters, metricsText } from '../src/report/index.ts';
import type { Brought } from './brought.ts';
import type { View } from './http/index.ts';
import type { Loop } from './loop/index.ts';
import { BUILD } from './version.ts';

export interface ViewFacts {
  readonly counters: Counters;
  /** Traffic with the API server. */
  readonly stats: () => ApiFacts;
  /** Of this process, seconds since 1970. */
  readonly started: number;
}

/** What the HTTP server shows of a running agent. */
export function viewOf(loop: Loop, brought: Brought, facts: ViewFacts): View {
  return {
    status: () => loop.status(),
    metrics: () => metricsOf(loop, facts),
    alive: () => loop.alive(),
    ready: () => loop.ready(),
    nudge: (ref) => {
      if (ref.name === '') brought.nudge();
      return loop.nudge(ref.name === '' ? undefined : refText(ref));
    },
  };
}

function metricsOf(loop: Loop, { counters, stats, started }: ViewFacts): string {
  const memory = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  return metricsText(loop.status(), {
    counters,
    api: stats(),
    build: { commit: BUILD.commit, node: process.version },
    process: { residentBytes: memory, cpuSeconds: (cpu.user + cpu.system) / 1e6, startedAt: started },
  });
}
