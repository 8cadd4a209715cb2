import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { layoutWire, listManifests, openBundle, openLayout, proveBundle } from '../../../src/source/bundle/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { requireOci } from '../../ociregistry/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { sealed } from './sealed.ts';
import { fileOf, offlineSite } from './support.ts';

const TAG = 'gitrepository-flux-system-fleet';

describe('oras', () => {
  let program: string;
  let git: GitServer;
  let repo: Repo;
  let dir: TempDir;
  const oras = (...args: string[]): string =>
    execFileSync(program, args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  const tarOf = (folder: string): Buffer => {
    execFileSync('tar', ['-C', join(dir.path, folder), '-cf', join(dir.path, `${folder}.tar`), '.']);
    return readFileSync(join(dir.path, `${folder}.tar`));
  };
  beforeAll(async () => {
    program = (await requireOci(['oras'])).oras;
    [git, dir] = [await startGitServer(), await tempDir('oras')];
    repo = await git.repo('oras');
    await repo.commit({ 'a.yaml': 'a' });
  });
  afterAll(async () => {
    await git.stop();
    await dir.remove();
  });

  it('reads a bundle of ours, and what it copies out of it is taken', async () => {
    const sources = ['GitRepository/flux-system/fleet', 'GitRepository/flux-system/other'];
    writeFileSync(join(dir.path, 'own.tar'), await sealed(repo, sources, { cluster: 'store-1', labels: { a: 'b' } }));
    expect(oras('repo', 'tags', '--oci-layout', 'own.tar').trim().split('\n')).toEqual([
      TAG,
      'gitrepository-flux-system-other',
    ]);
    const manifest = JSON.parse(oras('manifest', 'fetch', '--oci-layout', `own.tar:${TAG}`));
    expect(manifest).toMatchObject({ artifactType: 'application/vnd.holdfast.bundle.source.v1' });
    oras('copy', '--from-oci-layout', `own.tar:${TAG}`, '--to-oci-layout', `copied:${TAG}`);
    const bytes = tarOf('copied');
    const bundle = await openBundle(fileOf(bytes), 'copied.tar', DEFAULT_LIMITS);
    await proveBundle(bundle, () => true);
    expect(bundle.parts).toMatchObject([{ source: sources[0], selector: { cluster: 'store-1', labels: { a: 'b' } } }]);
    const { start = 0, size = 0 } = bundle.parts[0]?.span ?? {};
    const site = offlineSite(repo.url);
    await site.take(bytes.subarray(start, start + size));
    expect(site.text('a.yaml')).toBe('a');
  });

  it('puts images beside what is ours, and we leave them alone', async () => {
    mkdirSync(join(dir.path, 'work'), { recursive: true });
    writeFileSync(join(dir.path, 'layer.bin'), 'image layer');
    writeFileSync(join(dir.path, 'own.tar'), await sealed(repo, ['GitRepository/flux-system/fleet']));
    oras('copy', '--from-oci-layout', `own.tar:${TAG}`, '--to-oci-layout', `both:${TAG}`);
    oras('push', '--oci-layout', 'both:image-v1', '--disable-path-validation', 'layer.bin:application/x-layer');
    const bundle = await openBundle(fileOf(tarOf('both')), 'both.tar', DEFAULT_LIMITS);
    await proveBundle(bundle, () => true);
    expect([bundle.parts.length, bundle.others.length]).toEqual([1, 1]);
  });

  it('makes layouts that answer as a registry', async () => {
    writeFileSync(join(dir.path, 'layer.bin'), 'content of an artifact');
    oras(
      'push',
      '--oci-layout',
      'plain:v1',
      '--artifact-type',
      'application/vnd.cncf.flux.config.v1+json',
      'layer.bin:application/x-layer',
    );
    const layout = await openLayout(fileOf(tarOf('plain')), DEFAULT_LIMITS);
    if (layout === undefined) throw new Error('no layout');
    const wire = layoutWire(layout, await listManifests(layout));
    const limits = { totalMs: 1, idleMs: 1, maxBytes: 1 };
    const ask = async (path: string): Promise<string> => {
      const answer = await wire.send({ method: 'GET', url: `https://reg.example/v2/a/b/${path}`, limits });
      const parts: Uint8Array[] = [];
      for await (const part of answer.body) parts.push(part);
      return Buffer.concat(parts).toString();
    };
    const manifest = JSON.parse(await ask('manifests/v1'));
    expect(manifest.artifactType).toBe('application/vnd.cncf.flux.config.v1+json');
    expect(await ask(`blobs/${manifest.layers[0].digest}`)).toBe('content of an artifact');
  });
});
