import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { at, type JsonObject, type KubeObject, sha256, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import {
  fluxArtifact,
  helmChart,
  PASSWORD,
  pusher,
  type Registry,
  startRegistry,
  USER,
} from '../../ociregistry/index.ts';
import { type S3Server, startS3Server } from '../../s3server/index.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { until } from '../../support/until.ts';
import {
  conditionOf,
  configMap,
  git,
  installDefinitions,
  isReady,
  kustomization,
  messageOf,
  type Site,
  type SiteOptions,
  startSite,
} from './site.ts';

const source = (kind: string, ns: string, spec: JsonObject): JsonObject => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind,
  metadata: { name: 'app', namespace: ns },
  spec: { interval: '1h', ...spec },
});

const from = (kind: string, ns: string): JsonObject => kustomization(ns, { sourceRef: { kind, name: 'app' } });

const revisionOf = (object: KubeObject | undefined): string => textAt(object?.['status'], 'artifact', 'revision') ?? '';

async function download(object: KubeObject): Promise<Buffer> {
  const { url, digest, size } = at(object['status'], 'artifact') as unknown as {
    url: string;
    digest: string;
    size: number;
  };
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  expect([sha256(bytes), bytes.length]).toEqual([digest, size]);
  return bytes;
}

describe('sources of other kinds', () => {
  let cluster: ClusterAccess;
  let site: Site;
  const start = async (options?: SiteOptions): Promise<Site> => {
    site = await startSite(cluster, options);
    return site;
  };
  const valueOfA = async (): Promise<string> => textAt(await site.get('ConfigMap', 'a'), 'data', 'v') ?? '';
  const content = (ns: string, v: string): Buffer => tarGz({ 'a.yaml': configMap(ns, 'a', { v }) });

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
  });
  afterEach(() => site.stop());
  afterAll(() => cluster.stop());

  it('a GitRepository shows what was put into it, and what it was asked for as it is written', async () => {
    await start({
      seeds: (ns, url) => [
        git(ns, url),
        git(ns, url, { sparseCheckout: ['./one'], ref: { branch: 'main' } }, 'sparse'),
        git(ns, url, { include: [{ repository: { name: 'app' }, fromPath: 'one' }] }, 'outer'),
      ],
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 'one/b.yaml': configMap(ns, 'b', {}) }),
    });
    const inner = await site.reaches('GitRepository', isReady);
    const holds = (one: KubeObject): boolean =>
      JSON.stringify(at(one['status'], 'includedArtifacts')) === JSON.stringify([at(inner['status'], 'artifact')]);
    const outer = await site.reaches('GitRepository', (one) => isReady(one) && holds(one), 'outer');
    expect(at(outer['status'], 'observedInclude')).toEqual([{ repository: { name: 'app' }, fromPath: 'one' }]);
    const sparse = await site.reaches('GitRepository', isReady, 'sparse');
    expect(at(sparse['status'], 'observedSparseCheckout')).toEqual(['./one']);
    await site.repo.commit({ 'one/c.yaml': configMap(site.ns, 'c', {}) });
    await site.reconcile('GitRepository');
    const moved = await site.get('GitRepository');
    const told = JSON.stringify([at(moved?.['status'], 'artifact')]);
    await site.reaches(
      'GitRepository',
      (one) => JSON.stringify(at(one['status'], 'includedArtifacts')) === told,
      'outer',
    );
  });

  describe('an OCIRepository', () => {
    let registry: Registry;
    beforeAll(async () => {
      registry = await startRegistry({ basic: true });
    });
    afterAll(() => registry.stop());

    const push = (ns: string, v: string, revision = `main@sha1:${v.padStart(40, '0')}`) =>
      pusher(registry, 'basic').artifact(fluxArtifact({ name: ns, tag: 'latest', content: content(ns, v), revision }));
    const login = (ns: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: 'login', namespace: ns },
      stringData: {
        '.dockerconfigjson': JSON.stringify({ auths: { [registry.host]: { username: USER, password: PASSWORD } } }),
      },
    });
    const oci = (ns: string, spec: JsonObject = { secretRef: { name: 'login' } }): JsonObject =>
      source('OCIRepository', ns, { url: `oci://${registry.host}/${ns}`, insecure: true, ...spec });

    it('is fetched and applied, followed, and told of as in Flux', async () => {
      await start({ seeds: (ns) => [login(ns), oci(ns), from('OCIRepository', ns)] });
      await site.reaches('OCIRepository', (one) => conditionOf(one) === 'False/OCIArtifactPullFailed');
      const first = await push(site.ns, '1');
      await site.reconcile('OCIRepository');
      const app = await site.reaches('Kustomization', isReady);
      const repository = await site.reaches('OCIRepository', isReady);
      expect(messageOf(repository)).toBe(`stored artifact for digest 'latest@${first.digest}'`);
      expect(repository['status']).toMatchObject({
        artifact: {
          revision: `latest@${first.digest}`,
          metadata: { 'org.opencontainers.image.source': 'https://example.com/app.git' },
        },
      });
      const origin = `main@sha1:${'1'.padStart(40, '0')}`;
      expect(app['status']).toMatchObject({
        lastAppliedRevision: `latest@${first.digest}`,
        lastAppliedOriginRevision: origin,
        history: [{ metadata: { revision: `latest@${first.digest}`, originRevision: origin } }],
      });
      expect(await valueOfA()).toBe('1');
      expect(textAt(repository['status'], 'artifact', 'path')).toBe(
        `ocirepository/${site.ns}/app/${first.digest}.tar.gz`,
      );
      await download(repository);
      const latest = await fetch(textAt(repository['status'], 'url') ?? '');
      expect([latest.status, latest.headers.get('etag')]).toEqual([
        200,
        `"${textAt(repository['status'], 'artifact', 'digest')}"`,
      ]);
      const second = await push(site.ns, '2');
      site.agent.loop.nudge(`OCIRepository/${site.ns}/app`);
      await until(async () => (await valueOfA()) === '2');
      await site.reaches(
        'Kustomization',
        (one) => textAt(one['status'], 'lastAppliedRevision') === `latest@${second.digest}`,
      );
      expect((await site.events()).join('\n')).toMatch(
        /OCIRepository Normal NewArtifact: stored artifact with revision 'latest@sha256:.*' from 'oci:.*origin revision 'main@sha1:/,
      );
    });

    it('stays at what it has, and says that there is something newer which cannot be had', async () => {
      await start({ seeds: (ns) => [login(ns), oci(ns), from('OCIRepository', ns)] });
      const first = await push(site.ns, '1');
      await site.reconcile('OCIRepository');
      await site.reaches('Kustomization', isReady);
      const second = await push(site.ns, '2');
      const [layer = ''] = second.layers;
      const whole = readFileSync(registry.blobFile(layer));
      writeFileSync(registry.blobFile(layer), whole.subarray(0, whole.length - 1));
      const found = await site.reconcile('OCIRepository');
      expect(['Ready', 'ArtifactInStorage', 'ArtifactOutdated'].map((type) => conditionOf(found, type))).toEqual([
        'False/OCIArtifactLayerOperationFailed',
        'True/Succeeded',
        'True/NewRevision',
      ]);
      expect(messageOf(found, 'ArtifactOutdated')).toBe(
        `new revision 'latest@${second.digest}' for '${registry.host}/${site.ns}:latest'`,
      );
      expect(revisionOf(found)).toBe(`latest@${first.digest}`);
      expect(await valueOfA()).toBe('1');
      writeFileSync(registry.blobFile(layer), whole);
      await site.reconcile('OCIRepository');
      const healed = await site.reaches('OCIRepository', isReady);
      expect(conditionOf(healed, 'ArtifactOutdated')).toBe('');
      await until(async () => (await valueOfA()) === '2');
    });

    it('counts what it moved over a restart, and asks for a HEAD only when nothing is new', async () => {
      await start({ seeds: (ns) => [login(ns), oci(ns), from('OCIRepository', ns)] });
      await push(site.ns, '1');
      await site.reconcile('OCIRepository');
      await site.reaches('Kustomization', isReady);
      const wire = () => site.agent.loop.status().sources[0]?.wire ?? { requests: 0, up: 0, down: 0 };
      const before = wire();
      await site.reconcile('OCIRepository');
      const after = wire();
      expect(after.requests - before.requests).toBeLessThanOrEqual(2);
      expect(after.up + after.down - before.up - before.down).toBeLessThan(1_500);
      await site.restart();
      await until(() => wire().requests > after.requests);
      expect(wire().down).toBeGreaterThan(after.down);
    });

    it('logs in with the pull secrets of a service account', async () => {
      await start({
        seeds: (ns) => [oci(ns, { serviceAccountName: 'puller' }), from('OCIRepository', ns)],
      });
      await push(site.ns, '1');
      await site.reconcile('OCIRepository');
      const without = await site.reaches('OCIRepository', (one) => conditionOf(one) === 'False/AuthenticationFailed');
      expect(messageOf(without)).toContain(`serviceaccount '${site.ns}/puller' not found`);
      await site.apply(login(site.ns));
      await site.apply({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'puller', namespace: site.ns },
        imagePullSecrets: [{ name: 'login' }],
      });
      await site.reconcile('OCIRepository');
      await site.reaches('Kustomization', isReady);
    });

    it('whose layer is to be kept as it is, is served as it is, after a restart too', async () => {
      const chart = tarGz({ 'app/Chart.yaml': 'name: app\nversion: 1.0.0\napiVersion: v2\n' });
      await start({
        seeds: (ns) => [
          login(ns),
          oci(ns, {
            secretRef: { name: 'login' },
            ref: { semver: '>=1.0.0' },
            layerSelector: { mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', operation: 'copy' },
          }),
        ],
      });
      await pusher(registry, 'basic').artifact(helmChart({ name: site.ns, version: '1.2.3', chart }));
      await site.reconcile('OCIRepository');
      const found = await site.reaches('OCIRepository', isReady);
      expect(revisionOf(found)).toMatch(/^1\.2\.3@sha256:/);
      expect(found['status']).toMatchObject({ observedLayerSelector: { operation: 'copy' } });
      expect(await download(found)).toEqual(chart);
      await site.restart();
      await until(async () => (await download((await site.get('OCIRepository')) as KubeObject)).equals(chart));
    });
  });

  describe('a Bucket', () => {
    let s3: S3Server;
    beforeAll(async () => {
      s3 = await startS3Server();
    });
    afterAll(() => s3.stop());

    it('is fetched and applied, followed, and told of as in Flux', async () => {
      const bucket = (ns: string): JsonObject =>
        source('Bucket', ns, {
          endpoint: s3.endpoint,
          bucketName: ns,
          region: 'us-east-1',
          insecure: true,
          secretRef: { name: 'keys' },
        });
      const keys = (ns: string): JsonObject => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'keys', namespace: ns },
        stringData: { accesskey: s3.accessKey, secretkey: s3.secretKey },
      });
      await start({ seeds: (ns) => [bucket(ns), from('Bucket', ns)] });
      const without = await site.reaches('Bucket', (one) => conditionOf(one) === 'False/AuthenticationFailed');
      expect(messageOf(without)).toContain('secrets "keys" not found');
      await site.apply(keys(site.ns));
      await site.reconcile('Bucket');
      const missing = await site.reaches('Bucket', (one) => conditionOf(one) === 'False/BucketOperationFailed');
      expect(messageOf(missing)).toContain(`bucket '${site.ns}' not found`);
      await s3.createBucket(site.ns);
      await s3.put(site.ns, 'a.yaml', configMap(site.ns, 'a', { v: '1' }));
      await site.reconcile('Bucket');
      await site.reaches('Kustomization', isReady);
      const found = await site.reaches('Bucket', isReady);
      expect(revisionOf(found)).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(messageOf(found)).toBe(`stored artifact: revision '${revisionOf(found)}'`);
      await download(found);
      await s3.put(site.ns, 'a.yaml', configMap(site.ns, 'a', { v: '2' }));
      await site.reconcile('Bucket');
      await until(async () => (await valueOfA()) === '2');
      expect((await site.events()).join('\n')).toMatch(
        /Bucket Normal NewArtifact: stored artifact with 1 fetched files from/,
      );
    });
  });

  describe('an ExternalArtifact', () => {
    let server: Server;
    let base = '';
    const served = new Map<string, Buffer>();
    beforeAll(async () => {
      server = createServer((request, response) => {
        const bytes = served.get(request.url ?? '');
        response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => new Promise((resolve) => server.close(resolve)));

    const tell = (v: string, digest?: string) => {
      const bytes = content(site.ns, v);
      served.set(`/${site.ns}/${v}`, bytes);
      const artifact = {
        path: v,
        url: `${base}/${site.ns}/${v}`,
        revision: `v${v}`,
        digest: digest ?? sha256(bytes),
        size: bytes.length,
        lastUpdateTime: '2026-01-01T00:00:00Z',
      };
      const path = `${site.path('ExternalArtifact', 'app')}/status`;
      return cluster.api('PATCH', path, { status: { artifact } });
    };

    it('is applied when its maker tells of it, also after a restart, and never written to', async () => {
      await start({ seeds: (ns) => [source('ExternalArtifact', ns, {}), from('ExternalArtifact', ns)].map(bare) });
      await tell('1');
      await site.reaches('Kustomization', isReady);
      expect(await valueOfA()).toBe('1');
      const other = await tell('2', sha256('another'));
      expect(other.status).toBe(200);
      await until(() => site.agent.loop.status().sources[0]?.notConverged !== undefined);
      expect(await valueOfA()).toBe('1');
      await site.restart();
      await tell('3');
      await until(async () => (await valueOfA()) === '3');
      const object = await site.get('ExternalArtifact');
      expect([object?.metadata['finalizers'], at(object?.['status'], 'conditions')]).toEqual([undefined, undefined]);
    });
  });
});

/** The kind has no interval. */
function bare(object: JsonObject): JsonObject {
  if (object['kind'] !== 'ExternalArtifact') return object;
  return { ...object, spec: {} };
}
