import { openPartials } from '../../../src/cache/partials.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type FetchOutcome,
  type Limits,
  type SourceRevision,
  sha256,
} from '../../../src/model/index.ts';
import type { Wire } from '../../../src/ports/index.ts';
import {
  choiceFor,
  layoutWire,
  listManifests,
  measureBundle,
  openBundle,
  openLayout,
  proveBundle,
  type Readable,
} from '../../../src/source/bundle/index.ts';
import { bringArtifact, type CarriedArtifact, fetchOci, type OciRequest } from '../../../src/source/oci/index.ts';
import { keyedCheck } from '../../../src/trust/artifact/index.ts';
import { type FakeAnswer, fakeWire } from '../../support/fake-wire.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { silentLog } from '../../support/quiet.ts';
import { createSigner } from '../../support/signatures.ts';
import { tarOf } from '../../support/tar-builder.ts';

export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const FLUX = 'application/vnd.cncf.flux.content.v1.tar+gzip';
export const KEY = 'OCIRepository/apps/app';
export const alice = createSigner();

const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };

/** A registry in memory. */
export interface MemoryRegistry {
  readonly wire: Wire;
  readonly asked: readonly string[];
  blob(bytes: Uint8Array): { digest: string; size: number };
  /** Puts a manifest or index, under a tag where one is given. */
  put(value: Record<string, unknown>, tag?: string): { mediaType: string; digest: string; size: number };
  /** An artifact with these layers. */
  artifact(tag: string, layers: readonly Uint8Array[], more?: Record<string, unknown>): string;
  refer(digest: string, to: Record<string, unknown>): void;
}

export function memoryRegistry(): MemoryRegistry {
  const files = new Map<string, Buffer>();
  const tags = new Map<string, string>();
  const referrers = new Map<string, Record<string, unknown>[]>();
  const asked: string[] = [];
  const blob = (bytes: Uint8Array): { digest: string; size: number } => {
    files.set(sha256(bytes), Buffer.from(bytes));
    return { digest: sha256(bytes), size: bytes.length };
  };
  const answer = (path: string): FakeAnswer => {
    const [, what = '', reference = ''] = /\/(manifests|blobs|referrers|tags)\/([^/?]+)/.exec(path) ?? [];
    if (what === 'tags') return { parts: [JSON.stringify({ name: 'org/app', tags: [...tags.keys()] })] };
    const referring = { schemaVersion: 2, mediaType: INDEX, manifests: referrers.get(reference) ?? [] };
    if (what === 'referrers') return { headers: { 'content-type': INDEX }, parts: [JSON.stringify(referring)] };
    const bytes = files.get(tags.get(reference) ?? reference);
    if (bytes === undefined) return { status: 404 };
    const type = what === 'manifests' ? String(JSON.parse(bytes.toString('utf8')).mediaType) : '';
    return { headers: { 'content-type': type }, parts: [bytes] };
  };
  const served = ({ method, path }: { readonly method: string; readonly path: string }): FakeAnswer => {
    asked.push(`${method} ${path}`);
    return answer(path);
  };
  const put: MemoryRegistry['put'] = (value, tag) => {
    const made = { schemaVersion: 2, mediaType: MANIFEST, ...value };
    const { digest, size } = blob(Buffer.from(JSON.stringify(made)));
    if (tag !== undefined) tags.set(tag, digest);
    return { mediaType: made.mediaType, digest, size };
  };
  return {
    wire: fakeWire(new Map([['http://registry.test', served]])),
    asked,
    blob,
    put,
    artifact: (tag, layers, more = {}) => {
      const config = { mediaType: 'application/vnd.cncf.flux.config.v1+json', ...blob(Buffer.from('{"a":1}')) };
      return put({ config, layers: layers.map((one) => ({ mediaType: FLUX, ...blob(one) })), ...more }, tag).digest;
    },
    refer: (digest, to) => void referrers.set(digest, [...(referrers.get(digest) ?? []), to]),
  };
}

