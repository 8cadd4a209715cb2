import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { type RevisionObjects, type TrustedKeys, verifyPgp, verifyRevision } from '../../../src/trust/index.ts';

interface Vector {
  readonly name: string;
  readonly kind: 'ssh' | 'pgp' | 'none';
  readonly key: string;
  readonly commit: string;
  readonly tag: string;
}

const VECTORS = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testdata', 'signatures.json'), 'utf8'),
) as readonly Vector[];
const NOW = Date.UTC(2030, 0, 1);
const ID = 'c'.repeat(40);

const vector = (name: string): Vector => {
  const found = VECTORS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
};
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const keysOf = (...vectors: readonly Vector[]): TrustedKeys => ({
  ssh: vectors.flatMap((one) => (one.kind === 'ssh' ? [one.key] : [])),
  pgp: vectors.flatMap((one) => (one.kind === 'pgp' ? [one.key] : [])),
});
const objects = (commit: string, tag?: { name: string; text: string | undefined }): RevisionObjects => ({
  commit: { id: ID, bytes: bytes(commit) },
  ...(tag === undefined
    ? {}
    : { tag: { name: tag.name, id: 'd'.repeat(40), ...(tag.text === undefined ? {} : { bytes: bytes(tag.text) }) } }),
});
const check = (what: RevisionObjects, keys: TrustedKeys, mode = 'HEAD', now = NOW): Promise<string> =>
  verifyRevision(what, keys, { mode, now, pgp: verifyPgp });
const fails = async (...args: Parameters<typeof check>): Promise<Fault> => {
  const error = await check(...args).then(
    (text) => new Error(`it was taken: ${text}`),
    (e: unknown) => e,
  );
  if (error instanceof Fault) return error;
  throw error;
};

const GOOD = VECTORS.filter(({ name }) => !/none|1024|expired|revoked|unsigned/.test(name));

describe('signatures made by git', () => {
  it('are of every kind that is to be checked', () => {
    expect(GOOD.map(({ name }) => name)).toEqual([
      'ssh-ed25519-0',
      'ssh-ecdsa-256',
      'ssh-ecdsa-384',
      'ssh-ecdsa-521',
      'ssh-rsa-2048',
      'pgp-ed25519',
      'pgp-rsa',
      'pgp-nistp256',
      'pgp-subkey',
    ]);
  });

  it.each(GOOD)('hold for commit and tag: $name', async (one) => {
    const tag = { name: `v-${one.name}`, text: one.tag };
    const id = one.kind === 'ssh' ? 'SHA256:[A-Za-z0-9+/]{43}' : '[0-9A-F]{16}';
    expect(await check(objects(one.commit), keysOf(one))).toMatch(
      new RegExp(`^verified signature of\n\t- commit '${ID}' with key '${id}'$`),
    );
    const both = await check(objects(one.commit, tag), keysOf(...GOOD), 'TagAndHEAD');
    const lines = `\t- tag 'v-${one.name}@${'d'.repeat(40)}' with key '${id}'\n\t- commit '${ID}' with key '${id}'`;
    expect(both).toMatch(new RegExp(`^verified signature of\n${lines}$`));
    expect(await check(objects('not looked at', tag), keysOf(one), 'Tag')).toContain('tag ');
  });

  it.each(GOOD)('do not hold for another content, or another key: $name', async (one) => {
    const changed = one.commit.replace(/signed by .*\n$/, 'signed by nobody\n');
    expect(changed).not.toBe(one.commit);
    const others = GOOD.filter((other) => other !== one);
    for (const fault of [
      await fails(objects(changed), keysOf(one)),
      await fails(objects(one.commit.replace('1700000000', '1700000001')), keysOf(one)),
      await fails(objects(one.commit), keysOf(...others)),
      await fails(objects(`${one.commit} `), keysOf(one)),
    ]) {
      expect(fault).toMatchObject({ code: 'signature-invalid', reason: 'InvalidCommitSignature' });
      expect(fault.message).toMatch(
        new RegExp(
          `^signature verification of commit '${ID}' failed: unable to verify Git commit(?: SSH signature)?: unable to verify payload with any of the given`,
        ),
      );
    }
    const tag = one.tag.replace('tag by', 'tag for');
    expect(await fails(objects(one.commit, { name: `v-${one.name}`, text: tag }), keysOf(one), 'Tag')).toMatchObject({
      reason: 'InvalidTagSignature',
      message: expect.stringMatching(
        / failed: unable to verify Git tag(?: SSH signature)?: unable to verify payload with/,
      ),
    });
  });

  it('by a key that has expired or was revoked since do not count', async () => {
    for (const name of ['pgp-expired', 'pgp-revoked']) {
      const one = vector(name);
      const fault = await fails(objects(one.commit), keysOf(one));
      expect(fault.message).toMatch(/unable to verify payload with any of the given key rings: .*(expired|revoked)/);
    }
    const one = vector('pgp-expired');
    expect(await check(objects(one.commit), keysOf(one), 'HEAD', Date.UTC(2023, 10, 20))).toContain('verified');
  });

  it('from the future wait for the clock', async () => {
    const one = vector('pgp-ed25519');
    expect((await fails(objects(one.commit), keysOf(one), 'HEAD', 0)).message).toContain('future');
  });

  it('by a short RSA key do not count', async () => {
    const one = vector('ssh-rsa-1024');
    expect((await fails(objects(one.commit), keysOf(one))).message).toContain('unable to parse authorized keys');
  });
});

