import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer as createTcp, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTls } from 'node:tls';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createWire, type NodeWire, type WireOptions } from '../../../agent/adapters/wire/index.ts';
import { Fault } from '../../../src/model/index.ts';
import type { WireRequest, WireTls } from '../../../src/ports/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';
import { listen, listener } from './http-world.ts';
import { codeOf, LIMITS, type SeenRequest, type ServerAnswer, textOf } from './suite.ts';

const authority = createAuthority('holdfast-test-wire');
const own = authority.issue({ name: 'server', hosts: ['127.0.0.1', 'localhost'] });
const ca = authority.certPem;

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function wireOf(options: WireOptions = {}): NodeWire {
  const wire = createWire(options);
  ends.push(() => wire.close());
  return wire;
}

async function serve(
  handler: (request: SeenRequest) => ServerAnswer,
  secure = false,
): Promise<{ port: number; sockets: Socket[] }> {
  const server = secure
    ? createHttps({ cert: own.certPem, key: own.keyPem }, listener(handler))
    : createHttp(listener(handler));
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => void sockets.push(socket));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: await listen(server), sockets };
}

async function tcp(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listen(server);
}

const get = (url: string, more: Partial<WireRequest> = {}): WireRequest => ({
  method: 'GET',
  url,
  limits: LIMITS,
  ...more,
});

describe('content codings', () => {
  const text = 'a line of text\n'.repeat(2_000);
  it.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['zstd', zstdCompressSync(text)],
  ])('%s is undone', async (coding, body) => {
    const { port } = await serve(() => ({
      headers: { 'content-encoding': coding },
      parts: [body.subarray(0, 9), body.subarray(9)],
    }));
    const response = await wireOf().send(get(`http://127.0.0.1:${port}/`));
    expect(await textOf(response)).toBe(text);
    expect(response.count().down).toBeLessThan(body.length + 400);
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(40_000_000))],
    ['zstd', zstdCompressSync(Buffer.alloc(40_000_000))],
  ])('a bomb in %s is refused after maxBytes', async (coding, body) => {
    const { port } = await serve(() => ({ headers: { 'content-encoding': coding }, parts: [body] }));
    const response = await wireOf().send(get(`http://127.0.0.1:${port}/`));
    let size = 0;
    const read = async (): Promise<void> => {
      for await (const part of response.body) size += part.length;
    };
    expect(await codeOf(read())).toBe('source-bounds');
    expect(size).toBeLessThanOrEqual(LIMITS.maxBytes);
  });

  it('what cannot be undone, ends early or is unknown is an error', async () => {
    const answers: Record<string, ServerAnswer> = {
      '/broken': { headers: { 'content-encoding': 'gzip' }, parts: ['this is not gzip at all'] },
      '/short': { headers: { 'content-encoding': 'gzip' }, parts: [gzipSync(text).subarray(0, 60)] },
      '/short-zstd': { headers: { 'content-encoding': 'zstd' }, parts: [zstdCompressSync(text).subarray(0, 30)] },
      '/unknown': { headers: { 'content-encoding': 'br' }, parts: ['x'] },
      '/raw': { headers: { 'content-encoding': 'deflate' }, parts: [deflateRawSync(text)] },
    };
    const { port } = await serve(({ path }) => answers[path] ?? {});
    const wire = wireOf();
    const code = async (path: string): Promise<string> =>
      codeOf(wire.send(get(`http://127.0.0.1:${port}${path}`)).then((response) => textOf(response)));
    expect(await code('/broken')).toBe('wire-protocol');
    expect(await code('/short')).toBe('wire-cut');
    expect(await code('/short-zstd')).toBe('wire-cut');
    expect(await code('/unknown')).toBe('wire-protocol');
    expect(await code('/raw')).toBe('wire-protocol');
  });
});

