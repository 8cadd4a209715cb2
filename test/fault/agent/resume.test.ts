import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGitServer } from '../../gitserver/index.ts';
import { fluxArtifact, pusher, startRegistry } from '../../ociregistry/index.ts';
import { startS3Server } from '../../s3server/index.ts';
import { freePorts } from '../../support/ports.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { launch, requireBundle, writeSite } from './launch.ts';

/** Bytes that do not compress, the same each time. */
function noise(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < size; i++) parts.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

const FILES = 240;
const FILE_BYTES = 25_000;
const TOTAL = FILES * FILE_BYTES;
const paths = Array.from({ length: FILES }, (_, i) => `d${i % 9}/f${i}.bin`);
const contentOf = (path: string): Buffer => noise(path, FILE_BYTES);

/** A folder with an agent's configuration for one source; its cluster is not there. */
async function siteWith(kind: string, spec: string): Promise<{ readonly config: string } & AsyncDisposable> {
  const dir = await tempDir('kill-transfer');
  const [nowhere = 0] = await freePorts(1);
  const kubeconfig = `${dir.path}/kubeconfig`;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${nowhere}` } }],
      users: [{ name: 'u', user: {} }],
    }),
  );
  const objects = `apiVersion: source.toolkit.fluxcd.io/v1
kind: ${kind}
metadata: { name: site, namespace: flux-system }
spec: { interval: 1h, timeout: 5m, ${spec} }
`;
  return { config: writeSite({ dir: dir.path, kubeconfig, objects }), [Symbol.asyncDispose]: () => dir.remove() };
}

/** A way to a source that tests slow down and count. */
interface Way {
  /** Bytes that came from the server since the last `reset`. */
  readonly bytes: () => number;
  readonly reset: () => void;
  readonly heal: () => void | Promise<void>;
}

const relayed = (relay: Relay): Way => ({
  bytes: () => relay.out(),
  reset: () => relay.resetCounts(),
  heal: () => relay.restore(),
});

/** Kills agents in the middle of a transfer, lets the last one end it, and counts what all of it has cost. */
async function killThrice(config: string, way: Way, revision: string): Promise<void> {
  let sum = 0;
  for (let kill = 0; kill < 3; kill++) {
    way.reset();
    const agent = launch(config);
    await until(() => way.bytes() > 1_500_000, { within: 60_000, what: 'bytes of the transfer' });
    const source = (await agent.status()).sources.find(({ name }) => name === 'site');
    expect(source?.revision ?? '').toBe('');
    agent.signal('SIGKILL');
    await agent.ended;
    sum += way.bytes();
  }
  await way.heal();
  way.reset();
  const agent = launch(config);
  await until(async () => (await agent.status()).sources.some((one) => one.revision === revision), {
    within: 60_000,
    what: 'the revision',
  });
  await agent.stop();
  expect(way.bytes()).toBeLessThan(0.5 * TOTAL);
  expect(sum + way.bytes()).toBeLessThan(1.3 * TOTAL);
}

describe('an agent killed in the middle of a transfer asks only for the rest when it is back, and applies no part', () => {
  beforeAll(() => requireBundle());

  it('of a Git repository', async () => {
    const git = await startGitServer();
    const repo = await git.repo('site');
    await repo.commit(Object.fromEntries(paths.map((path) => [path, contentOf(path)])));
    await using site = await siteWith('GitRepository', `url: ${repo.url}, ref: { branch: main }`);
    repo.fault({ drip: 350_000 }, { on: 'fetch' });
    const way = { bytes: () => repo.totals().bodyOut, reset: () => repo.resetRequests(), heal: () => repo.fault() };
    await killThrice(site.config, way, `main@sha1:${await repo.head()}`);
    await git.stop();
  });

  it('of a bucket', async () => {
    const s3 = await startS3Server();
    await s3.createBucket('site');
    for (const path of paths) await s3.put('site', path, contentOf(path));
    await s3.makePublic('site');
    const relay = await startRelay({ port: s3.port });
    await using site = await siteWith(
      'Bucket',
      `endpoint: '127.0.0.1:${relay.port}', bucketName: site, insecure: true`,
    );
    relay.latency(250);
    const md5 = (path: string): string => createHash('md5').update(contentOf(path)).digest('hex');
    const lines = [...paths].sort().map((path) => `${path} ${md5(path)}\n`);
    await killThrice(
      site.config,
      relayed(relay),
      `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`,
    );
    await relay.stop();
    await s3.stop();
  });

  it('of a layer in a registry', async () => {
    const registry = await startRegistry();
    const content = gzipSync(tarOf(paths.map((path) => ({ path, content: contentOf(path) }))), { level: 0 });
    const { digest } = await pusher(registry).artifact(fluxArtifact({ name: 'org/site', tag: 'latest', content }));
    const relay = await startRelay({ port: registry.port });
    await using site = await siteWith('OCIRepository', `url: 'oci://127.0.0.1:${relay.port}/org/site', insecure: true`);
    relay.latency(60);
    await killThrice(site.config, relayed(relay), `latest@${digest}`);
    await relay.stop();
    await registry.stop();
  });
});
