import net from 'node:net';
import type { Connection, ServerChannel } from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { createSsh } from '../../../agent/adapters/ssh/index.ts';
import { Fault } from '../../../src/model/index.ts';
import type { SshChannel, SshRequest } from '../../../src/ports/index.ts';
import { type Acts, insidesOf, rsaKey, type Stub, sendIgnored, startRaw, startStub } from '../../sshserver/stub.ts';

const host = rsaKey();
const { pem: identity } = rsaKey();
const ssh = createSsh({ hostKeyAlgorithms: [], kexAlgorithms: [] });
const stubs: Stub[] = [];
const channels: SshChannel[] = [];
afterEach(async () => {
  for (const channel of channels.splice(0)) channel.close();
  await Promise.all(stubs.splice(0).map((stub) => stub.stop()));
});

const kept = (stub: Stub): Stub => {
  stubs.push(stub);
  return stub;
};
const stub = async (acts: Acts): Promise<Stub> => kept(await startStub(acts, host));
const raw = async (talk: (socket: net.Socket) => void): Promise<Stub> => kept(await startRaw(talk));

async function open({ port, knownHosts }: Stub, change: Partial<SshRequest> = {}): Promise<SshChannel> {
  const auth = { identity, passphrase: '', knownHosts };
  const times = { totalMs: 20_000, idleMs: 20_000 };
  const channel = await ssh.open({
    host: '127.0.0.1',
    port,
    user: 'git',
    auth,
    command: 'x',
    env: {},
    ...times,
    ...change,
  });
  channels.push(channel);
  return channel;
}

async function faultOf(act: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await act.then(
    () => new Error('it went well'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Fault)) throw error;
  return { code: error.code, message: error.message };
}

async function all(channel: SshChannel): Promise<string> {
  let text = '';
  for await (const chunk of channel.output) text += Buffer.from(chunk).toString('latin1');
  return text;
}

const says = (code: string, words: string | RegExp) => ({ code, message: expect.stringMatching(words) });

/** Passes on what a server says, its first bytes one at a time. */
async function dripping(from: Stub, bytes: number): Promise<Stub> {
  const drip = await raw((socket) => {
    const server = net.connect(from.port, '127.0.0.1');
    server.on('error', () => socket.destroy());
    socket.on('close', () => server.destroy());
    socket.pipe(server);
    void pass(server, socket, bytes).catch(() => undefined);
  });
  return { ...drip, knownHosts: from.knownHosts.replace(String(from.port), String(drip.port)) };
}

async function pass(from: AsyncIterable<Buffer>, to: net.Socket, bytes: number): Promise<void> {
  let left = bytes;
  for await (const chunk of from) {
    const slow = Math.min(left, chunk.length);
    for (let at = 0; at < slow; at++) {
      to.write(chunk.subarray(at, at + 1));
      await new Promise((done) => setTimeout(done, 4));
    }
    left -= slow;
    if (slow < chunk.length) to.write(chunk.subarray(slow));
  }
}

const answering: Acts = {
  exec: (accept) => {
    const channel = accept();
    channel.write('hello');
    channel.exit(0);
    channel.end();
  },
};

