import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  fluxArtifact,
  PASSWORD,
  type Pusher,
  pusher,
  type Registry,
  startRegistry,
  USER,
} from '../../ociregistry/index.ts';
import { digestOf } from '../../ociregistry/push.ts';
import { startProxy } from '../../support/proxy.ts';
import { tarGz, tarOf } from '../../support/tar-builder.ts';
import { CONFIG_MAP, ociSite } from './support.ts';

let registry: Registry;
let push: Pusher;
let count = 0;
beforeAll(async () => {
  registry = await startRegistry();
  push = pusher(registry);
}, 600_000);
afterAll(() => registry.stop());

function fresh(): { readonly name: string; readonly url: string } {
  const name = `wrong/app-${count++}`;
  return { name, url: `oci://${registry.host}/${name}` };
}

let unique = 0;
const content = (): Buffer => tarGz({ 'app.yaml': CONFIG_MAP, 'unique.yaml': `n: ${unique++}\n` });

describe('a real registry', () => {
  it('without the tag, digest or repository gives MANIFEST_UNKNOWN, and what is here stays', async () => {
    const { name, url } = fresh();
    await push.artifact(fluxArtifact({ name, tag: 'v1', content: content() }));
    await using site = await ociSite({ url, ref: { tag: 'v1' } });
    await site.fetch();
    await registry.dropTag(name, 'v1');
    const want = {
      code: 'source-ref-missing',
      reason: 'OCIArtifactPullFailed',
      message: expect.stringContaining('MANIFEST_UNKNOWN'),
    };
    expect(await site.fails()).toMatchObject(want);
    expect(await site.fails({ ref: { tag: 'none' } })).toMatchObject(want);
    expect(await site.fails({ ref: { digest: digestOf(Buffer.from('none')) } })).toMatchObject(want);
    expect(await site.fails({ url: `oci://${registry.host}/not/there` })).toMatchObject(want);
    expect(site.text('app.yaml')).toBe(CONFIG_MAP);
  });

  it('that serves another manifest under the digest is refused', async () => {
    const { name, url } = fresh();
    const { digest } = await push.artifact(fluxArtifact({ name, content: content() }));
    const file = registry.blobFile(digest);
    await writeFile(file, (await readFile(file, 'utf8')).replace('2026', '2027'));
    await using site = await ociSite({ url, ref: { digest } });
    expect(await site.fails()).toMatchObject({
      code: 'source-corrupt',
      reason: 'OCIArtifactPullFailed',
      message: expect.stringContaining('does not match requested digest'),
    });
  });

  it.each(['extract', 'copy'] as const)(
    'that serves another whole archive of the same length is refused: %s',
    async (operation) => {
      const { name, url } = fresh();
      const bytes = gzipSync(tarOf([{ path: 'app.yaml', content: `a: ${unique++ + 1_000}` }]), { level: 0 });
      const { layers } = await push.artifact(fluxArtifact({ name, tag: 'latest', content: bytes }));
      const evil = gzipSync(tarOf([{ path: 'app.yaml', content: 'evil: 1' }]), { level: 0 });
      expect(evil.length).toBe(bytes.length);
      await writeFile(registry.blobFile(layers[0] ?? ''), evil);
      await using site = await ociSite({ url, layer: { operation } });
      const does = operation === 'copy' ? 'copy layer' : 'extract layer contents';
      expect(await site.fails()).toMatchObject({
        code: 'source-corrupt',
        reason: 'OCIArtifactLayerOperationFailed',
        message: expect.stringMatching(`^failed to ${does} from artifact: the layer`),
      });
      expect(site.cache.usage().packs).toBe(0);
      expect(site.have).toBeUndefined();
    },
  );

  it('that has lost a layer is told of as by Flux', async () => {
    const { name, url } = fresh();
    const { layers } = await push.artifact(fluxArtifact({ name, tag: 'latest', content: tarGz({ a: `${unique++}` }) }));
    await rm(registry.blobFile(layers[0] ?? ''));
    await using site = await ociSite({ url });
    expect(await site.fails()).toMatchObject({
      reason: 'OCIArtifactLayerOperationFailed',
      message: expect.stringMatching(/^failed to extract the first layer from artifact: GET http/),
    });
  });

  it('that serves bytes changed behind the end of the archive is refused, too', async () => {
    const { name, url } = fresh();
    const bytes = Buffer.concat([content(), Buffer.from(`tail ${unique++}`)]);
    const { layers } = await push.artifact(fluxArtifact({ name, tag: 'latest', content: bytes }));
    const file = registry.blobFile(layers[0] ?? '');
    const changed = await readFile(file);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await writeFile(file, changed);
    await using site = await ociSite({ url });
    expect((await site.fails()).code).toBe('source-corrupt');
    expect(site.cache.usage().packs).toBe(0);
  });

  it.each([
    ['path climbs out', [{ path: '../evil.yaml', content: 'a: 1' }], 'leads out'],
    ['absolute path', [{ path: '/etc/evil.yaml', content: 'a: 1' }], 'absolute'],
    ['device', [{ path: 'dev', flag: '3' }], 'a device'],
    ['sparse file', [{ path: 'sparse', flag: 'S', content: 'x' }], 'sparse'],
    [
      'one name twice',
      [
        { path: 'a.yaml', content: 'a: 1' },
        { path: './a.yaml', content: 'a: 2' },
      ],
      'there twice',
    ],
    [
      'a file for a folder',
      [
        { path: 'a', content: 'a: 1' },
        { path: 'a/b.yaml', content: 'a: 2' },
      ],
      'a file stands',
    ],
    ['wrong sum', [{ path: 'a', content: 'a: 1', sum: 1 }], 'wrong sum'],
  ])('is refused with an archive with %s, and nothing is admitted', async (_what, parts, why) => {
    const { name, url } = fresh();
    const bytes = gzipSync(tarOf([{ path: 'first.yaml', content: `a: ${unique++}` }, ...parts]));
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: bytes }));
    await using site = await ociSite({ url });
    const fault = await site.fails();
    expect(fault).toMatchObject({ code: 'source-refused', reason: 'OCIArtifactLayerOperationFailed' });
    expect(fault.message).toContain('failed to extract layer contents from artifact');
    expect(fault.message).toContain(why);
    expect(site.cache.usage().packs).toBe(0);
    // What cannot be used is not paid for again.
    await site.fails();
    expect(site.count.requests).toBe(1);
  });

  it.each([
    ['artifactBytes', 10],
    ['treeFiles', 1],
    ['treeBytes', 4],
    ['objectBytes', 4],
    ['treeDepth', 1],
    ['pathBytes', 5],
  ] as const)('is held to limits.%s', async (limit, value) => {
    const { name, url } = fresh();
    const bytes = tarGz({ 'a/b.yaml': `a: ${unique++}\n`, 'a/c.yaml': 'c: 1234567890\n' });
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: bytes }));
    await using site = await ociSite({ url });
    const fault = await site.fails({}, { [limit]: value });
    expect(fault).toMatchObject({ code: 'source-bounds', reason: 'OCIArtifactLayerOperationFailed' });
    expect(fault.message).toContain(`limits.${limit}`);
  });

  it('with a bomb costs little time and memory', async () => {
    const { name, url } = fresh();
    const bomb = gzipSync(tarOf([{ path: 'a.bin', content: Buffer.alloc(200 * 1024 * 1024) }]), { level: 9 });
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: bomb }));
    await using site = await ociSite({ url });
    expect((await site.fails()).message).toContain('limits.objectBytes');
    const many = gzipSync(
      Buffer.concat(
        Array.from({ length: 30 }, (_, i) => tarOf([{ path: `${i}`, content: Buffer.alloc(4 << 20) }], false)),
      ),
      { level: 9 },
    );
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: many }));
    expect((await site.fails()).message).toContain('limits.artifactRatio');
    expect(site.cache.usage().packs).toBe(0);
  });

  it('is reached through a proxy', async () => {
    const { name, url } = fresh();
    await push.artifact(fluxArtifact({ name, tag: 'latest', content: content() }));
    const proxy = await startProxy();
    try {
      await using site = await ociSite({ url, proxy: { address: `http://127.0.0.1:${proxy.port}` } });
      expect((await site.fetch()).kind).toBe('fetched');
      expect(site.text('app.yaml')).toBe(CONFIG_MAP);
    } finally {
      await proxy.stop();
    }
  });
});

