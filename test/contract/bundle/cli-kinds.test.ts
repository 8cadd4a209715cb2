import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireOci } from '../../ociregistry/index.ts';
import { type S3Server, startS3Server } from '../../s3server/index.ts';
import { holdfast as run } from '../../support/cli.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let s3: S3Server;
let oras: string;
let dir: TempDir;
let count = 0;
beforeAll(async () => {
  [s3, { oras }] = [await startS3Server(), await requireOci(['oras'])];
}, 400_000);
afterAll(() => s3.stop());
beforeEach(async () => {
  dir = await tempDir('bundle-kinds');
});
afterEach(() => dir.remove());

const at = (name: string): string => join(dir.path, name);

const holdfast = (...argv: string[]) => run(['bundle', ...argv]);

/** A configuration that declares these objects. */
function configOf(...objects: string[]): string {
  mkdirSync(at('objects'), { recursive: true });
  writeFileSync(at('objects/all.yaml'), objects.join('---\n'));
  writeFileSync(
    at('config.yaml'),
    'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./state\nobjects: { files: [./objects] }\n',
  );
  return at('config.yaml');
}
const object = (kind: string, spec: string): string =>
  `apiVersion: source.toolkit.fluxcd.io/v1\nkind: ${kind}\nmetadata: { name: store, namespace: apps }\nspec: ${spec}\n`;
