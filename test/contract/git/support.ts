import { createWire } from '../../../agent/adapters/wire/index.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type FetchOutcome,
  type LimitName,
  type SourceRevision,
} from '../../../src/model/index.ts';
import type { Ssh } from '../../../src/ports/index.ts';
import { fetchSource, type SourceRequest } from '../../../src/source/git/index.ts';
import { type GitServer, type GitServerOptions, startGitServer } from '../../gitserver/index.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { realTime, silentLog } from '../../support/quiet.ts';

/** A site that follows one repository: a store, what it has, and a fetch that moves it on. */
export interface Site {
  readonly store: MemoryStore;
  readonly have: SourceRevision | undefined;
  fetch(change?: Partial<SourceRequest>, limits?: Partial<Record<LimitName, number>>): Promise<FetchOutcome>;
  /** A fetch that is told of no revision before, as after damage. */
  fetchAnew(): Promise<FetchOutcome>;
  /** Code and message of the Fault that the fetch must end with. */
  fails(
    change?: Partial<SourceRequest>,
    limits?: Partial<Record<LimitName, number>>,
  ): Promise<{ code: string; message: string }>;
  /** Paths of the visible files, sorted. */
  files(): readonly string[];
  text(path: string): string | undefined;
}

export interface Bench {
  readonly server: GitServer;
  readonly wire: ReturnType<typeof createWire>;
  site(url: string, request?: Partial<SourceRequest>, store?: MemoryStore, servers?: Map<string, 'v0'>): Site;
  stop(): Promise<void>;
}

/** A Git server and a Wire for it. */
export async function startBench(options?: GitServerOptions, ssh?: Ssh): Promise<Bench> {
  const server = await startGitServer(options);
  const wire = createWire({ keepMs: 5_000 });
  return {
    server,
    wire,
    site: (url, request = {}, store = memoryStore(), servers = new Map()) =>
      createSite({ wire, store, servers, ssh }, { url, ref: { branch: 'main' }, ...request }),
    async stop() {
      wire.close();
      await server.stop();
    },
  };
}

function createSite(
  {
    wire,
    store,
    servers,
    ssh,
  }: Pick<Site, 'store'> & Pick<Bench, 'wire'> & { servers: Map<string, 'v0'>; ssh: Ssh | undefined },
  base: Partial<SourceRequest> & Pick<SourceRequest, 'url' | 'ref'>,
): Site {
  let have: SourceRevision | undefined;
  const fetch: Site['fetch'] = async (change = {}, limits = {}) => {
    const request = {
      sparseCheckout: [],
      recurseSubmodules: false,
      includes: [],
      timeoutMs: 20_000,
      ...base,
      ...(have === undefined ? {} : { have }),
      ...change,
    };
    const outcome = await fetchSource(
      { wire, store, clock: realTime, log: silentLog, ...(ssh === undefined ? {} : { ssh }) },
      request,
      {
        limits: { ...DEFAULT_LIMITS, ...limits },
        servers,
      },
    );
    if (outcome.kind === 'fetched') have = outcome.content;
    return outcome;
  };
  const files = (path: string): string[] =>
    (store.tree(rootOf(have)).list(path) ?? []).flatMap(({ name, type }) => {
      const below = path === '' ? name : `${path}/${name}`;
      return type === 'directory' ? files(below) : [below];
    });
  return {
    store,
    fetch,
    fetchAnew() {
      have = undefined;
      return fetch();
    },
    get have() {
      return have;
    },
    async fails(change, limits) {
      const error = await fetch(change, limits).then(
        () => undefined,
        (e: unknown) => e,
      );
      if (!(error instanceof Fault)) throw error ?? new Error('the fetch succeeded');
      return { code: error.code, message: error.message };
    },
    files: () => files('').sort(),
    text(path) {
      const bytes = store.tree(rootOf(have)).read(path);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
    },
  };
}

function rootOf(have: SourceRevision | undefined): SourceRevision['root'] {
  if (have === undefined) throw new Error('nothing was fetched');
  return have.root;
}
