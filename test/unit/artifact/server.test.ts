import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../agent/adapters/log/index.ts';
import { type ArtifactView, type Download, type Serving, serveArtifacts } from '../../../agent/http/index.ts';
import { sha256 } from '../../../src/model/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { until } from '../../support/until.ts';

const PATH = 'gitrepository/ns/app/0123abcd.tar.gz';
const BYTES = Buffer.from('an archive, as far as this test goes');

const lines: string[] = [];
const log = createLog({ clock: manualClock(), write: (line) => lines.push(line) });

/** The bytes in parts, one byte each by default. */
async function* inParts(bytes: Uint8Array, step = 1): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

const download = (change: Partial<Download> = {}): Download => ({
  digest: sha256(BYTES),
  size: BYTES.length,
  open: () => inParts(BYTES),
  stale: () => undefined,
  ...change,
});

const open: Serving[] = [];
async function start(found: Download | undefined, limits: { artifactMs?: number } = {}): Promise<Serving> {
  const view: ArtifactView = { find: (path) => (path === PATH ? found : undefined) };
  const serving = await serveArtifacts({
    listen: '127.0.0.1:0',
    view,
    log,
    limits: { artifactDownloads: 2, artifactMs: 20_000, ...limits },
  });
  open.push(serving);
  return serving;
}

interface Got {
  readonly status: number;
  readonly body: Buffer;
  readonly whole: boolean;
  readonly headers: IncomingMessage['headers'];
}

function ask(serving: Serving, path: string, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const [host, port] = serving.address.split(':');
    const sent = request({ agent: false, host, port, path, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks),
          whole: response.complete,
          headers: response.headers,
        }),
      );
    });
    sent.on('error', reject).end();
  });
}

/** Sends text as it is, and answers all that came back until the end. */
function raw(serving: Serving, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const socket = connect({ host: '127.0.0.1', port: Number(serving.address.split(':').at(-1)) }, () =>
      socket.write(text),
    );
    socket.on('data', (chunk) => {
      got += chunk.toString();
    });
    socket.on('close', () => resolve(got)).on('error', () => undefined);
  });
}

describe('the artifact server', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    lines.length = 0;
  });

  it('serves what was told of, with its size and digest', async () => {
    const serving = await start(download());
    const got = await ask(serving, `/${PATH}`);
    expect(got).toMatchObject({ status: 200, whole: true, body: BYTES });
    expect(got.headers).toMatchObject({
      'content-type': 'application/gzip',
      'content-length': String(BYTES.length),
      etag: `"${sha256(BYTES)}"`,
    });
    const head = await ask(serving, `/${PATH}`, 'HEAD');
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(head.headers['content-length']).toBe(String(BYTES.length));
  });

  it('has nothing else, however it is asked for', async () => {
    const serving = await start(download());
    for (const path of [
      '/',
      '/gitrepository/ns/app/',
      `//${PATH}`,
      `/./${PATH}`,
      `/x/../${PATH}`,
      `/${PATH}?x=1`,
      `/${PATH}/`,
      `/${PATH}%00`,
      `/${PATH.replace('ns', '%6es')}`,
      `/${PATH.toUpperCase()}`,
      '/../../../../etc/passwd',
      '/..%2f..%2fetc%2fpasswd',
      '/status',
      '/metrics',
      '/reconcile',
      `http://other.example/${PATH}`,
    ])
      expect([path, (await ask(serving, path)).status]).toEqual([path, 404]);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const got = await ask(serving, `/${PATH}`, method);
      expect([method, got.status, got.headers['allow']]).toEqual([method, 405, 'GET, HEAD']);
    }
    expect(lines).toEqual([]);
  });

  it('refuses what is no request, or too much of one', async () => {
    const serving = await start(download());
    expect(await raw(serving, '\u0000\u0001\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(serving, `GET /${PATH} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    const body = await raw(serving, `POST /${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx`);
    expect(body).toMatch(/^HTTP\/1\.1 405 [\s\S]*connection: close/i);
  });

  it('never ends a body whole that is not as it was told', async () => {
    for (const wrong of [Buffer.from(BYTES).fill('x', 3, 4), BYTES.subarray(1), Buffer.concat([BYTES, BYTES])])
      for (const step of [1, 1_000]) {
        const stale = { times: 0 };
        const again = (): void => {
          stale.times += 1;
        };
        const serving = await start(download({ open: () => inParts(wrong, step), stale: again }));
        const got = await ask(serving, `/${PATH}`).catch(() => undefined);
        expect([got?.whole ?? false, stale.times]).toEqual([false, 1]);
      }
    expect(lines.join('')).toContain('not those that were announced');
  });

  it('cuts off where the content cannot be read', async () => {
    const serving = await start(
      download({
        open: async function* () {
          yield BYTES.subarray(0, 5);
          yield BYTES.subarray(5, 9);
          throw new Error('damaged');
        },
      }),
    );
    expect((await ask(serving, `/${PATH}`).catch(() => undefined))?.whole ?? false).toBe(false);
    expect(lines.join('')).toContain('damaged');
    expect((await ask(serving, '/')).status).toBe(404);
  });

  it('sends a few at a time, waits for the slow, and lets go of who leaves', async () => {
    const piece = Buffer.alloc(1024 * 1024);
    let made = 0;
    let ended = 0;
    const endless = download({
      size: 2 ** 40,
      open: async function* () {
        try {
          for (;;) {
            made += 1;
            yield piece;
          }
        } finally {
          ended += 1;
        }
      },
    });
    const serving = await start(endless);
    const ends: (() => void)[] = [];
    for (let i = 0; i < 2; i++) {
      const socket = connect({ host: '127.0.0.1', port: Number(serving.address.split(':').at(-1)) }, () =>
        socket.write(`GET /${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`),
      );
      socket.on('error', () => undefined).pause();
      ends.push(() => socket.destroy());
    }
    // Nobody takes anything: the buffers of the system fill, then no more is made.
    let last = -1;
    await until(
      async () => {
        const still = made > 0 && made === last;
        last = made;
        await new Promise((resolve) => setTimeout(resolve, 200));
        return still && made === last;
      },
      { within: 20_000 },
    );
    expect(made).toBeLessThan(100);
    const third = await ask(serving, `/${PATH}`);
    expect([third.status, third.headers['retry-after']]).toEqual([503, '5']);
    expect((await ask(serving, `/${PATH}`, 'HEAD')).status).toBe(200);
    for (const end of ends) end();
    await until(() => ended === 2, { within: 10_000 });
  });

  it('cuts off who takes too long', async () => {
    let ended = false;
    const slow = download({
      open: async function* () {
        try {
          for (const byte of BYTES) {
            await new Promise((resolve) => setTimeout(resolve, 100));
            yield Uint8Array.of(byte);
          }
        } finally {
          ended = true;
        }
      },
    });
    const serving = await start(slow, { artifactMs: 300 });
    expect((await ask(serving, `/${PATH}`).catch(() => undefined))?.whole ?? false).toBe(false);
    await until(() => ended, { within: 5_000 });
  });

  it('says which address it cannot have', async () => {
    const serving = await start(undefined);
    const view: ArtifactView = { find: () => undefined };
    const limits = { artifactDownloads: 1, artifactMs: 1 };
    await expect(serveArtifacts({ listen: serving.address, view, log, limits })).rejects.toThrow('is taken');
  });
});