describe('modes', () => {
  const one = vector('ssh-ed25519-0');
  it('that need a tag stall without one', async () => {
    for (const mode of ['Tag', 'TagAndHEAD'])
      expect(await fails(objects(one.commit), keysOf(one), mode)).toMatchObject({
        code: 'signature-mode',
        reason: 'InvalidVerificationMode',
        message: "cannot verify tag object's signature if a tag reference is not specified",
      });
  });

  it('find tags that are not signed, or no objects', async () => {
    const unsigned = await fails(
      objects(one.commit, { name: 'v-unsigned', text: vector('unsigned').tag }),
      keysOf(one),
      'Tag',
    );
    expect(unsigned).toMatchObject({
      code: 'signature-invalid',
      reason: 'InvalidGitObject',
      message: `cannot verify signature of tag 'v-unsigned@${'d'.repeat(40)}' since it is not signed`,
    });
    const light = await fails(objects(one.commit, { name: 'v1', text: undefined }), keysOf(one), 'Tag');
    expect(light.message).toBe("cannot verify signature of tag 'v1' since it is not signed");
  });

  it('do not take a signed tag under another name', async () => {
    const renamed = { name: 'v2.0.0', text: one.tag };
    expect(await fails(objects(one.commit, renamed), keysOf(one), 'Tag')).toMatchObject({
      reason: 'InvalidTagSignature',
      message: expect.stringContaining("the signed tag's name is 'v-ssh-ed25519-0'"),
    });
  });

  it('HEAD looks at the commit alone, TagAndHEAD at both', async () => {
    const tag = { name: 'v-unsigned', text: vector('unsigned').tag };
    expect(await check(objects(one.commit, tag), keysOf(one), 'HEAD')).toContain('commit');
    const signedTag = { name: 'v-ssh-ed25519-0', text: one.tag };
    expect(await fails(objects(vector('unsigned').commit, signedTag), keysOf(one), 'TagAndHEAD')).toMatchObject({
      message: `signature verification of commit '${ID}' failed: unsupported signature type: empty`,
    });
  });
});

