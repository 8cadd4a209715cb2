import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openPartials } from '../../../src/cache/partials.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type FetchOutcome,
  type Limits,
  type SourceRevision,
} from '../../../src/model/index.ts';
import { archiveOf } from '../../../src/source/artifact/index.ts';
import { type ExternalRequest, fetchExternal } from '../../../src/source/external/index.ts';
import { type FakeAnswer, fakeWire } from '../../support/fake-wire.ts';
import { type FaultDisk, faultDisk } from '../../support/fault-disk.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };

interface Entry {
  readonly name: string;
  readonly type?: string;
  readonly text?: string;
  readonly mode?: number;
  readonly size?: number;
  readonly link?: string;
}

/** A tar archive by hand, so that it can be wrong. */
function tarOf(entries: readonly Entry[], end = true): Buffer {
  const blocks = entries.flatMap(({ name, type = '0', text = '', mode = 0o644, size, link = '' }) => {
    const head = Buffer.alloc(512);
    const octal = (value: number, at: number, width: number): void =>
      void head.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
    head.write(name.slice(0, 100), 0, 'utf8');
    octal(mode, 100, 8);
    for (const at of [108, 116]) octal(0, at, 8);
    octal(size ?? Buffer.byteLength(text), 124, 12);
    octal(0, 136, 12);
    head.write('        ', 148, 'latin1');
    head.write(type, 156, 'latin1');
    head.write(link, 157, 'latin1');
    head.write('ustar\0', 257, 'latin1');
    head.write('00', 263, 'latin1');
    const sum = head.reduce((all, one) => all + one, 0);
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const body = Buffer.from(text);
    return [head, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, ...(end ? [Buffer.alloc(1024)] : [])]);
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Site {
  readonly store: MemoryStore;
  readonly requests: { path: string; headers: Readonly<Record<string, string | undefined>> }[];
  answer: FakeAnswer;
  /** In place of `answer`. */
  answers: FakeAnswer[];
  have: SourceRevision | undefined;
  fetch(change?: Partial<ExternalRequest>, limits?: Partial<Limits>): Promise<FetchOutcome>;
  fails(change?: Partial<ExternalRequest>, limits?: Partial<Limits>): Promise<Fault>;
}

/** An artifact whose status does not say its size. */
const unsized = (bytes: Uint8Array): NonNullable<ExternalRequest['artifact']> => ({
  url: 'http://maker.test/a.tar.gz',
  digest: digestOf(bytes),
  revision: 'latest@sha256:1',
  size: undefined,
  lastUpdateTime: '',
});

/** A site whose server has these bytes. */
function siteWith(bytes: Uint8Array, store: MemoryStore = memoryStore(), disk: FaultDisk = faultDisk()): Site {
  const artifact = {
    url: 'http://maker.test/a.tar.gz',
    digest: digestOf(bytes),
    revision: 'latest@sha256:1',
    size: bytes.length,
    lastUpdateTime: '',
  };
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 700) parts.push(bytes.subarray(at, at + 700));
  const site: Site = {
    store,
    requests: [],
    answer: { parts },
    answers: [],
    have: undefined,
    async fetch(change = {}, limits = {}) {
      const server = (request: { path: string; headers: Readonly<Record<string, string | undefined>> }): FakeAnswer => {
        site.requests.push(request);
        return site.answers.shift() ?? site.answer;
      };
      const wire = fakeWire(new Map([['http://maker.test', server]]));
      const partials = openPartials(disk.disk, { ...DEFAULT_LIMITS, ...limits });
      const request = {
        artifact,
        name: 'apps/made',
        timeoutMs: 5_000,
        ...(site.have && { have: site.have }),
        ...change,
      };
      const outcome = await fetchExternal({ wire, store, partials, clock, log: silent }, request, {
        limits: { ...DEFAULT_LIMITS, ...limits },
      });
      if (outcome.kind === 'fetched') site.have = outcome.content;
      return outcome;
    },
    async fails(change, limits) {
      const error = await site.fetch(change, limits).then(
        () => new Error('it succeeded'),
        (e: unknown) => e,
      );
      if (!(error instanceof Fault)) throw error;
      expect(store.open()).toBe(0);
      return error;
    },
  };
  return site;
}

const failsWith = async (entries: readonly Entry[], limits = {}): Promise<Fault> =>
  siteWith(gzipSync(tarOf(entries))).fails({}, limits);

describe('an ExternalArtifact', () => {
  it('is fetched once, and then costs nothing until its digest changes', async () => {
    const site = siteWith(
      gzipSync(
        tarOf([
          { name: './', type: '5' },
          { name: './apps/', type: '5' },
          { name: './apps/a.yaml', text: 'kind: A\n' },
          { name: 'run.sh', text: '#!/bin/sh\n', mode: 0o755 },
          { name: 'link', type: '2', link: '/etc/passwd' },
          { name: 'empty.yaml' },
        ]),
      ),
    );
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', content: { revision: 'latest@sha256:1' } });
    const tree = site.store.tree(site.have?.root ?? 'sha256:');
    expect(Buffer.from(tree.read('apps/a.yaml') ?? []).toString()).toBe('kind: A\n');
    expect(tree.list('')?.map(({ name }) => name)).toEqual(['apps', 'empty.yaml', 'run.sh']);
    expect(site.requests[0]?.headers['authorization']).toBeUndefined();
    expect(await site.fetch()).toEqual({
      kind: 'unchanged',
      revision: 'latest@sha256:1',
      count: { requests: 0, up: 0, down: 0 },
    });
    expect(site.requests).toHaveLength(1);
  });

  it('takes what our own archives hold, with long and foreign names', async () => {
    const first = siteWith(gzipSync(tarOf([])));
    const writer = await first.store.writer();
    const digest = writer.put(Buffer.from('x'));
    const name = `${'long-'.repeat(30)}ü.yaml`;
    const root = writer.putFolder([{ name, mode: 'file', digest, size: 1, alias: '', hidden: false }]);
    await writer.commit();
    const parts: Uint8Array[] = [];
    for await (const part of archiveOf(first.store, { root })) parts.push(part);
    const site = siteWith(Buffer.concat(parts));
    await site.fetch();
    expect(site.have?.root).toBe(root);
  });

  it('waits while there is none, and refuses what the status cannot mean', async () => {
    const site = siteWith(gzipSync(tarOf([])));
    expect((await site.fails({ artifact: undefined })).code).toBe('source-not-ready');
    const good = {
      url: 'http://maker.test/a',
      digest: digestOf(Buffer.from('')),
      revision: 'r',
      size: 0,
      lastUpdateTime: '',
    };
    for (const wrong of [
      { digest: 'sha512:00' },
      { digest: 'sha256:../../x' },
      { url: 'file:///etc/passwd' },
      { url: 'http://u:p@maker.test/' },
    ])
      expect((await site.fails({ artifact: { ...good, ...wrong } })).code).toBe('source-refused');
    expect(site.requests).toHaveLength(0);
  });

  it('of another digest is refused whole, also when the archive itself is sound and of the same length', async () => {
    const good = gzipSync(tarOf([{ name: 'a.yaml', text: 'aaaa' }]), { level: 0 });
    const other = gzipSync(tarOf([{ name: 'a.yaml', text: 'bbbb' }]), { level: 0 });
    expect(other.length).toBe(good.length);
    const site = siteWith(good);
    site.answer = { parts: [other] };
    const fault = await site.fails();
    expect(fault).toMatchObject({ code: 'source-corrupt', reason: 'ArtifactFailed' });
    expect(fault.message).toContain(digestOf(good));
    expect(site.store.sizes()).toMatchObject({ blobs: 0, folders: 0 });
    // What follows the archive's own end counts too.
    site.answer = { parts: [good, Buffer.from('more')] };
    expect((await site.fails()).code).toBe('source-corrupt');
  });

  it('tells a login page, a server in trouble and a cut apart', async () => {
    const site = siteWith(gzipSync(tarOf([])));
    site.answer = { parts: ['<html>log in</html>'], headers: { 'content-type': 'text/html' } };
    expect(await site.fails()).toMatchObject({ code: 'wire-protocol', message: expect.stringContaining('login page') });
    site.answer = { status: 503, headers: { 'retry-after': '7' } };
    expect(await site.fails()).toMatchObject({ code: 'wire-server', retryAfterMs: 7_000 });
    site.answer = { status: 429, headers: { 'retry-after': '8' } };
    expect(await site.fails()).toMatchObject({ code: 'wire-throttled', reason: 'ArtifactFailed', retryAfterMs: 8_000 });
    site.answer = { status: 404 };
    expect((await site.fails()).code).toBe('source-not-found');
    site.answer = { status: 403 };
    expect((await site.fails()).code).toBe('source-auth');
    site.answer = { parts: ['x'], end: 'cut' };
    expect((await site.fails()).code).toBe('wire-cut');
  });
});

describe('a transfer that is cut', () => {
  const bytes = gzipSync(tarOf([{ name: 'a.bin', text: 'ab'.repeat(400_000) }]), { level: 0 });
  const range = (from: number): Readonly<Record<string, string>> => ({
    'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
  });

  it.each(['as its status says', 'of a size that nobody has told'])(
    'of an archive %s goes on after a restart',
    async (how) => {
      const disk = faultDisk();
      const change = how.startsWith('as') ? {} : { artifact: unsized(bytes) };
      const first = siteWith(bytes, memoryStore(), disk);
      first.answer = { parts: [bytes.subarray(0, 500_000)], end: 'cut' };
      expect((await first.fails(change)).code).toBe('wire-cut');
      expect(first.store.sizes()).toMatchObject({ blobs: 0, folders: 0 });
      const again = siteWith(bytes, memoryStore(), disk.restart());
      again.answer = { status: 206, headers: range(500_000), parts: [bytes.subarray(500_000)] };
      expect((await again.fetch(change)).kind).toBe('fetched');
      expect(again.requests).toMatchObject([{ headers: { range: 'bytes=500000-' } }]);
      expect(again.store.tree(again.have?.root ?? 'sha256:').read('a.bin')?.length).toBe(800_000);
    },
  );

  it('takes nothing of another part than was asked for, and begins anew where what came is another archive', async () => {
    const disk = faultDisk();
    const site = siteWith(bytes, memoryStore(), disk);
    site.answer = { parts: [bytes.subarray(0, 500_000)], end: 'cut' };
    await site.fails();
    site.answer = { status: 206, headers: range(499_999), parts: [bytes.subarray(499_999)] };
    expect((await site.fails()).code).toBe('wire-protocol');
    site.answer = { status: 206, headers: range(500_000), parts: [Buffer.alloc(bytes.length - 500_000)] };
    expect((await site.fails()).code).toMatch(/^wire-protocol$/);
    site.answer = { parts: [bytes] };
    await site.fetch();
    expect(site.requests.at(-1)?.headers['range']).toBeUndefined();
  });

  describe.each(['as its status says', 'of a size that nobody has told'])('of an archive %s', (how) => {
    const change = how.startsWith('as') ? {} : { artifact: unsized(bytes) };
    const cut = { parts: [bytes.subarray(0, 500_000)], end: 'cut' } as const;

    it('begins anew, once, where the server has nothing behind what is here', async () => {
      const site = siteWith(bytes);
      site.answer = cut;
      await site.fails(change);
      site.requests.length = 0;
      site.answers = [{ status: 416 }, { parts: [bytes] }];
      await site.fetch(change);
      expect(site.requests.map(({ headers }) => headers['range'])).toEqual(['bytes=500000-', undefined]);
    });

    it('is given up where the server says so again, and nothing stays of it', async () => {
      const site = siteWith(bytes);
      site.answer = cut;
      await site.fails(change);
      site.requests.length = 0;
      site.answers = [{ status: 416 }, cut];
      site.answer = { status: 416 };
      expect(await site.fails(change)).toMatchObject({
        code: 'wire-protocol',
        message: expect.stringContaining('status 416'),
      });
      expect(site.requests).toHaveLength(3);
      expect((await site.fails(change)).code).toBe('wire-protocol');
      expect(site.requests.slice(3).map(({ headers }) => headers['range'])).toEqual([undefined]);
    });
  });

  it('is taken up again where it stalls, long before its time is up', async () => {
    const site = siteWith(bytes);
    site.answers = [{ parts: [bytes.subarray(0, 500_000)], end: 'hang' }];
    site.answer = { status: 206, headers: range(500_000), parts: [bytes.subarray(500_000)] };
    await site.fetch({ timeoutMs: 600_000 }, { bodyIdleMs: 20 });
    expect(site.requests.map(({ headers }) => headers['range'])).toEqual([undefined, 'bytes=500000-']);
  });

  it('of a size that nobody has told goes on where the server gives a shorter part than was asked for', async () => {
    const site = siteWith(bytes);
    site.answers = [
      { parts: [bytes.subarray(0, 300_000)], end: 'cut' },
      { status: 206, headers: range(300_000), parts: [bytes.subarray(300_000, 500_000)] },
      { status: 206, headers: range(500_000), parts: [bytes.subarray(500_000)] },
    ];
    await site.fetch({ artifact: unsized(bytes) });
    expect(site.requests).toHaveLength(3);
  });

  it('of a size that nobody has told needs no more room than there may be', async () => {
    const site = siteWith(bytes);
    const change = { artifact: unsized(bytes) };
    await site.fetch(change, { partialBytes: bytes.length });
    expect(await siteWith(bytes).fails(change, { partialBytes: bytes.length - 1 })).toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.partialBytes'),
    });
  });

  it('is not paid for twice where the archive is whole and cannot be used', async () => {
    const wrong = gzipSync(tarOf([{ name: '../evil', text: 'x'.repeat(400_000) }]), { level: 0 });
    const site = siteWith(wrong);
    expect((await site.fails()).code).toBe('source-refused');
    expect((await site.fails()).code).toBe('source-refused');
    expect(site.requests).toHaveLength(1);
  });
});

