import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type LimitName } from '../../../src/model/index.ts';
import { headerOf } from '../../../src/source/artifact/header.ts';
import {
  MEDIA,
  measureBundle,
  openBundle,
  type PartToWrite,
  proveBundle,
  type Readable,
} from '../../../src/source/bundle/index.ts';

const fileOf = (bytes: Uint8Array): Readable => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});
const sha = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Member {
  readonly path: string;
  readonly bytes: Uint8Array | string;
  readonly type?: string;
  readonly size?: number;
}

function tar(members: readonly Member[], end = 1024): Buffer {
  const parts = members.flatMap(({ path, bytes, type, size }) => {
    const data = Buffer.from(bytes as string);
    const head = Buffer.from(headerOf({ path, mode: 'file', size: size ?? data.length }));
    if (type !== undefined) {
      head[156] = type.charCodeAt(0);
      head.write('        ', 148, 'latin1');
      const sum = head.reduce((all, one) => all + one, 0);
      head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    }
    return [head, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(end)]);
}

const part = (change: Partial<PartToWrite> = {}): PartToWrite => ({
  source: 'GitRepository/flux-system/fleet',
  revision: 'main@sha1:1111111111111111111111111111111111111111',
  base: '',
  created: '2026-01-01T00:00:00Z',
  sequence: 7,
  selector: { cluster: 'store-1', labels: { b: '2', a: '1' } },
  mediaType: MEDIA.git,
  open: () => [Buffer.from('# v2 git bundle\n'), Buffer.alloc(3_000, 'x')],
  ...change,
});
const bundle = (...parts: PartToWrite[]): Buffer => Buffer.concat([...measureBundle(parts).write()]);

async function fails(
  bytes: Uint8Array,
  limits: Partial<Record<LimitName, number>> = {},
  name = 'x.tar',
): Promise<string> {
  try {
    const found = await openBundle(fileOf(bytes), name, { ...DEFAULT_LIMITS, ...limits });
    await proveBundle(found, () => true);
    return `taken: ${found.parts.length}`;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

/** A layout with this index and these blobs. */
function layout(index: unknown, blobs: readonly (Uint8Array | string)[] = []): Buffer {
  return tar([
    ...blobs.map((bytes) => ({ path: `blobs/${sha(bytes).replace(':', '/')}`, bytes })),
    { path: 'index.json', bytes: typeof index === 'string' ? index : JSON.stringify(index) },
    { path: 'oci-layout', bytes: '{"imageLayoutVersion":"1.0.0"}' },
  ]);
}
const entry = (bytes: string, more: object = {}): object => ({
  mediaType: MEDIA.manifest,
  digest: sha(bytes),
  size: Buffer.byteLength(bytes),
  ...more,
});

describe('a bundle of ours', () => {
  it('is read back as it was written', async () => {
    const bytes = bundle(part({ source: 'GitRepository/b/b' }), part());
    expect(bytes).toHaveLength(measureBundle([part({ source: 'GitRepository/b/b' }), part()]).size);
    const { parts, others, form } = await openBundle(fileOf(bytes), 'any', DEFAULT_LIMITS);
    expect([form, others]).toEqual(['oci-layout', []]);
    for (const [i, source] of ['GitRepository/b/b', 'GitRepository/flux-system/fleet'].entries()) {
      const { open: _open, mediaType, ...notes } = part({ source });
      expect(bytes.includes(`"mediaType":"${mediaType}"`)).toBe(true);
      expect(parts[i]).toMatchObject({ ...notes, form: 'git', span: { size: 3_016 } });
      const start = parts[i]?.span.start ?? 0;
      expect(bytes.toString('latin1', start, start + 15)).toBe('# v2 git bundle');
    }
    expect(await fails(bytes)).toBe('taken: 2');
  });

  it('is not written to its end where its content is made of other bytes the second time', () => {
    let made = 0;
    const changing = part({ open: () => [Buffer.from(`made ${++made} times`)] });
    expect(() => bundle(changing)).toThrow(expect.objectContaining({ code: 'source-corrupt' }));
    expect(made).toBe(2);
  });

  it('has the same bytes whenever it is written: golden', () => {
    expect(sha(bundle(part()))).toBe(sha(bundle(part())));
    expect(sha(bundle(part(), part({ source: 'GitRepository/b/b' })))).toBe(
      sha(bundle(part({ source: 'GitRepository/b/b' }), part())),
    );
    expect(sha(bundle(part()))).toBe('sha256:f0f10d2c5f70a005804e99e2aa494422143e39b8a784560231df6c9ca45ceba4');
  });

  it('cut at any block, or anywhere near its end, is damaged, and never taken', async () => {
    const bytes = bundle(part());
    for (let length = 0; length < bytes.length - 1_023; length += 256)
      expect(await fails(bytes.subarray(0, length)), `${length}`).toMatch(/^bundle-(damaged|unreadable): /);
    expect(await fails(bytes.subarray(0, bytes.length - 1_024))).toMatch(/^bundle-damaged/);
  });

  it('with any byte changed is not taken, or has the same content all the same', async () => {
    const bytes = bundle(part());
    const whole = await openBundle(fileOf(bytes), 'x', DEFAULT_LIMITS);
    let refused = 0;
    for (let i = 0; i < bytes.length - 1_024; i += 37) {
      const broken = Buffer.from(bytes);
      broken[i] = (broken[i] ?? 0) ^ 0x20;
      const said = await fails(broken);
      if (/^(bundle-|source-bounds|taken: 0)/.test(said)) refused += 1;
      // Padding, and what the index says besides digests, decides nothing.
      else expect((await openBundle(fileOf(broken), 'x', DEFAULT_LIMITS)).parts).toEqual(whole.parts);
    }
    expect(refused).toBeGreaterThan(100);
  });
});

describe('a file that is none', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'bundle-damaged'],
    ['zeros, as a copy that begins', Buffer.alloc(10_000), 'bundle-damaged'],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0]), 'bundle-unreadable: it is compressed with gzip'],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), 'bundle-unreadable: it is compressed with zstd'],
    ['text', Buffer.from('hello'), 'bundle-unreadable: it is neither'],
    ['an archive of something', tar([{ path: 'a.txt', bytes: 'a' }]), 'bundle-unreadable: it is a tar archive without'],
    [
      'a header with a wrong sum',
      Buffer.concat([tar([{ path: 'a', bytes: 'a' }], 0), Buffer.alloc(512, 'y'), Buffer.alloc(512)]),
      'bundle-damaged',
    ],
    ['a size beyond the file', tar([{ path: 'a', bytes: 'a', size: 2 ** 30 }]), 'bundle-damaged: the file ends'],
    [
      'an index twice',
      tar([
        { path: 'index.json', bytes: '{}' },
        { path: './index.json', bytes: '{}' },
      ]),
      "bundle-unreadable: the archive has 'index.json' twice",
    ],
    ['a Git bundle of another version', Buffer.from('# v9 git bundle\n\n'), 'taken: 1'],
  ])('%s', async (_name, bytes, said) => {
    expect(await fails(bytes)).toContain(said);
  });

  it('with long names is read without holding them, and they are counted', async () => {
    const name = `${'n'.repeat(200_000)}\0${'x'.repeat(100_000)}`;
    const long = [
      { path: '././@LongLink', bytes: name, type: 'L' },
      { path: 'cut', bytes: 'x' },
    ];
    const lead = tar([...long, ...long, ...long], 0);
    const whole = Buffer.concat([lead, ...measureBundle([part()]).write()]);
    const { layout: found } = await openBundle(fileOf(whole), 'x.tar', DEFAULT_LIMITS);
    expect([...(found?.members.keys() ?? [])].filter((one) => !/^(blobs|index|oci)/.test(one))).toEqual([]);
    expect(await fails(whole, { bundleFiles: 2 })).toMatch(/^source-bounds: .*limits.bundleFiles/);
  });

  it('with names that lead elsewhere, links and devices leads nowhere: it is not unpacked', async () => {
    const hostile = ['../../etc/passwd', '/etc/passwd', 'blobs/sha256/../../x', 'a'].map((path) => ({
      path,
      bytes: 'x',
    }));
    const others = ['1', '2', '3', '4', '5', '6', 'S', 'Z'].map((type) => ({ path: `t${type}`, bytes: '', type }));
    const good = [...measureBundle([part()]).write()];
    const lead = tar([...hostile, ...others], 0);
    expect(await fails(Buffer.concat([lead, ...good]))).toBe('taken: 1');
    // A link in the place of the index is no index.
    expect(await fails(tar([{ path: 'index.json', bytes: '', type: '2' }]))).toMatch(/^bundle-unreadable/);
  });
});

