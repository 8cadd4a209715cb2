import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealOf } from '../../../src/source/artifact/index.ts';
import { artifactOf } from '../../../src/source/index.ts';
import {
  fluxArtifact,
  helmChart,
  type Pusher,
  pusher,
  type Registry,
  requireOci,
  startRegistry,
} from '../../ociregistry/index.ts';
import { tarGz, tarOf } from '../../support/tar-builder.ts';
import { tempDir } from '../../support/temp.ts';
import { CONFIG_MAP, ociSite } from './support.ts';

let registry: Registry;
let push: Pusher;
let count = 0;
beforeAll(async () => {
  registry = await startRegistry();
  push = pusher(registry);
}, 600_000);
afterAll(() => registry.stop());

/** A repository that no other test has. */
function fresh(): { readonly name: string; readonly url: string } {
  const name = `org/app-${count++}`;
  return { name, url: `oci://${registry.host}/${name}` };
}

const content = (text = CONFIG_MAP): Buffer => tarGz({ 'app.yaml': text, 'deep/er/more.yaml': text });

describe('an artifact as flux pushes it', () => {
  it('comes with its files, revision and annotations', async () => {
    const { name, url } = fresh();
    const pushed = await push.artifact(fluxArtifact({ name, tag: 'latest', content: content() }));
    await using site = await ociSite({ url });
    const outcome = await site.fetch();
    expect(outcome.kind).toBe('fetched');
    expect(site.have?.revision).toBe(`latest@${pushed.digest}`);
    expect(site.have?.metadata).toMatchObject({
      'org.opencontainers.image.revision': 'main@sha1:0000000000000000000000000000000000000001',
      'org.opencontainers.image.source': 'https://example.com/app.git',
    });
    expect(site.files()).toEqual(['app.yaml', 'deep/er/more.yaml']);
    expect(site.text('app.yaml')).toBe(CONFIG_MAP);
    expect(site.count.requests).toBe(2);
    expect(await readdir(site.dir)).not.toContain('partials');
  });

  it('costs one HEAD of less than 500 bytes when nothing changed', async () => {
    const { name, url } = fresh();
    await push.artifact(fluxArtifact({ name, tag: 'v1', content: content() }));
    await using site = await ociSite({ url, ref: { tag: 'v1' } });
    await site.fetch();
    const poll = await site.fetch();
    expect(poll).toMatchObject({ kind: 'unchanged', revision: site.have?.revision, count: { requests: 1 } });
    expect(poll.count.up + poll.count.down).toBeLessThan(500);
  });

  it('is taken anew when the tag moved, and no layer comes where only annotations changed', async () => {
    const { name, url } = fresh();
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: content() }));
    await using site = await ociSite({ url });
    await site.fetch();
    const root = site.have?.root;
    const second = await push.artifact(
      fluxArtifact({ name, tag: 'latest', content: content(), revision: 'main@sha1:2' }),
    );
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 2 } });
    expect(site.have).toMatchObject({ revision: `latest@${second.digest}`, root });
    expect(site.have?.metadata['org.opencontainers.image.revision']).toBe('main@sha1:2');
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: content('a: 3\n') }));
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 3 } });
    expect(site.text('app.yaml')).toBe('a: 3\n');
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
  });
});