describe('a hostile archive', () => {
  it.each([
    ['climbs out', { name: '../evil' }],
    ['climbs out later', { name: 'a/../../evil' }],
    ['begins at the root', { name: '/etc/passwd' }],
    ['is a hard link', { name: 'a', type: '1', link: 'b' }],
    ['is a device', { name: 'a', type: '3' }],
    ['is a block device', { name: 'a', type: '4' }],
    ['is a pipe', { name: 'a', type: '6' }],
    ['has a control character', { name: 'a\tb' }],
  ] satisfies [string, Entry][])('whose entry %s is refused', async (_, entry) => {
    expect((await failsWith([entry])).code).toBe('source-refused');
  });

  it('with a name twice, or a file in the place of a folder, is refused', async () => {
    expect((await failsWith([{ name: 'a' }, { name: './a' }])).code).toBe('source-refused');
    expect((await failsWith([{ name: 'a' }, { name: 'a/b' }])).code).toBe('source-refused');
    expect((await failsWith([{ name: 'a/b' }, { name: 'a' }])).code).toBe('source-refused');
  });

  it('that is too large in any way is refused', async () => {
    const text = 'x'.repeat(1_000);
    expect(await failsWith([{ name: 'a', text }], { objectBytes: 999 })).toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining('limits.objectBytes'),
    });
    const two = [
      { name: 'a', text },
      { name: 'b', text },
    ];
    expect((await failsWith(two, { treeBytes: 1_999 })).message).toContain('limits.treeBytes');
    expect((await failsWith(two, { treeFiles: 1 })).message).toContain('limits.treeFiles');
    expect((await failsWith([{ name: 'a/b/c' }], { treeDepth: 2 })).message).toContain('limits.treeDepth');
    expect((await failsWith(two, { artifactBytes: 50 })).message).toContain('limits.artifactBytes');
    expect((await failsWith([{ name: 'a', text, size: 8 ** 10 }])).code).toBe('source-bounds');
  });

  it('that is a bomb is refused while it is small', async () => {
    const zeros = Buffer.alloc(2 ** 26);
    const limits = { treeBytes: 2 ** 20, treeFiles: 100 };
    for (const head of [tarOf([{ name: 'a', text: 'x' }]), tarOf([{ name: 'a', type: 'x', size: 8 ** 10 }], false)]) {
      const bomb = gzipSync(Buffer.concat([head, zeros]));
      expect(bomb.length).toBeLessThan(100_000);
      expect(await siteWith(bomb).fails({}, limits)).toMatchObject({ code: expect.stringMatching(/^source-/) });
    }
  });

  it('that ends too early is refused', async () => {
    const whole = gzipSync(tarOf([{ name: 'a', text: 'x'.repeat(5_000) }]));
    expect((await siteWith(whole.subarray(0, whole.length - 20)).fails()).code).toBe('source-refused');
    expect((await siteWith(gzipSync(tarOf([{ name: 'a', size: 600, text: 'x' }], false))).fails()).code).toBe(
      'source-refused',
    );
    expect((await siteWith(Buffer.from('no archive at all'.repeat(100))).fails()).code).toMatch(/^source-/);
  });

  it('of any damage is a Fault or a tree', async () => {
    const good = tarOf([
      { name: 'apps/a.yaml', text: 'kind: A\n' },
      { name: 'b', type: '5' },
      { name: 'c', text: 'c' },
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }), async (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        const site = siteWith(gzipSync(bytes));
        const error = await site.fetch().then(
          () => undefined,
          (e: unknown) => e,
        );
        expect(error === undefined || (error instanceof Fault && error.code !== 'internal')).toBe(true);
        expect(site.store.open()).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