describe('an index', () => {
  it.each([
    ['no JSON', '{', 'bundle-damaged: index.json is no JSON'],
    ['a list', '[]', 'bundle-unreadable'],
    ['without manifests', '{}', 'bundle-unreadable'],
    ['a descriptor that is none', { manifests: [1] }, 'bundle-unreadable'],
    ['a digest that leads elsewhere', { manifests: [{ digest: 'sha256:../../x', size: 1 }] }, 'bundle-unreadable'],
    ['another algorithm', { manifests: [{ digest: `sha512:${'a'.repeat(128)}`, size: 1 }] }, 'bundle-unreadable'],
    ['a size that is none', { manifests: [{ digest: sha(''), size: -1 }] }, 'bundle-unreadable'],
    ['brackets without end', '['.repeat(1_000_000), 'bundle-damaged'],
  ])('%s is refused', async (_name, index, said) => {
    expect(await fails(layout(index))).toContain(said);
  });

  it('with 10,000 manifests, or larger than it may be, breaks a bound', async () => {
    const manifests = Array.from({ length: 10_000 }, () => entry('x'));
    expect(await fails(layout({ manifests }))).toMatch(/^source-bounds: .*limits.bundleManifests/);
    expect(await fails(layout({ manifests: [], more: 'x'.repeat(5_000_000) }))).toMatch(
      /^source-bounds: .*limits.bundleIndexBytes/,
    );
    expect(await fails(layout({ manifests: [] }), { bundleBytes: 100 })).toMatch(
      /^source-bounds: .*limits.bundleBytes/,
    );
    const big = Array.from({ length: 6 }, (_, i) => JSON.stringify({ layers: [], more: `${i}`.repeat(3_000) }));
    const index = { manifests: big.map((bytes) => entry(bytes)) };
    expect(await fails(layout(index, big), { bundleIndexBytes: 4_000 })).toMatch(
      /^source-bounds: the manifests together .*limits.bundleIndexBytes/,
    );
    const many = Array.from({ length: 40 }, (_, i) => ({ path: `f${i}`, bytes: '' }));
    expect(await fails(tar(many), { bundleFiles: 10 })).toMatch(/^source-bounds: .*limits.bundleFiles/);
  });

  it('that lists itself, or an index in an index, is no loop: nothing is followed', async () => {
    const inner = JSON.stringify({ manifests: [entry('x', { mediaType: MEDIA.index })] });
    expect(await fails(layout({ manifests: [entry(inner, { mediaType: MEDIA.index })] }, [inner]))).toBe('taken: 0');
  });

  it('with content of ours of a form that is not known is not taken', async () => {
    const manifest = JSON.stringify({
      layers: [entry('l', { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' })],
      annotations: { 'dev.holdfast.source': 'GitRepository/a/b' },
    });
    expect(await fails(layout({ manifests: [entry(manifest)] }, [manifest, 'l']))).toMatch(
      /^bundle-unreadable: .*none that this agent knows/,
    );
  });

  it('with a manifest that has another digest, size, or is not there', async () => {
    const manifest = JSON.stringify({
      config: entry('c'),
      layers: [entry('l')],
      annotations: { 'dev.holdfast.source': 'GitRepository/a/b' },
    });
    const wrong = layout({ manifests: [entry(manifest)] }, [manifest]);
    const at = wrong.indexOf('"layers"');
    wrong[at + 1] = 0x4c;
    expect(await fails(wrong)).toMatch(/^bundle-damaged: .*digest/);
    expect(await fails(layout({ manifests: [entry(manifest, { size: 5 })] }, [manifest]))).toMatch(
      /^bundle-damaged: .*promised/,
    );
    // One that is not there rides nowhere, and is listed as not for us.
    expect(await fails(layout({ manifests: [entry(manifest)] }))).toBe('taken: 0');
  });

  it('with content of a source that this version does not know says so', async () => {
    const manifest = (layers: object[], source = 'GitRepository/a/b'): string =>
      JSON.stringify({ config: entry('c'), layers, annotations: { 'dev.holdfast.source': source } });
    for (const [text, said] of [
      [manifest([]), 'none that this agent knows'],
      [manifest([entry('l'), entry('m')]), 'none that this agent knows'],
      [manifest([entry('l', { mediaType: MEDIA.git })]), 'is not in the bundle'],
      [manifest([], '../../x'), 'no Kind/namespace/name'],
    ] as const)
      expect(await fails(layout({ manifests: [entry(text)] }, [text]))).toContain(said);
  });

  it('with images beside it is taken, and they are left alone; damage in them matters to a check of everything', async () => {
    const manifest = JSON.stringify({ config: entry('c'), layers: [entry('layer', { mediaType: 'x' })] });
    const image = layout({ manifests: [entry(manifest)] }, [manifest, 'c', 'layer']);
    expect(await fails(image)).toBe('taken: 0');
    const broken = Buffer.from(image);
    broken[broken.indexOf('layer')] = 0x4c;
    expect(await fails(broken)).toMatch(/^bundle-damaged: .*digest/);
  });
});
