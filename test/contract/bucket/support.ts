import { createWire, type NodeWire } from '../../../agent/adapters/wire/index.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type FetchOutcome,
  type LimitName,
  type SourceRevision,
} from '../../../src/model/index.ts';
import type { Clock, ContentStore, Wire } from '../../../src/ports/index.ts';
import { type BucketOptions, type BucketRequest, fetchBucket } from '../../../src/source/bucket/index.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { silentLog } from '../../support/quiet.ts';

const never = (): Promise<void> => new Promise(() => {});

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: never,
  after: () => () => {},
};

/** A site that follows one bucket: a store, what it has, and a fetch that moves it on. */
export interface BucketSite {
  readonly have: SourceRevision | undefined;
  readonly store: ContentStore;
  fetch(change?: Partial<BucketRequest>, limits?: Partial<Record<LimitName, number>>): Promise<FetchOutcome>;
  /** A fetch that is told of no revision before, as after damage. */
  fetchAnew(): Promise<FetchOutcome>;
  fails(
    change?: Partial<BucketRequest>,
    limits?: Partial<Record<LimitName, number>>,
  ): Promise<{ code: string; reason: string; message: string; retryAfterMs: number | undefined }>;
  /** Paths of the files, sorted. */
  files(): readonly string[];
  text(path: string): string | undefined;
}

export interface SitePorts {
  readonly wire?: Wire;
  readonly store?: ContentStore;
  readonly clock?: Clock;
  readonly options?: Omit<BucketOptions, 'limits'>;
}

/** A site for a request; `bucket` and `endpoint` are needed. */
export function bucketSite(
  base: Partial<BucketRequest> & Pick<BucketRequest, 'bucket' | 'endpoint'>,
  ports: SitePorts = {},
): BucketSite {
  const store = ports.store ?? memoryStore();
  const wire = ports.wire ?? sharedWire();
  let have: SourceRevision | undefined;
  const fetch: BucketSite['fetch'] = async (change = {}, limits = {}) => {
    const request: BucketRequest = {
      provider: 'generic',
      owner: 'Bucket/apps/store',
      region: '',
      prefix: '',
      insecure: true,
      login: { kind: 'none' },
      timeoutMs: 20_000,
      ...base,
      ...(have === undefined ? {} : { have }),
      ...change,
    };
    const outcome = await fetchBucket({ wire, store, clock: ports.clock ?? realClock, log: silentLog }, request, {
      ...ports.options,
      limits: { ...DEFAULT_LIMITS, ...limits },
    });
    if (outcome.kind === 'fetched') have = outcome.content;
    return outcome;
  };
  const root = (): SourceRevision['root'] => {
    if (have === undefined) throw new Error('nothing was fetched');
    return have.root;
  };
  const files = (path: string): string[] =>
    (store.tree(root()).list(path) ?? []).flatMap(({ name, type }) => {
      const below = path === '' ? name : `${path}/${name}`;
      return type === 'directory' ? files(below) : [below];
    });
  return {
    store,
    get have() {
      return have;
    },
    fetch,
    fetchAnew: () => {
      have = undefined;
      return fetch();
    },
    fails: async (change, limits) => {
      const error = await fetch(change, limits).then(
        () => undefined,
        (e: unknown) => e,
      );
      if (!(error instanceof Fault)) throw error ?? new Error('the fetch succeeded');
      const { code, reason, message, retryAfterMs } = error;
      return { code, reason, message, retryAfterMs };
    },
    files: () => files('').sort(),
    text: (path) => {
      const bytes = store.tree(root()).read(path);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
    },
  };
}

const wires: NodeWire[] = [];

function sharedWire(): NodeWire {
  const wire = wires[0] ?? createWire({ keepMs: 5_000 });
  if (wires.length === 0) wires.push(wire);
  return wire;
}

/** Ends the connections of all sites. */
export function closeWires(): void {
  for (const wire of wires.splice(0)) wire.close();
}
