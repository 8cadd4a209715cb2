import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dispatch } from '../../../agent/cli/index.ts';
import type { JsonObject } from '../../../src/model/index.ts';
import { requireOci } from '../../ociregistry/index.ts';
import { type S3Server, startS3Server } from '../../s3server/index.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, manifest, type Place, startPlace } from '../agent/app.ts';

let place: Place;
let dir: TempDir;
let s3: S3Server;
let oras: string;
beforeAll(async () => {
  [place, dir, s3, { oras }] = [
    await startPlace(),
    await tempDir('kinds'),
    await startS3Server(),
    await requireOci(['oras']),
  ];
}, 400_000);
afterAll(async () => {
  await place.stop();
  await s3.stop();
  await dir.remove();
});

const API = 'source.toolkit.fluxcd.io/v1';
const NOWHERE = '127.0.0.1:1';
const meta = (name: string): JsonObject => ({ name, namespace: 'flux-system' });
/** A source, and a Kustomization of its name that applies it. */
const pair = (kind: string, name: string, spec: JsonObject, status?: JsonObject): readonly string[] => [
  manifest(API, kind, meta(name), { spec, ...(status === undefined ? {} : { status }) }),
  manifest('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', meta(name), {
    spec: { interval: '1h', retryInterval: '2s', prune: true, sourceRef: { kind, name } },
  }),
];
const bucket = (bucketName: string, endpoint: string): JsonObject => ({
  endpoint,
  bucketName,
  insecure: true,
  interval: '1h',
  secretRef: { name: 'keys' },
});

describe('a site without any network', () => {
  it('takes each kind of file from one stick to applied objects, and a difference after it', async () => {
    const stick = join(dir.path, 'stick');
    const external = (ns: string): Buffer =>
      gzipSync(tarOf([{ path: 'a.yaml', content: configMap(ns, 'by-artifact', { v: '1' }) }]));
    const app: App = await place.app({
      wait: false,
      source: { url: `http://${NOWHERE}/app.git` },
      inbox: { paths: [stick], intervalMs: 100, patienceMs: 500, moveAside: true },
      more: (ns) => [
        ...pair('Bucket', 'plain', bucket('plain', NOWHERE)),
        ...pair('Bucket', 'packed', bucket('packed', NOWHERE)),
        ...pair('OCIRepository', 'layout', { url: `oci://${NOWHERE}/fleet`, interval: '1h', ref: { tag: 'v1' } }),
        ...pair(
          'ExternalArtifact',
          'archive',
          {},
          {
            artifact: {
              url: `http://${NOWHERE}/a.tar.gz`,
              path: 'a',
              revision: 'v1',
              lastUpdateTime: '2026-01-01T00:00:00Z',
              digest: `sha256:${createHash('sha256').update(external(ns)).digest('hex')}`,
            },
          },
        ),
      ],
    });
    const { ns } = app;
    const files = (name: string, v: string): Buffer => tarOf([{ path: 'a.yaml', content: configMap(ns, name, { v }) }]);

    // A plain archive, an archive of an ExternalArtifact, a folder that oras made with a layer of zstd ...
    await mkdir(join(dir.path, 'made'));
    const made = (name: string): string => join(dir.path, 'made', name);
    await writeFile(made('Bucket_flux-system_plain@monday.tar.zst'), zstdCompressSync(files('by-archive', '1')));
    await writeFile(made('ExternalArtifact_flux-system_archive.tar.gz'), external(ns));
    await writeFile(join(dir.path, 'content'), zstdCompressSync(files('by-layout', '1')));
    const media = 'content:application/vnd.oci.image.layer.v1.tar+zstd';
    execFileSync(oras, ['push', '--oci-layout', 'made/fleet:v1', media], { cwd: dir.path, stdio: 'pipe' });

    // ... and a bundle of a Bucket, made where its server is.
    await s3.createBucket('packed');
    await s3.put('packed', 'a.yaml', configMap(ns, 'by-bundle', { v: '1' }));
    await s3.put('packed', 'b.yaml', configMap(ns, 'by-bundle-too', { v: '1' }));
    const maker = join(dir.path, 'maker');
    await mkdir(join(maker, 'objects'), { recursive: true });
    const keys = manifest('v1', 'Secret', meta('keys'), {
      stringData: { accesskey: s3.accessKey, secretkey: s3.secretKey },
    });
    const source = manifest(API, 'Bucket', meta('packed'), { spec: bucket('packed', s3.endpoint) });
    await writeFile(join(maker, 'objects/all.yaml'), [source, keys].join('\n---\n'));
    const config = join(maker, 'config.yaml');
    await writeFile(
      config,
      'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./state\nobjects: { files: [./objects] }\n',
    );
    const pack = async (name: string, ...flags: string[]): Promise<string> => {
      let said = '';
      const hear = (text: string): void => {
        said += text;
      };
      const argv = ['bundle', 'create', '-c', config, '-o', made(name), ...flags];
      if ((await dispatch(argv, { stdout: hear, stderr: hear, env: {} })) !== 0) throw new Error(said);
      return /packed: (sha256:[0-9a-f]{64})/.exec(said)?.[1] ?? '';
    };
    const first = await pack('buckets.tar', '--compress', 'zstd');

    // The stick is plugged in.
    await rename(join(dir.path, 'made'), stick);
    const becomes = (name: string, v: string | undefined): Promise<unknown> =>
      until(
        async () => JSON.stringify(await dataOf(app, name)) === JSON.stringify(v === undefined ? undefined : { v }),
        {
          within: 30_000,
          what: `${name} is ${v}: ${JSON.stringify(app.agent.loop.status().inbox)}`,
        },
      );
    for (const name of ['by-archive', 'by-artifact', 'by-layout', 'by-bundle', 'by-bundle-too'])
      await becomes(name, '1');
    expect(app.agent.loop.status().sources.every(({ link }) => link.state !== 'up')).toBe(true);
    await until(() => app.agent.loop.status().inbox.filter(({ state }) => state === 'taken').length === 4);

    // The next one: a plain archive, and what has changed in the bucket.
    await mkdir(join(dir.path, 'made'));
    await writeFile(made('Bucket_flux-system_plain@tuesday.tar'), files('by-archive', '2'));
    await s3.put('packed', 'a.yaml', configMap(ns, 'by-bundle', { v: '2' }));
    await s3.remove('packed', 'b.yaml');
    const second = await pack('difference.tar', '--base', first);
    for (const name of ['Bucket_flux-system_plain@tuesday.tar', 'difference.tar'])
      await rename(made(name), join(stick, name));
    await becomes('by-archive', '2');
    await becomes('by-bundle', '2');
    await becomes('by-bundle-too', undefined);
    await app.agent.reaches((s) => s.lastAppliedRevision === second && s.converged, { name: 'packed' });
  }, 120_000);
});