export const requestOf = (change: Partial<OciRequest> = {}): OciRequest => ({
  url: 'oci://registry.test/org/app',
  ref: { tag: 'latest' },
  layer: { operation: 'extract' },
  tenant: 'apps',
  owner: KEY,
  logins: [],
  insecure: true,
  timeoutMs: 5_000,
  ...change,
});

/** Signed by alice. */
export const VERIFY: Pick<OciRequest, 'verify'> = {
  verify: {
    provider: 'cosign',
    form: 'cosign',
    key: 'alice',
    check: () => Promise.resolve(keyedCheck([{ name: 'a.pub', pem: alice.publicPem }])),
  },
};

const portsOf = (wire: Wire, store: MemoryStore) => ({
  wire,
  store,
  partials: openPartials(faultDisk().disk, DEFAULT_LIMITS),
  clock,
  log: silentLog,
});

export interface HowPacked {
  readonly request?: Partial<OciRequest>;
  readonly base?: string;
  readonly limits?: Partial<Limits>;
}

/** What `holdfast bundle create` makes of an artifact of the registry. */
export async function packed(
  registry: Pick<MemoryRegistry, 'wire'>,
  { request, base = '', limits }: HowPacked = {},
): Promise<Buffer> {
  const bounds = { ...DEFAULT_LIMITS, ...limits };
  const brought = await bringArtifact(
    portsOf(registry.wire, memoryStore()),
    requestOf(request),
    { limits: bounds },
    base,
  );
  const bytes = bundleOf(brought.artifact, base);
  await brought.done();
  return bytes;
}

export function bundleOf(artifact: CarriedArtifact, base = '', source = KEY): Buffer {
  const selector = { cluster: '', labels: {} };
  const notes = { source, revision: artifact.revision, base, created: '', sequence: 1, selector };
  return Buffer.concat([...measureBundle([{ ...notes, artifact }]).write()]);
}

export const fileOf = (bytes: Uint8Array): Readable => ({
  size: bytes.length,
  read: async (at, length) => bytes.subarray(at, at + length),
});

/** The same file, its members changed. */
export async function changed(bytes: Buffer, change: (members: Map<string, Buffer>) => void): Promise<Buffer> {
  const layout = await openLayout(fileOf(bytes), DEFAULT_LIMITS);
  const spans = [...(layout?.members ?? [])];
  const members = new Map(spans.map(([path, { start, size }]) => [path, bytes.subarray(start, start + size)]));
  change(members);
  return tarOf([...members].map(([path, content]) => ({ path, content })));
}

/** A site without a network that is brought files. */
export interface BroughtSite {
  readonly store: MemoryStore;
  have: SourceRevision | undefined;
  take(bytes: Uint8Array, change?: Partial<OciRequest>): Promise<FetchOutcome>;
  /** `code: message` of the Fault that it ends with. */
  refuses(bytes: Uint8Array, change?: Partial<OciRequest>): Promise<string>;
}

export function broughtSite(): BroughtSite {
  const site: BroughtSite = {
    store: memoryStore(),
    have: undefined,
    take: async (bytes, change = {}) => {
      const file = fileOf(bytes);
      const bundle = await openBundle(file, 'x.tar', DEFAULT_LIMITS);
      await proveBundle(bundle, () => true);
      const { layout } = bundle;
      if (layout === undefined) throw new Error('no layout');
      const { listed, lacks } = choiceFor(await listManifests(layout), KEY);
      const have = site.have === undefined ? {} : { have: site.have };
      const url = 'oci://mirror.test/other/name';
      const outcome = await fetchOci(
        portsOf(layoutWire(layout, listed, lacks), site.store),
        requestOf({ url, ...have, ...change }),
        { limits: DEFAULT_LIMITS },
      );
      if (outcome.kind === 'fetched') site.have = outcome.content;
      return outcome;
    },
    refuses: async (bytes, change) => {
      const error: unknown = await site.take(bytes, change).then(
        () => new Error('it was taken'),
        (e: unknown) => e,
      );
      if (!(error instanceof Fault)) throw error;
      return `${error.code}: ${error.message}`;
    },
  };
  return site;
}
