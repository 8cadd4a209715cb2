import { byCodeUnit, refText } from '../model/index.ts';
import { type Histogram, newHistogram, observeSeconds } from './prometheus.ts';

/** What a run ended with. */
export type RunResult = 'success' | 'error';

export interface RunCounter {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly seconds: Histogram;
}

/** What the status document does not hold: events that are counted, not states. From the start of the process. */
export interface Counters {
  /** A run of a source or Kustomization ended. */
  ran(
    object: { readonly kind: string; readonly namespace: string; readonly name: string },
    seconds: number,
    result: RunResult,
  ): void;
  /** The object is gone: its series end. */
  forget(object: { readonly kind: string; readonly namespace: string; readonly name: string }): void;
  /** By object, in a fixed order. */
  runs(): readonly RunCounter[];
  /** Runs by kind and result, in a fixed order. */
  results(): readonly { readonly kind: string; readonly result: RunResult; readonly count: number }[];
}

/** Counters at zero. About 200 bytes for each object that ran. */
export function createCounters(): Counters {
  const runs = new Map<string, RunCounter>();
  const results = new Map<string, { kind: string; result: RunResult; count: number }>();
  const sorted = <T>(map: ReadonlyMap<string, T>): readonly T[] =>
    [...map].sort(([a], [b]) => byCodeUnit(a, b)).map(([, value]) => value);
  return {
    ran: (object, seconds, result) => {
      const { kind, namespace, name } = object;
      const run = runs.get(refText(object)) ?? { kind, namespace, name, seconds: newHistogram() };
      runs.set(refText(object), run);
      observeSeconds(run.seconds, seconds);
      for (const each of ['success', 'error'] as const) {
        const total = results.get(`${kind}/${each}`) ?? { kind, result: each, count: 0 };
        if (each === result) total.count += 1;
        results.set(`${kind}/${each}`, total);
      }
    },
    forget: (object) => void runs.delete(refText(object)),
    runs: () => sorted(runs),
    results: () => sorted(results),
  };
}
