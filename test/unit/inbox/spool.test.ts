import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { createMedium } from '../../../agent/adapters/medium/index.ts';
import { clearSpool, createSpool, type Spool } from '../../../agent/inbox/spool.ts';
import type { Tried, Verdict } from '../../../agent/inbox/verdict.ts';
import { unwrapJob } from '../../../agent/workshop/unwrap.ts';
import { asFault, DEFAULT_LIMITS, type LimitName } from '../../../src/model/index.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

const MIB = 1024 * 1024;
const KIB_100 = 100 * 1024;

let dir: TempDir;
/** Bytes free on the disk of the state folder before anything is unpacked; undefined for what it really has. */
let free: number | undefined;
/** Files that were unpacked, one for each time. */
let unpacked: string[];
/** Bytes that came of them. */
let written: number;
/** Faults that the next unpacking ends with, after it has written. */
let ends: Error[];
beforeEach(async () => {
  dir = await tempDir('spool');
  mkdirSync(join(dir.path, 'stick'));
  [free, unpacked, written, ends] = [undefined, [], 0, []];
});
afterEach(() => dir.remove());

const spoolOf = (limits: Partial<Record<LimitName, number>> = {}): Spool => {
  const bounds = { ...DEFAULT_LIMITS, ...limits };
  const real = createDisk(join(dir.path, 'state'));
  return createSpool({
    disk: { ...real, free: () => (free === undefined ? real.free() : free - bytesLying()) },
    stateDir: join(dir.path, 'state'),
    folder: 'unpacked',
    medium: createMedium(),
    unwrap: async (job, signal) => {
      unpacked.push(job.path.slice(job.path.lastIndexOf('/') + 1));
      const disk = createDisk(job.folder);
      const counted = {
        ...disk,
        append: (...of: Parameters<typeof disk.append>) => {
          written += of[1].length;
          return disk.append(...of);
        },
        free: () => (free === undefined ? disk.free() : free - (disk.size(job.name) ?? 0)),
      };
      const done = await unwrapJob(job, bounds, { signal, disk: counted });
      const end = ends.shift();
      if (end !== undefined) throw end;
      return done;
    },
    limits: bounds,
  });
};

const content = (size = KIB_100): Buffer => tarOf([{ path: 'a', content: randomBytes(size) }]);

/** Puts a file on the stick, which is noticed by its stamp. */
function put(name: string, bytes: Uint8Array): string {
  const path = join(dir.path, 'stick', name);
  rmSync(path, { force: true });
  writeFileSync(path, bytes);
  return path;
}
const stampOf = (path: string): string => `${statSync(path).size} ${statSync(path).mtimeMs}`;
const lying = (): readonly string[] => {
  try {
    return readdirSync(join(dir.path, 'state', 'unpacked'));
  } catch {
    return [];
  }
};

const bytesLying = (): number =>
  lying().reduce((sum, name) => sum + statSync(join(dir.path, 'state', 'unpacked', name)).size, 0);

const HELD: Verdict = { state: 'held', code: 'bundle-unclaimed', message: 'nobody', sources: [] };
const TAKEN: Verdict = { state: 'taken', code: '', message: 'all', sources: [] };

