import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEX_ALGORITHMS } from '../../../agent/adapters/ssh/algorithms.ts';
import { createSsh } from '../../../agent/adapters/ssh/index.ts';
import type { SshAuth } from '../../../src/ports/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { type Sshd, startSshd, whyNoSshd } from '../../sshserver/index.ts';
import { startProxy } from '../../support/proxy.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';
import { type Bench, type Site, startBench } from './support.ts';

const NO_SSHD = await whyNoSshd();
const DEFAULTS = { hostKeyAlgorithms: [], kexAlgorithms: [] };

/** Bytes that do not compress, the same each time. */
const noise = (seed: string, bytes: number): Buffer =>
  Buffer.concat(Array.from({ length: bytes / 32 }, (_, i) => createHash('sha256').update(`${seed} ${i}`).digest()));

describe.skipIf(NO_SSHD !== '')(`a link to a real SSH server${NO_SSHD === '' ? '' : `: ${NO_SSHD}`}`, () => {
  let bench: Bench;
  let sshd: Sshd;
  let relay: Relay;
  let identity: string;
  let big: Repo;
  beforeAll(async () => {
    bench = await startBench({}, createSsh(DEFAULTS));
    sshd = await startSshd();
    relay = await startRelay({ port: sshd.port });
    identity = sshd.key({ type: 'ed25519' });
    big = await bench.server.repo('ssh/big');
    await big.commit(
      Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d${i % 5}/f${i}`, noise(`${i}`, 32_000)])),
    );
  });
  afterAll(async () => {
    await relay.stop();
    await sshd.stop();
    await bench.stop();
  });

  const authOf = (port: number): SshAuth => ({
    identity,
    passphrase: '',
    knownHosts: sshd.knownHosts().replaceAll(`:${sshd.port} `, `:${port} `),
  });
  const direct = (repo: Repo): Site => bench.site(sshd.url(repo.dir), { ssh: authOf(sshd.port) });
  const relayed = (repo: Repo): Site =>
    bench.site(sshd.url(repo.dir).replace(`:${sshd.port}/`, `:${relay.port}/`), { ssh: authOf(relay.port) });

  it('that stands still in an answer is gone on with after limits.bodyIdleMs', async () => {
    relay.resetCounts();
    relay.latency(20);
    const site = relayed(big);
    const start = performance.now();
    // Long enough for a busy machine to start Git, and much shorter than the deadline.
    const fetched = site.fetch({ timeoutMs: 300_000 }, { bodyIdleMs: 4_000 });
    const cause = async (): Promise<void> => {
      await until(() => relay.out() > 200_000, { within: 30_000, what: 'a part of the answer' });
      relay.hang();
      await until(() => relay.connections() > 1, { within: 30_000, what: 'another connection' });
      await relay.restore();
    };
    await Promise.all([fetched, cause()]);
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(site.files()).toHaveLength(50);
  });

  it('that is cut again and again brings all of it, and not much of it twice', async () => {
    const whole = direct(big);
    const { down } = (await whole.fetch()).count;
    relay.resetCounts();
    relay.cutAfter(400_000);
    const site = relayed(big);
    const { count } = await site.fetch({ timeoutMs: 120_000 });
    await relay.restore();
    expect(site.have?.root).toBe(whole.have?.root);
    expect(relay.connections()).toBeGreaterThan(3);
    expect(count.down).toBeLessThan(1.4 * down);
  });

  it('that is cut anywhere gives the whole or nothing, and is told as a link', async () => {
    const repo = await bench.server.repo('ssh/small');
    await repo.commit({ a: '1', b: '2' });
    const whole = direct(repo);
    const { up, down } = (await whole.fetch()).count;
    const places = (bytes: number, parts: number): readonly number[] => [
      1,
      15,
      45,
      ...Array.from({ length: parts }, (_, i) => Math.floor((bytes * (i + 1)) / (parts + 1))),
      bytes - 1,
    ];
    const cuts = [
      ...places(down, 8).map((at) => ({ at, way: 'out' as const })),
      ...places(up, 3).map((at) => ({ at, way: 'in' as const })),
    ];
    for (const { at, way } of cuts) {
      relay.cutAfter(at, way);
      const site = relayed(repo);
      const code = await site.fails().then(
        (failed) => failed.code,
        () => '',
      );
      await relay.restore();
      expect([at, way, code]).toEqual([at, way, expect.stringMatching(/^(|wire-cut|wire-unreachable)$/)]);
      expect(site.have?.root).toBe(code === '' ? whole.have?.root : undefined);
      expect(site.store.open()).toBe(0);
    }
    const after = relayed(repo);
    await after.fetch();
    expect(after.have?.root).toBe(whole.have?.root);
  });

  it('may lead through a proxy, which has its own reason when it refuses', async () => {
    const proxy = await startProxy({ auth: { username: 'p', password: 'q' } });
    try {
      const repo = await bench.server.repo('ssh/proxy');
      await repo.commit({ a: '1' });
      const site = direct(repo);
      await site.fetch({ proxy: { address: proxy.url, username: 'p', password: 'q' } });
      expect(site.text('a')).toBe('1');
      expect(proxy.requests()).toMatchObject([{ method: 'CONNECT', target: `127.0.0.1:${sshd.port}`, status: 200 }]);
      const refused = await direct(repo).fails({ proxy: { address: proxy.url, username: 'p', password: 'no' } });
      expect(refused).toEqual({ code: 'wire-proxy', message: expect.not.stringContaining('no@') });
    } finally {
      await proxy.stop();
    }
  });

  it('begins by each key exchange that can be set', async () => {
    const server = await startSshd({ config: [`KexAlgorithms ${KEX_ALGORITHMS.join(',')}`] });
    try {
      for (const kex of KEX_ALGORITHMS)
        expect([kex, await echo(server, { kexAlgorithms: [kex] })]).toEqual([kex, 'hello\n']);
    } finally {
      await server.stop();
    }
  });

  it.each(['aes128-gcm@openssh.com', 'aes256-ctr', 'chacha20-poly1305@openssh.com'])(
    'is sealed by %s',
    async (cipher) => {
      const server = await startSshd({ config: [`Ciphers ${cipher}`, 'RekeyLimit 64K'] });
      try {
        const text = await echo(server, {}, 'head -c 300000 /dev/zero');
        expect([text.length, text.replaceAll('\0', '')]).toEqual([300_000, '']);
      } finally {
        await server.stop();
      }
    },
  );

  it.each([
    ['greets', 'echo Welcome to this machine', 'wire-protocol', /not a Git server's, but: Welcome to this machine$/],
    [
      'has no shell for us',
      'echo This account is not available.; exit 1',
      'wire-protocol',
      /This account is not available\.$/,
    ],
    ['refuses by its error output', 'echo access denied >&2; exit 1', 'source-auth', /access denied$/],
    [
      'refuses in a packet',
      'printf "0017ERR no such project"',
      'source-not-found',
      /repository not found: no such project$/,
    ],
    ['ends at once', 'exit 0', 'wire-cut', /unexpected EOF$/],
  ] as const)('tells why there is no Git behind it: it %s', async (_what, command, code, words) => {
    const server = await startSshd({ config: [`ForceCommand ${command}`] });
    try {
      const ssh = { identity: server.key({ type: 'ed25519' }), passphrase: '', knownHosts: server.knownHosts() };
      const failed = await bench.site(server.url('/x.git'), { ssh }).fails();
      expect(failed).toEqual({ code, message: expect.stringMatching(words) });
    } finally {
      await server.stop();
    }
  });

  it.each([
    ['keys', ['PubkeyAuthentication no', 'PasswordAuthentication yes'], 'takes no keys (but password)'],
    [
      'a key alone',
      ['AuthenticationMethods publickey,password', 'PasswordAuthentication yes'],
      'wants more than a key',
    ],
  ] as const)('tells that the server does not take %s', async (_what, config, words) => {
    const server = await startSshd({ config });
    try {
      const ssh = { identity: server.key({ type: 'ed25519' }), passphrase: '', knownHosts: server.knownHosts() };
      const failed = await bench.site(server.url('/x.git'), { ssh }).fails();
      expect(failed).toEqual({ code: 'source-auth', message: expect.stringContaining(words) });
    } finally {
      await server.stop();
    }
  });

  it('tells of a server that has changed to a key of another kind', async () => {
    const server = await startSshd({ hostKeys: ['rsa'] });
    try {
      const ssh = { ...authOf(server.port), identity: server.key({ type: 'ed25519' }) };
      const failed = await bench.site(server.url('/x.git'), { ssh }).fails();
      expect(failed).toEqual({ code: 'wire-host-key', message: expect.stringContaining('knownhosts: key mismatch') });
    } finally {
      await server.stop();
    }
  });
});

/** What a command says, over a connection with these settings. */
async function echo(
  server: Sshd,
  settings: { kexAlgorithms?: readonly string[] },
  command = 'echo hello',
): Promise<string> {
  const channel = await createSsh({ ...DEFAULTS, ...settings }).open({
    host: '127.0.0.1',
    port: server.port,
    user: server.user,
    auth: { identity: server.key({ type: 'ed25519' }), passphrase: '', knownHosts: server.knownHosts() },
    command,
    env: {},
    totalMs: 30_000,
    idleMs: 30_000,
  });
  let text = '';
  for await (const chunk of channel.output) text += Buffer.from(chunk).toString('latin1');
  channel.close();
  return text;
}
