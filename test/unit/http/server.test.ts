import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../agent/adapters/log/index.ts';
import { type Serving, serve, type View } from '../../../agent/http/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { sampleStatus } from '../../support/status-sample.ts';

const lines: string[] = [];
const log = createLog({ clock: manualClock(), write: (line) => lines.push(line) });
const view = (change: Partial<View> = {}): View => ({
  status: () => sampleStatus(),
  metrics: () => 'up 1\n',
  alive: () => true,
  ready: () => true,
  ...change,
});

interface Got {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

function ask(options: object): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on('error', reject).end();
  });
}

const port = (serving: Serving): number => Number(serving.address.split(':').at(-1));

function raw(serving: Serving, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    const socket: Socket = connect({ host: '127.0.0.1', port: port(serving) }, () => socket.write(text));
    socket.on('data', (chunk) => {
      got += chunk.toString();
    });
    socket.on('close', () => resolve(got)).on('error', reject);
  });
}

let dir = '';
let open: Serving[] = [];
const start = async (listen: string, change: Partial<View> = {}): Promise<Serving> => {
  const serving = await serve(listen, view(change), log);
  open.push(serving);
  return serving;
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-http-'));
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((serving) => serving.close()));
  rmSync(dir, { recursive: true, force: true });
});

describe('server on TCP', () => {
  it('serves pages on the port it was given', async () => {
    const serving = await start('127.0.0.1:0');
    const got = await ask({ host: '127.0.0.1', port: port(serving), path: '/status' });
    expect(got.status).toBe(200);
    expect(JSON.parse(got.body)).toEqual(sampleStatus());
    expect(got.headers['cache-control']).toBe('no-store');
  });

  it('answers HEAD without a body', async () => {
    const serving = await start('127.0.0.1:0');
    const got = await ask({ host: '127.0.0.1', port: port(serving), path: '/metrics', method: 'HEAD' });
    expect(got).toMatchObject({ status: 200, body: '' });
    expect(got.headers['content-length']).toBe('5');
  });

  it('takes no nudge', async () => {
    const serving = await start('127.0.0.1:0', { nudge: () => true });
    const got = await ask({ host: '127.0.0.1', port: port(serving), path: '/reconcile', method: 'POST' });
    expect(got.status).toBe(403);
  });

  it('answers 500 and logs when a page throws', async () => {
    const serving = await start('127.0.0.1:0', {
      status: () => {
        throw new Error('no status with password=hunter2');
      },
    });
    const got = await ask({ host: '127.0.0.1', port: port(serving), path: '/status' });
    expect(got.status).toBe(500);
    expect(got.body).not.toContain('hunter2');
    expect(lines.join('')).toContain('http answer failed');
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('refuses a port that is taken, in one line that says so', async () => {
    const first = await start('127.0.0.1:0');
    await expect(serve(first.address, view(), log)).rejects.toThrow(`${first.address} is taken by another process`);
  });

  it('bounds headers', async () => {
    const serving = await start('127.0.0.1:0');
    const got = await raw(serving, `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(got).toMatch(/^HTTP\/1.1 431 /);
  });

  it('ends the connection of who sends a body without end', async () => {
    const serving = await start('127.0.0.1:0');
    const got = await raw(
      serving,
      'POST /status HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    );
    expect(got).toMatch(/^HTTP\/1.1 405 /);
  });

  it('answers garbage with 400', async () => {
    const serving = await start('127.0.0.1:0');
    expect(await raw(serving, '\x16\x03\x01 not http\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('closes at once with an idle kept-alive connection', async () => {
    const serving = await serve('127.0.0.1:0', view(), log);
    const agent = new Agent({ keepAlive: true });
    await ask({ agent, host: '127.0.0.1', port: port(serving), path: '/livez' });
    const began = performance.now();
    await serving.close();
    expect(performance.now() - began).toBeLessThan(900);
    agent.destroy();
  });

  it('cuts a request that hangs when it closes', async () => {
    const serving = await serve('127.0.0.1:0', view(), log);
    const hanging = raw(serving, 'GET /livez HTTP/1.1\r\nhost:').catch(() => '');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const began = performance.now();
    await serving.close();
    expect(performance.now() - began).toBeLessThan(3_000);
    await hanging;
  });
});

describe('server on a socket', () => {
  it('takes nudges and is for its user only', async () => {
    const path = join(dir, 'agent.sock');
    const asked: string[] = [];
    await start(path, { nudge: (ref) => asked.push(ref.name) > 0 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const got = await ask({ socketPath: path, path: '/reconcile?name=store', method: 'POST' });
    expect(got.status).toBe(202);
    expect(asked).toEqual(['store']);
  });

  it('replaces the socket that a killed agent left', async () => {
    const path = join(dir, 'agent.sock');
    const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', program]);
    expect(statSync(path).isSocket()).toBe(true);
    await start(path);
    expect((await ask({ socketPath: path, path: '/livez' })).status).toBe(200);
  });

  it('never removes what is no socket', async () => {
    const path = join(dir, 'precious');
    writeFileSync(path, 'data');
    await expect(serve(path, view(), log)).rejects.toThrow('exists and is no socket');
    expect(readFileSync(path, 'utf8')).toBe('data');
  });

  it('does not take the socket of an agent that lives', async () => {
    const path = join(dir, 'agent.sock');
    await start(path);
    await expect(serve(path, view(), log)).rejects.toThrow('Another agent answers');
    expect((await ask({ socketPath: path, path: '/livez' })).status).toBe(200);
  });

  it('removes its file when it closes', async () => {
    const path = join(dir, 'agent.sock');
    const serving = await serve(path, view(), log);
    await serving.close();
    expect(() => statSync(path)).toThrow();
  });
});
