import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { openBundle } from '../../../src/source/bundle/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { holdfast as run } from '../../support/cli.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { fileOf, offlineSite } from './support.ts';

let git: GitServer;
beforeAll(async () => {
  git = await startGitServer();
});
afterAll(() => git.stop());

let dir: TempDir;
let repo: Repo;
let count = 0;
beforeEach(async () => {
  dir = await tempDir('bundle-cli');
  repo = await git.repo(`bundle-cli-${++count}`);
});
afterEach(() => dir.remove());

const at = (name: string): string => join(dir.path, name);

const holdfast = (...argv: string[]) => run(['bundle', ...argv]);

/** A configuration with these sources of the repository. */
function site(...names: string[]): string {
  mkdirSync(at('objects'), { recursive: true });
  const one = (name: string): string =>
    `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: { name: ${name}, namespace: flux-system }\nspec: { url: ${repo.url}, interval: 1h, ref: { branch: main } }\n`;
  writeFileSync(at('objects/all.yaml'), names.map(one).join('---\n'));
  const config = `apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./state\nobjects: { files: [./objects] }\n`;
  writeFileSync(at('config.yaml'), config);
  return at('config.yaml');
}

const payload = async (path: string, i = 0): Promise<Buffer> => {
  const bytes = readFileSync(path);
  const { parts } = await openBundle(fileOf(bytes), 'x.tar', DEFAULT_LIMITS);
  const { start = 0, size = 0 } = parts[i]?.span ?? {};
  return bytes.subarray(start, start + size);
};

