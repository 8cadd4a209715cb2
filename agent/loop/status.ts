import { sourceKeyOf } from '../../src/flux/index.ts';
import {
  type AgentStatus,
  groupKind,
  type HealthStatus,
  type KustomizationStatus,
  type Reachability,
  refText,
  type SourceStatus,
} from '../../src/model/index.ts';
import { diskLow } from '../disk-state.ts';
import type { LoopEnv } from './env.ts';
import { desiredOf, judgeOf, type KustomizationRun } from './kustomization-state.ts';
import type { Site } from './site.ts';
import { isSuspended, type SourceRun } from './source-state.ts';
import { addressOf } from './source-words.ts';
import { leftTo } from './stand-back.ts';
import { rfc3339 } from './time.ts';
import { notConverged } from './trouble.ts';

const LISTED = 20;

/** The status document, from what the loop remembers. Effects: none but reading. */
export function composeStatus(site: Site): AgentStatus {
  const { env } = site;
  const now = env.clock.now();
  const identity = site.presence.identity();
  const sources = [...site.sources.values()].map((run) => sourceStatus(run, site, now));
  const configuration = env.configuration?.();
  const doubt = site.wallClock.doubt();
  return {
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'AgentStatus',
    agent: {
      version: env.settings.version,
      startedAt: rfc3339(site.startedAt),
      ready: site.looked,
      leader: site.leadership.leads(),
      ...(configuration === undefined ? {} : { configuration }),
    },
    cluster: {
      name: env.settings.clusterName,
      labels: env.settings.clusterLabels,
      uid: identity?.uid ?? '',
      version: identity?.version ?? '',
      api: site.presence.state(),
    },
    link: linkOf(sources, rfc3339(site.startedAt)),
    clock: { now: rfc3339(Math.max(now, 1)), trusted: doubt === '', message: doubt },
    cache: cacheStatus(env, sources),
    sources,
    kustomizations: [...site.kustomizations.values()].map((run) => kustomizationStatus(run, site)),
    inbox: env.inbox?.() ?? [],
    problems: [...site.objects.problems, ...[...site.unread].map(([where, message]) => ({ where, message }))],
  };
}

function cacheStatus(env: LoopEnv, sources: readonly SourceStatus[]): AgentStatus['cache'] {
  const { bytes, free, damaged } = env.records.usage();
  const trouble = env.diskTrouble?.();
  const coming = sources.reduce((sum, { expectedBytes }) => sum + expectedBytes, 0);
  const low = trouble === undefined ? diskLow(free, env.settings.limits.diskRoomBytes, coming) : undefined;
  return {
    bytes,
    limitBytes: env.settings.limits.cacheBytes,
    ...(free === undefined ? {} : { freeBytes: free }),
    damaged,
    ...(low === undefined ? {} : { low }),
    ...(trouble === undefined ? {} : { notConverged: trouble }),
  };
}

function linkOf(sources: readonly SourceStatus[], since: string): Reachability {
  const up = sources.find((one) => one.link.state === 'up');
  const down = sources.find((one) => one.link.state === 'down');
  return up?.link ?? down?.link ?? { state: 'unknown', since, message: 'no source was tried yet' };
}

function sourceStatus(run: SourceRun, site: Site, now: number): SourceStatus {
  const { object } = run;
  const record = site.env.records.source(run.key);
  const ready = run.conditions.find((one) => one.type === 'Ready')?.status ?? 'Unknown';
  return {
    kind: object.kind,
    namespace: object.meta.namespace,
    name: object.meta.name,
    url: addressOf(object),
    suspended: isSuspended(object),
    ready,
    revision: record?.current.revision ?? '',
    fetchedAt: rfc3339(record?.fetchedAt ?? 0),
    confirmedAt: rfc3339(run.confirmedAt),
    ageSeconds: run.confirmedAt === 0 ? -1 : Math.max(0, Math.round((now - run.confirmedAt) / 1000)),
    nextFetchAt: rfc3339(run.nextAt),
    link: run.link,
    failures: run.standing?.failures ?? 0,
    wire: run.count,
    expectedBytes: run.expected,
    ...(record?.current.part === undefined ? {} : { paths: record.current.part.paths }),
    conditions: run.conditions,
    ...(run.standing === undefined ? {} : { notConverged: notConverged(run.standing) }),
  };
}

function kustomizationStatus(run: KustomizationRun, site: Site): KustomizationStatus {
  const { object, record } = run;
  const ready = record.conditions.find((one) => one.type === 'Ready');
  const left = leftTo(site, run);
  const standing = left ?? (run.standing === undefined ? undefined : notConverged(run.standing));
  const converged =
    left === undefined &&
    run.confirmed &&
    run.standing === undefined &&
    ready?.status === 'True' &&
    record.target !== undefined &&
    record.target.revision === record.attempted;
  return {
    namespace: object.meta.namespace,
    name: object.meta.name,
    source: sourceKeyOf(object),
    path: object.spec.path,
    suspended: object.spec.suspend,
    ready: ready?.status ?? 'Unknown',
    converged,
    ...(standing === undefined ? {} : { notConverged: standing }),
    lastAttemptedRevision: record.attempted,
    lastAppliedRevision: record.good?.revision ?? '',
    lastGoodRevision: record.good?.revision ?? '',
    lastAppliedAt: rfc3339(run.lastAppliedAt),
    nextRunAt: rfc3339(run.nextAt),
    objects: objectsOf(run, site),
    drift: { healed: run.healed.count, lastAt: rfc3339(run.healed.lastAt), lastObject: run.healed.lastObject },
    ...placeStatus(run),
    conditions: record.conditions,
    inventory: record.inventory,
  };
}

/** Where it is applied, and as whom, where that is not the agent's own. */
function placeStatus({ place }: KustomizationRun): Pick<KustomizationStatus, 'account' | 'remote'> {
  if (place === undefined) return {};
  const { account, area, presence } = place;
  const identity = presence.identity();
  const remote = { uid: identity?.uid ?? '', version: identity?.version ?? '', api: presence.state() };
  return { ...(account === '' ? {} : { account }), ...(area.key === '' ? {} : { remote }) };
}

/** The status tells of damage; it does not end by it. */
function readable(run: KustomizationRun, site: Site): ReturnType<typeof desiredOf> {
  try {
    return desiredOf(run, site.env);
  } catch {
    return undefined;
  }
}

function objectsOf(run: KustomizationRun, site: Site): KustomizationStatus['objects'] {
  // What is watched here says nothing of objects elsewhere.
  const observer = run.place?.observer ?? (run.object.spec.kubeConfig === undefined ? site.observer : undefined);
  const byHealth: Partial<Record<HealthStatus, number>> = {};
  const unhealthy: KustomizationStatus['objects']['unhealthy'][number][] = [];
  const set = readable(run, site);
  for (const object of set?.objects ?? []) {
    const exists = observer?.seen.has(object.id) === true;
    const absent = !exists && observer?.synced(groupKind(object.ref)) === true;
    const verdict = observer?.health.get(object.id);
    const status: HealthStatus =
      verdict?.status ?? (absent ? 'NotFound' : exists && !judgeOf(run).hasHealth(object.ref) ? 'Current' : 'Unknown');
    byHealth[status] = (byHealth[status] ?? 0) + 1;
    if (status !== 'Current' && unhealthy.length < LISTED)
      unhealthy.push({ object: refText(object.ref), status, message: verdict?.message ?? '' });
  }
  const held = run.held.slice(0, LISTED).map((receipt) => ({ object: refText(receipt.ref), reason: receipt.message }));
  return { total: run.record.inventory.length, byHealth, held, unhealthy };
}
