import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireOci } from '../../ociregistry/index.ts';
import type { TestAgent } from '../../support/agent.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { until } from '../../support/until.ts';
import { type InboxBench, inboxBench, sourceOf } from './support.ts';

let oras: string;
beforeAll(async () => {
  ({ oras } = await requireOci(['oras']));
}, 400_000);

let bench: InboxBench;
beforeEach(async () => {
  bench = await inboxBench();
});
afterEach(() => bench.remove());

/** No server of these is reached. */
const object = (kind: string, spec: string, name = 'app'): string =>
  `apiVersion: source.toolkit.fluxcd.io/v1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: apps }\nspec: ${spec}\n`;
const BUCKET = object(
  'Bucket',
  '{ endpoint: "127.0.0.1:1", bucketName: b, insecure: true, interval: 1h, secretRef: { name: none } }',
);
const archive = (files: Readonly<Record<string, string>>): Buffer =>
  tarOf(Object.entries(files).map(([path, content]) => ({ path, content })));
const etags = (files: Readonly<Record<string, string>>): string => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const lines = Object.keys(files)
    .sort()
    .map((key) => `${key} ${md5(files[key] ?? '')}\n`);
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
};
/** Puts a file in one step, as a copy that is done. */
async function put(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(bench.dir, 'made'), bytes);
  await rename(join(bench.dir, 'made'), bench.stick(name));
}
const readOnly = async (): Promise<void> => {
  // What cannot be made a folder stands for a file system that is read-only.
  await writeFile(bench.stick('done'), '');
  await writeFile(bench.stick('refused'), '');
};