interface Tries {
  readonly verdict: Verdict;
  /** What was tried: its name, and its bytes. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly reads: string | undefined;
}

async function tryOne(spool: Spool, path: string, verdict: Verdict = HELD): Promise<Tries> {
  const file = await createMedium().open(path, 100);
  const seen: { of?: Tried; bytes?: Buffer } = {};
  try {
    const one = {
      path,
      name: path.slice(path.lastIndexOf('/') + 1),
      stamp: stampOf(path),
      file,
      proven: false,
      mustProve: false,
      settled: new Map(),
    };
    const told = await spool.trying(one, new AbortController().signal, async (of) => {
      seen.of = of;
      seen.bytes = Buffer.from(await of.file.read(0, of.file.size));
      return verdict;
    });
    return {
      verdict: told,
      name: seen.of?.name ?? '',
      bytes: seen.bytes ?? Buffer.alloc(0),
      reads: seen.of?.reads,
    };
  } finally {
    await file.close();
  }
}
const look = (spool: Spool, ...paths: string[]): Promise<void> =>
  spool.tidy(new Map(paths.map((path) => [path, { stamp: stampOf(path) }])));

describe('a file that is compressed as a whole', () => {
  it.each([
    ['fleet.tgz', gzipSync],
    ['fleet.tar.zst', zstdCompressSync],
  ] as const)('is tried by its content, which goes afterwards (%s)', async (name, pack) => {
    const bytes = content();
    const path = put(name, pack(bytes));
    const tried = await tryOne(spoolOf(), path, TAKEN);
    expect([tried.name, tried.bytes.equals(bytes), tried.verdict]).toEqual(['fleet.tar', true, TAKEN]);
    expect(tried.reads?.startsWith(join(dir.path, 'state', 'unpacked'))).toBe(true);
    expect(lying()).toEqual([]);
    const refused: Verdict = { ...TAKEN, state: 'refused', code: 'bundle-elsewhere' };
    expect((await tryOne(spoolOf(), path, refused)).verdict).toEqual(refused);
    expect(lying()).toEqual([]);
  });

  it('is unpacked once for as long as it is held, and anew when it has changed', async () => {
    const spool = spoolOf();
    const path = put('fleet.tar.gz', gzipSync(content()));
    for (let i = 0; i < 3; i++) {
      await tryOne(spool, path);
      await look(spool, path);
    }
    expect(unpacked).toEqual(['fleet.tar.gz']);
    const other = content(2 * KIB_100);
    put('fleet.tar.gz', gzipSync(other));
    await look(spool, path);
    expect(lying()).toEqual([]);
    expect((await tryOne(spool, path)).bytes.equals(other)).toBe(true);
    expect(lying()).toHaveLength(1);
    expect((await tryOne(spool, path, TAKEN)).verdict.state).toBe('taken');
    expect([unpacked.length, lying()]).toEqual([2, []]);
  });

  it('lets go of its content when it is pulled out, and at the end', async () => {
    const spool = spoolOf();
    const [one, two] = [put('1.tar.gz', gzipSync(content())), put('2.tar.gz', gzipSync(content()))];
    await tryOne(spool, one);
    await tryOne(spool, two);
    expect(lying()).toHaveLength(2);
    await look(spool, two);
    expect(lying()).toHaveLength(1);
    await spool.clear();
    expect(lying()).toEqual([]);
    expect((await tryOne(spool, two, TAKEN)).verdict.state).toBe('taken');
  });

  it('leaves nothing of a try that failed, nor of one whose worker wrote on', async () => {
    const spool = spoolOf();
    const path = put('fleet.tar.gz', gzipSync(content()));
    ends.push(new Error('the worker was killed'));
    await expect(tryOne(spool, path)).rejects.toThrow('the worker was killed');
    expect(lying()).toEqual([]);
    writeFileSync(join(dir.path, 'state', 'unpacked', 'late'), 'x');
    await look(spool, path);
    expect(lying()).toEqual([]);
    writeFileSync(join(dir.path, 'state', 'unpacked', 'left-by-a-kill'), 'x');
    await clearSpool({ disk: createDisk(join(dir.path, 'state')), folder: 'unpacked' });
    expect(lying()).toEqual([]);
    await clearSpool({ disk: createDisk(join(dir.path, 'never')), folder: 'unpacked' });
  });

  it('whose blobs are damaged is read again from the medium', async () => {
    const spool = spoolOf();
    const path = put('fleet.tar.gz', gzipSync(content()));
    const damaged: Verdict = { ...HELD, code: 'bundle-damaged' };
    expect((await tryOne(spool, path, damaged)).verdict).toEqual(damaged);
    await tryOne(spool, path, damaged);
    expect([unpacked.length, lying()]).toEqual([2, []]);
  });
});

describe('where there is little room', () => {
  it('content of a held file is not kept, and not made again for an hour', async () => {
    const spool = spoolOf({ diskRoomBytes: 0 });
    const path = put('fleet.tar.gz', gzipSync(content(MIB)));
    free = 2.5 * MIB;
    await tryOne(spool, path);
    expect(lying()).toHaveLength(1);
    free = 1.5 * MIB;
    await look(spool, path);
    expect(lying()).toEqual([]);
    const { verdict } = await tryOne(spool, path);
    expect(verdict).toMatchObject({ state: 'held', code: 'bundle-unclaimed', retryAfterMs: 3_600_000 });
    expect(verdict.message).toContain('holdfast reconcile');
    expect(lying()).toEqual([]);
  });

  it('content that the source has no room for beside it is not made again before there is more', async () => {
    const spool = spoolOf({ diskRoomBytes: 0 });
    const path = put('fleet.tar.gz', gzipSync(content(MIB)));
    const full: Verdict = { ...HELD, code: 'cache-full' };
    free = 3 * MIB;
    expect((await tryOne(spool, path, full)).verdict).toEqual(full);
    expect([unpacked.length, lying()]).toEqual([1, []]);
    written = 0;
    free = 3.2 * MIB;
    await expect(tryOne(spool, path, full)).rejects.toMatchObject({ code: 'cache-full' });
    expect(written).toBe(0);
    free = 9 * MIB;
    expect((await tryOne(spool, path, TAKEN)).verdict).toEqual(TAKEN);
  });

  it('content of several held files has limits.bundleBytes together: the oldest goes', async () => {
    const spool = spoolOf({ bundleBytes: 2.5 * MIB });
    const paths = ['1', '2', '3'].map((name) => put(`${name}.tar.gz`, gzipSync(content(MIB))));
    for (const path of paths) await tryOne(spool, path);
    expect(lying()).toHaveLength(2);
    const [first = '', , last = ''] = paths;
    await tryOne(spool, last);
    expect(unpacked).toHaveLength(3);
    await tryOne(spool, first);
    expect(unpacked).toHaveLength(4);
  });

  it('a file that did not fit is not begun again before more is free', async () => {
    const spool = spoolOf({ diskRoomBytes: MIB });
    // It does not say what it becomes, and is small.
    const path = put('fleet.tar.gz', gzipSync(tarOf([{ path: 'a', content: Buffer.alloc(8 * MIB, 'abcdefg') }])));
    const fullAt = async (bytes: number): Promise<readonly [string, boolean]> => {
      [free, written] = [bytes, 0];
      const said = await tryOne(spool, path).then(
        ({ verdict }) => verdict.state,
        (error: unknown) => asFault(error).code,
      );
      return [said, written > 0];
    };
    expect(await fullAt(4 * MIB)).toEqual(['cache-full', true]);
    expect(lying()).toEqual([]);
    expect(await fullAt(4.2 * MIB)).toEqual(['cache-full', false]);
    expect(await fullAt(6 * MIB)).toEqual(['cache-full', true]);
    expect(lying()).toEqual([]);
    expect(await fullAt(40 * MIB)).toEqual(['held', true]);
  });
});

it('other files, and folders, are tried as they lie there', async () => {
  const spool = spoolOf();
  const bucket = gzipSync(content());
  for (const [name, bytes] of [
    ['Bucket_apps_app.tar.gz', bucket],
    ['fleet.tar', content()],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    const tried = await tryOne(spool, put(name, bytes));
    expect([tried.name, tried.bytes.equals(bytes), tried.reads]).toEqual([name, true, undefined]);
  }
  expect([unpacked, lying()]).toEqual([[], []]);
});
