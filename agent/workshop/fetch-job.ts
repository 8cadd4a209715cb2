import type { DataObject, GitRepository, OCIRepository, SourceObject } from '../../src/flux/index.ts';
import { PULL_SECRETS } from '../../src/flux/index.ts';
import {
  addTraffic,
  asFault,
  type FetchOutcome,
  isOfLink,
  type Limits,
  NO_TRAFFIC,
  type RevisionPart,
  type SourceRevision,
  sha256,
  type WireCount,
} from '../../src/model/index.ts';
import { staysInside } from '../../src/render/index.ts';
import {
  fetchSource,
  gitRequestOf,
  recompose,
  type SiteNeeds,
  type SourceRequest,
  verifierOf,
} from '../../src/source/index.ts';
import type { FetchNeeds } from '../loop/env.ts';
import type { WorkPorts } from './jobs.ts';

export interface FetchJob {
  readonly source: SourceObject;
  readonly data: readonly DataObject[];
  readonly have: SourceRevision | undefined;
  readonly includes: readonly RevisionPart[];
  /** Only what these need, where the server gives parts; absent for the whole. */
  readonly needs?: FetchNeeds | undefined;
}

/** Where a source's content comes from: another place means that what is here is no base for a difference. */
export function identityOf(source: SourceObject): string {
  if (source.kind === 'ExternalArtifact') return sha256(source.kind);
  if (source.kind !== 'Bucket') return sha256(source.spec.url);
  const { provider, endpoint, bucketName } = source.spec;
  return sha256(JSON.stringify([provider, endpoint, bucketName]));
}

/** Brings a source's newest revision into the store. A Fault tells what was moved until then. */
export async function fetchJob(job: FetchJob, ports: WorkPorts, how: FetchJobOptions): Promise<FetchOutcome> {
  let moved: Moved = { spent: NO_TRAFFIC, kept: false };
  const move = (change: Partial<Moved>): void => {
    moved = { ...moved, ...change };
    how.onMoved?.(moved);
  };
  const onExchange = (count: WireCount): void => move({ spent: addTraffic(moved.spent, count) });
  const onKept = (): void => move({ kept: true });
  let revision = '';
  const onRevision = (found: string): void => {
    revision = found;
  };
  try {
    return await fetchKind(job, ports, { ...how, limits: ports.limits, onExchange, onKept, onRevision });
  } catch (error) {
    const fault = asFault(error);
    fault.spent = moved.spent;
    fault.revision = revision;
    // What the server or the content is to blame for is not mended by asking again soon; want of time is.
    fault.progress = moved.kept && (how.signal.aborted || isOfLink(fault.code));
    throw fault;
  }
}

/** What a fetch has done so far. */
export interface Moved {
  /** By exchanges that have ended. */
  readonly spent: WireCount;
  /** Something is kept, for the next attempt to go on from. */
  readonly kept: boolean;
}

export interface FetchJobOptions {
  readonly signal: AbortSignal;
  /** Told how many bytes are about to come, where the protocol tells. */
  readonly onSize: (bytes: number) => void;
  /** Told what has been moved and kept so far, whenever that changes. */
  readonly onMoved?: (moved: Moved) => void;
}

interface FetchOptions extends FetchJobOptions {
  readonly limits: Limits;
  readonly onExchange: (count: WireCount) => void;
  readonly onKept: () => void;
  readonly onRevision: (revision: string) => void;
}

async function fetchKind(job: FetchJob, ports: WorkPorts, options: FetchOptions): Promise<FetchOutcome> {
  const { source, data, have } = job;
  if (source.kind === 'GitRepository') return fetchGitJob({ ...job, source }, ports, options);
  const { wire, cache, clock, log } = ports;
  const { store, partials } = cache;
  const effects = { wire, store, partials, clock, log };
  if (source.kind === 'OCIRepository') {
    const { fetchOci, ociRequestOf } = await import('../../src/source/oci/index.ts');
    const request = ociRequestOf(source, data, have, pullAccountOf(source, data));
    const { registries, tokens } = ports.memory;
    return fetchOci(effects, request, { ...options, registries, tokens });
  }
  if (source.kind === 'Bucket') {
    const { fetchBucket, bucketRequestOf } = await import('../../src/source/bucket/index.ts');
    const onSize = ({ bytes }: { readonly bytes: number }): void => options.onSize(bytes);
    return fetchBucket(effects, bucketRequestOf(source, data, have), {
      ...options,
      onSize,
      logins: ports.memory.logins,
    });
  }
  const { fetchExternal, externalRequestOf } = await import('../../src/source/external/index.ts');
  return fetchExternal(effects, externalRequestOf(source, have), options);
}

function fetchGitJob(
  job: FetchJob & { readonly source: GitRepository },
  ports: WorkPorts,
  options: FetchOptions,
): Promise<FetchOutcome> {
  const { wire, ssh, cache, clock, log, pgp } = ports;
  const { source, data, have, includes, needs } = job;
  const { store } = cache;
  const verify = verifierOf(source, data, { store, have, now: clock.now(), pgp });
  const request: SourceRequest = {
    ...gitRequestOf(source, data, have),
    recurseSubmodules: source.spec.recurseSubmodules,
    includes,
    ...(verify === undefined ? {} : { verify }),
    ...(needs === undefined ? {} : { needs: siteNeeds(needs, ports.limits) }),
  };
  return fetchSource({ wire, ssh, store, clock, log }, request, { ...options, servers: ports.memory.oldServers });
}

/** Counts up when the same builds come to reach something else. */
const REACH = 1;

function siteNeeds({ paths, builds }: FetchNeeds, limits: Limits): SiteNeeds {
  return {
    paths,
    key: sha256(JSON.stringify([REACH, builds.map(({ path, components }) => [path, components])])),
    more: async ({ tree }) => {
      const wide = builds.filter((spec) => !staysInside(tree, spec, limits));
      if (wide.length === 0) return [];
      const { reachedPaths } = await import('../../src/render/built/index.ts');
      return wide.flatMap((spec) => reachedPaths(tree, spec, limits));
    },
  };
}

/** Puts in what the includes have now, without a network. Undefined when nothing moved. */
export function recomposeJob(
  job: Omit<FetchJob, 'data' | 'needs'>,
  ports: WorkPorts,
): Promise<SourceRevision | undefined> {
  const { have, includes, source } = job;
  if (have === undefined || source.kind !== 'GitRepository') return Promise.resolve(undefined);
  const { ignore, sparseCheckout } = source.spec;
  const request = { includes, sparseCheckout, ...(ignore === undefined ? {} : { ignore }) };
  return recompose({ store: ports.cache.store }, request, { have, limits: ports.limits });
}

/** The account that an OCIRepository names, with its pull secrets; undefined where it does not exist. */
export function pullAccountOf(
  { spec, meta }: OCIRepository,
  data: readonly DataObject[],
): { readonly pullSecrets: readonly string[] } | undefined {
  const found = data.find(
    (one) => one.kind === 'ServiceAccount' && one.namespace === meta.namespace && one.name === spec.serviceAccountName,
  );
  const names = found?.data.get(PULL_SECRETS);
  if (names === undefined) return undefined;
  const pullSecrets = Buffer.from(names).toString('utf8').split('\n');
  return { pullSecrets: pullSecrets.filter((name) => name !== '') };
}
