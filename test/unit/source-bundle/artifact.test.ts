import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, sha256 } from '../../../src/model/index.ts';
import { listManifests, openBundle, openLayout, proveBundle } from '../../../src/source/bundle/index.ts';
import { storedArtifact } from '../../../src/source/oci/index.ts';
import { createSigner, dsseBundle, simplePayload, statement } from '../../support/signatures.ts';
import { tarGz } from '../../support/tar-builder.ts';
import {
  alice,
  broughtSite,
  bundleOf,
  changed,
  fileOf,
  INDEX,
  KEY,
  MANIFEST,
  memoryRegistry,
  packed,
  VERIFY,
} from './artifacts.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const content = (v: string): Buffer => tarGz({ 'a.yaml': `v: ${v}\n` });

async function membersOf(bytes: Buffer): Promise<readonly string[]> {
  const layout = await openLayout(fileOf(bytes), DEFAULT_LIMITS);
  return [...(layout?.members.keys() ?? [])];
}

describe('an artifact in a bundle', () => {
  it('is whole, the same bytes each time, and gives the revision of the registry under whatever name it has', async () => {
    const registry = memoryRegistry();
    const digest = registry.artifact('latest', [content('1'), Buffer.from('another layer')]);
    const bytes = await packed(registry);
    expect((await packed(registry)).equals(bytes)).toBe(true);
    // Manifest, config, both layers.
    expect((await membersOf(bytes)).filter((path) => path.startsWith('blobs/'))).toHaveLength(4);
    const site = broughtSite();
    const outcome = await site.take(bytes);
    expect(outcome).toMatchObject({ kind: 'fetched', content: { revision: `latest@${digest}` } });
    expect(Buffer.from(site.store.tree(site.have?.root ?? sha256('')).read('a.yaml') ?? []).toString()).toBe('v: 1\n');
    expect(await site.take(bytes)).toMatchObject({ kind: 'unchanged' });
    const bundle = await openBundle(fileOf(bytes), 'x.tar', DEFAULT_LIMITS);
    expect(bundle).toMatchObject({ others: [], parts: [{ source: KEY, form: 'oci', revision: `latest@${digest}` }] });
  });

  it('is chosen by digest and by version, too', async () => {
    const registry = memoryRegistry();
    for (const tag of ['1.0.0', '1.2.0', '2.0.0']) registry.artifact(tag, [content(tag)]);
    const semver = { request: { ref: { semver: '1.x' } } };
    const bytes = await packed(registry, semver);
    expect(await broughtSite().take(bytes, semver.request)).toMatchObject({
      content: { revision: expect.stringMatching(/^1\.2\.0@sha256:/) },
    });
    const digest = registry.artifact('latest', [content('1')]);
    const ref = { ref: { digest } };
    const byDigest = await packed(registry, { request: ref });
    expect(await broughtSite().take(byDigest, ref)).toMatchObject({ content: { revision: digest } });
    // Another tag is not in the file.
    expect(await broughtSite().refuses(byDigest)).toContain('source-ref-missing');
  });

  it('of an index has the index itself, and of its platforms linux/amd64', async () => {
    const registry = memoryRegistry();
    const child = (architecture: string) => {
      const layers = [{ mediaType: 'application/x-tar', ...registry.blob(content(architecture)) }];
      return { ...registry.put({ layers }), platform: { os: 'linux', architecture } };
    };
    const manifests = [child('arm64'), child('amd64')];
    const index = registry.put({ mediaType: INDEX, manifests }, 'latest');
    const bytes = await packed(registry);
    expect(await membersOf(bytes)).not.toContain(`blobs/${manifests[0]?.digest.replace(':', '/')}`);
    const site = broughtSite();
    expect(await site.take(bytes)).toMatchObject({ content: { revision: `latest@${index.digest}` } });
    expect(Buffer.from(site.store.tree(site.have?.root ?? sha256('')).read('a.yaml') ?? []).toString()).toBe(
      'v: amd64\n',
    );
  });

  it('as a difference has no layer of its base, and is held where that is missing', async () => {
    const registry = memoryRegistry();
    const first = registry.artifact('latest', [content('1')]);
    const whole = await packed(registry);
    const second = registry.artifact('latest', [content('1')], { annotations: { a: 'b' } });
    const bytes = await packed(registry, { base: `latest@${first}` });
    expect(await membersOf(bytes)).not.toContain(`blobs/${sha256(content('1')).replace(':', '/')}`);
    const site = broughtSite();
    expect(await site.refuses(bytes)).toMatch(/^bundle-base-missing: .*latest@sha256/);
    await site.take(whole);
    expect(await site.take(bytes)).toMatchObject({ content: { revision: `latest@${second}`, metadata: { a: 'b' } } });
    await expect(packed(registry, { base: 'latest' })).rejects.toThrow('ends in sha256:');
    await expect(packed(registry, { base: sha256('unknown') })).rejects.toMatchObject({ code: 'source-ref-missing' });
  });

  it('is not made of what cannot be used, or is larger than the room for it', async () => {
    const registry = memoryRegistry();
    registry.artifact('latest', [content('1')]);
    const layer = { operation: 'extract', mediaType: 'application/none' } as const;
    await expect(packed(registry, { request: { layer } })).rejects.toThrow('failed to find layer with media type');
    await expect(packed(registry, { limits: { partialBytes: 10 } })).rejects.toThrow('limits.partialBytes');
  });

  it('of a state folder is packed where its layer was kept as it is, and else refused', async () => {
    const registry = memoryRegistry();
    const digest = registry.artifact('latest', [content('1'), Buffer.from('another layer')]);
    const bytes = await packed(registry);
    for (const [operation, why] of [
      ['copy', undefined],
      ['extract', 'not the layer itself'],
    ] as const) {
      const maker = broughtSite();
      await maker.take(bytes, { layer: { operation } });
      const { have, store } = maker;
      if (have === undefined) throw new Error('nothing taken');
      if (why !== undefined) {
        expect(() => storedArtifact(store, have)).toThrow(why);
        continue;
      }
      const artifact = storedArtifact(store, have);
      expect(artifact.leftOut).toHaveLength(2);
      const again = bundleOf(artifact);
      const site = broughtSite();
      expect(await site.take(again)).toMatchObject({ content: { revision: `latest@${digest}` } });
    }
  });
});

