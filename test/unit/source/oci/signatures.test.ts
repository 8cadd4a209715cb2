import { describe, expect, it } from 'vitest';
import { openPartials } from '../../../../src/cache/partials.ts';
import { DEFAULT_LIMITS, Fault, type Limits, sha256 } from '../../../../src/model/index.ts';
import { fetchOci, type OciRequest } from '../../../../src/source/oci/index.ts';
import { keyedCheck } from '../../../../src/trust/artifact/index.ts';
import { type FakeAnswer, fakeWire } from '../../../support/fake-wire.ts';
import { faultDisk } from '../../../support/fault-disk.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { silentLog } from '../../../support/quiet.ts';
import { createSigner, dsseBundle, simplePayload, statement } from '../../../support/signatures.ts';
import { tarGz } from '../../../support/tar-builder.ts';

const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const alice = createSigner();
const mallory = createSigner();

type Files = Map<string, Buffer>;
const put = (files: Files, bytes: Buffer): { digest: string; size: number } => {
  const digest = sha256(bytes);
  files.set(digest, bytes);
  return { digest, size: bytes.length };
};
const manifest = (files: Files, more: Record<string, unknown>): { digest: string; size: number } =>
  put(files, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, ...more })));

/** A registry in memory with one artifact, and what it answers for what refers to it. */
function registry(referrers: (path: string, refer: Refer) => FakeAnswer | undefined) {
  const files: Files = new Map();
  const layer = { mediaType: 'application/x-tar', ...put(files, tarGz({ 'a.yaml': 'a: 1\n' })) };
  const artifact = manifest(files, { layers: [layer] });
  const asked: string[] = [];
  const refer: Refer = {
    digest: artifact.digest,
    bundle: (bytes, change = {}) => {
      const layers = [{ mediaType: BUNDLE, ...put(files, bytes) }];
      return { mediaType: MANIFEST, artifactType: BUNDLE, ...manifest(files, { layers, ...change }) };
    },
    list: (manifests, headers = {}) => ({
      headers: { 'content-type': INDEX, ...headers },
      parts: [JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })],
    }),
    good: () => refer.bundle(dsseBundle(alice, statement(artifact.digest))),
    bad: () => refer.bundle(dsseBundle(mallory, statement(artifact.digest))),
    files,
  };
  const wire = fakeWire(
    new Map([
      [
        'http://registry.test',
        ({ path, method }): FakeAnswer => {
          asked.push(`${method} ${path}`);
          const reference = path.split('/').at(-1) ?? '';
          const special = referrers(path, refer);
          if (special !== undefined) return special;
          const bytes = files.get(reference === 'latest' ? artifact.digest : reference);
          return bytes === undefined
            ? { status: 404 }
            : { headers: { 'content-type': path.includes('/manifests/') ? MANIFEST : '' }, parts: [bytes] };
        },
      ],
    ]),
  );
  return { wire, asked, refer };
}
interface Refer {
  readonly digest: string;
  readonly files: Files;
  bundle(bytes: Buffer, change?: Record<string, unknown>): Record<string, unknown>;
  list(manifests: readonly unknown[], headers?: Record<string, string>): FakeAnswer;
  good(): Record<string, unknown>;
  bad(): Record<string, unknown>;
}

async function outcomeOf(
  referrers: (path: string, refer: Refer) => FakeAnswer | undefined,
  limits: Partial<Limits> = {},
): Promise<{ asked: readonly string[]; fault: Fault | undefined; refer: Refer }> {
  const { wire, asked, refer } = registry(referrers);
  const check = keyedCheck([{ name: 'a.pub', pem: alice.publicPem }]);
  const ports = {
    wire,
    store: memoryStore(),
    partials: openPartials(faultDisk().disk, DEFAULT_LIMITS),
    clock,
    log: silentLog,
  };
  const request: OciRequest = {
    url: 'oci://registry.test/org/app',
    ref: { tag: 'latest' },
    layer: { operation: 'extract' },
    tenant: 'apps',
    owner: 'OCIRepository/apps/app',
    logins: [],
    insecure: true,
    timeoutMs: 5_000,
    verify: { provider: 'cosign', form: 'cosign', key: 'alice', check: () => Promise.resolve(check) },
  };
  const error = await fetchOci(ports, request, { limits: { ...DEFAULT_LIMITS, ...limits } }).then(
    () => undefined,
    (e: unknown) => e,
  );
  if (error !== undefined && !(error instanceof Fault)) throw error;
  return { asked, fault: error, refer };
}

