import { DEFAULT_LIMITS, type Gvk, type Json, type KubeObject, textAt } from '../../../src/model/index.ts';
import type { ApiResource, Cluster } from '../../../src/ports/index.ts';
import type { AccountToken, TokenAccount } from '../../loop/env.ts';
import { apply, createCall, dryRun, encode, findResource, identity, kubeSystemUid, read, remove } from './calls.ts';
import { type Credentials, createCredentials } from './credentials.ts';
import { createDiscovery } from './discovery.ts';
import { createEpoch } from './epoch.ts';
import { impersonating } from './impersonate.ts';
import { listKind } from './list.ts';
import type { ClusterStats } from './stats.ts';
import { accountToken } from './token.ts';
import { type ClusterLimits, createTransport } from './transport.ts';
import { watchKind } from './watch.ts';
import { WATCH_TIMES, type WatchParts, type WatchTimes } from './watch-stream.ts';

export interface ClusterOptions {
  /** Path of a kubeconfig; '' for the pod's service account, else $KUBECONFIG, else ~/.kube/config. */
  readonly kubeconfig: string;
  /** Context of the kubeconfig; '' for its current one. */
  readonly context?: string;
  readonly limits?: ClusterLimits;
  readonly watchTimes?: Partial<WatchTimes>;
  /** In [0, 1); spreads reconnections of many watches. */
  readonly random?: () => number;
  /** Put before the path of the service account; for tests. */
  readonly serviceAccountRoot?: string;
}

/** The Cluster port on HTTPS, with counters. */
export interface HttpCluster extends Cluster {
  stats(): ClusterStats;
  /** The same API server for another user, by impersonation: on the same connections and in the same bound. */
  as(user: string, groups?: readonly string[]): Cluster;
  /** A token of a ServiceAccount. */
  token(account: TokenAccount): Promise<AccountToken>;
  /** Ends all connections; watches end with their signals. */
  close(): void;
}

/** The API server that a kubeconfig or the pod's service account names. Nothing is sent before the first call. */
export function openCluster(options: ClusterOptions): HttpCluster {
  const credentials = createCredentials({
    kubeconfig: options.kubeconfig,
    ...(options.context === undefined ? {} : { context: options.context }),
    ...(options.serviceAccountRoot === undefined ? {} : { root: options.serviceAccountRoot }),
  });
  return clusterOn(credentials, options);
}

/** The API server that these credentials lead to. */
export function clusterOn(credentials: Credentials, options: Omit<ClusterOptions, 'kubeconfig'>): HttpCluster {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const transport = createTransport(credentials, limits);
  const discovery = createDiscovery(transport);
  const parts: WatchParts = {
    transport,
    discovery,
    epoch: createEpoch(() => kubeSystemUid(transport)),
    eventBytes: limits.watchEventBytes,
    times: { ...WATCH_TIMES, ...options.watchTimes },
    random: options.random ?? Math.random,
  };
  return {
    ...clusterOf(parts),
    as: (user, groups = []) => clusterOf({ ...parts, transport: impersonating(transport, user, groups) }),
    token: (account) => accountToken(transport, account),
    stats: () => transport.stats(),
    close: () => transport.close(),
  };
}

function clusterOf(parts: WatchParts): Cluster {
  const { transport, discovery } = parts;
  const resourceOf = (gvk: Gvk, signal?: AbortSignal): Promise<ApiResource> => findResource(discovery, gvk, signal);
  const call = createCall(transport, resourceOf);
  return {
    identity: (signal) => identity(transport, signal),
    surface: (o) => discovery.surface(o),
    apply: (ref, json, o) => apply(call, ref, json, o),
    read: (ref, o = {}) => read(call, ref, o),
    patch: async (ref, body, o) => {
      const list = Array.isArray(body);
      return call.object(ref, {
        verb: 'patch',
        method: 'PATCH',
        subresource: o.subresource,
        query: { fieldManager: o.manager, ...dryRun(o.dryRun) },
        contentType: list ? 'application/json-patch+json' : 'application/merge-patch+json',
        body: encode(body as Json),
        signal: o.signal,
        yields: o.yields,
      });
    },
    replace: async (ref, object, o) =>
      call.object(ref, {
        verb: 'replace',
        method: 'PUT',
        query: { fieldManager: o.manager, ...dryRun(o.dryRun) },
        body: encode(object),
        signal: o.signal,
      }),
    create: async (ref, object, o) =>
      call.object(ref, {
        verb: 'create',
        method: 'POST',
        query: { fieldManager: o.manager, ...dryRun(o.dryRun) },
        body: encode(object),
        signal: o.signal,
        yields: o.yields,
      }),
    remove: (ref, o) => remove(call, ref, o),
    list: (gvk, o, each) => list(parts, gvk, o, each),
    watch: (gvk, o) => watchKind(parts, gvk, o),
  };
}

async function list(
  parts: WatchParts,
  gvk: Gvk,
  o: Parameters<Cluster['list']>[1],
  each: (object: KubeObject) => void,
): Promise<void> {
  const resource = await findResource(parts.discovery, gvk, o.signal);
  // Objects are handed over once even when the list has to begin anew.
  let seen = new Set<string>();
  const before = new Set<string>();
  await listKind(parts.transport, resource, {
    namespace: o.namespace ?? '',
    labelSelector: o.labelSelector,
    metadataOnly: o.metadataOnly,
    signal: o.signal,
    begin: () => {
      for (const key of seen) before.add(key);
      seen = new Set();
    },
    each: (object) => {
      const key = `${textAt(object, 'metadata', 'namespace') ?? ''}/${object.metadata.name}`;
      seen.add(key);
      if (!before.has(key)) each(object);
    },
  });
}