describe('keys', () => {
  const ssh = vector('ssh-ed25519-0');
  const pgp = vector('pgp-ed25519');
  it('of the other kind, or none, are named', async () => {
    expect((await fails(objects(pgp.commit), keysOf(ssh))).message).toContain(
      'PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)',
    );
    expect((await fails(objects(ssh.commit), keysOf(pgp))).message).toContain(
      'SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)',
    );
    expect((await fails(objects(ssh.commit), keysOf())).message).toContain('no SSH public keys');
  });

  it('that cannot be read do not hide those that can', async () => {
    const keys = { ssh: ['rubbish', ssh.key], pgp: ['rubbish', pgp.key] };
    expect(await check(objects(ssh.commit), keys)).toContain('verified');
    expect(await check(objects(pgp.commit), keys)).toContain('verified');
    const broken = { ssh: ['rubbish'], pgp: ['rubbish'] };
    expect((await fails(objects(ssh.commit), broken)).message).toContain('unable to parse authorized keys');
    expect((await fails(objects(pgp.commit), broken)).message).toContain('unable to read armored key ring');
  });

  it('may stand together in one text, with comments and options', async () => {
    const rsa = vector('ssh-rsa-2048').key;
    const text = `# signers\r\n\n${rsa}${ssh.key.trim()} a comment\n`;
    expect(await check(objects(ssh.commit), { ssh: [text], pgp: [] })).toContain('verified');
    const rings = [`${vector('pgp-rsa').key}\n${pgp.key}`];
    expect(await check(objects(pgp.commit), { ssh: [], pgp: rings })).toContain('verified');
    for (const lead of [
      'alice@example.com ',
      'no-pty,command="x y, z" ',
      'a@b namespaces="file,git" ',
      '*@b valid-after="20200101" ',
    ])
      expect(await check(objects(ssh.commit), { ssh: [lead + ssh.key], pgp: [] })).toContain('verified');
    for (const lead of [
      'cert-authority ',
      'a@b namespaces="file" ',
      'a@b valid-before="20200101Z" ',
      'a@b valid-after="x" ',
    ])
      await fails(objects(ssh.commit), { ssh: [lead + ssh.key], pgp: [] });
  });
});

const string = (value: string | Uint8Array): Buffer => {
  const body = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
};

/** Signs a commit with a key of our own, with what a test changes. */
function madeBy(options: {
  readonly namespace?: string;
  readonly hash?: string;
  readonly version?: number;
  readonly more?: Buffer;
  readonly sk?: { readonly flags: number };
  readonly type?: string;
}): { readonly commit: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from((publicKey.export({ format: 'jwk' }) as { x: string }).x, 'base64url');
  const type = options.sk === undefined ? 'ssh-ed25519' : 'sk-ssh-ed25519@openssh.com';
  const blob = Buffer.concat([string(type), string(point), ...(options.sk === undefined ? [] : [string('ssh:')])]);
  const head = `tree ${'a'.repeat(40)}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n`;
  const rest = '\nmade by hand\n';
  const { namespace = 'git', hash = 'sha512' } = options;
  const digest = createHash(hash === 'sha256' ? 'sha256' : 'sha512')
    .update(head + rest)
    .digest();
  const signed = Buffer.concat([Buffer.from('SSHSIG'), string(namespace), string(''), string(hash), string(digest)]);
  const sha = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();
  const tail = options.sk === undefined ? Buffer.alloc(0) : Buffer.from([options.sk.flags, 0, 0, 0, 9]);
  const message = options.sk === undefined ? signed : Buffer.concat([sha('ssh:'), tail, sha(signed)]);
  const raw = Buffer.concat([string(options.type ?? type), string(sign(null, message, privateKey)), tail]);
  const version = Buffer.from([0, 0, 0, options.version ?? 1]);
  const fields = [
    string(blob),
    string(namespace),
    string(''),
    string(hash),
    string(raw),
    options.more ?? Buffer.alloc(0),
  ];
  const text = Buffer.concat([Buffer.from('SSHSIG'), version, ...fields]).toString('base64');
  const armor = ['-----BEGIN SSH SIGNATURE-----', ...(text.match(/.{1,70}/g) ?? []), '-----END SSH SIGNATURE-----'];
  return { commit: `${head}gpgsig ${armor.join('\n ')}\n${rest}`, key: `${type} ${blob.toString('base64')} by hand` };
}