describe('url', () => {
  it.each([
    ['oci://registry.example.com/org/app:v1', 'must not contain a tag'],
    ['oci://registry.example.com/org/app@sha256:00', 'must not contain a tag or digest'],
    ['oci://user:hush@registry.example.com/org/app', 'credentials'],
    ['oci://registry.example.com', 'the repository'],
    ['oci://registry.example.com/Org/App', 'lower-case'],
    ['oci://registry.example.com/a//b', 'lower-case'],
    ['oci://registry.example.com/../x', 'lower-case'],
    ['https://registry.example.com/a', "must be in format 'oci://"],
  ])('%s is refused for good', async (url, why) => {
    await using site = await ociSite({ url });
    const fault = await site.fails();
    expect(fault).toMatchObject({ code: 'object-invalid', reason: 'URLInvalid' });
    expect(fault.message).toContain('URL validation failed');
    expect(fault.message).toContain(why);
    expect(fault.message).not.toContain('hush');
  });
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that is no registry, or a bad one. */
async function badServer(handler: Handler): Promise<{ host: string; seen: IncomingMessage[]; stop(): Promise<void> }> {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(request);
    handler(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const html: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>');
};
const status =
  (code: number, headers = {}, body = ''): Handler =>
  (_request, response) => {
    response.writeHead(code, headers).end(body);
  };

describe('a server that is no good registry', () => {
  it.each<[string, Handler, object]>([
    ['a captive portal', html, { code: 'wire-protocol', message: expect.stringContaining('login page') }],
    [
      'JSON of something else',
      status(200, { 'content-type': 'application/json' }, '{"hello":1}'),
      { code: 'source-refused' },
    ],
    ['403', status(403), { code: 'source-forbidden', reason: 'OCIArtifactPullFailed' }],
    ['429', status(429, { 'retry-after': '120' }), { code: 'wire-throttled', retryAfterMs: 120_000 }],
    ['500', status(500), { code: 'wire-server', reason: 'OCIArtifactPullFailed' }],
    ['503 with a time', status(503, { 'retry-after': '7' }), { code: 'wire-server', retryAfterMs: 7_000 }],
    ['401 without a way in', status(401), { code: 'source-auth' }],
    ['418', status(418), { code: 'wire-protocol' }],
    [
      'an error of a registry',
      status(404, {}, '{"errors":[{"code":"NAME_UNKNOWN","message":"repository \\u001b[31m"}]}'),
      { code: 'source-not-found', message: expect.stringContaining('NAME_UNKNOWN: repository ?[31m') },
    ],
    [
      'another digest in the head',
      status(200, { 'docker-content-digest': digestOf(Buffer.from('x')), 'content-type': 'application/json' }, '{}'),
      { code: 'source-corrupt' },
    ],
  ])('%s', async (_what, handler, want) => {
    const server = await badServer(handler);
    try {
      await using site = await ociSite({ url: `oci://${server.host}/org/app`, timeoutMs: 5_000 });
      expect(await site.fails()).toMatchObject({ reason: 'OCIArtifactPullFailed', ...want });
    } finally {
      await server.stop();
    }
  });

  it('that never answers ends with the timeout', async () => {
    const server = await badServer(() => undefined);
    try {
      await using site = await ociSite({ url: `oci://${server.host}/org/app`, timeoutMs: 400 });
      const start = performance.now();
      expect((await site.fails()).code).toBe('wire-timeout');
      expect(performance.now() - start).toBeLessThan(3_000);
    } finally {
      await server.stop();
    }
  });

  it('that drips a manifest of 5 MiB ends at the bound', async () => {
    const server = await badServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (let i = 0; i < 5; i++) response.write(Buffer.alloc(1 << 20, 32));
      response.end();
    });
    try {
      await using site = await ociSite({ url: `oci://${server.host}/org/app` });
      expect((await site.fails()).message).toContain('limits.manifestListBytes');
    } finally {
      await server.stop();
    }
  });

  it('gets no credentials for another realm in the plain, nor for a place of its own network', async () => {
    const logins = [{ pattern: '127.0.0.1', username: USER, password: PASSWORD, identityToken: '', registryToken: '' }];
    for (const realm of ['ftp://127.0.0.1/', 'http://u:p@127.0.0.1/', 'not a url', '//x']) {
      const server = await badServer(status(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }));
      try {
        const own = logins.map((one) => ({ ...one, pattern: server.host }));
        await using site = await ociSite({ url: `oci://${server.host}/org/app`, logins: own });
        expect((await site.fails()).code).toBe('source-refused');
        expect(server.seen.every((request) => request.headers.authorization === undefined)).toBe(true);
      } finally {
        await server.stop();
      }
    }
  });

  it('that sends blobs elsewhere does not send our credentials with them', async () => {
    const layer = content();
    const storage = await badServer((_request, response) => {
      response.writeHead(200, { 'content-length': layer.length }).end(layer);
    });
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        layers: [{ mediaType: 'x', digest: digestOf(layer), size: layer.length, urls: ['http://127.0.0.1:1/foreign'] }],
      }),
    );
    const front = await badServer((request, response) => {
      if (request.headers.authorization === undefined)
        status(401, { 'www-authenticate': 'Basic realm="r"' })(request, response);
      else if (request.url?.includes('/manifests/'))
        response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(manifest);
      else response.writeHead(307, { location: `http://${storage.host}/signed?x=1` }).end();
    });
    try {
      const logins = [
        { pattern: front.host, username: USER, password: PASSWORD, identityToken: '', registryToken: '' },
      ];
      await using site = await ociSite({ url: `oci://${front.host}/org/app`, logins });
      await site.fetch();
      expect(site.text('app.yaml')).toBe(CONFIG_MAP);
      expect(storage.seen.map((request) => request.headers.authorization)).toEqual([undefined]);
    } finally {
      await front.stop();
      await storage.stop();
    }
  });

  it('whose list of tags leads elsewhere, or round and round, is not followed', async () => {
    let link = '<http://other.example.com/v2/org/app/tags/list>; rel="next"';
    let page = 0;
    const server = await badServer((request, response) => {
      if (!request.url?.includes('/tags/list')) return status(404)(request, response);
      const next = link === 'ever' ? `</v2/org/app/tags/list?n=1&last=${page++}>; rel="next"` : link;
      response.writeHead(200, { 'content-type': 'application/json', link: next }).end('{"name":"org/app","tags":[]}');
    });
    try {
      await using site = await ociSite({ url: `oci://${server.host}/org/app`, ref: { semver: '*' } });
      expect(await site.fails()).toMatchObject({ code: 'source-refused', reason: 'ReadOperationFailed' });
      link = 'ever';
      expect((await site.fails({}, { registryTags: 50 })).code).toBe('source-bounds');
    } finally {
      await server.stop();
    }
  });

  it('that lies about sizes and digests is caught before anything is kept', async () => {
    const layer = content();
    const size = layer.length;
    for (const [said, served, code] of [
      [size + 5, layer, 'source-corrupt'],
      [size - 5, layer, 'source-corrupt'],
      [size, Buffer.from('<html></html>'), 'source-corrupt'],
    ] as const) {
      const manifest = JSON.stringify({
        schemaVersion: 2,
        layers: [{ mediaType: 'x', digest: digestOf(layer), size: said }],
      });
      const server = await badServer((request, response) => {
        if (request.url?.includes('/manifests/'))
          response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(manifest);
        else response.writeHead(200, { 'content-length': served.length }).end(served);
      });
      try {
        await using site = await ociSite({ url: `oci://${server.host}/org/app` });
        expect(await site.fails()).toMatchObject({ code, reason: 'OCIArtifactLayerOperationFailed' });
        expect(site.cache.usage().packs).toBe(0);
      } finally {
        await server.stop();
      }
    }
  });
});