describe('a server of SSH that is slow', () => {
  it.each([
    ['its name', {}],
    ['a greeting before it', { greeting: 'Welcome\r\nto this server' }],
  ])('may bring %s a byte at a time', async (_what, config) => {
    const slow = await dripping(await stub({ ...answering, config }), 60);
    expect(await all(await open(slow))).toBe('hello');
  });

  it('may take longer than the idle time to let us in', async () => {
    const slow = await stub({ ...answering, login: (context) => setTimeout(() => context.accept(), 400) });
    expect(await all(await open(slow, { idleMs: 200 }))).toBe('hello');
  });

  it.each([
    ['opens no channel', { session: () => undefined }],
    ['starts no command', { exec: () => undefined }],
    ['says nothing', {}],
    ['stops', { exec: (accept) => void accept().write('hel') }],
    ['complains only', { exec: (accept) => void chatter(accept().stderr) }],
  ] as [string, Acts][])('is left after the idle time when it %s', async (_what, acts) => {
    const silent = await stub(acts);
    const start = performance.now();
    const fault = await faultOf(open(silent, { idleMs: 300 }).then(all));
    expect(fault).toEqual(says('wire-timeout', 'nothing more came within 300ms: context deadline exceeded'));
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('has time for a question that goes out slowly', async () => {
    const waits = await stub({
      exec: (accept) => {
        const channel = accept();
        channel.once('data', () => setTimeout(() => channel.write('answer'), 900));
      },
    });
    const channel = await open(waits, { idleMs: 300 });
    await channel.write(Buffer.alloc(2_000));
    const { value } = await channel.output[Symbol.asyncIterator]().next();
    expect(Buffer.from(value ?? '').toString()).toBe('answer');
  });

  it('is not looked at while nothing is waited for', async () => {
    const channel = await open(await stub({ exec: (accept) => void accept().write('hello') }), { idleMs: 200 });
    const parts = channel.output[Symbol.asyncIterator]();
    await parts.next();
    await new Promise((done) => setTimeout(done, 600));
    await channel.write(Buffer.from('x'));
    expect(await faultOf(parts.next())).toEqual(says('wire-timeout', 'nothing more came'));
  });
});

function chatter(to: NodeJS.WritableStream): void {
  const timer = setInterval(() => to.write('still here\n'), 50);
  setTimeout(() => clearInterval(timer), 3_000);
}

describe('a server that is none of SSH, or another one', () => {
  it.each([
    [
      'a web server',
      (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n\x1b[31m'),
      'wire-protocol',
      /it says: HTTP\/1\.1 400 Bad \[31m$/,
    ],
    [
      'a full one',
      (socket) => socket.end('Exceeded MaxStartups\r\n'),
      'wire-protocol',
      /it says: Exceeded MaxStartups$/,
    ],
    ['one that closes', (socket) => socket.end(), 'wire-unreachable', 'closed before an answer: EOF'],
    ['one that resets', (socket) => socket.resetAndDestroy(), 'wire-unreachable', 'closed before an answer: EOF'],
    [
      'one that greets for ever',
      (socket) => void endless(socket, 'welcome\r\n'),
      'wire-protocol',
      'no SSH server answers',
    ],
    [
      'one with an endless line',
      (socket) => void endless(socket, 'SSH-2.0-'),
      'wire-protocol',
      'no SSH server answers',
    ],
    ['one of SSH 1', (socket) => socket.write('SSH-1.5-old\r\n'), 'wire-protocol', 'Invalid identification string'],
    [
      'one of huge packets',
      (socket) => socket.write(`SSH-2.0-x\r\n${'\x7f'.repeat(64)}`),
      'wire-protocol',
      'Bad packet length',
    ],
    ['one that ends in the handshake', (socket) => socket.end('SSH-2.0-x\r\n'), 'wire-unreachable', 'EOF'],
  ] as [string, (socket: net.Socket) => unknown, string, string | RegExp][])(
    '%s is told as such',
    async (_what, talk, code, words) => {
      expect(await faultOf(open(await raw((socket) => void talk(socket.resume() as net.Socket))))).toEqual(
        says(code, words),
      );
    },
  );

  it.each([
    ['key exchange', { kex: ['diffie-hellman-group1-sha1'] }, 'no matching key exchange algorithm'],
    [
      'key exchange but by a prime of its own',
      { kex: ['diffie-hellman-group-exchange-sha256'] },
      'no matching key exchange',
    ],
    ['compression but some', { compress: ['zlib'] }, 'no matching .* compression'],
    ['cipher', { cipher: ['aes128-cbc'] }, 'no matching .* cipher'],
  ] as [string, object, string][])('has no %s in common with us', async (_what, algorithms, words) => {
    expect(await faultOf(open(await stub({ config: { algorithms } })))).toEqual(says('wire-protocol', words));
  });

  it('has a key of another kind than known_hosts, which is another key', async () => {
    const other = await stub({});
    const knownHosts = `[127.0.0.1]:${other.port} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0vd8nCyaSPpqLPvQnVZ7dGqGvWsvvfY0dZ0zpJ4Ebo\n`;
    const fault = await faultOf(open({ ...other, knownHosts }));
    expect(fault).toEqual(says('wire-host-key', /knownhosts: key mismatch: .*\(ssh-ed25519\)$/));
    const auth = { identity, passphrase: '', knownHosts };
    const set = createSsh({ hostKeyAlgorithms: ['ssh-ed25519'], kexAlgorithms: [] }).open({
      ...{ host: '127.0.0.1', port: other.port, user: 'git', auth, command: 'x', env: {} },
      ...{ totalMs: 5_000, idleMs: 5_000 },
    });
    expect(await faultOf(set)).toEqual(says('wire-protocol', 'no matching host key format'));
  });
});

describe('a server that does not let us in', () => {
  it.each([
    [
      'takes no keys',
      ['password', 'keyboard-interactive'],
      false,
      'takes no keys \\(but password, keyboard-interactive\\)',
    ],
    ['does not know the key', ['publickey'], false, 'the key is not accepted'],
    ['wants more than the key', ['password'], true, 'wants more than a key \\(password\\)'],
    ['names what is not printable', ['\x1b[31mx\n'], false, 'takes no keys \\(but \\[31mx\\)$'],
  ] as [string, string[], boolean, string][])('says why: it %s', async (_what, ways, partly, words) => {
    const closed = await stub({
      login: (context) => context.reject(ways as never[], partly && context.method === 'publickey'),
    });
    expect(await faultOf(open(closed))).toEqual(says('source-auth', `ssh: unable to authenticate: .*${words}`));
  });

  it('ends the connection, or floods us before', async () => {
    const rude = await stub({ login: (_context, client) => insidesOf(client).disconnect(2) });
    expect(await faultOf(open(rude))).toEqual(says('wire-server', /the server ends the connection: PROTOCOL_ERROR$/));
    const loud = await stub({ login: (_context, client) => flood(client) });
    expect(await faultOf(open(loud))).toEqual(says('wire-protocol', 'more before it runs a command'));
  });

  it('goes away when it has let us in', async () => {
    const away = await stub({
      login: (context, client) => {
        context.accept();
        setImmediate(() => client.end());
      },
    });
    expect(await faultOf(open(away))).toEqual(says('wire-unreachable', 'closed before an answer'));
  });

  it('runs no command', async () => {
    const none = await stub({ session: (_accept, reject) => reject() });
    expect(await faultOf(open(none))).toEqual(says('wire-server', 'the server runs no command'));
    const refused = await stub({ exec: (_accept, reject) => reject() });
    expect(await faultOf(open(refused))).toEqual(says('wire-server', 'the server runs no command'));
  });
});

function endless(socket: net.Socket, text: string): void {
  const timer = setInterval(() => socket.write(text.repeat(100)), 1);
  socket.on('close', () => clearInterval(timer));
}

function flood(client: Connection): void {
  const timer = setInterval(() => sendIgnored(client, 30_000), 1);
  client.on('close', () => clearInterval(timer));
}

describe('a channel', () => {
  it('takes any number of questions without a warning', async () => {
    const warnings: string[] = [];
    const warned = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', warned);
    const channel = await open(await stub({ exec: (accept) => void accept().resume() }));
    for (let i = 0; i < 40; i++) await channel.write(Buffer.from('question'));
    await new Promise((done) => setTimeout(done, 20));
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });

  it('that is closed takes none, and says so at once', async () => {
    const channel = await open(await stub(answering));
    expect(await all(channel)).toBe('hello');
    await new Promise((done) => setTimeout(done, 50));
    expect(await faultOf(channel.write(Buffer.from('x')))).toEqual(says('wire-cut', 'unexpected EOF'));
  });

  it('whose packets hold nothing is refused', async () => {
    const tiny = await stub({
      came: (client) => {
        const insides = insidesOf(client);
        const confirm = insides.channelOpenConfirm.bind(insides);
        insides.channelOpenConfirm = (remote, local, window) => confirm(remote, local, window, 0);
      },
    });
    expect(await faultOf(open(tiny))).toEqual(says('wire-protocol', 'packets of 0 bytes'));
  });

  it('on which comes more than there is room for is ended', async () => {
    const eager = await stub({
      exec: (accept) => {
        const channel = accept() as ServerChannel & { outgoing: { window: number } };
        channel.outgoing.window = 2 ** 31;
        for (let i = 0; i < 12; i++) channel.write(Buffer.alloc(1_000_003));
      },
    });
    const channel = await open(eager);
    await new Promise((done) => setTimeout(done, 1_500));
    expect(await faultOf(all(channel))).toEqual(says('wire-protocol', 'more that was not asked for'));
  });
});
