import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { requireOci } from '../../ociregistry/index.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { until } from '../../support/until.ts';
import { sealed } from '../bundle/sealed.ts';
import { type InboxBench, inboxBench, sourceOf } from './support.ts';

let git: GitServer;
let oras: string;
beforeAll(async () => {
  git = await startGitServer();
  ({ oras } = await requireOci(['oras']));
}, 400_000);
afterAll(() => git.stop());

let bench: InboxBench;
let repo: Repo;
let count = 0;
beforeEach(async () => {
  bench = await inboxBench();
  repo = await git.repo(`compressed-${++count}`);
});
afterEach(() => bench.remove());

/** The servers of the sources are not reached. */
const source = (name = 'app', more = ''): string => `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: ${name}, namespace: flux-system }
spec: { url: "http://127.0.0.1:1/${name}.git", interval: 1h, ref: { branch: main }${more} }
`;
const OCI = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: { name: app, namespace: apps }
spec: { url: "oci://127.0.0.1:1/a/b", interval: 1h, ref: { tag: v1 } }
`;
const KEY = 'GitRepository/flux-system/app';

async function put(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(bench.dir, 'made'), bytes);
  await rename(join(bench.dir, 'made'), bench.stick(name));
}
/** A Git bundle of these revisions. */
async function gitBundle(...what: string[]): Promise<Buffer> {
  const path = join(bench.dir, 'made.bundle');
  await repo.git('bundle', 'create', path, ...what);
  return readFile(path);
}
/** What lies unpacked in the state folder. */
const lying = (): readonly string[] => {
  try {
    return readdirSync(join(bench.dir, 'state', 'unpacked'));
  } catch {
    return [];
  }
};
const summed = (bytes: Uint8Array): Buffer =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const WAYS = [
  ['gz', gzipSync],
  ['zst', summed],
] as const;

describe('a file that is compressed as a whole', () => {
  it.each(WAYS)('is taken as it is without that: a bundle of ours for several sources (.tar.%s)', async (end, pack) => {
    const sha = await repo.commit({ 'a.yaml': 'x'.repeat(3_000) });
    const one = await bench.agent(`${source()}---\n${source('other')}`);
    await put(`fleet.tar.${end}`, pack(await sealed(repo, [KEY, 'GitRepository/flux-system/other'])));
    const taken = await bench.becomes(one, `fleet.tar.${end}`, 'taken', '');
    expect(taken.sources.map(({ revision }) => revision)).toEqual([`main@sha1:${sha}`, `main@sha1:${sha}`]);
    expect([sourceOf(one).revision, sourceOf(one, 'other').revision]).toEqual([`main@sha1:${sha}`, `main@sha1:${sha}`]);
    await until(async () => (await bench.listed('done')).length === 2);
    expect(await bench.listed('done')).toEqual([`fleet.tar.${end}`, `fleet.tar.${end}.reason`]);
    expect(lying()).toEqual([]);
    await bench.rest();
    expect(sourceOf(await bench.agent(source())).revision).toBe(`main@sha1:${sha}`);
  });

  it.each(WAYS)('is taken as it is without that: a Git bundle, by its name (.bundle.%s)', async (end, pack) => {
    const sha = await repo.commit({ 'a.yaml': '1' });
    const one = await bench.agent(`${source()}---\n${source('other')}`);
    await put(`GitRepository_flux-system_app@1.bundle.${end}`, pack(await gitBundle('main')));
    await bench.becomes(one, `GitRepository_flux-system_app@1.bundle.${end}`, 'taken', '');
    expect([sourceOf(one).revision, sourceOf(one, 'other').revision]).toEqual([`main@sha1:${sha}`, '']);
  });

  it.each([
    ['tgz', 'gzip'],
    ['tar.zst', 'zstd'],
  ])(
    'is taken as it is without that: a layout of oras that tar and %s have packed, as zarf has it',
    async (end, by) => {
      writeFileSync(join(bench.dir, 'content'), gzipSync(tarOf([{ path: 'a.yaml', content: 'a: 1\n' }])));
      const media = 'content:application/vnd.cncf.flux.content.v1.tar+gzip';
      mkdirSync(join(bench.dir, 'package'));
      execFileSync(oras, ['push', '--oci-layout', 'package/images:v1', media], { cwd: bench.dir, stdio: 'pipe' });
      writeFileSync(join(bench.dir, 'package', 'zarf.yaml'), 'kind: ZarfPackageConfig\n');
      const made = join(bench.dir, `made.${end}`);
      execFileSync('tar', ['-C', join(bench.dir, 'package'), `--${by}`, '-cf', made, '.']);
      await rename(made, bench.stick(`package.${end}`));
      const one = await bench.agent(OCI);
      await bench.becomes(one, `package.${end}`, 'taken', '');
      expect(sourceOf(one).revision).toMatch(/^v1@sha256:/);
    },
  );

  it('is held while it is being copied, and taken when it is whole; one that stays cut is refused', async () => {
    const sha = await repo.commit({ 'a.yaml': 'x'.repeat(5_000) });
    const one = await bench.agent(source());
    for (const [end, pack] of WAYS) {
      const name = `fleet.tar.${end}`;
      const bytes = pack(await sealed(repo, [KEY]));
      await put(name, bytes.subarray(0, bytes.length - 5));
      await bench.becomes(one, name, 'held', 'bundle-damaged');
      await put(name, bytes);
      await bench.becomes(one, name, 'taken', '');
      await put(`cut-${name}`, bytes.subarray(0, bytes.length >> 1));
      await bench.becomes(one, `cut-${name}`, 'refused', 'bundle-damaged');
    }
    expect(sourceOf(one).revision).toBe(`main@sha1:${sha}`);
    expect(lying()).toEqual([]);
  });

  it('is damaged where a byte is wrong in it, though the compression is whole, and brings nothing', async () => {
    await repo.commit({ 'a.yaml': 'x'.repeat(3_000) });
    const broken = Buffer.from(await sealed(repo, [KEY]));
    const at = broken.indexOf('PACK') + 40;
    broken[at] = (broken[at] ?? 0) ^ 1;
    const one = await bench.agent(source());
    await put('fleet.tar.gz', gzipSync(broken));
    expect((await bench.becomes(one, 'fleet.tar.gz', 'refused', 'bundle-damaged')).message).toContain('digest');
    expect([sourceOf(one).revision, lying()]).toEqual(['', []]);
  });

  it('is refused where it is for another cluster, older, or none of what is taken', async () => {
    await repo.commit({ 'a.yaml': '1' });
    const old = await sealed(repo, [KEY]);
    await repo.commit({ 'a.yaml': '2' });
    const one = await bench.agent(source());
    await put('else.tar.gz', gzipSync(await sealed(repo, [KEY], { cluster: 'store-2', labels: {} })));
    await bench.becomes(one, 'else.tar.gz', 'refused', 'bundle-elsewhere');
    await put('new.tar.zst', summed(await sealed(repo, [KEY])));
    await bench.becomes(one, 'new.tar.zst', 'taken', '');
    await put('old.tar.zst', summed(old));
    await bench.becomes(one, 'old.tar.zst', 'refused', 'bundle-older');
    await put('site.tar.gz', gzipSync(tarOf([{ path: 'a.yaml', content: 'a: 1\n' }])));
    const files = await bench.becomes(one, 'site.tar.gz', 'refused', 'bundle-unreadable');
    expect(files.message).toContain('Bucket_NAMESPACE_NAME');
    await put('manual.gz', gzipSync(Buffer.alloc(2_000, 'text ')));
    await bench.becomes(one, 'manual.gz', 'refused', 'bundle-unreadable');
    await put('twice.tar.gz.zst', summed(gzipSync(old)));
    expect((await bench.becomes(one, 'twice.tar.gz.zst', 'refused', 'bundle-unreadable')).message).toContain('twice');
    expect(lying()).toEqual([]);
  });

  it('is held, and its content kept, until its source is declared, or its base is here', async () => {
    const first = await repo.commit({ 'a.yaml': '1' });
    const second = await repo.commit({ 'a.yaml': '2' });
    const one = await bench.agent(OCI);
    await put('GitRepository_flux-system_app@2.bundle.zst', summed(await gitBundle('main', `^${first}`)));
    await bench.becomes(one, 'GitRepository_flux-system_app@2.bundle.zst', 'held', 'bundle-unclaimed');
    const [kept] = await until(() => (lying().length === 1 ? lying() : undefined));
    one.declare(source());
    one.nudge();
    await bench.becomes(one, 'GitRepository_flux-system_app@2.bundle.zst', 'held', 'bundle-base-missing');
    expect(lying()).toEqual([kept]);
    await repo.git('update-ref', 'refs/heads/main', first);
    await put('GitRepository_flux-system_app@1.bundle.gz', gzipSync(await gitBundle('main')));
    await bench.becomes(one, 'GitRepository_flux-system_app@2.bundle.zst', 'taken', '');
    expect(sourceOf(one).revision).toBe(`main@sha1:${second}`);
    await until(() => lying().length === 0);
  });

  it('leaves nothing behind when it is pulled out, nor at the end, nor at a start after a kill', async () => {
    await repo.commit({ 'a.yaml': '1' });
    const one = await bench.agent(OCI);
    const bytes = gzipSync(await sealed(repo, [KEY]));
    await put('fleet.tar.gz', bytes);
    await bench.becomes(one, 'fleet.tar.gz', 'held', 'bundle-unclaimed');
    await until(() => lying().length === 1);
    await rename(bench.stick('fleet.tar.gz'), join(bench.dir, 'out.tar.gz'));
    await until(() => lying().length === 0);
    await put('fleet.tar.gz', bytes);
    await until(() => lying().length === 1);
    await bench.rest();
    expect(lying()).toEqual([]);
    writeFileSync(join(bench.dir, 'state', 'unpacked', 'left'), 'x');
    await bench.agent(OCI, { inbox: { paths: [], intervalMs: 100, patienceMs: 600, moveAside: true } });
    expect(lying()).toEqual([]);
  });

  it('on a medium that takes no writes is taken once, also after a restart', async () => {
    const sha = await repo.commit({ 'a.yaml': '1' });
    for (const name of ['done', 'refused']) await writeFile(bench.stick(name), '');
    await put('fleet.tar.gz', gzipSync(await sealed(repo, [KEY])));
    await put('text.gz', gzipSync(Buffer.alloc(2_000, 'text ')));
    const one = await bench.agent(source());
    await bench.becomes(one, 'fleet.tar.gz', 'taken', '');
    await bench.becomes(one, 'text.gz', 'refused', 'bundle-unreadable');
    await bench.rest();
    const two = await bench.agent(source());
    await bench.becomes(two, 'fleet.tar.gz', 'taken', '');
    await bench.becomes(two, 'text.gz', 'refused', 'bundle-unreadable');
    expect(two.lines.filter(({ msg }) => msg === 'revision admitted')).toEqual([]);
    expect(sourceOf(two).revision).toBe(`main@sha1:${sha}`);
  });

  it('larger than a limit is refused, and a bomb is', async () => {
    const one = await bench.agent(source(), { limits: { bundleBytes: 3_000_000 } });
    const large = tarOf([{ path: 'a', content: Buffer.alloc(4_000_000, 'some text that repeats itself ') }]);
    await put('large.tar.gz', gzipSync(large));
    expect((await bench.becomes(one, 'large.tar.gz', 'refused', 'source-bounds')).message).toContain(
      'limits.bundleBytes',
    );
    await bench.rest();
    const two = await bench.agent(source());
    await put('bomb.tar.zst', summed(tarOf([{ path: 'a', content: Buffer.alloc(40 * 1024 * 1024) }])));
    expect((await bench.becomes(two, 'bomb.tar.zst', 'refused', 'source-bounds')).message).toContain(
      'limits.artifactRatio',
    );
    expect(lying()).toEqual([]);
  });
});
