import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Identity, parsedIdentity, type Unlock, unlockHere } from '../../../agent/adapters/ssh/identity.ts';
import { type KeyRing, readKey } from '../../../agent/adapters/ssh/keys.ts';
import { Fault } from '../../../src/model/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let dir: TempDir;
let plain: string;
let locked: string;
beforeAll(async () => {
  dir = await tempDir('keys');
  plain = generated('plain', '-t', 'ed25519', '-N', '');
  locked = generated('locked', '-t', 'ed25519', '-N', 'open sesame', '-a', '1');
});
afterAll(() => dir.remove());

function generated(name: string, ...args: readonly string[]): string {
  execFileSync('ssh-keygen', ['-q', '-C', '', ...args, '-f', join(dir.path, name)]);
  return readFileSync(join(dir.path, name), 'utf8');
}

const read = (identity: string, passphrase = ''): string => {
  try {
    return parsedIdentity({ identity, passphrase }, ssh2.utils).type;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'secret-invalid') throw error;
    // Flux's words for what it finds out before it connects.
    const own = /^SSH identity key is encrypted|^unable to construct auth method with options: ssh: /;
    expect(error.message).toMatch(own);
    return error.message.replace(/^.*: /, '');
  }
};

const pkcs8 = (passphrase?: string): string =>
  generateKeyPairSync('ed25519')
    .privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
    })
    .toString();

