import { openCluster } from '../../../agent/adapters/cluster/index.ts';
import type { Gvk, KubeObject } from '../../../src/model/index.ts';
import type { ClusterAccess } from '../../controlplane/index.ts';
import { edit } from './by-hand.ts';
import { OWNER } from './compare.ts';
import type { Kind } from './objects.ts';
import type { Random } from './turmoil.ts';

/** Others than that are no news to the agent's watches, or take more along than one object. */
const KINDS: readonly (Gvk & { readonly list: string; readonly as: Kind })[] = [
  { group: '', version: 'v1', kind: 'ConfigMap', as: 'ConfigMap', list: '/api/v1/namespaces/*/configmaps' },
  { group: '', version: 'v1', kind: 'Secret', as: 'Secret', list: '/api/v1/namespaces/*/secrets' },
  {
    group: '',
    version: 'v1',
    kind: 'ServiceAccount',
    as: 'ServiceAccount',
    list: '/api/v1/namespaces/*/serviceaccounts',
  },
  {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    as: 'Deployment',
    list: '/apis/apps/v1/namespaces/*/deployments',
  },
  ...['0', '1'].map((number) => ({
    group: 'plant.example',
    version: 'v1',
    kind: `Gauge${number}`,
    as: 'Gauge' as const,
    list: `/apis/plant.example/v1/namespaces/*/gauges${number}`,
  })),
];

/** So often is harm done to one object: with more of it the agent would rightly hold back. */
const MOST = 6;

/** Somebody who sees what the agent sees, and deletes or changes an object the moment that it appears or changes. */
export interface QuickHands {
  /** What was done so far. */
  readonly done: { deleted: number; changed: number; unlabelled: number };
  stop(): Promise<void>;
}

export function quickHands(
  access: ClusterAccess,
  { kubeconfig, random, share }: { readonly kubeconfig: string; readonly random: Random; readonly share: number },
): QuickHands {
  const eyes = openCluster({ kubeconfig, watchTimes: { unservedMs: 500 } });
  const stop = new AbortController();
  const done = { deleted: 0, changed: 0, unlabelled: 0 };
  const harmed = new Map<string, number>();
  const running = new Set<Promise<unknown>>();

  const harm = async (path: string, kind: Kind): Promise<void> => {
    const roll = random();
    const quick = { timeoutMs: 2_000 };
    if (roll < 0.5) {
      done.deleted += 1;
      await access.api('DELETE', path, undefined, quick);
    } else if (roll < 0.85) {
      done.changed += 1;
      // Always somebody else: one who undoes what the agent does again and again is let be.
      const manager = `${done.changed % 2 === 0 ? 'kubectl' : 'hand'}-${done.changed}`;
      const more = done.changed % 2 === 0 ? ['extra'] : [];
      await access.api('PATCH', `${path}?fieldManager=${manager}`, edit({ kind }, ...more), quick);
    } else {
      done.unlabelled += 1;
      await access.api('PATCH', path, { metadata: { labels: { [OWNER]: null } } }, quick);
    }
  };
  const see = (object: KubeObject, list: string, kind: Kind): void => {
    const { name } = object.metadata;
    const path = `${list.replace('*', String(object.metadata['namespace']))}/${name}`;
    const count = harmed.get(path) ?? 0;
    if (count >= MOST || object.metadata['deletionTimestamp'] !== undefined || random() >= share) return;
    harmed.set(path, count + 1);
    const work = harm(path, kind).catch(() => undefined);
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  const watches = KINDS.map(({ list, as, ...gvk }) =>
    eyes.watch(gvk, {
      labelSelector: OWNER,
      metadataOnly: true,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'put') see(event.object, list, as);
      },
    }),
  );
  return {
    done,
    stop: async () => {
      stop.abort();
      await Promise.all([...watches, ...running]);
      eyes.close();
    },
  };
}