describe('signatures in a bundle', () => {
  const signed = (signer = alice) => {
    const registry = memoryRegistry();
    const digest = registry.artifact('latest', [content('1')]);
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...registry.blob(Buffer.from('{}')) };
    const subject = { mediaType: MANIFEST, digest, size: 1 };
    const referring = (layer: Buffer, artifactType = BUNDLE): void => {
      const layers = [{ mediaType: artifactType, ...registry.blob(layer) }];
      registry.refer(digest, { ...registry.put({ artifactType, config, layers, subject }), artifactType });
    };
    const simple = (): void => {
      const payload = simplePayload(digest);
      const annotations = { 'dev.cosignproject.cosign/signature': signer.raw(payload).toString('base64') };
      const layers = [{ mediaType: SIMPLE, ...registry.blob(payload), annotations }];
      registry.put({ config, layers }, `${digest.replace(':', '-')}.sig`);
    };
    return { registry, digest, referring, simple, bundle: () => referring(dsseBundle(signer, statement(digest))) };
  };

  it.each(['bundle', 'simple'] as const)('ride along, and prove it at the site (%s)', async (form) => {
    const made = signed();
    made[form]();
    made.referring(Buffer.from('an SBOM'), 'application/spdx+json');
    const bytes = await packed(made.registry, { request: VERIFY });
    const site = broughtSite();
    const outcome = await site.take(bytes, VERIFY);
    expect(outcome).toMatchObject({ content: { verified: { key: expect.any(String) } } });
    const bundle = await openBundle(fileOf(bytes), 'x.tar', DEFAULT_LIMITS);
    expect([bundle.parts.length, bundle.others.length, bundle.listed.length]).toEqual([1, 0, 2]);
    // What was not asked to be signed has none with it.
    expect(await broughtSite().refuses(await packed(made.registry), VERIFY)).toContain('signature-invalid');
    // And from the state folder of who took it.
    const copy = { ...VERIFY, layer: { operation: 'copy' } } as const;
    const maker = broughtSite();
    await maker.take(bytes, copy);
    if (maker.have === undefined) throw new Error('nothing taken');
    const again = bundleOf(storedArtifact(maker.store, maker.have));
    expect(await broughtSite().take(again, VERIFY)).toMatchObject({ content: { revision: `latest@${made.digest}` } });
    expect(await broughtSite().take(again, copy)).toMatchObject({ content: { archive: expect.any(String) } });
  });

  it('count also where a copy of the file does not say whose they are, but are no artifact', async () => {
    const made = signed();
    made.bundle();
    const bytes = await changed(await packed(made.registry, { request: VERIFY }), (members) =>
      edit(members, ([, signature]) => {
        if (signature !== undefined) signature.annotations = { 'org.opencontainers.image.ref.name': 'latest' };
      }),
    );
    expect(await broughtSite().take(bytes, VERIFY)).toMatchObject({ content: { revision: `latest@${made.digest}` } });
  });

  it('must hold where it is packed', async () => {
    const made = signed(createSigner());
    made.bundle();
    await expect(packed(made.registry, { request: VERIFY })).rejects.toMatchObject({ code: 'signature-invalid' });
  });

  it('are bounded together', async () => {
    const made = signed();
    for (let i = 0; i < 20; i++) made.bundle();
    const limits = { signatures: 3 };
    const bundle = await openBundle(
      fileOf(await packed(made.registry, { request: VERIFY, limits })),
      'x.tar',
      DEFAULT_LIMITS,
    );
    expect(bundle.listed.length).toBeLessThanOrEqual(4);
  });
});

