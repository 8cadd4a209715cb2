import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCache } from '../../../src/cache/index.ts';
import {
  type ArtifactContent,
  DEFAULT_LIMITS,
  type Digest,
  type StoredEntry,
  sha256,
} from '../../../src/model/index.ts';
import type { ContentStore, ContentWriter } from '../../../src/ports/index.ts';
import { archiveOf, sealArtifact } from '../../../src/source/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

type Mode = StoredEntry['mode'];
type Leaf = { readonly mode: Mode; readonly text?: string; readonly hidden?: true };
type Folder = { readonly [name: string]: Content };
type Content = string | Leaf | Folder;

const isLeaf = (content: Leaf | Folder): content is Leaf => typeof content.mode === 'string';

/** Puts a folder, its entries in the order in which they are written here. */
function put(writer: ContentWriter, folder: Folder): Digest {
  return writer.putFolder(
    Object.entries(folder).map(([name, content]): StoredEntry => {
      const base = { name, size: 0, alias: '', hidden: false };
      if (typeof content === 'string')
        return { ...base, mode: 'file', digest: writer.put(Buffer.from(content)), size: Buffer.byteLength(content) };
      if (!isLeaf(content)) return { ...base, mode: 'dir', digest: put(writer, content) };
      const { mode, text, hidden = false } = content;
      const digest = text === undefined ? undefined : writer.put(Buffer.from(text));
      return { ...base, mode, hidden, digest, size: text?.length ?? 0 };
    }),
  );
}

async function stored(folder: Folder): Promise<{ store: ContentStore; root: Digest }> {
  const { store } = openCache({
    disk: faultDisk().disk,
    limits: { cacheBytes: DEFAULT_LIMITS.cacheBytes, cacheRevisions: 3 },
  });
  const writer = await store.writer();
  const root = put(writer, folder);
  await writer.commit();
  return { store, root };
}

async function packed(folder: Folder, how: Pick<ArtifactContent, 'partial'> = {}): Promise<Buffer> {
  const { store, root } = await stored(folder);
  const parts: Uint8Array[] = [];
  for await (const part of archiveOf(store, { root, ...how })) parts.push(part);
  const bytes = Buffer.concat(parts);
  expect(await sealArtifact(store, { root, ...how })).toEqual({ digest: sha256(bytes), size: bytes.length });
  return bytes;
}

interface Member {
  readonly path: string;
  readonly type: string;
  readonly mode: string;
  readonly text: string;
  readonly owner: string;
}

/** What another implementation reads of it. */
function membersOf(bytes: Buffer): Promise<readonly Member[]> {
  return new Promise((resolve, reject) => {
    const members: Member[] = [];
    const parser = new Parser({ strict: true });
    parser.on('entry', (entry: ReadEntry) => {
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () =>
        members.push({
          path: entry.path,
          type: entry.type,
          mode: (entry.mode ?? 0).toString(8),
          text: Buffer.concat(chunks).toString(),
          owner: `${entry.uid} ${entry.gid} ${entry.uname}${entry.gname} ${entry.mtime?.getTime()}`,
        }),
      );
    });
    parser.on('error', reject);
    parser.on('end', () => resolve(members));
    parser.end(bytes);
  });
}

const long = (name: string, length: number): string => name.padEnd(length, 'x');

