import { generateKeyPairSync } from 'node:crypto';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSsh } from '../../../agent/adapters/ssh/index.ts';
import type { SshAuth } from '../../../src/ports/index.ts';
import { type Sshd, startSshd, whyNoSshd } from '../../sshserver/index.ts';
import { type Bench, startBench } from './support.ts';

const NO_SSHD = await whyNoSshd();
const DEFAULTS = { hostKeyAlgorithms: [], kexAlgorithms: [] };

describe.skipIf(NO_SSHD !== '')(`Git over SSH, by a real server${NO_SSHD === '' ? '' : `: ${NO_SSHD}`}`, () => {
  let bench: Bench;
  let sshd: Sshd;
  let auth: SshAuth;
  beforeAll(async () => {
    bench = await startBench({}, createSsh(DEFAULTS));
    sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
    auth = { identity: sshd.key({ type: 'ed25519' }), passphrase: '', knownHosts: sshd.knownHosts() };
  });
  afterAll(async () => {
    await sshd.stop();
    await bench.stop();
  });

  it('fetches, polls and takes the difference, over one connection each', async () => {
    const repo = await bench.server.repo('ssh/one');
    const first = await repo.commit({
      'a.yaml': 'a: 1',
      ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f/${i}.yaml`, `v: ${i}\n${'x'.repeat(300)}`])),
    });
    const site = bench.site(sshd.url(repo.dir), { ssh: auth });
    const outcome = await site.fetch();
    expect(outcome).toMatchObject({ kind: 'fetched', content: { revision: `main@sha1:${first}` } });
    expect(outcome.count.requests).toBe(1);
    expect(site.files()).toHaveLength(301);
    const poll = await site.fetch();
    expect(poll).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    await repo.commit({ 'f/7.yaml': 'v: changed' });
    const next = await site.fetch();
    expect(next.kind).toBe('fetched');
    expect(site.text('f/7.yaml')).toBe('v: changed');
    expect(next.count.down - poll.count.down).toBeLessThan(3_000);
    expect(repo.requests()).toEqual([]);
  });

  it('finds branches, tags, versions, names and commits', async () => {
    const repo = await bench.server.repo('ssh/refs');
    const one = await repo.commit({ 'a.yaml': 'a: 1' });
    await repo.tag('v1.0.0', { message: 'one' });
    const two = await repo.commit({ 'a.yaml': 'a: 2' });
    await repo.tag('v1.1.0');
    await repo.setRef('refs/pull/7/head', one);
    const url = sshd.url(repo.dir);
    const at = async (ref: object) => {
      const site = bench.site(url, { ssh: auth, ref });
      await site.fetch();
      return site.have?.revision;
    };
    expect(await at({ branch: 'main' })).toBe(`main@sha1:${two}`);
    expect(await at({ tag: 'v1.0.0' })).toBe(`v1.0.0@sha1:${one}`);
    expect(await at({ semver: '>=1.0.0' })).toBe(`v1.1.0@sha1:${two}`);
    expect(await at({ name: 'refs/pull/7/head' })).toBe(`refs/pull/7/head@sha1:${one}`);
    expect(await at({ commit: one })).toBe(`sha1:${one}`);
    expect((await bench.site(url, { ssh: auth, ref: { branch: 'nope' } }).fails()).message).toContain(
      `couldn't find remote ref "refs/heads/nope"`,
    );
    expect(await bench.site(url, { ssh: auth, ref: { commit: 'ab'.repeat(20) } }).fails()).toMatchObject({
      code: 'source-ref-missing',
    });
  });

  it('asks a server that sets no variables by the old protocol', async () => {
    const old = await startSshd({ config: [] });
    try {
      const identity = old.key({ type: 'ed25519' });
      const repo = await bench.server.repo('ssh/old');
      const sha = await repo.commit({ 'a.yaml': 'a: 1' });
      const site = bench.site(old.url(repo.dir), { ssh: { identity, passphrase: '', knownHosts: old.knownHosts() } });
      await site.fetch();
      expect(site.have?.revision).toBe(`main@sha1:${sha}`);
      expect((await site.fetch()).kind).toBe('unchanged');
      const next = await repo.commit({ 'a.yaml': 'a: 2' });
      await site.fetch();
      expect(site.have?.revision).toBe(`main@sha1:${next}`);
      expect(site.text('a.yaml')).toBe('a: 2');
      const commit = bench.site(old.url(repo.dir), {
        ref: { commit: sha, branch: 'main' },
        ssh: { identity, passphrase: '', knownHosts: old.knownHosts() },
      });
      await commit.fetch();
      expect(commit.text('a.yaml')).toBe('a: 1');
    } finally {
      await old.stop();
    }
  });

  it.each([
    ['ed25519', { type: 'ed25519' }],
    ['ecdsa', { type: 'ecdsa', bits: 384 }],
    ['rsa', { type: 'rsa', bits: 2048 }],
    ['rsa in the old form', { type: 'rsa', bits: 2048, pem: true }],
    ['ed25519 with a passphrase', { type: 'ed25519', passphrase: 'open sesame' }],
    ['rsa in the old form with a passphrase', { type: 'rsa', bits: 2048, pem: true, passphrase: 'open sesame' }],
  ])('lets in with a key of %s', async (name, how: { type: string; bits?: number; passphrase?: string }) => {
    const repo = await bench.server.repo(`ssh/key/${name.replaceAll(' ', '-')}`);
    await repo.commit({ 'a.yaml': 'a: 1' });
    const identity = sshd.key(how);
    const url = sshd.url(repo.dir);
    await bench.site(url, { ssh: { ...auth, identity, passphrase: how.passphrase ?? '' } }).fetch();
    if (how.passphrase === undefined) return;
    expect(await bench.site(url, { ssh: { ...auth, identity } }).fails()).toMatchObject({
      code: 'secret-invalid',
      message: expect.stringContaining("encrypted but no 'password' field was provided"),
    });
    expect(await bench.site(url, { ssh: { ...auth, identity, passphrase: 'wrong' } }).fails()).toMatchObject({
      code: 'secret-invalid',
      message: expect.stringContaining('decryption password incorrect'),
    });
  });

  it.each([
    ['ed25519', () => generateKeyPairSync('ed25519')],
    ['p384', () => generateKeyPairSync('ec', { namedCurve: 'secp384r1' })],
    ['rsa', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('lets in with a key in PKCS#8, plain and encrypted: %s', async (name, make) => {
    const repo = await bench.server.repo(`ssh/pkcs8/${name}`);
    await repo.commit({ 'a.yaml': 'a: 1' });
    const { privateKey } = make();
    const asLine =
      privateKey.asymmetricKeyType === 'rsa' ? 'pkcs1' : privateKey.asymmetricKeyType === 'ec' ? 'sec1' : '';
    const identity = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    if (asLine === '') sshd.allow(edLine(privateKey.export({ format: 'jwk' }).x ?? ''));
    else sshd.allowPrivate(privateKey.export({ type: asLine as 'pkcs1', format: 'pem' }).toString());
    const url = sshd.url(repo.dir);
    await bench.site(url, { ssh: { ...auth, identity } }).fetch();
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const;
    const locked = privateKey.export(cipher).toString();
    await bench.site(url, { ssh: { ...auth, identity: locked, passphrase: 'open sesame' } }).fetch();
    expect((await bench.site(url, { ssh: { ...auth, identity: locked, passphrase: 'no' } }).fails()).message).toContain(
      'decryption password incorrect',
    );
    expect((await bench.site(url, { ssh: { ...auth, identity: locked } }).fails()).message).toContain("no 'password'");
  });

  it('says what is wrong with key, host key and repository', async () => {
    const repo = await bench.server.repo('ssh/wrong');
    await repo.commit({ 'a.yaml': 'a: 1' });
    const url = sshd.url(repo.dir);
    const other = await startSshd();
    const stranger = other.key({ type: 'ed25519' });
    const theirs = other.hostKeys()[0] ?? '';
    await other.stop();
    const name = `[127.0.0.1]:${sshd.port}`;
    const [ed = '', rsa = ''] = sshd.hostKeys();
    const with_ = (change: Partial<SshAuth>) => bench.site(url, { ssh: { ...auth, ...change } }).fails();
    expect(await with_({ identity: stranger })).toMatchObject({
      code: 'source-auth',
      message: expect.stringContaining('ssh: unable to authenticate'),
    });
    expect(await with_({ identity: 'no key' })).toMatchObject({
      code: 'secret-invalid',
      message: expect.stringMatching(
        /^failed to checkout and determine revision: unable to construct auth method with options: ssh: .*no key found$/,
      ),
    });
    expect(await with_({ knownHosts: 'rubbish' })).toMatchObject({
      code: 'secret-invalid',
      message: expect.stringMatching(/: unable to construct auth method with options: ssh: line 1 of known_hosts/),
    });
    for (const [knownHosts, words] of [
      [`${name} ${theirs}\n`, 'knownhosts: key mismatch'],
      [`127.0.0.1 ${ed}\n`, 'knownhosts: key is unknown'],
      [`example.com ${ed}\n`, 'knownhosts: key is unknown'],
      [`${name} ${ed}\n@revoked ${name} ${ed}\n`, 'knownhosts: key is revoked'],
      [`@cert-authority ${name} ${ed}\n`, '@cert-authority'],
      [`${name},!${name} ${ed}\n`, 'knownhosts: key is unknown'],
    ])
      expect(await with_({ knownHosts: knownHosts ?? '' })).toMatchObject({
        code: 'wire-host-key',
        message: expect.stringContaining(words ?? ''),
      });
    // Only the kind of key that is known is asked for.
    await bench.site(url, { ssh: { ...auth, knownHosts: `${name} ${rsa}\n` } }).fetch();
    await bench.site(url, { ssh: { ...auth, knownHosts: sshd.knownHosts({ hashed: true }) } }).fetch();
    await bench.site(url, { ssh: { ...auth, knownHosts: `[127.0.*]:${sshd.port} ${ed}\n` } }).fetch();
    expect(await bench.site(sshd.url(`${repo.dir}x`), { ssh: auth }).fails()).toMatchObject({
      code: 'source-not-found',
      message: expect.stringContaining('repository not found'),
    });
    expect(await bench.site(url, {}).fails()).toMatchObject({ code: 'secret-invalid' });
  });

  it('hands nothing of a path to the shell', async () => {
    const repo = await bench.server.repo("ssh/it's $(touch x) `y`; z!");
    await repo.commit({ 'a.yaml': 'a: 1' });
    const site = bench.site(sshd.url(encodeURI(repo.dir)), { ssh: auth });
    await site.fetch();
    expect(site.files()).toEqual(['a.yaml']);
    for (const url of [`${sshd.url('/x')}%0Atouch%20y`, 'ssh://%zz@127.0.0.1/x'])
      expect(await bench.site(url, { ssh: auth }).fails()).toMatchObject({ code: 'object-invalid' });
  });

  it('takes the algorithms that are set', async () => {
    const repo = await bench.server.repo('ssh/set');
    await repo.commit({ 'a.yaml': 'a: 1' });
    const rsaOnly = createSsh({ hostKeyAlgorithms: ['rsa-sha2-512'], kexAlgorithms: ['ecdh-sha2-nistp256'] });
    const other = await startBench({}, rsaOnly);
    try {
      const url = sshd.url(repo.dir);
      await other.site(url, { ssh: auth }).fetch();
      const [ed = ''] = sshd.hostKeys();
      const knownHosts = `[127.0.0.1]:${sshd.port} ${ed}\n`;
      expect(await other.site(url, { ssh: { ...auth, knownHosts } }).fails()).toMatchObject({ code: 'wire-host-key' });
    } finally {
      await other.stop();
    }
  });

  it('ends in time, and with the link', async () => {
    const silent = net.createServer((socket) => void socket.resume());
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const { port } = silent.address() as net.AddressInfo;
    expect(await bench.site(`ssh://127.0.0.1:${port}/x`, { ssh: auth, timeoutMs: 300 }).fails()).toMatchObject({
      code: 'wire-timeout',
      message: expect.stringContaining('context deadline exceeded'),
    });
    await new Promise((done) => silent.close(done));
    const rude = net.createServer((socket) => void socket.resume().end('SSH-2.0-rude\r\n'));
    await new Promise<void>((done) => rude.listen(port, '127.0.0.1', done));
    expect((await bench.site(`ssh://127.0.0.1:${port}/x`, { ssh: auth }).fails()).code).toMatch(/^wire-/);
    await new Promise((done) => rude.close(done));
    expect(await bench.site(`ssh://127.0.0.1:${port}/x`, { ssh: auth }).fails()).toMatchObject({
      code: 'wire-unreachable',
    });
  });

  it('reaches submodules with the same key', async () => {
    const [lib, app] = [await bench.server.repo('ssh/m/lib'), await bench.server.repo('ssh/m/app')];
    const at = await lib.commit({ 'lib.yaml': 'lib: 1' });
    await app.commit({
      lib: { submodule: at },
      '.gitmodules': '[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n',
    });
    const site = bench.site(sshd.url(app.dir), { ssh: auth, recurseSubmodules: true });
    await site.fetch();
    expect(site.files()).toEqual(['lib/lib.yaml']);
    expect((await site.fetch()).count.requests).toBe(1);
  });
});

function edLine(x: string): string {
  const part = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(Buffer.from(x, 'base64url'))]);
  return `ssh-ed25519 ${blob.toString('base64')}`;
}