describe('holdfast bundle', () => {
  it('packs what is declared, whole and as a difference, the same bytes each time, and looks into it', async () => {
    const first = await repo.commit({ 'a.yaml': '1', 'd/b.yaml': 'b' }, { date: 1_700_000_000 });
    const config = site('fleet', 'other');
    const made = await holdfast(
      'create',
      '-c',
      config,
      '-o',
      at('whole.tar'),
      '--cluster',
      'store-1',
      '--label',
      'ring=2',
    );
    expect(made).toMatchObject({ code: 0 });
    expect(made.out).toContain(`GitRepository/flux-system/fleet: main@sha1:${first}, `);
    await holdfast('create', '-c', config, '-o', at('again.tar'), '--cluster', 'store-1', '--label', 'ring=2');
    expect(readFileSync(at('again.tar')).equals(readFileSync(at('whole.tar')))).toBe(true);
    const seen = JSON.parse((await holdfast('inspect', at('whole.tar'), '-o', 'json')).out);
    expect(seen).toMatchObject({
      form: 'oci-layout',
      others: [],
      sources: [
        {
          source: 'GitRepository/flux-system/fleet',
          revision: `main@sha1:${first}`,
          base: '',
          created: '2023-11-14T22:13:20Z',
          sequence: 1_700_000_000,
          selector: { cluster: 'store-1', labels: { ring: '2' } },
          refs: [{ name: 'refs/heads/main', oid: first }],
          needs: [],
        },
        { source: 'GitRepository/flux-system/other' },
      ],
    });
    const verified = await holdfast('verify', at('whole.tar'));
    expect(verified.out.match(/whole: every object/g)).toHaveLength(2);

    const second = await repo.commit({ 'a.yaml': '2' }, { date: 1_700_000_100 });
    const key = 'GitRepository/flux-system/fleet';
    const difference = await holdfast('create', '-c', config, '--source', key, '--base', first, '-o', at('d.tar'));
    expect(difference.out).toContain(`main@sha1:${second} since sha1:${first}`);
    expect((await holdfast('verify', at('d.tar'))).out).toContain(`a difference to ${first}: every object has its id`);
    expect((await holdfast('inspect', at('d.tar'))).out).toMatch(new RegExp(`needs +${first}`));
    const there = offlineSite(repo.url);
    await there.take(await payload(at('whole.tar')));
    await there.take(await payload(at('d.tar')));
    expect([there.have?.revision, there.text('a.yaml'), there.text('d/b.yaml')]).toEqual([
      `main@sha1:${second}`,
      '2',
      'b',
    ]);

    // The same from the state folder alone, and by a base that must be fetched.
    const from = await holdfast(
      'create',
      '--from',
      at('state'),
      '--source',
      key,
      '--base',
      `main@sha1:${first}`,
      '-o',
      at('f.tar'),
    );
    expect(from).toMatchObject({ code: 0 });
    expect(readFileSync(at('f.tar')).equals(readFileSync(at('d.tar')))).toBe(true);
    writeFileSync(at('config2.yaml'), readFileSync(config, 'utf8').replace('./state', './state2'));
    await holdfast('create', '-c', at('config2.yaml'), '--source', key, '--base', first, '-o', at('g.tar'));
    expect(readFileSync(at('g.tar')).equals(readFileSync(at('d.tar')))).toBe(true);
    expect(readdirSync(dir.path).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('of a source with includes packs its own content, and leaves the record of the agent as it is', async () => {
    await repo.commit({ 'a.yaml': '1' });
    const config = site('fleet', 'other');
    const objects = readFileSync(at('objects/all.yaml'), 'utf8');
    const include = 'interval: 1h, include: [{ repository: { name: other }, toPath: inc }]';
    writeFileSync(at('objects/all.yaml'), objects.replace('interval: 1h', include));
    const made = await holdfast('create', '-c', config, '-o', at('b.tar'));
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('GitRepository/flux-system/fleet: main@') });
    expect((await holdfast('verify', at('b.tar'))).out.match(/whole: every object/g)).toHaveLength(2);
    const from = await holdfast('create', '--from', at('state'), '-o', at('f.tar'));
    expect(from.out).toMatch(/^GitRepository\/flux-system\/other: .*\n.*f.tar: /);
  });

  it.each([
    ['gzip', 'tar.gz', gzipSync],
    ['zstd', 'tar.zst', zstdCompressSync],
  ] as const)('looks into what is compressed as a whole, and leaves nothing of it (%s)', async (coding, end, pack) => {
    await repo.commit({ 'a.yaml': 'x'.repeat(4_000) });
    await holdfast('create', '-c', site('fleet'), '-o', at('fleet.tar'));
    const bytes = readFileSync(at('fleet.tar'));
    const packed = pack(bytes);
    writeFileSync(at(`fleet.${end}`), packed);
    const temporary = (): readonly string[] =>
      readdirSync(tmpdir()).filter((name) => /^holdfast-(?:unpacked|verify)-/.test(name));
    const before = temporary();
    const [plain, seen] = await Promise.all(
      ['tar', end].map(async (one) => JSON.parse((await holdfast('inspect', at(`fleet.${one}`), '-o', 'json')).out)),
    );
    expect(seen).toEqual({ ...plain, compressed: { coding, bytes: packed.length } });
    expect((await holdfast('inspect', at(`fleet.${end}`))).out).toContain(
      `oci-layout, ${bytes.length} bytes, ${packed.length} as it is compressed (${coding})`,
    );
    const proof = await holdfast('verify', at('fleet.tar'));
    expect(await holdfast('verify', at(`fleet.${end}`))).toEqual(proof);
    writeFileSync(at(`cut.${end}`), packed.subarray(0, packed.length >> 1));
    for (const action of ['inspect', 'verify']) {
      const failed = await holdfast(action, at(`cut.${end}`));
      expect([failed.code, failed.err]).toEqual([1, expect.stringContaining('(bundle-damaged)')]);
    }
    expect(temporary()).toEqual(before);
  });

  it('looks into bundles of git, and says what is broken', async () => {
    const head = await repo.commit({ 'a.yaml': 'x'.repeat(4_000) });
    await repo.git('bundle', 'create', at('plain.bundle'), 'main');
    expect((await holdfast('inspect', at('plain.bundle'))).out).toContain(`refs/heads/main ${head}`);
    expect((await holdfast('verify', at('plain.bundle'))).out).toContain('whole: every object');
    writeFileSync(at('cut.bundle'), readFileSync(at('plain.bundle')).subarray(0, 150));
    expect(await holdfast('verify', at('cut.bundle'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('(bundle-damaged)'),
    });
    await holdfast('create', '-c', site('fleet'), '-o', at('own.tar'));
    const bytes = readFileSync(at('own.tar'));
    const wrong = bytes.indexOf('PACK') + 30;
    bytes[wrong] = (bytes[wrong] ?? 0) ^ 1;
    writeFileSync(at('own.tar'), bytes);
    expect(await holdfast('verify', at('own.tar'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not have its digest'),
    });
  });

  it('says what is wrong with what it is asked', async () => {
    await repo.commit({ 'a.yaml': '1' });
    const config = site('fleet', 'other');
    for (const argv of [
      [],
      ['crate'],
      ['create', '-c', config],
      ['create', '-o', 'x', '--label', 'x'],
      ['create', '-o', 'x', '--sequence', 'a'],
      ['inspect'],
      ['inspect', 'a', '-o', 'yaml'],
      ['verify', '--nope'],
    ])
      expect(await holdfast(...argv)).toMatchObject({ code: 2, out: '' });
    for (const [argv, text] of [
      [['create', '-c', config, '-o', at('o'), '--source', 'GitRepository/a/b'], 'GitRepository/a/b is not there'],
      [
        [
          'create',
          '-c',
          config,
          '-o',
          at('o'),
          '--base',
          'abc',
          '--source',
          'GitRepository/flux-system/fleet',
          '--source',
          'GitRepository/flux-system/other',
        ],
        'say GitRepository/flux-system/fleet=REVISION',
      ],
      [['create', '--from', at('nothing'), '-o', at('o')], 'no source to pack'],
      [['create', '-c', config, '-o', at('none/o')], 'ENOENT'],
      [['inspect', at('none')], 'cannot be read (ENOENT)'],
    ] as const) {
      const { code, err } = await holdfast(...argv);
      expect([code, err]).toEqual([1, expect.stringContaining(text)]);
    }
    expect(readdirSync(dir.path).sort()).toEqual(['config.yaml', 'objects', 'state']);
  });
});