describe('ref', () => {
  it('digest wins, asks for nothing when it is here, and names no tag', async () => {
    const { name, url } = fresh();
    const one = await push.artifact(fluxArtifact({ name, tag: 'v1', content: content('a: 1\n') }));
    await push.artifact(fluxArtifact({ name, tag: 'v2', content: content('a: 2\n') }));
    await using site = await ociSite({ url, ref: { tag: 'v2', digest: one.digest, semver: '*' } });
    await site.fetch();
    expect(site.have?.revision).toBe(one.digest);
    expect(site.text('app.yaml')).toBe('a: 1\n');
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 0 } });
  });

  it('semver takes the highest, without prereleases unless named, as semverFilter allows', async () => {
    const { name, url } = fresh();
    for (const tag of ['1.9.0', 'v1.10.5', '1.10.0', '1.11.0-rc.1', '2.0.0', 'latest', '1.12.0-prod'])
      await push.artifact(fluxArtifact({ name, tag, content: content(`tag: ${tag}\n`) }));
    await using site = await ociSite({ url, ref: { semver: '1.x', tag: '2.0.0' } });
    await site.fetch();
    expect(site.have?.revision).toMatch(/^v1\.10\.5@sha256:/);
    await site.fetch({ ref: { semver: '>=1.11.0-0 <2.0.0-0' } });
    expect(site.have?.revision).toMatch(/^1\.12\.0-prod@/);
    await site.fetch({ ref: { semver: '>=1.0.0-0', semverFilter: '.*-rc.*' } });
    expect(site.have?.revision).toMatch(/^1\.11\.0-rc\.1@/);
    expect(await site.fails({ ref: { semver: '>=9' } })).toMatchObject({
      code: 'source-ref-missing',
      reason: 'ReadOperationFailed',
      message: expect.stringMatching(/failed to determine the artifact tag .*no match found for semver: >=9/),
    });
    expect((await site.fails({ ref: { semver: '*', semverFilter: '(' } })).reason).toBe('ReadOperationFailed');
    expect((await site.fails({ ref: { semver: 'nonsense' } })).message).toContain('improper constraint');
  });

  it('semver reads lists of tags of many pages', async () => {
    const { name, url } = fresh();
    const { digest } = await push.artifact(fluxArtifact({ name, tag: '1.0.0', content: content() }));
    const manifest = await readFile(registry.blobFile(digest));
    for (let i = 1; i <= 1_100; i++) {
      const folder = join(registry.dir, 'repositories', name, '_manifests/tags', `1.0.${i}`, 'current');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'link'), digest);
    }
    expect(manifest.length).toBeGreaterThan(100);
    await using site = await ociSite({ url, ref: { semver: '1.x' } });
    await site.fetch();
    expect(site.have?.revision).toBe(`1.0.1100@${digest}`);
    expect((await site.fails({}, { registryTags: 500 })).message).toContain('limits.registryTags');
  });

  it('of a Helm chart is the version that helm made a tag of', async () => {
    const { name, url } = fresh();
    const chart = tarGz({ 'app/Chart.yaml': 'apiVersion: v2\nname: app\n', 'app/templates/a.yaml': CONFIG_MAP });
    await push.artifact(helmChart({ name, version: '1.2.0+build.2', chart }));
    const layer = { mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', operation: 'copy' } as const;
    await using site = await ociSite({ url, layer, ref: { semver: '>=1.0.0' } });
    await site.fetch();
    expect(site.have?.revision).toMatch(/^1\.2\.0_build\.2@sha256:/);
    expect(site.files()).toEqual(['app/Chart.yaml', 'app/templates/a.yaml']);
  });
});

describe('an index', () => {
  it('may lead to others, a few', async () => {
    const { name, url } = fresh();
    const layers = [{ mediaType: 'x', bytes: content('deep: 1\n') }];
    let inner: { digest: string; size: number } = await push.artifact({ name, layers });
    let type = 'application/vnd.oci.image.manifest.v1+json';
    for (let depth = 1; depth <= 5; depth++) {
      const { digest, size } = inner;
      const platform = { os: 'linux', architecture: 'amd64' };
      const index = { schemaVersion: 2, manifests: [{ mediaType: type, digest, size, platform }] };
      type = 'application/vnd.oci.image.index.v1+json';
      const bytes = Buffer.from(JSON.stringify({ ...index, mediaType: type }));
      inner = { digest: await push.manifest(name, `deep${depth}`, type, bytes), size: bytes.length };
    }
    await using site = await ociSite({ url, ref: { tag: 'deep4' } });
    await site.fetch();
    expect(site.text('app.yaml')).toBe('deep: 1\n');
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    expect(await site.fails({ ref: { tag: 'deep5' } })).toMatchObject({
      code: 'source-refused',
      message: expect.stringContaining('more than 4 indexes'),
    });
  });

  it('gives its own digest and the content for linux/amd64', async () => {
    const { name, url } = fresh();
    const [arm, amd] = [
      await push.artifact({
        name,
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', bytes: content('arm: 1\n') }],
      }),
      await push.artifact({
        name,
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', bytes: content('amd: 1\n') }],
        annotations: { which: 'amd' },
      }),
    ];
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const entry = (one: { digest: string; size: number }, architecture: string) => ({
      mediaType: type,
      digest: one.digest,
      size: one.size,
      platform: { os: 'linux', architecture },
    });
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [entry(arm, 'arm64'), entry(amd, 'amd64')],
    };
    const digest = await push.manifest(name, 'multi', index.mediaType, Buffer.from(JSON.stringify(index)));
    await push.artifact({ name, tag: 'moves', layers: [{ mediaType: 'x', bytes: content('one: 1\n') }] });
    await using site = await ociSite({ url, ref: { tag: 'moves' } });
    await site.fetch();
    // What was a manifest is an index now, which the poll does not ask for.
    await push.manifest(name, 'moves', index.mediaType, Buffer.from(JSON.stringify(index)));
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have?.revision).toBe(`moves@${digest}`);
    await site.fetch({ ref: { tag: 'multi' } });
    expect(site.have).toMatchObject({ revision: `multi@${digest}`, metadata: { which: 'amd' } });
    expect(site.have?.keep).toEqual([digest, amd.digest]);
    expect(site.text('app.yaml')).toBe('amd: 1\n');
    const poll = await site.fetch({ ref: { tag: 'multi' } });
    expect(poll).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    const onlyArm = { ...index, manifests: [entry(arm, 'arm64')] };
    await push.manifest(name, 'multi', index.mediaType, Buffer.from(JSON.stringify(onlyArm)));
    expect(await site.fails({ ref: { tag: 'multi' } })).toMatchObject({
      reason: 'OCIArtifactPullFailed',
      message: expect.stringContaining('linux/amd64'),
    });
  });
});