describe('SSH signatures made by hand', () => {
  const take = ({ commit, key }: { commit: string; key: string }): Promise<string> =>
    check(objects(commit), { ssh: [key], pgp: [] });
  const refuse = async ({ commit, key }: { commit: string; key: string }): Promise<string> =>
    (await fails(objects(commit), { ssh: [key], pgp: [] })).message;

  it('hold with either hash, and by a security key that was touched', async () => {
    expect(await take(madeBy({}))).toContain('verified');
    expect(await take(madeBy({ hash: 'sha256' }))).toContain('verified');
    expect(await take(madeBy({ sk: { flags: 1 } }))).toContain('verified');
    expect(await take(madeBy({ sk: { flags: 5 } }))).toContain('verified');
  });

  it('do not hold for another purpose, hash or version, with more behind, or untouched', async () => {
    expect(await refuse(madeBy({ namespace: 'file' }))).toContain("is for 'file', not for 'git'");
    expect(await refuse(madeBy({ hash: 'sha1' }))).toContain("the hash 'sha1'");
    expect(await refuse(madeBy({ version: 2 }))).toContain('cannot be read');
    expect(await refuse(madeBy({ more: Buffer.from('x') }))).toContain('cannot be read');
    expect(await refuse(madeBy({ type: 'ssh-rsa' }))).toContain('does not fit');
    expect(await refuse(madeBy({ sk: { flags: 0 } }))).toContain('does not fit');
  });
});

describe('hostile objects', () => {
  const one = vector('ssh-ed25519-0');
  it('with two signatures, of which one is good, are not taken', async () => {
    const sig = /gpgsig [\s\S]*?END SSH SIGNATURE-----\n/.exec(one.commit)?.[0] ?? '';
    expect(sig).not.toBe('');
    const twice = one.commit.replace(sig, sig + sig);
    expect((await fails(objects(twice), keysOf(one))).message).toContain('two signatures');
    const other = madeBy({});
    const mixed = one.commit.replace(
      sig,
      sig + (/gpgsig [\s\S]*?END SSH SIGNATURE-----\n/.exec(other.commit)?.[0] ?? ''),
    );
    expect((await fails(objects(mixed), keysOf(one))).message).toContain('two signatures');
  });

  it('with a signature in the message are unsigned', async () => {
    const sig = /gpgsig ([\s\S]*?END SSH SIGNATURE-----\n)/.exec(one.commit)?.[0] ?? '';
    const moved = one.commit.replace(sig, '') + sig;
    expect((await fails(objects(moved), keysOf(one))).message).toContain('unsupported signature type: empty');
  });

  it('leave out the signature of the other hash, as Git does', async () => {
    const more = one.commit.replace('\ngpgsig ', '\ngpgsig-sha256 -----BEGIN\n more\ngpgsig ');
    expect(await check(objects(more), keysOf(one))).toContain('verified');
    const smuggled = one.commit.replace('\ngpgsig ', '\nother x\ngpgsig ');
    await fails(objects(smuggled), keysOf(one));
  });

  it('end in a fault and in nothing else, whatever byte is changed or lost', async () => {
    const keys = keysOf(...GOOD);
    for (const name of ['ssh-ed25519-0', 'ssh-ecdsa-521', 'ssh-rsa-2048', 'pgp-ed25519']) {
      const text = bytes(vector(name).commit);
      for (let i = 0; i < text.length; i += 7) {
        const changed = Buffer.from(text);
        changed[i] = (changed[i] ?? 0) ^ 0x11;
        for (const bad of [changed, text.subarray(0, i)]) {
          const end = await check({ commit: { id: ID, bytes: bad } }, keys).catch((error: unknown) => error);
          // A byte of the armor's own frame (its checksum, a header) may not matter.
          if (typeof end === 'string') expect(/^pgp/.test(name) && bad === changed).toBe(true);
          else expect(end).toBeInstanceOf(Fault);
        }
      }
    }
  });
});
