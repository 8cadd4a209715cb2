import { runOf } from './declare.ts';
import { tellIncluders } from './dependencies.ts';
import { runKustomization } from './kustomization-run.ts';
import type { KustomizationPorts, KustomizationRun } from './kustomization-state.ts';
import { runEnded, wakeAskedOf } from './order.ts';
import type { Site } from './site.ts';
import { type Offers, takeOffers } from './source-offer.ts';
import { runSource } from './source-run.ts';
import type { SourcePorts, SourceRun } from './source-state.ts';
import { worksFor } from './stand-back.ts';
import { takeBack } from './vanished.ts';

/** What the runs of all kinds need. */
export interface Ports {
  readonly offers: Offers;
  readonly source: SourcePorts;
  readonly kustomization: KustomizationPorts;
}

/** A watch tells within this time that an object is gone, milliseconds; after that it is looked at again. */
const GONE_MS = 1_000;

/** Nothing was ever done for it. What a source has is on this disk alone. */
const isFirst = (run: SourceRun | KustomizationRun): boolean => 'record' in run && run.record.inventory.length === 0;

/** One run of a source or a Kustomization, and what of it others are told. */
export async function runKey(site: Site, key: string, causes: ReadonlySet<string>, ports: Ports): Promise<void> {
  const run = runOf(site, key);
  if (run === undefined) return ports.offers.drop(key);
  const began = site.env.clock.monotonic();
  const first = isFirst(run);
  if (worksFor(site, run) && !(await site.env.news.claim(key, first))) {
    awaitGone(run, causes, ports);
    return runEnded(site, key);
  }
  const release = await site.env.records.hold();
  try {
    if ('count' in run) {
      const root = site.env.records.source(key)?.current.root;
      if (root !== undefined) site.roots.set(key, root);
      await takeOffers(run, ports.offers, ports.source);
      if (causes.size > 1 || !causes.has('offer')) await runSource(run, ports.source);
      wakeAskedOf(site, key, ports.source);
    } else {
      await runKustomization(run, causes, ports.kustomization);
      if (first) await takeBack(site, run, ports.kustomization);
    }
  } finally {
    release();
    runEnded(site, key);
  }
  site.env.news.changed(key);
  tellIncluders(site, key);
  const { kind, meta } = run.object;
  site.ended += 1;
  // One that went meanwhile has no series any more.
  if (runOf(site, key) !== run) return;
  const seconds = (site.env.clock.monotonic() - began) / 1000;
  site.env.meter.ran(
    { kind, namespace: meta.namespace, name: meta.name },
    seconds,
    run.standing === undefined ? 'success' : 'error',
  );
}

/** What is done for an object that is gone, nobody would ever take back. */
function awaitGone(run: SourceRun | KustomizationRun, causes: ReadonlySet<string>, { kustomization }: Ports): void {
  const { env, wake } = kustomization;
  const again = env.clock.after(GONE_MS, () => {
    for (const cause of causes) wake(run.key, cause);
  });
  if ('count' in run) {
    run.timer?.();
    run.timer = again;
  } else {
    run.timers.run?.();
    run.timers.run = again;
  }
}