const secret = (): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: keys, namespace: apps }\nstringData: { accesskey: "${s3.accessKey}", secretkey: "${s3.secretKey}" }\n`;

async function bucketWith(objects: Readonly<Record<string, string>>): Promise<{ bucket: string; config: string }> {
  const bucket = `kinds-${++count}`;
  await s3.createBucket(bucket);
  for (const [key, text] of Object.entries(objects)) await s3.put(bucket, key, text);
  const spec = `{ endpoint: "${s3.endpoint}", bucketName: ${bucket}, insecure: true, interval: 1h, secretRef: { name: keys } }`;
  return { bucket, config: configOf(object('Bucket', spec), secret()) };
}

describe('holdfast bundle with a Bucket', () => {
  it('packs it whole and as a difference, the same bytes each time, and proves it', async () => {
    const { bucket, config } = await bucketWith({ 'a.yaml': 'a: 1\n', 'd/ü.yaml': 'u: 1\n', big: 'x'.repeat(300_000) });
    const made = await holdfast('create', '-c', config, '-o', at('whole.tar'));
    expect(made).toMatchObject({ code: 0 });
    const [, first = ''] = /^Bucket\/apps\/store: (sha256:[0-9a-f]{64}), /.exec(made.out) ?? [];
    await holdfast('create', '-c', config, '-o', at('again.tar'));
    expect(readFileSync(at('again.tar')).equals(readFileSync(at('whole.tar')))).toBe(true);
    const seen = JSON.parse((await holdfast('inspect', at('whole.tar'), '-o', 'json')).out);
    expect(seen.sources).toMatchObject([
      {
        source: 'Bucket/apps/store',
        revision: first,
        base: '',
        content: 'objects',
        bucket,
        prefix: '',
        objects: 3,
        needs: [],
      },
    ]);
    // The time of the listing, by the server's clock.
    expect(Math.abs(Date.parse(seen.sources[0].created) - Date.now())).toBeLessThan(600_000);
    expect((await holdfast('verify', at('whole.tar'))).out).toBe(
      'Bucket/apps/store: whole: 3 files, each with its digest\n',
    );

    await s3.put(bucket, 'a.yaml', 'a: 2\n');
    await s3.remove(bucket, 'd/ü.yaml');
    const next = await holdfast('create', '-c', config, '-o', at('d.tar'), '--base', first, '--compress', 'zstd');
    expect(next.out).toContain(` since ${first}`);
    expect(readFileSync(at('d.tar')).length).toBeLessThan(12_000);
    const text = (await holdfast('inspect', at('d.tar'))).out;
    expect(text).toContain(`objects   2 of bucket ${bucket}\n`);
    expect(text).toContain(`needs     ${first}\n`);
    expect((await holdfast('verify', at('d.tar'))).out).toBe(
      `Bucket/apps/store: a difference to ${first}: 1 files, each with its digest\n`,
    );
    // The base is known where it was packed before; elsewhere it is not, for a bucket has no history.
    writeFileSync(at('other.yaml'), readFileSync(config, 'utf8').replace('./state', './other'));
    expect(await holdfast('create', '-c', at('other.yaml'), '-o', at('o.tar'), '--base', first)).toMatchObject({
      code: 1,
      err: expect.stringContaining('a bucket does not keep it'),
    });
  });

  it('is read by oras, and what oras copies is read by us, in a tar and in a folder', async () => {
    const { config } = await bucketWith({ 'a.yaml': 'a: 1\n', 'd/b.yaml': 'b: 1\n' });
    const tag = 'bucket-apps-store';
    for (const compress of ['none', 'zstd']) {
      const name = `${compress}.tar`;
      await holdfast('create', '-c', config, '-o', at(name), '--compress', compress);
      const run = (program: string, ...args: string[]): string =>
        execFileSync(program, args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
      const manifest = JSON.parse(run(oras, 'manifest', 'fetch', '--oci-layout', `${name}:${tag}`));
      const [, layer] = manifest.layers;
      expect(layer.mediaType).toBe(`application/vnd.oci.image.layer.v1.tar${compress === 'zstd' ? '+zstd' : ''}`);
      run(oras, 'blob', 'fetch', '--oci-layout', '--output', 'layer', `${name}@${layer.digest}`);
      const files = run('tar', ...(compress === 'zstd' ? ['--zstd'] : []), '-tf', 'layer');
      expect(files.trim().split('\n')).toEqual(['a.yaml', 'd/b.yaml']);
      run(oras, 'copy', '--from-oci-layout', `${name}:${tag}`, '--to-oci-layout', `${compress}-copy:${tag}`);
      expect((await holdfast('verify', at(`${compress}-copy`))).out).toContain('whole: 2 files');
      expect((await holdfast('inspect', at(`${compress}-copy`))).out).toContain('Bucket/apps/store');
    }
    // A folder that lost a blob is told.
    cpSync(at('none-copy'), at('short'), { recursive: true });
    const [blob = ''] = readdirSync(at('short/blobs/sha256'));
    writeFileSync(at(`short/blobs/sha256/${blob}`), 'x');
    expect(await holdfast('verify', at('short'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('(bundle-damaged)'),
    });
  });

  it('is not packed from a state folder alone, which does not know its rules', async () => {
    const { config } = await bucketWith({ 'a.yaml': 'a: 1\n' });
    await holdfast('create', '-c', config, '-o', at('whole.tar'));
    expect(await holdfast('create', '--from', at('state'), '-o', at('f.tar'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('is packed with --config'),
    });
    expect(await holdfast('create', '-c', config, '-o', at('f.tar'), '--compress', 'lzma')).toMatchObject({ code: 2 });
  });
});

describe('holdfast bundle with an ExternalArtifact', () => {
  const archive = gzipSync(
    tarOf([
      { path: 'a.yaml', content: 'a: 1\n' },
      { path: 'l', flag: '2', link: 'a.yaml' },
    ]),
  );
  const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
  let server: Server;
  beforeAll(async () => {
    server = createServer((_, answer) => answer.end(archive));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const declared = (): string => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.tar.gz`;
    return configOf(
      `${object('ExternalArtifact', '{}')}status: { artifact: { url: "${url}", path: a, revision: v1, lastUpdateTime: "2026-01-01T00:00:00Z", digest: "${digest}", size: ${archive.length} } }\n`,
    );
  };

  it('packs its archive byte by byte, and proves it', async () => {
    const made = await holdfast('create', '-c', declared(), '-o', at('e.tar'));
    expect(made).toMatchObject({
      code: 0,
      out: expect.stringContaining(`ExternalArtifact/apps/store: v1, ${archive.length} bytes`),
    });
    expect(readFileSync(at('e.tar')).includes(archive)).toBe(true);
    expect((await holdfast('verify', at('e.tar'))).out).toBe(
      `ExternalArtifact/apps/store: whole to its end: 1 files of 5 bytes, ${digest}\n`,
    );
    expect(readdirSync(at('state')).includes('partials') ? readdirSync(at('state/partials')) : []).toEqual([]);
    expect(await holdfast('create', '-c', at('config.yaml'), '-o', at('x.tar'), '--base', 'v0')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is packed whole'),
    });
  });

  it('looks into archives of files, too', async () => {
    writeFileSync(at('ExternalArtifact_apps_store.tar.gz'), archive);
    expect((await holdfast('inspect', at('ExternalArtifact_apps_store.tar.gz'))).out).toContain('archive');
    expect((await holdfast('verify', at('ExternalArtifact_apps_store.tar.gz'))).out).toContain(digest);
    writeFileSync(at('ExternalArtifact_apps_store@cut.tar.gz'), archive.subarray(0, archive.length - 4));
    expect(await holdfast('verify', at('ExternalArtifact_apps_store@cut.tar.gz'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('(bundle-damaged)'),
    });
    writeFileSync(at('site.tar.gz'), archive);
    expect((await holdfast('inspect', at('site.tar.gz'))).err).toContain('Bucket_NAMESPACE_NAME.tar.gz');
  });
});