describe('connections', () => {
  it('are kept for the next request, and closed when idle', async () => {
    const { port, sockets } = await serve(() => ({ parts: ['x'] }));
    const wire = wireOf({ keepMs: 200 });
    for (let i = 0; i < 5; i++) await textOf(await wire.send(get(`http://127.0.0.1:${port}/`)));
    expect(sockets).toHaveLength(1);
    await until(() => sockets[0]?.destroyed === true || sockets[0]?.readyState === 'closed', {
      what: 'the idle connection to close',
    });
  });

  it('are few at once', async () => {
    const { port, sockets } = await serve(() => ({ parts: ['x'] }));
    const wire = wireOf({ sockets: 2 });
    await Promise.all(
      Array.from({ length: 12 }, async () => textOf(await wire.send(get(`http://127.0.0.1:${port}/`)))),
    );
    expect(sockets.length).toBeLessThanOrEqual(2);
  });

  it('are free again after an answer that nobody read', async () => {
    const { port } = await serve(() => ({ parts: ['x'.repeat(500_000)] }));
    const wire = wireOf({ sockets: 1 });
    await wire.send(get(`http://127.0.0.1:${port}/`, { limits: { ...LIMITS, totalMs: 1_500 } }));
    expect(await textOf(await wire.send(get(`http://127.0.0.1:${port}/`)))).toHaveLength(500_000);
  });

  it('count what the TCP connection moved, TLS handshakes included, whole over all exchanges', async () => {
    const { port } = await serve(() => ({ parts: ['x'.repeat(5_000)] }), true);
    const relay = await startRelay({ port });
    ends.push(() => relay.stop());
    const wire = wireOf();
    const counts = [];
    for (let i = 0; i < 3; i++) {
      const response = await wire.send(get(`https://127.0.0.1:${relay.port}/`, { tls: { ca } }));
      await textOf(response);
      counts.push(response.count());
    }
    const up = counts.reduce((sum, c) => sum + c.up, 0);
    const down = counts.reduce((sum, c) => sum + c.down, 0);
    await until(() => relay.in() === up, { what: `the relay to have moved ${up}` });
    expect(down).toBe(relay.out());
    expect(relay.connections()).toBe(1);
    expect(counts[0]?.down).toBeGreaterThan((counts[1]?.down ?? 0) + 500);
  });

  it('resume TLS, so that the next handshake is smaller', async () => {
    const { port, sockets } = await serve(() => ({ parts: ['x'] }), true);
    const wire = wireOf();
    const once = async (): Promise<number> => {
      const response = await wire.send(get(`https://127.0.0.1:${port}/`, { tls: { ca } }));
      await textOf(response);
      return response.count().down;
    };
    const first = await once();
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await once()).toBeLessThan(first - 300);
  });

  it('that the server closed while they were kept are replaced', async () => {
    const { port, sockets } = await serve(() => ({ parts: ['x'] }));
    const wire = wireOf();
    for (let i = 0; i < 4; i++) {
      expect(await textOf(await wire.send(get(`http://127.0.0.1:${port}/`)))).toBe('x');
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe('servers that misbehave', () => {
  it('an endless head is refused', async () => {
    const port = await tcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write(`X-${'a'.repeat(1_000)}: ${'b'.repeat(8_000)}\r\n`), 2);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await codeOf(wireOf().send(get(`http://127.0.0.1:${port}/`)))).toBe('source-bounds');
  });

  it('what is not HTTP is named so', async () => {
    const port = await tcp((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(await codeOf(wireOf().send(get(`http://127.0.0.1:${port}/`)))).toBe('wire-protocol');
    expect(await codeOf(wireOf().send(get(`https://127.0.0.1:${port}/`)))).toBe('wire-tls');
  });

  it('a slow drip is cut at the whole time, though it is never idle', async () => {
    const port = await tcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const start = performance.now();
    const response = await wireOf().send(
      get(`http://127.0.0.1:${port}/`, { limits: { ...LIMITS, totalMs: 1_500, idleMs: 1_000 } }),
    );
    expect(await codeOf(textOf(response))).toBe('wire-timeout');
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(1_450);
    expect(took).toBeLessThan(3_000);
  });

  it('a TLS handshake that never ends is cut', async () => {
    const port = await tcp((socket) => void socket.resume());
    const limits = { ...LIMITS, totalMs: 250 };
    expect(await codeOf(wireOf().send(get(`https://127.0.0.1:${port}/`, { limits })))).toBe('wire-timeout');
  });

  it('a redirect from https to http is refused', async () => {
    const { port } = await serve(() => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }), true);
    expect(await codeOf(wireOf().send(get(`https://127.0.0.1:${port}/`, { tls: { ca } })))).toBe('wire-protocol');
  });

  it('any certificate is taken where that is asked for, and nowhere else', async () => {
    const { port } = await serve(() => ({ parts: ['x'] }), true);
    const wire = wireOf();
    const url = `https://127.0.0.1:${port}/`;
    expect(await textOf(await wire.send(get(url, { tls: { anyServer: true } })))).toBe('x');
    expect(await codeOf(wire.send(get(url)))).toBe('wire-tls');
  });

  it('what is wrong with a certificate is said as tools know it', async () => {
    const said = async (port: number, tls: WireTls): Promise<string> => {
      const sent = wireOf().send(get(`https://127.0.0.1:${port}/`, { tls }));
      const fault = await sent.then(textOf).catch((error: unknown) => error);
      if (!(fault instanceof Fault)) throw new Error('it was taken');
      expect([fault.code, fault.message.includes('\n')]).toEqual(['wire-tls', false]);
      return fault.message;
    };
    const { port } = await serve(() => ({ parts: ['x'] }), true);
    expect(await said(port, {})).toContain('x509: certificate signed by unknown authority');
    const old = authority.issue({ name: 'old', hosts: ['127.0.0.1'], notAfter: new Date(1_600_000_000_000) });
    const other = authority.issue({ name: 'other', hosts: ['other.test'] });
    const strict = { requestCert: true, rejectUnauthorized: true };
    for (const [options, words] of [
      [{ cert: old.certPem, key: old.keyPem }, 'x509: certificate has expired or is not yet valid'],
      [{ cert: other.certPem, key: other.keyPem }, 'x509: the certificate is for other names'],
      [{ cert: own.certPem, key: own.keyPem, ca, ...strict }, 'remote error: tls: certificate required'],
    ] as const) {
      const server = createTls(options, (socket) => socket.on('error', () => {}));
      server.on('tlsClientError', () => {});
      ends.push(() => void server.close());
      expect(await said(await listen(server), { ca })).toContain(words);
    }
    const plain = await tcp((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await said(plain, { ca })).toContain('first record does not look like a TLS handshake');
  });

  it('a client certificate does not follow to another origin', async () => {
    const agent = authority.issue({ name: 'agent' });
    const names: string[] = [];
    const there = createTls(
      { cert: own.certPem, key: own.keyPem, ca, requestCert: true, rejectUnauthorized: false },
      (socket) => {
        names.push(String(socket.getPeerCertificate().subject?.CN));
        socket.on('error', () => {});
        socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      },
    );
    ends.push(() => void there.close());
    const target = await listen(there);
    const { port } = await serve(() => ({ status: 302, headers: { location: `https://127.0.0.1:${target}/` } }), true);
    const tls = { ca, cert: agent.certPem, key: agent.keyPem };
    await textOf(await wireOf().send(get(`https://127.0.0.1:${port}/`, { tls })));
    await textOf(await wireOf().send(get(`https://127.0.0.1:${target}/`, { tls })));
    expect(names).toEqual(['undefined', 'agent']);
  });
});

describe('proxies', () => {
  it('SOCKS5 with and without credentials, names resolved over there', async () => {
    const { port } = await serve(() => ({ parts: ['through'] }), true);
    const asked: string[] = [];
    const proxy = await tcp((socket) => socksServer(socket, { user: 'ada', pass: 'secret' }, asked, port));
    const wire = wireOf();
    const url = `https://localhost:${port}/`;
    const address = `socks5://127.0.0.1:${proxy}`;
    const good = { address, username: 'ada', password: 'secret' };
    expect(await textOf(await wire.send(get(url, { tls: { ca }, proxy: good })))).toBe('through');
    expect(asked).toEqual(['localhost']);
    expect(await codeOf(wire.send(get(url, { tls: { ca }, proxy: { ...good, password: 'no' } })))).toBe('wire-proxy');
    expect(await codeOf(wire.send(get(url, { tls: { ca }, proxy: { address } })))).toBe('wire-proxy');
  });

  it('are reached over TLS when their address says https', async () => {
    const { port } = await serve(() => ({ parts: ['both ways sealed'] }), true);
    const proxy = createHttps({ cert: own.certPem, key: own.keyPem });
    proxy.on('connect', (request: IncomingMessage, client: Duplex) => {
      const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
      ends.push(() => void upstream.destroy());
    });
    ends.push(() => void proxy.close());
    const address = `https://127.0.0.1:${await listen(proxy)}`;
    const wire = wireOf();
    const url = `https://127.0.0.1:${port}/`;
    expect(await textOf(await wire.send(get(url, { tls: { ca }, proxy: { address } })))).toBe('both ways sealed');
    expect(await codeOf(wire.send(get(url, { proxy: { address } })))).toBe('wire-proxy');
  });

  it('are chosen by an option where the request names none, user info in the address included', async () => {
    const { port } = await serve(({ path, headers }) => ({ parts: [`${path} ${headers['proxy-authorization']}`] }));
    const wire = wireOf({
      proxyFor: (url) => (url.hostname === 'far.example' ? { address: `http://a:b@127.0.0.1:${port}` } : undefined),
    });
    const basic = Buffer.from('a:b').toString('base64');
    expect(await textOf(await wire.send(get('http://far.example/x?y=1')))).toBe(
      `http://far.example/x?y=1 Basic ${basic}`,
    );
    expect(await textOf(await wire.send(get(`http://127.0.0.1:${port}/near`)))).toBe('/near undefined');
  });

  it('that answer nonsense, never end their head or hang are left', async () => {
    const nonsense = await tcp((socket) => void socket.end('hello\r\n\r\n'));
    const endless = await tcp((socket) => {
      const timer = setInterval(() => socket.write('x'.repeat(4_000)), 5);
      socket.on('close', () => clearInterval(timer));
    });
    const mute = await tcp((socket) => void socket.resume());
    const wire = wireOf();
    const through = (port: number, totalMs = 5_000) =>
      codeOf(
        wire.send(
          get('https://far.example/', {
            proxy: { address: `http://127.0.0.1:${port}` },
            limits: { ...LIMITS, totalMs },
          }),
        ),
      );
    expect(await through(nonsense)).toBe('wire-proxy');
    expect(await through(endless)).toBe('wire-proxy');
    expect(await through(mute, 200)).toBe('wire-timeout');
  });

  it('with an address that is none are refused without repeating it', async () => {
    const failed = wireOf().send(get('http://far.example/', { proxy: { address: 'gopher://ada:hunter2@x' } }));
    await expect(failed).rejects.toMatchObject({ code: 'wire-proxy', message: expect.not.stringContaining('hunter2') });
  });
});

/** The part of SOCKS5 that the tests need: user and password, then a connection to a fixed port. */
function socksServer(socket: Socket, want: { user: string; pass: string }, asked: string[], port: number): void {
  let stage = 0;
  socket.on('data', (data: Buffer) => {
    if (stage === 0) {
      const both = data.subarray(2).includes(2);
      socket.write(Buffer.from([5, both ? 2 : 255]));
      stage = 1;
    } else if (stage === 1) {
      const length = data[1] ?? 0;
      const user = data.toString('utf8', 2, 2 + length);
      const pass = data.toString('utf8', 3 + length);
      socket.write(Buffer.from([1, user === want.user && pass === want.pass ? 0 : 1]));
      stage = 2;
    } else if (stage === 2) {
      asked.push(data.toString('utf8', 5, 5 + (data[4] ?? 0)));
      stage = 3;
      const upstream = connect(port, '127.0.0.1', () => {
        socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
    }
  });
}
