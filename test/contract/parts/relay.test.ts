import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { portOf } from '../../support/ports.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';

let server: Server;
let relay: Relay;

/** Answers every byte with ten of its kind, and ends when the client does. */
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => socket.write(Buffer.from(chunk.toString().repeat(10))));
    socket.on('end', () => socket.end());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  relay = await startRelay({ port: portOf(server) });
});
afterEach(async () => {
  await relay.stop();
  await new Promise((done) => server.close(done));
});

interface Client {
  readonly socket: Socket;
  text(): string;
  /** How the connection ended, or undefined while it is open. */
  end(): string | undefined;
}

const client = (): Client => {
  const socket = connect(relay.port, '127.0.0.1');
  let text = '';
  let end: string | undefined;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.once('error', (error: NodeJS.ErrnoException) => {
    end = error.code;
  });
  socket.once('close', () => {
    end ??= 'closed';
  });
  return { socket, text: () => text, end: () => end };
};

it('forwards both ways, half closes, and counts exactly', async () => {
  const one = client();
  one.socket.end('hello');
  expect(await until(() => one.end())).toBe('closed');
  expect(one.text()).toBe('hello'.repeat(10));
  expect([relay.in(), relay.out(), relay.connections()]).toEqual([5, 50, 1]);
  await until(() => relay.open() === 0);
  relay.resetCounts();
  expect([relay.in(), relay.out(), relay.connections()]).toEqual([0, 0, 0]);
});

it('moves megabytes whole', async () => {
  const one = client();
  one.socket.end('x'.repeat(1_000_000));
  await until(() => one.end());
  expect(one.text()).toHaveLength(10_000_000);
});

it.each([
  ['out', 7, 'abcabca'],
  ['in', 2, 'ab'.repeat(10)],
] as const)('cuts after so many bytes %s', async (way, bytes, arrived) => {
  relay.cutAfter(bytes, way);
  const one = client();
  one.socket.write('abc');
  expect(await until(() => one.end())).toBe('ECONNRESET');
  expect(one.text()).toBe(arrived);
  const two = client();
  two.socket.write('abc');
  expect(await until(() => two.end())).toBe('ECONNRESET');
});

it('counts a cut from the call on, also for a connection that is open', async () => {
  const one = client();
  one.socket.write('abc');
  await until(() => one.text().length === 30);
  relay.cutAfter(5);
  one.socket.write('d');
  expect(await until(() => one.end())).toBe('ECONNRESET');
  expect(one.text()).toHaveLength(35);
});

it('refuses, and accepts again on the same port', async () => {
  const open = client();
  await until(() => relay.open() === 1);
  await relay.refuse();
  expect(await until(() => open.end())).toBe('ECONNRESET');
  const late = client();
  expect(await until(() => late.end())).toBe('ECONNREFUSED');
  await relay.restore();
  const again = client();
  again.socket.end('x');
  await until(() => again.end());
  expect(again.text()).toHaveLength(10);
});

it('hangs without an end and moves on when restored', async () => {
  relay.hang();
  const one = client();
  one.socket.write('abc');
  await until(() => relay.open() === 1);
  await sleep(200);
  expect([one.text(), one.end(), relay.open()]).toEqual(['', undefined, 1]);
  await relay.restore();
  await until(() => one.text().length === 30);
  one.socket.destroy();
});

it('delays', async () => {
  relay.latency(150);
  const start = performance.now();
  const one = client();
  one.socket.write('a');
  await until(() => one.text() !== '');
  expect(performance.now() - start).toBeGreaterThan(290);
  one.socket.destroy();
});

it('drops what is open and takes new connections', async () => {
  const one = client();
  await until(() => relay.open() === 1);
  relay.dropAll();
  expect(await until(() => one.end())).toBe('ECONNRESET');
  const two = client();
  two.socket.write('a');
  await until(() => two.text() !== '');
  two.socket.destroy();
});

it('resets its client when the server is not there', async () => {
  const nowhere = await startRelay({ port: 1 });
  const socket = connect(nowhere.port, '127.0.0.1');
  const error = await new Promise<NodeJS.ErrnoException>((done) => socket.once('error', done));
  expect(error.code).toBe('ECONNRESET');
  await nowhere.stop();
});
