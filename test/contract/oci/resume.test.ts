import { randomBytes } from 'node:crypto';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fluxArtifact, type Pusher, pusher, type Registry, startRegistry } from '../../ociregistry/index.ts';
import { digestOf } from '../../ociregistry/push.ts';
import { startRelay } from '../../support/relay.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { ociSite } from './support.ts';

const MIB = 1024 * 1024;
let registry: Registry;
let push: Pusher;
let count = 0;
beforeAll(async () => {
  registry = await startRegistry();
  push = pusher(registry);
}, 600_000);
afterAll(() => registry.stop());

/** An archive that does not compress. */
function large(bytes: number): Buffer {
  const parts = Array.from({ length: Math.ceil(bytes / MIB) }, (_, i) => ({
    path: `f${i}.bin`,
    content: randomBytes(MIB),
  }));
  return gzipSync(tarOf(parts), { level: 0 });
}

async function pushed(content: Buffer): Promise<{ readonly name: string; readonly layer: string }> {
  const name = `resume/app-${count++}`;
  const { layers } = await push.artifact(fluxArtifact({ name, tag: 'latest', content }));
  return { name, layer: layers[0] ?? '' };
}

describe('a transfer that is cut', () => {
  it('every 200 KB goes on and ends in one attempt, for hardly more bytes', async () => {
    const content = large(5 * MIB);
    const { name } = await pushed(content);
    const relay = await startRelay({ port: registry.port });
    try {
      relay.cutAfter(200_000);
      await using site = await ociSite({ url: `oci://127.0.0.1:${relay.port}/${name}` });
      expect((await site.fetch()).kind).toBe('fetched');
      expect(site.files()).toHaveLength(5);
      expect(relay.out() / content.length).toBeLessThan(1.3);
      expect(await readdir(join(site.dir, 'partials'))).toEqual([]);
    } finally {
      await relay.stop();
    }
  });

  it('for good is kept, and the next attempt asks for the rest alone', async () => {
    const content = large(3 * MIB);
    const { name } = await pushed(content);
    const relay = await startRelay({ port: registry.port });
    try {
      const url = `oci://127.0.0.1:${relay.port}/${name}`;
      await using site = await ociSite({ url });
      relay.cutAfter(2 * MIB);
      const fetching = site.fails({ timeoutMs: 8_000 });
      const closed = (async () => {
        while (relay.out() < 2 * MIB - 1) await new Promise((done) => setTimeout(done, 5));
        await relay.refuse();
      })();
      expect(await fetching).toMatchObject({
        reason: 'OCIArtifactLayerOperationFailed',
        message: expect.stringContaining('failed to extract layer contents from artifact'),
      });
      await closed;
      expect(site.cache.usage().packs).toBe(0);
      const [part = ''] = (await readdir(join(site.dir, 'partials'))).filter((file) => file.endsWith('.part'));
      const kept = (await stat(join(site.dir, 'partials', part))).size;
      expect(kept).toBeGreaterThan(100_000);
      await relay.restore();
      relay.resetCounts();
      // Another process on the same folder.
      await using later = await ociSite({ url }, { dir: site.dir });
      await later.fetch();
      expect(later.files()).toHaveLength(3);
      expect(relay.out()).toBeLessThan(content.length - kept + 10_000);
    } finally {
      await relay.stop();
    }
  });

  it('by the timeout is kept as well, so that a slow link ends some day', async () => {
    const content = large(2 * MIB);
    const { name } = await pushed(content);
    const relay = await startRelay({ port: registry.port });
    try {
      await using site = await ociSite({ url: `oci://127.0.0.1:${relay.port}/${name}` });
      relay.latency(20);
      let attempts = 0;
      for (; attempts < 40 && site.have === undefined; attempts++)
        await site
          .fetch({ timeoutMs: 400 })
          .catch((error: unknown) => expect(error).toMatchObject({ code: 'wire-timeout' }));
      expect(site.files()).toHaveLength(2);
      expect(attempts).toBeGreaterThan(1);
    } finally {
      await relay.stop();
    }
  }, 60_000);

  it('begins anew where another layer is wanted, or what was kept is damaged', async () => {
    const content = large(2 * MIB);
    const { name, layer } = await pushed(content);
    await using site = await ociSite({ url: `oci://${registry.host}/${name}` });
    const goal = { digest: layer as `sha256:${string}`, size: content.length, at: Date.now() };
    const owner = 'OCIRepository/apps/app';
    const kept = await site.cache.partials.open(owner, goal);
    await kept.append(content.subarray(0, MIB));
    await kept.keep();
    const [part = ''] = (await readdir(join(site.dir, 'partials'))).filter((file) => file.endsWith('.part'));
    await writeFile(join(site.dir, 'partials', part), randomBytes(MIB));
    await site.fetch();
    expect(site.files()).toHaveLength(2);
    expect(site.count.down).toBeGreaterThan(content.length);
    const other = await pushed(large(MIB));
    const again = await site.cache.partials.open(owner, goal);
    await again.append(content.subarray(0, MIB));
    await again.keep();
    await site.fetch({ url: `oci://${registry.host}/${other.name}` });
    expect(site.files()).toHaveLength(1);
    expect(await readdir(join(site.dir, 'partials'))).toEqual([]);
  });
});