describe('a tar archive in the inbox', () => {
  it.each([
    ['tar', (b: Buffer) => b],
    ['tar.gz', gzipSync],
    ['tar.zst', zstdCompressSync],
  ] as const)('is taken by the Bucket of its name, without its server and its Secret (.%s)', async (end, pack) => {
    const files = { 'a.yaml': 'a: 1\n', 'd/b.yaml': 'b: 1\n' };
    await put(`Bucket_apps_app@today.${end}`, pack(archive(files)));
    const one = await bench.agent(BUCKET);
    const taken = await bench.becomes(one, `Bucket_apps_app@today.${end}`, 'taken', '');
    expect(taken.sources).toEqual([{ source: 'Bucket/apps/app', revision: etags(files) }]);
    expect(sourceOf(one).revision).toBe(etags(files));
    await until(async () => (await bench.listed('done')).length === 2);
    await bench.rest();
    expect(sourceOf(await bench.agent(BUCKET)).revision).toBe(etags(files));
  });

  it('is held while it is copied, refused when it stays cut, and nothing of it is used', async () => {
    const bytes = archive({ 'a.yaml': 'a: 1\n', 'b.yaml': 'b: 1\n' });
    const one = await bench.agent(BUCKET);
    // At the end of a member: a reader that knows no end mark would take it for whole.
    await writeFile(bench.stick('Bucket_apps_app.tar'), bytes.subarray(0, 1_024));
    await bench.becomes(one, 'Bucket_apps_app.tar', 'held', 'bundle-damaged');
    const packed = gzipSync(bytes);
    await put('Bucket_apps_app@2.tar.gz', packed.subarray(0, packed.length - 8));
    await bench.becomes(one, 'Bucket_apps_app@2.tar.gz', 'refused', 'bundle-damaged');
    expect(sourceOf(one).revision).toBe('');
    await put('Bucket_apps_app.tar', bytes);
    await bench.becomes(one, 'Bucket_apps_app.tar', 'taken', '');
  });

  it('that was here before does not come back, and one of no other source is held or refused with the reason', async () => {
    const first = archive({ 'a.yaml': 'a: 1\n' });
    const one = await bench.agent(BUCKET);
    await put('Bucket_apps_app@1.tar', first);
    await bench.becomes(one, 'Bucket_apps_app@1.tar', 'taken', '');
    await put('Bucket_apps_app@2.tar', archive({ 'a.yaml': 'a: 2\n' }));
    await bench.becomes(one, 'Bucket_apps_app@2.tar', 'taken', '');
    await put('Bucket_apps_app@3.tar', first);
    expect((await bench.becomes(one, 'Bucket_apps_app@3.tar', 'refused', 'bundle-older')).message).toContain(
      'was here before',
    );
    await put('Bucket_apps_other.tar', first);
    await bench.becomes(one, 'Bucket_apps_other.tar', 'held', 'bundle-unclaimed');
    await put('site.tar.gz', gzipSync(first));
    expect((await bench.becomes(one, 'site.tar.gz', 'refused', 'bundle-unreadable')).message).toContain(
      'Bucket_NAMESPACE_NAME',
    );
    expect(sourceOf(one).revision).toBe(etags({ 'a.yaml': 'a: 2\n' }));
  });

  it('is not for a source that asks for signatures, nor for any whose revision it cannot prove', async () => {
    const git = object(
      'GitRepository',
      '{ url: "http://127.0.0.1:1/a.git", interval: 1h, verify: { mode: HEAD, secretRef: { name: keys } } }',
      'git',
    );
    const oci = object('OCIRepository', '{ url: "oci://127.0.0.1:1/a/b", interval: 1h }', 'oci');
    const one = await bench.agent(`${git}---\n${oci}`);
    await put('GitRepository_apps_git.tar.gz', gzipSync(archive({ 'a.yaml': 'a' })));
    await put('OCIRepository_apps_oci.tar', archive({ 'a.yaml': 'a' }));
    expect(
      (await bench.becomes(one, 'GitRepository_apps_git.tar.gz', 'refused', 'bundle-unreadable')).message,
    ).toContain('commit');
    expect((await bench.becomes(one, 'OCIRepository_apps_oci.tar', 'refused', 'bundle-unreadable')).message).toContain(
      'manifest',
    );
    expect([sourceOf(one, 'git').revision, sourceOf(one, 'oci').revision]).toEqual(['', '']);
  });

  it('on a medium that takes no writes is taken once, and another one of its length, beginning and end too', async () => {
    await readOnly();
    const large = 'x'.repeat(200_000);
    const files = (v: string) => ({ 'a.bin': large, 'b.yaml': `v: ${v}\n`, 'c.bin': large });
    await put('Bucket_apps_app.tar', archive(files('1')));
    const one = await bench.agent(BUCKET);
    await bench.becomes(one, 'Bucket_apps_app.tar', 'taken', '');
    await bench.rest();
    const two = await bench.agent(BUCKET);
    await bench.becomes(two, 'Bucket_apps_app.tar', 'taken', '');
    expect(two.lines.filter(({ msg }) => msg === 'revision admitted')).toEqual([]);
    await put('Bucket_apps_app.tar', archive(files('2')));
    await until(() => sourceOf(two).revision === etags(files('2')));
  });

  it('is the one that the status of an ExternalArtifact names, and else waits for that', async () => {
    const [old, fresh] = [gzipSync(archive({ 'a.yaml': 'a: 1\n' })), gzipSync(archive({ 'a.yaml': 'a: 2\n' }))];
    const external = (bytes: Buffer, revision: string): string =>
      `${object('ExternalArtifact', '{}')}status: { artifact: { url: "http://127.0.0.1:1/a.tar.gz", path: a, revision: ${revision}, lastUpdateTime: "2026-01-01T00:00:00Z", digest: "sha256:${createHash('sha256').update(bytes).digest('hex')}" } }\n`;
    const one = await bench.agent(external(old, 'v1'));
    await put('ExternalArtifact_apps_app@1.tar.gz', old);
    await put('ExternalArtifact_apps_app@2.tar.gz', fresh);
    await bench.becomes(one, 'ExternalArtifact_apps_app@1.tar.gz', 'taken', '');
    expect(
      (await bench.becomes(one, 'ExternalArtifact_apps_app@2.tar.gz', 'held', 'bundle-unclaimed')).message,
    ).toContain('names');
    expect(sourceOf(one).revision).toBe('v1');
    one.declare(external(fresh, 'v2'));
    one.nudge();
    await bench.becomes(one, 'ExternalArtifact_apps_app@2.tar.gz', 'taken', '');
    expect(sourceOf(one).revision).toBe('v2');
    await put('ExternalArtifact_apps_app@3.tar.gz', old);
    await bench.becomes(one, 'ExternalArtifact_apps_app@3.tar.gz', 'refused', 'bundle-older');
  });
});