describe('layers', () => {
  it('the first is taken whatever its media type, or the first of the type asked for', async () => {
    const { name, url } = fresh();
    await push.artifact({
      name,
      tag: 'latest',
      docker: true,
      layers: [
        { mediaType: 'text/plain', bytes: content('first: 1\n') },
        { mediaType: 'application/x-b', bytes: content('second: 1\n') },
        { mediaType: 'application/x-b', bytes: content('third: 1\n') },
      ],
    });
    await using site = await ociSite({ url });
    await site.fetch();
    expect(site.text('app.yaml')).toBe('first: 1\n');
    const layer = { mediaType: 'application/x-b', operation: 'extract' } as const;
    await site.fetch({ layer });
    expect(site.text('app.yaml')).toBe('second: 1\n');
    expect(await site.fails({ layer: { ...layer, mediaType: 'application/none' } })).toMatchObject({
      reason: 'OCIArtifactLayerOperationFailed',
      message: expect.stringContaining("failed to find layer with media type 'application/none'"),
    });
  });

  it('copy keeps the layer as it is, and its files where it has some', async () => {
    const { name, url } = fresh();
    const bytes = content('copied: 1\n');
    const { layers } = await push.artifact(fluxArtifact({ name, tag: 'latest', content: bytes }));
    await using site = await ociSite({ url, layer: { operation: 'copy' } });
    await site.fetch();
    const have = site.have ?? expect.fail();
    expect(await sealOf(artifactOf(site.cache.store, have))).toEqual({ digest: layers[0], size: bytes.length });
    expect(site.text('app.yaml')).toBe('copied: 1\n');
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    // The other operation needs nothing from the network but to know that nothing changed.
    expect(await site.fetch({ layer: { operation: 'extract' } })).toMatchObject({
      kind: 'fetched',
      count: { requests: 1 },
    });
    expect(site.have?.archive).toBeUndefined();
  });

  it('copy survives collections and a restart, as everything that a revision names', async () => {
    const { name, url } = fresh();
    const bytes = content('kept: 1\n');
    const { layers } = await push.artifact(fluxArtifact({ name, tag: 'latest', content: bytes }));
    await using site = await ociSite({ url, layer: { operation: 'copy' } });
    await site.fetch();
    const have = site.have ?? expect.fail();
    const key = 'OCIRepository/apps/app';
    await site.cache.sources.admit(key, have, { at: 1, request: 'r', count: site.count });
    for (let i = 0; i < 4; i++) await site.cache.gc();
    await using later = await ociSite({ url }, { dir: site.dir });
    const stored = later.cache.sources.get(key)?.current ?? expect.fail();
    expect(stored).toEqual(have);
    expect((await sealOf(artifactOf(later.cache.store, stored))).digest).toBe(layers[0]);
    expect(await later.cache.verify()).toMatchObject({ missing: 0, damage: [] });
  });

  it('damage is found without a revision before, and mended from the registry', async () => {
    const { name, url } = fresh();
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: content('mended: 1\n') }));
    await using site = await ociSite({ url });
    await site.fetch();
    const [pack = ''] = await readdir(join(site.dir, 'packs'));
    const file = join(site.dir, 'packs', pack);
    const packed = await readFile(file);
    const at = packed.indexOf('mended');
    expect(at).toBeGreaterThan(0);
    packed[at] = (packed[at] ?? 0) ^ 1;
    await writeFile(file, packed);
    site.forget();
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.text('app.yaml')).toBe('mended: 1\n');
  });

  it('copy takes what is no archive at all', async () => {
    const { name, url } = fresh();
    const bytes = Buffer.from('{"plain":"json"}');
    await push.artifact({ name, tag: 'latest', layers: [{ mediaType: 'application/json', bytes }] });
    await using site = await ociSite({ url, layer: { operation: 'copy' } });
    await site.fetch();
    expect(site.files()).toEqual([]);
    const parts: Uint8Array[] = [];
    for await (const part of artifactOf(site.cache.store, site.have ?? expect.fail())) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe('{"plain":"json"}');
    expect(await site.fails({ layer: { operation: 'extract' } })).toMatchObject({
      reason: 'OCIArtifactLayerOperationFailed',
      message: expect.stringContaining('failed to extract layer contents from artifact'),
    });
  });

  it('none at all is told', async () => {
    const { name, url } = fresh();
    await push.artifact({ name, tag: 'latest', layers: [] });
    await using site = await ociSite({ url });
    expect((await site.fails()).message).toContain('no layers found in artifact');
  });
});