type Members = Map<string, Buffer>;
interface Entry {
  digest: string;
  size: number;
  mediaType: string;
  annotations: Record<string, string>;
}
const edit = (members: Members, change: (entries: Entry[]) => unknown): void => {
  const index = JSON.parse(String(members.get('index.json')));
  change(index.manifests);
  members.set('index.json', Buffer.from(JSON.stringify(index)));
};
const note = (members: Members, name: string, value: string): void =>
  edit(members, ([one]) => Object.assign(one?.annotations ?? {}, { [name]: value }));
const layerPath = `blobs/${sha256(content('1')).replace(':', '/')}`;
/** Puts another document in the place of the artifact, with the revision that it says. */
const replaced = (members: Members, value: unknown, mediaType = MANIFEST): void => {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  members.set(`blobs/${sha256(bytes).replace(':', '/')}`, bytes);
  edit(members, ([one]) => {
    if (one === undefined) return;
    Object.assign(one, { digest: sha256(bytes), size: bytes.length, mediaType });
    one.annotations['dev.holdfast.revision'] = `latest@${sha256(bytes)}`;
  });
};

describe('a bundle with an artifact that somebody has changed', () => {
  it.each<[string, RegExp, (members: Members) => void]>([
    ['a layer is missing', /^bundle-damaged: .*not in the bundle/, (m) => m.delete(layerPath)],
    ['a layer has another byte', /^bundle-damaged/, (m) => m.set(layerPath, Buffer.alloc(content('1').length))],
    ['a layer is shorter', /^bundle-damaged/, (m) => m.set(layerPath, content('1').subarray(1))],
    [
      'a revision of another digest',
      /^bundle-unreadable/,
      (m) => note(m, 'dev.holdfast.revision', `latest@${sha256('x')}`),
    ],
    ['a revision that is none', /^bundle-unreadable/, (m) => note(m, 'dev.holdfast.revision', 'latest')],
    ['a SHA-1', /^bundle-unreadable/, (m) => note(m, 'dev.holdfast.revision', `latest@sha1:${'a'.repeat(40)}`)],
    ['no revision', /^bundle-unreadable/, (m) => edit(m, ([one]) => delete one?.annotations['dev.holdfast.revision'])],
    ['what is left out is a path', /^bundle-unreadable/, (m) => note(m, 'dev.holdfast.left-out', '../../etc/passwd')],
    ['a source that is a path', /^bundle-unreadable/, (m) => note(m, 'dev.holdfast.source', 'OCIRepository/a b/c')],
    ['two for one source', /^bundle-unreadable: .*two artifacts/, (m) => edit(m, (all) => all.push(...all))],
    ['a signature without an artifact', /^source-ref-missing/, (m) => note(m, 'dev.holdfast.signs', sha256('x'))],
    ['a manifest that is no JSON', /^bundle-(?:damaged|unreadable)/, (m) => replaced(m, '<html>')],
    ['a list', /^bundle-unreadable/, (m) => replaced(m, '[]')],
    [
      'an index and a manifest at once',
      /^bundle-unreadable/,
      (m) => replaced(m, { schemaVersion: 2, manifests: [], layers: [] }),
    ],
    [
      'an index of no platform',
      /^bundle-unreadable: .*linux\/amd64/,
      (m) => replaced(m, { schemaVersion: 2, mediaType: INDEX, manifests: [] }, INDEX),
    ],
    [
      'an index whose manifest is missing',
      /^bundle-damaged/,
      (m) =>
        replaced(
          m,
          { schemaVersion: 2, mediaType: INDEX, manifests: [{ mediaType: MANIFEST, digest: sha256('x'), size: 1 }] },
          INDEX,
        ),
    ],
    [
      'a manifest of another type than its entry says',
      /^bundle-unreadable/,
      (m) => replaced(m, { schemaVersion: 2, mediaType: MANIFEST, layers: [] }, INDEX),
    ],
    [
      'a layer by a digest that is a path',
      /^bundle-unreadable/,
      (m) => replaced(m, { schemaVersion: 2, layers: [{ mediaType: 'x', digest: 'sha256:../../x', size: 1 }] }),
    ],
    [
      'a layer without a size',
      /^bundle-unreadable/,
      (m) => replaced(m, { schemaVersion: 2, layers: [{ mediaType: 'x', digest: sha256(content('1')) }] }),
    ],
    ['no layers', /^source-refused: no layers/, (m) => replaced(m, { schemaVersion: 2, layers: [] })],
  ])('is not taken: %s', async (_, what, change) => {
    const registry = memoryRegistry();
    registry.artifact('latest', [content('1')]);
    const bytes = await changed(await packed(registry), change);
    const site = broughtSite();
    expect(await site.refuses(bytes)).toMatch(what);
    expect(site.store.sizes()).toMatchObject({ blobs: 0, folders: 0 });
  });

  it('cannot send its reader through indexes without an end', async () => {
    const registry = memoryRegistry();
    registry.artifact('latest', [content('1')]);
    const bytes = await changed(await packed(registry), (members) => {
      let entry = JSON.parse(String(members.get('index.json'))).manifests[0];
      for (let i = 0; i < 8; i++) {
        const { mediaType, digest, size } = entry;
        const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ mediaType, digest, size }] };
        replaced(members, index, INDEX);
        entry = JSON.parse(String(members.get('index.json'))).manifests[0];
      }
    });
    expect(await broughtSite().refuses(bytes)).toMatch(/^bundle-unreadable: .*more than 4 indexes/);
  });

  it('cannot fill the memory by what its indexes lead to', async () => {
    const registry = memoryRegistry();
    const layers = [{ mediaType: 'application/x-tar', ...registry.blob(content('1')) }];
    const child = registry.put({ layers, annotations: { a: 'x'.repeat(3_000) } });
    registry.put({ mediaType: INDEX, manifests: [child] }, 'latest');
    // One artifact for many sources: each is followed.
    const bytes = await changed(await packed(registry), (members) =>
      edit(members, (entries) => {
        for (const one of entries.slice(0, 1))
          for (let i = 0; i < 5; i++)
            entries.push({ ...one, annotations: { ...one.annotations, 'dev.holdfast.source': `${KEY}-${i}` } });
      }),
    );
    const prove = async (bundleIndexBytes: number): Promise<void> => {
      const bundle = await openBundle(fileOf(bytes), 'x.tar', { ...DEFAULT_LIMITS, bundleIndexBytes });
      expect(bundle.parts).toHaveLength(6);
      await proveBundle(bundle, () => true);
    };
    await prove(6_000);
    await expect(prove(4_000)).rejects.toThrow('the manifests of artifacts together');
  });

  it('is cut anywhere and never taken', async () => {
    const registry = memoryRegistry();
    registry.artifact('latest', [content('1')]);
    const bytes = await packed(registry);
    // The last two blocks are the end mark.
    for (let at = 0; at < bytes.length - 1024; at += 100)
      expect(await broughtSite().refuses(bytes.subarray(0, at))).toMatch(/^bundle-(?:damaged|unreadable)/);
  });

  it('for another source brings it nothing, nor do its tags', async () => {
    const registry = memoryRegistry();
    registry.artifact('latest', [content('1')]);
    const bytes = await changed(await packed(registry), (m) => note(m, 'dev.holdfast.source', 'OCIRepository/apps/b'));
    expect(await broughtSite().refuses(bytes)).toContain('source-ref-missing');
    const layout = await openLayout(fileOf(bytes), DEFAULT_LIMITS);
    if (layout === undefined) throw new Error('no layout');
    expect(await listManifests(layout)).toHaveLength(1);
    await proveBundle(await openBundle(fileOf(bytes), 'x.tar', DEFAULT_LIMITS), () => true);
  });
});
