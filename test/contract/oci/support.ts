import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { createWire } from '../../../agent/adapters/wire/index.ts';
import { type Cache, openCache } from '../../../src/cache/index.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type FetchOutcome,
  type LimitName,
  type SourceRevision,
  type WireCount,
} from '../../../src/model/index.ts';
import type { Wire } from '../../../src/ports/index.ts';
import { fetchOci, type KeptToken, type OciRequest, type RegistryNote } from '../../../src/source/oci/index.ts';
import { realTime, silentLog } from '../../support/quiet.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

/** A site that follows one repository of a registry: a real cache on disk, and a fetch that moves it on. */
export interface OciSite extends AsyncDisposable {
  readonly cache: Cache;
  readonly dir: string;
  readonly have: SourceRevision | undefined;
  /** Of the last fetch, also of one that failed. */
  readonly count: WireCount;
  fetch(
    change?: Partial<OciRequest>,
    limits?: Partial<Record<LimitName, number>>,
    /** In place of the network. */
    instead?: Wire,
  ): Promise<FetchOutcome>;
  /** The fetch is told of no revision before, as after damage. */
  forget(): void;
  /** The Fault that the fetch must end with. */
  fails(change?: Partial<OciRequest>, limits?: Partial<Record<LimitName, number>>): Promise<Fault>;
  /** Paths of the visible files, sorted. */
  files(): readonly string[];
  text(path: string): string | undefined;
}

export interface SiteOptions {
  readonly registries?: Map<string, RegistryNote>;
  readonly tokens?: Map<string, KeptToken>;
  /** State folder of a site before, which goes on in it. */
  readonly dir?: string;
}

export async function ociSite(
  base: Partial<OciRequest> & Pick<OciRequest, 'url'>,
  options: SiteOptions = {},
): Promise<OciSite> {
  const temp: TempDir | undefined = options.dir === undefined ? await tempDir('oci') : undefined;
  const dir = options.dir ?? temp?.path ?? '';
  const cache = openCache({ disk: createDisk(dir), limits: DEFAULT_LIMITS });
  let have: SourceRevision | undefined;
  let count: WireCount = { requests: 0, up: 0, down: 0 };
  const fetch: OciSite['fetch'] = async (change = {}, limits = {}, instead) => {
    // A wire of its own, so that each fetch counts a connection.
    const wire = createWire({ keepMs: 5_000 });
    count = { requests: 0, up: 0, down: 0 };
    const onExchange = (one: WireCount): void => {
      count = { requests: count.requests + one.requests, up: count.up + one.up, down: count.down + one.down };
    };
    const request: OciRequest = {
      ref: { tag: 'latest' },
      layer: { operation: 'extract' },
      tenant: 'apps',
      owner: 'OCIRepository/apps/app',
      logins: [],
      insecure: false,
      timeoutMs: 30_000,
      ...base,
      ...(have === undefined ? {} : { have }),
      ...change,
    };
    const { registries, tokens } = options;
    try {
      const outcome = await fetchOci(
        { wire: instead ?? wire, store: cache.store, partials: cache.partials, clock: realTime, log: silentLog },
        request,
        {
          limits: { ...DEFAULT_LIMITS, ...limits },
          onExchange,
          ...(registries === undefined ? {} : { registries }),
          ...(tokens === undefined ? {} : { tokens }),
        },
      );
      if (outcome.kind === 'fetched') have = outcome.content;
      return outcome;
    } finally {
      wire.close();
    }
  };
  const root = (): SourceRevision['root'] => {
    if (have === undefined) throw new Error('nothing was fetched');
    return have.root;
  };
  const files = (path: string): string[] =>
    (cache.store.tree(root()).list(path) ?? []).flatMap(({ name, type }) => {
      const below = path === '' ? name : `${path}/${name}`;
      return type === 'directory' ? files(below) : [below];
    });
  return {
    cache,
    dir,
    get have() {
      return have;
    },
    get count() {
      return count;
    },
    fetch,
    forget: () => {
      have = undefined;
    },
    fails: async (change, limits) => {
      const error = await fetch(change, limits).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof Fault)) throw error ?? new Error('the fetch succeeded');
      return error;
    },
    files: () => files('').sort(),
    text: (path) => {
      const bytes = cache.store.tree(root()).read(path);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
    },
    [Symbol.asyncDispose]: async () => temp?.remove(),
  };
}

/** What a Kustomization could apply. */
export const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n';