describe('ignore', () => {
  it('leaves out as Flux does, and another rule costs no layer', async () => {
    const { name, url } = fresh();
    const files = {
      'app.yaml': CONFIG_MAP,
      'picture.png': 'png',
      '.git/config': 'x',
      'sub/.sourceignore': '/secret.yaml\n',
      'sub/secret.yaml': 'a: 1\n',
      'sub/keep.yaml': 'a: 1\n',
    };
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: tarGz(files) }));
    await using site = await ociSite({ url });
    await site.fetch();
    expect(site.files()).toEqual(['app.yaml', 'picture.png', 'sub/.sourceignore', 'sub/keep.yaml']);
    expect(await site.fetch({ ignore: '/app.yaml\n!/sub/secret.yaml\n' })).toMatchObject({
      kind: 'fetched',
      count: { requests: 1 },
    });
    expect(site.files()).toEqual(['picture.png', 'sub/.sourceignore', 'sub/keep.yaml', 'sub/secret.yaml']);
    expect(await site.fetch({ ignore: '/app.yaml\n!/sub/secret.yaml\n' })).toMatchObject({ kind: 'unchanged' });
    await site.fetch();
    expect(site.files()).toContain('app.yaml');
  });

  it('without any rule the defaults of Flux hold, links are left out, and the executable bit stays', async () => {
    const { name, url } = fresh();
    const tar = tarOf([
      { path: './', flag: '5', mode: 0o755 },
      { path: './run.sh', content: '#!/bin/sh\n', mode: 0o755 },
      { path: './picture.png', content: 'png' },
      { path: './link', flag: '2', link: '/etc/passwd' },
      { path: './hard', flag: '1', link: 'run.sh' },
      { path: './empty/', flag: '5' },
    ]);
    const { gzipSync } = await import('node:zlib');
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: gzipSync(tar) }));
    await using site = await ociSite({ url });
    await site.fetch();
    expect(site.files()).toEqual(['run.sh']);
    const root = site.cache.store.folder(site.have?.root ?? expect.fail());
    expect(root.map(({ name: entry, mode, hidden }) => [entry, mode, hidden])).toEqual([
      ['empty', 'dir', false],
      ['picture.png', 'file', true],
      ['run.sh', 'exec', false],
    ]);
  });
});

describe('what oras pushes', () => {
  it('a folder, and an archive with annotations', async () => {
    const { oras } = await requireOci(['oras']);
    const { name, url } = fresh();
    await using work = await tempDir('oras');
    await mkdir(join(work.path, 'manifests/sub'), { recursive: true });
    await writeFile(join(work.path, 'manifests/app.yaml'), CONFIG_MAP);
    await writeFile(join(work.path, 'manifests/sub/b.yaml'), 'b: 1\n');
    await writeFile(join(work.path, 'app.tgz'), content('tgz: 1\n'));
    const run = (...args: string[]) =>
      execFileSync(oras, [...args], { cwd: work.path, env: { ...process.env, HOME: work.path }, encoding: 'utf8' });
    run('push', '--plain-http', `${registry.host}/${name}:folder`, 'manifests');
    run(
      'push',
      '--plain-http',
      '--annotation',
      'team=edge',
      `${registry.host}/${name}:file`,
      'app.tgz:application/gzip',
    );
    await using site = await ociSite({ url, ref: { tag: 'folder' } });
    await site.fetch();
    expect(site.files()).toEqual(['manifests/app.yaml', 'manifests/sub/b.yaml']);
    await site.fetch({ ref: { tag: 'file' } });
    expect(site.text('app.yaml')).toBe('tgz: 1\n');
    expect(site.have?.metadata).toMatchObject({ team: 'edge' });
  });
});