describe('the identity of a Secret', () => {
  it.each([
    ['line ends of Windows', (key: string) => key.replaceAll('\n', '\r\n')],
    ['no line end', (key: string) => key.trim()],
    ['words before it', (key: string) => `Bag Attributes\n    friendlyName: x\n${key}`],
    ['words behind it', (key: string) => `${key}\nThe key of the site.\n`],
    ['blanks at its lines', (key: string) => key.replace(/\n/g, '  \n').replace(/^/gm, ' ')],
    ['a mark of the order of bytes', (key: string) => `\ufeff${key}`],
    [
      'parameters of a curve before it',
      (key: string) => `-----BEGIN EC PARAMETERS-----\nBg==\n-----END EC PARAMETERS-----\n${key}`,
    ],
  ])('may have %s', (_what, change) => {
    expect([read(change(plain)), read(change(pkcs8()))]).toEqual(['ssh-ed25519', 'ssh-ed25519']);
  });

  it('may have a passphrase that it does not need', () => {
    expect([read(plain, 'x'), read(pkcs8(), 'x')]).toEqual(['ssh-ed25519', 'ssh-ed25519']);
  });

  it.each([
    ['des-ede3-cbc', 'sec1'],
    ['aes-128-cbc', 'sec1'],
  ] as const)('may be encrypted as %s in the old form, and says what is wrong with the passphrase', (cipher, type) => {
    const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      .privateKey.export({ type, format: 'pem', cipher, passphrase: 'open sesame' })
      .toString();
    expect(read(key, 'open sesame')).toBe('ecdsa-sha2-nistp256');
    expect(read(key)).toContain("no 'password' field");
    // A wrong one may look right by its padding, one in 256.
    expect([...new Set(Array.from({ length: 600 }, (_, i) => read(key, `w${i}`)))]).toEqual([
      'decryption password incorrect',
    ]);
  });

  it('may be encrypted with a seal, which a wrong passphrase breaks', () => {
    const key = generated('gcm', '-t', 'ed25519', '-N', 'open sesame', '-a', '1', '-Z', 'aes256-gcm@openssh.com');
    expect([read(key, 'open sesame'), read(key, 'wrong')]).toEqual(['ssh-ed25519', 'decryption password incorrect']);
  });

  it('is named by its cipher where that is not known, before any work', () => {
    const key = generated(
      'chacha',
      '-t',
      'ed25519',
      '-N',
      'open sesame',
      '-a',
      '200',
      '-Z',
      'chacha20-poly1305@openssh.com',
    );
    const start = performance.now();
    for (const passphrase of ['open sesame', 'wrong', ''])
      expect(read(key, passphrase)).toContain(
        'it is encrypted by chacha20-poly1305@openssh.com, which is not known here',
      );
    // 200 rounds would be ten seconds.
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it.each([
    ['a public key', () => readFileSync(join(dir.path, 'plain.pub'), 'utf8')],
    ['a key that was cut', () => plain.slice(0, 200)],
    ['a key that lacks a line', () => plain.replace(/\n.{70}\n/, '\n')],
    ['a certificate', () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['a thousand beginnings', () => '-----BEGIN OPENSSH PRIVATE KEY-----\n'.repeat(30_000)],
  ])('is no key where it is %s', (_what, make) => expect(read(make())).toBe('no key found'));

  it('does not keep the processor for as long as it says', () => {
    const words = /asks for more work/;
    const rounds = Buffer.from([0, 0, 0, 24]);
    const bytes = Buffer.from(locked.replace(/-----[^-]+-----|\n/g, ''), 'base64');
    // The options of the derivation: so many bytes, of which 16 are the salt, and the rounds.
    bytes.writeUInt32BE(0xffff_ffff, bytes.indexOf(Buffer.concat([rounds, Buffer.from([0, 0, 0, 16])])) + 24);
    const forged = `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    expect(read(forged, 'open sesame')).toMatch(words);
    const der = Buffer.from(pkcs8('open sesame').replace(/-----[^-]+-----|\n/g, ''), 'base64');
    // 2,048 turns of PBKDF2, which OpenSSL writes, become 2 billion.
    const at = der.indexOf(Buffer.from([0x02, 0x02, 0x08, 0x00]));
    const more = Buffer.concat([
      der.subarray(0, at),
      Buffer.from([0x02, 0x04, 0x7f, 0xff, 0xff, 0xff]),
      der.subarray(at + 4),
    ]);
    for (const offset of lengthsBefore(more, at)) more[offset] = (more[offset] ?? 0) + 2;
    const long = `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${more.toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
    expect(read(long, 'open sesame')).toMatch(words);
  });
});

describe('a ring of keys', () => {
  /** Counts what is decrypted elsewhere. */
  function ring(unlock: Unlock = unlockHere) {
    const asked: string[] = [];
    const keys: KeyRing = new Map();
    const counted: Unlock = (auth) => {
      asked.push(auth.passphrase);
      return unlock(auth);
    };
    return { asked, keys, read: (auth: Identity) => readKey({ keys, unlock: counted, utils: ssh2.utils }, auth) };
  }
  const right = (): Identity => ({ identity: locked, passphrase: 'open sesame' });

  it('has each decrypted once, however many ask, and remembers sixteen', async () => {
    const { asked, keys, read: readIn } = ring();
    const [key, same] = await Promise.all([readIn(right()), readIn(right())]);
    expect(same).toBe(key);
    expect(asked).toEqual(['open sesame']);
    for (let i = 0; i < 16; i++) await readIn({ identity: plain, passphrase: `${i}` });
    expect(keys.size).toBe(16);
    expect(await readIn(right())).not.toBe(key);
    expect([...keys.keys()].join()).not.toContain('sesame');
  });

  it('remembers a password that is wrong: to find that out takes as long', async () => {
    const { asked, read: readIn } = ring();
    for (let i = 0; i < 3; i++)
      await expect(readIn({ ...right(), passphrase: 'wrong' })).rejects.toThrow('decryption password incorrect');
    expect(asked).toEqual(['wrong']);
    expect((await readIn(right())).type).toBe('ssh-ed25519');
  });

  it('asks again where it could not be tried', async () => {
    const fails = [new Fault('wire-timeout', 'the child was killed')];
    const { asked, read: readIn } = ring(async (auth) => {
      const fault = fails.shift();
      if (fault !== undefined) throw fault;
      return unlockHere(auth);
    });
    await expect(readIn(right())).rejects.toThrow('the child was killed');
    expect((await readIn(right())).type).toBe('ssh-ed25519');
    expect(asked).toHaveLength(2);
  });

  it('has only that decrypted elsewhere which takes long, and none that is refused for it', async () => {
    const { asked, read: readIn } = ring();
    const oldForm = generated('old', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'open sesame');
    for (const identity of [plain, oldForm, pkcs8('open sesame')]) await readIn({ ...right(), identity });
    // Without a password nothing is to be tried.
    await expect(readIn({ identity: locked, passphrase: '' })).rejects.toThrow("no 'password' field");
    const bytes = Buffer.from(locked.replace(/-----[^-]+-----|\n/g, ''), 'base64');
    bytes.writeUInt32BE(0xffff, bytes.indexOf(Buffer.from([0, 0, 0, 24, 0, 0, 0, 16])) + 24);
    const forged = `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    await expect(readIn({ ...right(), identity: forged })).rejects.toThrow('more work');
    expect(asked).toEqual([]);
  });

  it.each([
    ['ed25519', ['-t', 'ed25519']],
    ['ECDSA', ['-t', 'ecdsa', '-b', '384']],
    ['RSA', ['-t', 'rsa', '-b', '2048']],
  ])('gets the same key from where it was decrypted (%s)', async (name, how) => {
    const identity = generated(`same-${name}`, ...how, '-N', 'open sesame', '-a', '1');
    const { asked, read: readIn } = ring();
    const key = await readIn({ ...right(), identity });
    expect(asked).toHaveLength(1);
    const here = parsedIdentity({ ...right(), identity }, ssh2.utils);
    expect(key.getPublicSSH().equals(here.getPublicSSH())).toBe(true);
    const signature = key.sign(Buffer.from('text'));
    if (signature instanceof Error) throw signature;
    expect(here.verify(Buffer.from('text'), signature)).toBe(true);
  });
});

/** Offsets of the lengths of the sequences that hold what is at a place of DER. */
function lengthsBefore(der: Buffer, at: number): readonly number[] {
  const found: number[] = [];
  for (let from = 0; from < at; ) {
    const short = der[from + 1] ?? 0;
    const more = short < 0x80 ? 0 : short - 0x80;
    const length = more === 0 ? short : der.readUIntBE(from + 2, more);
    const begin = from + 2 + more;
    if (begin + length > at) {
      found.push(begin - 1);
      from = begin;
    } else from = begin + length;
  }
  return found;
}