describe('the archive of a folder', () => {
  let dir: TempDir;
  beforeAll(async () => {
    dir = await tempDir('archive');
  });
  afterAll(() => dir.remove());

  it('has files and folders with modes as Flux sets them, in byte order, without owner and time', async () => {
    const members = await membersOf(
      await packed({
        'b.yaml': 'b: 1\n',
        'a.sh': { mode: 'exec', text: '#!/bin/sh\n' },
        B: 'big',
        deep: { empty: {}, 'x.yaml': '' },
        '\u{1f600}': 'above U+FFFF',
        '\u{ff5e}': 'below',
      }),
    );
    expect(members.map(({ path, type, mode, text }) => `${path} ${type} ${mode} ${text}`)).toEqual([
      'B File 600 big',
      'a.sh File 700 #!/bin/sh\n',
      'b.yaml File 600 b: 1\n',
      'deep/ Directory 750 ',
      'deep/empty/ Directory 750 ',
      'deep/x.yaml File 600 ',
      '\u{ff5e} File 600 below',
      '\u{1f600} File 600 above U+FFFF',
    ]);
    expect(new Set(members.map(({ owner }) => owner))).toEqual(new Set(['0 0  0']));
  });

  it('has nothing of links, submodules, and what is hidden', async () => {
    const members = await membersOf(
      await packed({
        keep: 'k',
        link: { mode: 'link', text: 'keep' },
        module: { mode: 'module' },
        hidden: { mode: 'file', text: 'secret', hidden: true },
        unfetched: { mode: 'file', hidden: true },
      }),
    );
    expect(members.map(({ path }) => path)).toEqual(['keep']);
  });

  it('is made of a part only where it is said to be one, without what is away', async () => {
    for (const mode of ['file', 'exec', 'dir'] as const) {
      const folder = { keep: 'k', sub: { away: { mode }, here: 'h' } };
      await expect(packed(folder)).rejects.toMatchObject({ code: 'source-incomplete', paths: ['sub/away'] });
      const members = await membersOf(await packed(folder, { partial: true }));
      expect(members.map(({ path }) => path)).toEqual(['keep', 'sub/', 'sub/here']);
    }
  });

  it('of nothing is an archive of nothing', async () => {
    const bytes = await packed({});
    expect(gunzipSync(bytes)).toEqual(Buffer.alloc(1024));
    expect(spawnSync('tar', ['-tzf', '-'], { input: bytes, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '',
    });
  });

  it('is the same for the same content, whatever the order in which it was put, and another for other content', async () => {
    const one = await packed({ a: '1', b: { c: '2', d: '3' } });
    expect(await packed({ b: { d: '3', c: '2' }, a: '1' })).toEqual(one);
    for (const other of [
      { a: '1', b: { c: '2', d: '4' } },
      { a: '1', b: { c: '2', e: '3' } },
      { a: { mode: 'exec', text: '1' } as const, b: { c: '2', d: '3' } },
      { a: '1', b: { c: '2', d: '3' }, e: {} },
    ])
      expect((await packed(other)).equals(one)).toBe(false);
    // No time, no name, no system.
    expect(one.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('holds paths of any length and letters, as tar of this system reads them', async () => {
    const paths: readonly string[] = [
      long('name', 99),
      long('name', 100),
      long('name', 101),
      long('name', 255),
      `${long('p', 155)}/${long('name', 100)}`,
      `${long('p', 156)}/${long('q', 99)}`,
      `${long('d', 154)}/e`,
      `${Array.from({ length: 20 }, (_, i) => long(`d${i}`, 90)).join('/')}/f`,
      'Größe/日本.yaml',
      'line\nbreak/a b\tc',
      `${long('f', 99)}/g`,
      `${long('h', 100)}/g`,
    ];
    const folder: { [name: string]: Content } = {};
    for (const path of paths) {
      const names = path.split('/');
      let here = folder;
      for (const name of names.slice(0, -1)) {
        here[name] ??= {};
        here = here[name] as { [name: string]: Content };
      }
      here[names.at(-1) ?? ''] = `content of ${path}`;
    }
    const bytes = await packed(folder);
    const files = (await membersOf(bytes)).filter(({ type }) => type === 'File');
    expect(files.map(({ path }) => path).sort()).toEqual([...paths].sort());
    for (const { path, text } of files) expect(text).toBe(`content of ${path}`);
    const out = join(dir.path, 'long');
    mkdirSync(out);
    const tar = spawnSync('tar', ['-xzf', '-', '-C', out], { input: bytes, encoding: 'utf8' });
    expect([tar.status, tar.stderr]).toEqual([0, '']);
    for (const path of paths) expect(readFileSync(join(out, path), 'utf8')).toBe(`content of ${path}`);
  });

  it('sets the modes on a disk', async () => {
    const bytes = await packed({ run: { mode: 'exec', text: 'x' }, data: 'y', folder: { z: 'z' } });
    const out = join(dir.path, 'modes');
    mkdirSync(out);
    expect(spawnSync('tar', ['-xpzf', '-', '-C', out], { input: bytes }).status).toBe(0);
    const mode = (name: string): string => (lstatSync(join(out, name)).mode & 0o777).toString(8);
    expect([mode('run'), mode('data'), mode('folder')]).toEqual(['700', '600', '750']);
    expect(readdirSync(out).sort()).toEqual(['data', 'folder', 'run']);
  });

  it('that is longer than what is compressed at once is one stream', async () => {
    const line = (i: number): string =>
      `${createHash('sha256')
        .update(String(i % 300))
        .digest('hex')}\n`;
    const text = Array.from({ length: 30_000 }, (_, i) => line(i)).join('');
    const files = Object.fromEntries([0, 1, 255, 511, 512, 513, 262_144].map((n) => [`f${n}`, text.slice(0, n)]));
    const bytes = await packed({ ...files, large: text });
    const members = await membersOf(bytes);
    expect(members.find(({ path }) => path === 'large')?.text).toBe(text);
    expect(members).toHaveLength(8);
    // What repeats across pieces is found, as in one piece.
    expect(bytes.length).toBeLessThan(text.length / 20);
  });

  it('of 10,000 files holds no more than a piece of it', async () => {
    const bytes = Buffer.alloc(20_000, 'of one file\n');
    const entry = (name: string, mode: Mode, digest: Digest): StoredEntry => ({
      name,
      mode,
      digest,
      size: bytes.length,
      alias: '',
      hidden: false,
    });
    const [root, below, file] = [sha256('root'), sha256('below'), sha256('file')];
    let read = 0;
    const content = {
      folder: (digest: Digest) =>
        digest === root
          ? Array.from({ length: 100 }, (_, i) => entry(`d${i}`, 'dir', below))
          : Array.from({ length: 100 }, (_, i) => entry(`f${i}`, 'file', file)),
      get: () => {
        read += bytes.length;
        return bytes;
      },
    };
    let [out, ahead, before] = [0, 0, 0];
    for await (const part of archiveOf(content, { root })) {
      out += part.length;
      // Between two parts only what they are made of is read.
      ahead = Math.max(ahead, read - before);
      before = read;
    }
    expect(read).toBe(200_000_000);
    expect(ahead).toBeLessThan(512 * 1024);
    expect(out).toBeLessThan(4_000_000);
  });

  it('ends with the fault of what is damaged', async () => {
    const { store, root } = await stored({ a: 'a', b: 'b' });
    const broken = {
      folder: store.folder,
      get: (digest: Digest) => {
        if (digest === sha256('b')) throw new Error('damaged');
        return store.get(digest);
      },
    };
    await expect(sealArtifact(broken, { root })).rejects.toThrow('damaged');
    const stop = new AbortController();
    stop.abort(new Error('told to end'));
    await expect(sealArtifact(store, { root }, stop.signal)).rejects.toThrow('told to end');
  });
});