describe('an image layout as a folder in the inbox', () => {
  const OCI = object('OCIRepository', '{ url: "oci://127.0.0.1:1/a/b", interval: 1h, ref: { tag: v1 } }');

  /** As a person makes it: oras puts the archive into a folder. */
  async function layout(name: string, content: Buffer, mediaType: string): Promise<string> {
    await writeFile(join(bench.dir, 'content'), content);
    execFileSync(oras, ['push', '--oci-layout', `${name}:v1`, `content:${mediaType}`], {
      cwd: bench.dir,
      stdio: 'pipe',
    });
    return join(bench.dir, name);
  }
  const FLUX = 'application/vnd.cncf.flux.content.v1.tar+gzip';
  const applied = async (one: TestAgent): Promise<string> => {
    await until(() => sourceOf(one).revision !== '');
    return sourceOf(one).revision;
  };

  it.each([
    ['gzip', gzipSync, FLUX],
    ['zstd', zstdCompressSync, 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ] as const)('is taken as its tar is, and moved aside whole (%s)', async (_, pack, mediaType) => {
    const made = await layout('made', pack(archive({ 'a.yaml': 'a: 1\n' })), mediaType);
    await rename(made, bench.stick('any name'));
    const one = await bench.agent(OCI);
    await bench.becomes(one, 'any name', 'taken', '');
    expect(await applied(one)).toMatch(/^v1@sha256:/);
    await until(async () => (await bench.listed('done')).join() === 'any name,any name.reason');
    expect(await bench.listed()).toEqual(['done']);
  });

  it('is held while it is being copied, whatever of it comes first, and taken when it is whole', async () => {
    const made = await layout('made', gzipSync(archive({ 'a.yaml': 'a: 1\n' })), FLUX);
    const one = await bench.agent(OCI, {
      inbox: { paths: [bench.stick()], intervalMs: 60, patienceMs: 60_000, moveAside: true },
    });
    const to = bench.stick('OCIRepository_apps_app');
    await mkdir(join(to, 'blobs/sha256'), { recursive: true });
    const files = execFileSync('find', ['.', '-type', 'f', '-path', './blobs/*'], { cwd: made })
      .toString()
      .trim()
      .split('\n');
    const [first = '', ...rest] = ['./index.json', './oci-layout', ...files];
    await copyFile(join(made, first), join(to, first));
    for (const file of rest) {
      const held = await bench.becomes(one, 'OCIRepository_apps_app', 'held', 'bundle-damaged');
      expect(held.message).toMatch(/not in the (?:folder|bundle)|promised/);
      expect(sourceOf(one).revision).toBe('');
      // The last of them in two steps: it has its name, and not all of its bytes.
      await writeFile(join(to, file), '');
      await copyFile(join(made, file), join(to, file));
    }
    await bench.becomes(one, 'OCIRepository_apps_app', 'taken', '');
    expect(await applied(one)).toMatch(/^v1@sha256:/);
  });

  it('with a link is refused, one that stays without a blob, too, and other folders are passed over', async () => {
    const made = await layout('made', gzipSync(archive({ 'a.yaml': 'a: 1\n' })), FLUX);
    const [blob = ''] = execFileSync('ls', [join(made, 'blobs/sha256')])
      .toString()
      .split('\n');
    for (const name of ['linked', 'short']) await cp(made, bench.stick(name), { recursive: true });
    await unlink(bench.stick(`linked/blobs/sha256/${blob}`));
    await symlink(join(made, 'blobs/sha256', blob), bench.stick(`linked/blobs/sha256/${blob}`));
    await unlink(bench.stick(`short/blobs/sha256/${blob}`));
    await mkdir(bench.stick('photos'));
    const one = await bench.agent(OCI);
    expect((await bench.becomes(one, 'linked', 'refused', 'bundle-unreadable')).message).toContain('is a link');
    await bench.becomes(one, 'short', 'refused', 'bundle-damaged');
    expect(sourceOf(one).revision).toBe('');
    await until(async () => (await bench.listed('refused')).length === 4);
    expect(await bench.listed()).toEqual(['photos', 'refused']);
  });

  it('on a medium that takes no writes is taken once, also after a restart, and the next one that has its name', async () => {
    await readOnly();
    const made = await layout('made', gzipSync(archive({ 'a.yaml': 'a: 1\n' })), FLUX);
    await cp(made, bench.stick('layout'), { recursive: true });
    const one = await bench.agent(OCI);
    await bench.becomes(one, 'layout', 'taken', '');
    const first = await applied(one);
    await bench.rest();
    const two = await bench.agent(OCI);
    await bench.becomes(two, 'layout', 'taken', '');
    expect(two.lines.filter(({ msg }) => msg === 'revision admitted')).toEqual([]);
    await rm(bench.stick('layout'), { recursive: true });
    const next = await layout('next', gzipSync(archive({ 'a.yaml': 'a: 2\n' })), FLUX);
    await cp(next, bench.stick('layout'), { recursive: true });
    await until(() => sourceOf(two).revision !== first);
    expect(sourceOf(two).revision).toMatch(/^v1@sha256:/);
  });
});