describe('a server that', () => {
  const content = large(MIB);
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, layers: [{ mediaType: 'x', digest: digestOf(content), size: content.length }] }),
  );
  const half = content.length >> 1;
  let behave: (range: string | undefined) => {
    status: number;
    headers?: Record<string, string>;
    body: Buffer;
    cut?: boolean;
  };
  let asked: (string | undefined)[] = [];
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url?.includes('/manifests/')) {
        response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(manifest);
        return;
      }
      asked.push(request.headers.range);
      const answer = behave(request.headers.range);
      response.writeHead(answer.status, { 'content-length': answer.body.length, ...answer.headers });
      if (answer.cut !== true) return void response.end(answer.body);
      response.write(answer.body.subarray(0, half), () => setTimeout(() => response.destroy(), 20));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `oci://127.0.0.1:${(server.address() as AddressInfo).port}/org/app`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const first = { status: 200, body: content, cut: true };

  it('ignores ranges sends what is here again, which is skipped', async () => {
    asked = [];
    behave = (range) => (range === undefined ? first : { status: 200, body: content });
    await using site = await ociSite({ url });
    await site.fetch();
    expect(asked).toEqual([undefined, `bytes=${half}-`]);
    expect(site.files()).toHaveLength(1);
  });

  it('says 416 is asked for all of it', async () => {
    let cuts = 0;
    behave = (range) => {
      if (range !== undefined) return { status: 416, body: Buffer.alloc(0) };
      return cuts++ === 0 ? first : { status: 200, body: content };
    };
    await using site = await ociSite({ url });
    await site.fetch();
    expect(site.files()).toHaveLength(1);
  });

  it.each([
    [
      'sends another part',
      {
        status: 206,
        headers: { 'content-range': `bytes 0-${half - 1}/${content.length}` },
        body: content.subarray(0, half),
      },
      'wire-protocol',
    ],
    [
      'names another size',
      { status: 206, headers: { 'content-range': `bytes ${half}-9/10` }, body: content.subarray(half) },
      'wire-protocol',
    ],
    [
      'sends a login page',
      { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') },
      'wire-protocol',
    ],
    ['compresses', { status: 200, headers: { 'content-encoding': 'gzip' }, body: gzipSync(content) }, 'wire-protocol'],
    ['is not well', { status: 503, body: Buffer.from('sorry') }, 'wire-server'],
  ])('%s changes nothing of what is here', async (_what, answer, code) => {
    behave = (range) => (range === undefined ? first : answer);
    await using site = await ociSite({ url });
    expect((await site.fails()).code).toBe(code);
    asked = [];
    behave = (range) => ({
      status: 206,
      headers: { 'content-range': `${range?.replace('=', ' ')}${content.length - 1}/${content.length}` },
      body: content.subarray(Number(/[0-9]+/.exec(range ?? '')?.[0])),
    });
    await site.fetch();
    expect(asked).toEqual([`bytes=${half}-`]);
    expect(site.files()).toHaveLength(1);
  });
});
