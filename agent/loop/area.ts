import type { ClusterIdentity } from '../../src/ports/index.ts';
import { observe } from './drift.ts';
import { forget, isIn, type KustomizationRun } from './kustomization-state.ts';
import type { Area } from './place.ts';
import { createPresence } from './presence.ts';
import type { Site } from './site.ts';

type Wake = (key: string, cause: string) => void;

export interface OpenArea extends Area {
  /** Ends asking and watching, for good. */
  close(): void;
}

/** Another cluster is asked again after this time at the latest: the link to it may be thin. */
const REMOTE_RETRY_MS = 15_000;

/** Begins to ask for a cluster and to watch it. What happens there wakes the Kustomizations that are applied there. */
export function openArea(site: Site, of: Pick<Area, 'key' | 'cluster'>, wake: Wake): OpenArea {
  const { clock } = site.env;
  const log = of.key === '' ? site.env.log : site.env.log.with({ remote: of.key.slice(7, 19) });
  const runs = (): readonly KustomizationRun[] => [...site.kustomizations.values()].filter((run) => isIn(run, of.key));
  const wakeAll = (): void => {
    for (const run of runs()) wake(run.key, 'cluster');
  };
  let away = true;
  let closed = false;
  let last = '';
  const presence = createPresence({
    cluster: of.cluster,
    clock,
    log,
    ...(of.key === '' ? {} : { longestRetryMs: REMOTE_RETRY_MS }),
    onUp: async (identity) => {
      const before = of.key === '' ? site.env.records.lastCluster() : last;
      const another = before !== identity.uid;
      if (another) await meet(before, identity);
      last = identity.uid;
      // An answer to a mere doubt is no news.
      if (away || another) wakeAll();
      away = false;
      if (of.key === '') site.env.news.up(identity.uid);
    },
    onDown: () => {
      away = true;
      wakeAll();
    },
  });
  const watches = observe({ site, ...of, log, runs, suspect: (message) => presence.suspect(message) }, wake);
  /** Not the cluster of before: nothing that was known of that one counts any more. */
  const meet = async (before: string, { uid }: ClusterIdentity): Promise<void> => {
    if (before !== '') log.warn('another cluster answers: everything is applied again from disk', { before, now: uid });
    watches.reset();
    for (const run of runs()) forget(run);
    if (of.key === '') await site.env.records.setLastCluster(uid);
  };
  return {
    ...of,
    presence,
    observer: {
      ...watches,
      // A run that is under way when its cluster is let go of must not begin to watch it again.
      want: (objects) => {
        if (!closed) watches.want(objects);
      },
    },
    close: () => {
      closed = true;
      presence.stop();
      watches.reset();
    },
  };
}
