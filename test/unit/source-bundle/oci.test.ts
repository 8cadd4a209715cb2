import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import type { WireResponse } from '../../../src/ports/index.ts';
import { headerOf } from '../../../src/source/artifact/header.ts';
import { claimed, layoutWire, listManifests, openLayout, type Readable } from '../../../src/source/bundle/index.ts';
import type { Listed } from '../../../src/source/bundle/layout.ts';
import { signaturesTagged } from '../../../src/source/bundle/oci-names.ts';

const sha = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const entry = (text: string, annotations: object = {}, mediaType = MANIFEST): object => ({
  mediaType,
  digest: sha(text),
  size: text.length,
  annotations,
});
const manifest = (layer: string, more: object = {}): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: entry('{}'), layers: [entry(layer)], ...more });

function tarOf(index: object, blobs: readonly string[]): Readable {
  const files = [
    ...blobs.map((text) => [`blobs/${sha(text).replace(':', '/')}`, text]),
    ['index.json', JSON.stringify(index)],
  ];
  const parts = files.flatMap(([path = '', text = '']) => [
    headerOf({ path, mode: 'file', size: text.length }),
    Buffer.from(text),
    Buffer.alloc((512 - (text.length % 512)) % 512),
  ]);
  const bytes = Buffer.concat([...parts, Buffer.alloc(1_024)]);
  return { size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) };
}

const one = manifest('layer one');
const two = manifest('layer two');
const signature = manifest('signature', { subject: { digest: sha(one) }, artifactType: 'sig' });
const index = {
  manifests: [
    entry(one, { 'org.opencontainers.image.ref.name': 'v1' }),
    entry(two, { 'org.opencontainers.image.ref.name': 'v2', 'io.containerd.image.name': 'reg.example:5000/a/b:v1' }),
    entry(signature, { 'org.opencontainers.image.ref.name': 'reg.example:5000/a/b:v1', kind: 'dev.hauler/sigs' }),
  ],
};

async function registry() {
  const layout = await openLayout(tarOf(index, [one, two, signature, '{}', 'layer one', 'layer two']), DEFAULT_LIMITS);
  if (layout === undefined) throw new Error('no layout');
  const listed = await listManifests(layout);
  const wire = layoutWire(layout, listed);
  const limits = { totalMs: 1, idleMs: 1, maxBytes: 1 };
  const ask = async (
    path: string,
    method: 'GET' | 'HEAD' = 'GET',
    headers = {},
  ): Promise<WireResponse & { text: string }> => {
    const answer = await wire.send({ method, url: `https://${path}`, headers, limits });
    const parts: Uint8Array[] = [];
    for await (const part of answer.body) parts.push(part);
    return { ...answer, text: Buffer.concat(parts).toString() };
  };
  return { ask, listed };
}

describe('a layout as a registry', () => {
  it('answers by tag where the name fits the repository or is a tag alone, and the full name first', async () => {
    const { ask } = await registry();
    expect((await ask('reg.example:5000/v2/a/b/manifests/v1')).text).toBe(two);
    expect((await ask('other/v2/a/b/manifests/v1')).text).toBe(one);
    expect((await ask('other/v2/a/b/manifests/v3')).status).toBe(404);
    expect((await ask('other/v2/')).status).toBe(200);
    expect((await ask('other/nothing')).status).toBe(404);
  });

  it('answers HEAD with digest, size and type, and no body', async () => {
    const { ask } = await registry();
    const head = await ask('other/v2/a/manifests/v1', 'HEAD');
    expect(head).toMatchObject({
      status: 200,
      text: '',
      headers: { 'docker-content-digest': sha(one), 'content-length': String(one.length), 'content-type': MANIFEST },
    });
    expect(head.count()).toEqual({ requests: 0, up: 0, down: 0 });
  });

  it('gives blobs, whole and from a byte on', async () => {
    const { ask } = await registry();
    expect((await ask(`x/v2/a/blobs/${sha('layer one')}`)).text).toBe('layer one');
    const rest = await ask(`x/v2/a/blobs/${sha('layer one')}`, 'GET', { range: 'bytes=6-' });
    expect([rest.status, rest.text, rest.headers['content-range']]).toEqual([206, 'one', 'bytes 6-8/9']);
    expect((await ask(`x/v2/a/blobs/${sha('none')}`)).status).toBe(404);
    expect((await ask('x/v2/a/blobs/sha256:..%2F..%2Findex.json')).status).toBe(404);
  });

  it('lists tags, and what refers to a manifest', async () => {
    const { ask } = await registry();
    expect(JSON.parse((await ask('reg.example:5000/v2/a/b/tags/list')).text)).toEqual({ name: 'a/b', tags: ['v1'] });
    expect(JSON.parse((await ask(`x/v2/a/referrers/${sha(one)}`)).text).manifests).toEqual([
      expect.objectContaining({ digest: sha(signature), artifactType: 'sig' }),
    ]);
  });

  it('has no list of what refers to a manifest where there is nothing: its tag is asked for', async () => {
    const { ask } = await registry();
    expect((await ask(`x/v2/a/referrers/${sha(two)}`)).status).toBe(404);
  });

  it('gives signatures that are listed without their tag: under the name of what is signed, else the only ones', async () => {
    const { ask } = await registry();
    const tag = (of: string): string => `x/v2/a/manifests/${sha(of).replace(':', '-')}.sig`;
    expect((await ask(tag(two))).text).toBe(signature);
    expect((await ask(tag(one))).text).toBe(signature);
    expect((await ask('x/v2/a/manifests/sha256-00.sig')).status).toBe(404);
    const named = (name: string, kind?: string): Listed => ({
      descriptor: {
        mediaType: MANIFEST,
        digest: `sha256:${createHash('sha256').update(`${name}${kind}`).digest('hex')}`,
        size: 1,
        annotations: { 'io.containerd.image.name': name, ...(kind === undefined ? {} : { kind }) },
      },
      manifest: undefined,
    });
    const all = ['a/b:1', 'a/c:1'].flatMap((name) => [named(name), named(name, 'dev.hauler/sigs')]);
    const found = signaturesTagged(all, `${all[2]?.descriptor.digest.replace(':', '-')}.sig`);
    expect(found).toBe(all[3]?.descriptor);
    expect(signaturesTagged(all, `sha256-${'0'.repeat(64)}.sig`)).toBeUndefined();
  });

  it('is claimed by the sources whose repository it names', async () => {
    const { listed } = await registry();
    const sources = ['oci://reg.example:5000/a/b', 'oci://reg.example:5000/a/b/', 'oci://reg.example/a/b', 'oci://x/y'];
    expect(
      claimed(
        listed,
        sources.map((url, i) => ({ key: String(i), url })),
      ),
    ).toEqual(['0', '1']);
  });
});
