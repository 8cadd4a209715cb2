import { type DataObject, type DataRef, dataKey } from '../../src/flux/index.ts';
import { type Gvk, type KubeObject, textAt } from '../../src/model/index.ts';
import type { Clock, Cluster } from '../../src/ports/index.ts';
import type { ReadData } from '../loop/env.ts';
import { asData } from './as-data.ts';
import { isAway } from './away.ts';
import { dropOldest } from './bounded.ts';

/** An answer is shared for so long, milliseconds: hundreds of Kustomizations of one commit may name one ConfigMap. */
const FRESH_MS = 50;

/** So many are remembered; of others nothing is known while the API server is away. */
const MOST_KNOWN = 1_000;

/** The label that makes a change of a Secret or ConfigMap start those that name it. */
const WATCHED = 'reconcile.fluxcd.io/watch=Enabled';

const KINDS: readonly (Gvk & { readonly kind: DataRef['kind'] })[] = [
  { group: '', version: 'v1', kind: 'Secret' },
  { group: '', version: 'v1', kind: 'ConfigMap' },
];

export interface ClusterData {
  readonly read: ReadData;
  /** Watches those that ask for it by their label, until the signal aborts. */
  watch(onChange: (ref: DataRef) => void, signal: AbortSignal): void;
}

interface Known {
  readonly at: number;
  /** Undefined when it did not exist. */
  readonly value: Promise<DataObject | undefined>;
  /** Of the last answer, for when the API server is away. */
  last: DataObject | undefined;
}

/**
 * Secrets and ConfigMaps of the cluster, asked for when they are needed. Values are in memory only. While the API server
 * is away what it last said counts.
 */
export function clusterData(ports: {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly namespaces: readonly string[];
  /** Told of each answer; undefined for an object that is not there. */
  readonly saw?: (ref: DataRef, object: KubeObject | undefined) => void;
}): ClusterData {
  const { cluster, clock } = ports;
  const namespaces = ports.namespaces.length === 0 ? [''] : ports.namespaces;
  const known = new Map<string, Known>();
  const ask = async (ref: DataRef): Promise<DataObject | undefined> => {
    const object = await cluster.read({ group: '', version: 'v1', ...ref });
    ports.saw?.(ref, object);
    return object && asData(object, ref, 'cluster');
  };
  const one = (ref: DataRef, since: number): Promise<DataObject | undefined> => {
    const key = dataKey(ref);
    const before = known.get(key);
    const now = clock.monotonic();
    if (before !== undefined && before.at >= since && now - before.at < FRESH_MS) return before.value;
    const last = before?.last;
    const value = ask(ref).then(
      (found) => {
        entry.last = found;
        return found;
      },
      (error: unknown) => {
        known.delete(key);
        if (last !== undefined && isAway(error)) {
          known.set(key, { at: Number.NEGATIVE_INFINITY, value: Promise.resolve(last), last });
          return last;
        }
        throw error;
      },
    );
    const entry: Known = { at: now, value, last };
    // Who was asked for last is forgotten last.
    known.delete(key);
    known.set(key, entry);
    dropOldest(known, MOST_KNOWN);
    return value;
  };
  return {
    read: async (refs, since) => {
      const found = await Promise.all(refs.map((ref) => one(ref, since)));
      return found.flatMap((object) => object ?? []);
    },
    watch: (onChange, signal) => {
      for (const [gvk, namespace] of KINDS.flatMap((kind) => namespaces.map((one) => [kind, one] as const)))
        watchKind({ cluster, gvk, namespace, signal }, (ref) => {
          const before = known.get(dataKey(ref));
          if (before !== undefined) known.set(dataKey(ref), { ...before, at: Number.NEGATIVE_INFINITY });
          onChange(ref);
        });
    },
  };
}

/** Tells of changes, not of what a list shows again, and not of one that only lost its label: as Flux does. */
function watchKind(
  scope: { cluster: Cluster; gvk: (typeof KINDS)[number]; namespace: string; signal: AbortSignal },
  onChange: (ref: DataRef) => void,
): void {
  const { cluster, gvk, namespace, signal } = scope;
  const versions = new Map<string, string>();
  let synced = false;
  void cluster
    .watch(gvk, {
      labelSelector: WATCHED,
      metadataOnly: true,
      signal,
      ...(namespace === '' ? {} : { namespace }),
      onEvent: (event) => {
        if (event.type === 'synced') synced = true;
        if (event.type !== 'put' && event.type !== 'delete') return;
        const ref: DataRef = {
          kind: gvk.kind,
          namespace: textAt(event.object.metadata, 'namespace') ?? '',
          name: event.object.metadata.name,
        };
        const version = event.type === 'put' ? (textAt(event.object.metadata, 'resourceVersion') ?? '') : '';
        const differs = (versions.get(dataKey(ref)) ?? '') !== version;
        if (event.type === 'put') versions.set(dataKey(ref), version);
        else versions.delete(dataKey(ref));
        if (!synced || !differs) return;
        if (event.type === 'put') onChange(ref);
        else void unlessThere(event.object, ref, scope, onChange);
      },
    })
    .catch(() => undefined);
}

/** A watch by label tells of a deletion where the label went, too. What cannot be looked at counts as gone. */
async function unlessThere(
  { metadata }: KubeObject,
  ref: DataRef,
  { cluster, signal }: { readonly cluster: Cluster; readonly signal: AbortSignal },
  onChange: (ref: DataRef) => void,
): Promise<void> {
  const now = await cluster
    .read({ group: '', version: 'v1', ...ref }, { metadataOnly: true, signal })
    .catch(() => undefined);
  const same = now !== undefined && textAt(now.metadata, 'uid') === textAt(metadata, 'uid');
  if (!same && !signal.aborted) onChange(ref);
}