const isApi = (path: string): boolean => path.includes('/referrers/');
const tagOf = ({ digest }: Refer): string => `/v2/org/app/manifests/${digest.replace(':', '-')}`;

describe('signatures that refer to an artifact', () => {
  it('are found by the API, and then by nothing else', async () => {
    const { asked, fault, refer } = await outcomeOf((path, r) => (isApi(path) ? r.list([r.good()]) : undefined));
    expect(fault).toBeUndefined();
    expect(asked.slice(0, 2)).toEqual([
      'GET /v2/org/app/manifests/latest',
      `GET /v2/org/app/referrers/${refer.digest}`,
    ]);
    expect(asked).toHaveLength(5);
  });

  it.each([
    ['404', { status: 404 }],
    ['400', { status: 400 }],
    ['403', { status: 403 }],
    ['405', { status: 405 }],
    ['406', { status: 406 }],
    ['501', { status: 501 }],
    ['a page', { headers: { 'content-type': 'text/html' }, parts: ['<html>'] }],
    ['another type', { headers: { 'content-type': 'application/json' }, parts: ['{}'] }],
  ])('are found by the tag where the API answers %s', async (_what, answer) => {
    const { fault } = await outcomeOf((path, r) =>
      isApi(path) ? answer : path === tagOf(r) ? r.list([r.good()]) : undefined,
    );
    expect(fault).toBeUndefined();
  });

  it.each([
    [500, 'wire-server'],
    [503, 'wire-server'],
    [429, 'wire-throttled'],
    [407, 'wire-proxy'],
  ])('are not taken as absent where the registry answers %i', async (status, code) => {
    for (const fails of [isApi, (path: string) => path.includes('sha256-')]) {
      const { fault, asked } = await outcomeOf((path) => (fails(path) ? { status } : undefined));
      expect(fault).toMatchObject({ code, reason: 'VerificationError' });
      expect(fault?.message).toContain("failed to verify the signature using provider 'cosign': GET http://");
      expect(asked.join()).not.toContain('.sig');
    }
  });

  it('are not taken as absent where the link breaks, and nothing of the artifact is fetched', async () => {
    const { fault, asked } = await outcomeOf((path) => (isApi(path) ? { parts: ['{'], end: 'cut' } : undefined));
    expect(fault).toMatchObject({ code: 'wire-cut', reason: 'VerificationError' });
    expect(asked.join()).not.toContain('/blobs/');
  });

  it('are looked at on all pages, the newest first', async () => {
    const { fault, asked } = await outcomeOf((path, r) => {
      if (!isApi(path)) return undefined;
      const created = (entry: Record<string, unknown>, time: string) => ({
        ...entry,
        annotations: { 'org.opencontainers.image.created': time },
      });
      return path.includes('last=')
        ? r.list([created(r.good(), '2026-02-01T00:00:00Z')])
        : r.list([created(r.bad(), '2026-01-01T00:00:00Z')], {
            link: `</v2/org/app/referrers/${r.digest}?last=1>; rel="next"`,
          });
    });
    expect(fault).toBeUndefined();
    // Of the older one nothing was asked for.
    expect(asked).toHaveLength(6);
  });

  it.each([
    ['leads to another host', 'http://evil.test/v2/x', 'another place'],
    ['leads to itself', '', 'more than 32 pages'],
  ])('in a list that %s: the older form counts', async (_what, to, why) => {
    const again = (path: string, r: Refer): FakeAnswer | undefined =>
      isApi(path) ? r.list([], { link: `<${to === '' ? path : to}>; rel="next"` }) : undefined;
    const without = await outcomeOf(again);
    expect(without.fault?.message).toContain(why);
    expect(without.asked.length).toBeLessThan(40);
    const { fault } = await outcomeOf((path, r) => {
      if (!path.endsWith('.sig')) return again(path, r);
      const payload = simplePayload(r.digest);
      const annotations = { 'dev.cosignproject.cosign/signature': alice.raw(payload).toString('base64') };
      const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';
      const layers = [{ mediaType, ...put(r.files, payload), annotations }];
      const bytes = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, layers });
      return { headers: { 'content-type': MANIFEST }, parts: [bytes] };
    });
    expect(fault).toBeUndefined();
  });

  it('are not fetched where they say that they are something else', async () => {
    const { fault, asked } = await outcomeOf((path, r) => {
      const says = (type: string) => ({ ...r.good(), annotations: { 'dev.sigstore.bundle.predicateType': type } });
      const others = [says('https://slsa.dev/provenance/v1'), { ...r.good(), artifactType: 'application/spdx+json' }];
      return isApi(path) ? r.list(others) : undefined;
    });
    expect(fault?.message).toContain('the registry has none');
    expect(asked).toHaveLength(3);
  });

  it.each([
    [
      'two layers',
      (r: Refer) =>
        r.bundle(Buffer.from('x'), { layers: [1, 2].map(() => ({ mediaType: BUNDLE, digest: r.digest, size: 1 })) }),
    ],
    ['no layer', (r: Refer) => r.bundle(Buffer.from('x'), { layers: [] })],
    [
      'a layer of another type',
      (r: Refer) => r.bundle(Buffer.from('x'), { layers: [{ mediaType: 'x', digest: r.digest, size: 1 }] }),
    ],
    ['an index', (r: Refer) => r.bundle(Buffer.from('x'), { mediaType: INDEX, layers: undefined, manifests: [] })],
    ['no bundle in it', (r: Refer) => r.bundle(Buffer.from('{}'))],
    ['a manifest that is away', (r: Refer) => ({ ...r.good(), digest: sha256('away') })],
    [
      'a layer that is huge',
      (r: Refer) => r.bundle(Buffer.from('x'), { layers: [{ mediaType: BUNDLE, digest: r.digest, size: 2 ** 40 }] }),
    ],
    [
      'a layer that is larger than it says',
      (r: Refer) =>
        r.bundle(Buffer.alloc(100), { layers: [{ mediaType: BUNDLE, ...put(r.files, Buffer.alloc(100)), size: 1 }] }),
    ],
    ['a huge manifest', (r: Refer) => r.bundle(Buffer.from('x'), { annotations: { a: 'x'.repeat(2_000_000) } })],
  ])('that are broken (%s) do not hide one that holds', async (_what, broken) => {
    const alone = await outcomeOf((path, r) => (isApi(path) ? r.list([broken(r)]) : undefined));
    expect(alone.fault).toMatchObject({ code: 'signature-invalid' });
    const { fault } = await outcomeOf((path, r) => (isApi(path) ? r.list([r.good(), broken(r)]) : undefined));
    expect(fault).toBeUndefined();
  });

  it('cost no more than limits.signatureBytes, also where a registry sends more than it says', async () => {
    const { fault, asked } = await outcomeOf(
      (path, r) => {
        if (isApi(path)) return r.list(Array.from({ length: 10 }, () => ({ ...r.bad(), size: 1_000 })));
        return path.includes('/manifests/sha256:') ? { parts: [Buffer.alloc(1_001, 0x20)] } : undefined;
      },
      { signatureBytes: 3_000 },
    );
    expect(fault?.message).toContain('(limits.signatureBytes)');
    expect(asked.filter((one) => one.includes('/manifests/sha256:'))).toHaveLength(3);
  });

  it('are no more than limits.signatures, in whatever form', async () => {
    const { fault, asked } = await outcomeOf(
      (path, r) => (isApi(path) ? r.list(Array.from({ length: 10_000 }, () => r.bad())) : undefined),
      { signatures: 3 },
    );
    expect(fault?.message).toContain(
      'it is by none of the keys (3 of them); there are more than 3 (limits.signatures)',
    );
    expect(asked.length).toBeLessThan(11);
  });
});
