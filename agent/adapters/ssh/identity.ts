import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import { Fault } from '../../../src/model/index.ts';
import type { SshAuth } from '../../../src/ports/index.ts';
import { asksTooMuch, cipherOf, isHeavy } from './effort.ts';

const CHACHA = 'chacha20-poly1305@openssh.com';

/** A private key as a Secret has it. */
export type Identity = Pick<SshAuth, 'identity' | 'passphrase'>;

/** A private key in a form that ssh2 reads; the passphrase only where it still is encrypted. */
export interface ReadableKey {
  readonly privateKey: string;
  readonly passphrase: string | undefined;
}

/**
 * Brings an identity into a form that ssh2 reads: OpenSSH and the old PEM forms as they are, PKCS#8 (`flux create
 * secret git` writes it) unwrapped. Fault `secret-invalid`, in Flux's words; never with anything of the key.
 */
export function readIdentity({ identity, passphrase }: Identity): ReadableKey {
  const text = blockOf(identity);
  if (asksTooMuch(text))
    throw identityFault('ssh: the identity asks for more work to decrypt it than is done here (ssh-keygen -p -a 16)');
  // ssh2 knows it for connections alone, and finds that out after a second of work.
  if (cipherOf(text) === CHACHA) throw unknownCipher(CHACHA);
  if (!/-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text))
    return { privateKey: text, passphrase: passphrase === '' ? undefined : passphrase };
  if (text.includes('ENCRYPTED') && passphrase === '') throw encrypted();
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text, format: 'pem', ...(passphrase === '' ? {} : { passphrase }) });
  } catch (error) {
    throw unreadable(error);
  }
  const { asymmetricKeyType: type } = key;
  if (type === 'ed25519') return { privateKey: openSsh(key), passphrase: undefined };
  if (type !== 'rsa' && type !== 'ec') throw identityFault(`ssh: a key of type ${type} cannot be used`);
  const pem = key.export({ type: type === 'rsa' ? 'pkcs1' : 'sec1', format: 'pem' });
  return { privateKey: pem.toString(), passphrase: undefined };
}

/** What decrypts an identity that takes long: the same key, not encrypted, in PEM. Fault `secret-invalid`. */
export type Unlock = (auth: Identity) => Promise<string>;

/** Decrypts an identity in this process, which does nothing else meanwhile. */
export async function unlockHere({ identity, passphrase }: Identity): Promise<string> {
  const { utils } = (await import('ssh2')).default;
  return parsedIdentity({ identity, passphrase }, utils).getPrivatePEM();
}

/** True for an identity that is worth another process; one that is refused for its effort is not. */
export function takesLong({ identity, passphrase }: Identity): boolean {
  const text = blockOf(identity);
  return passphrase !== '' && isHeavy(text) && !asksTooMuch(text);
}

/** Reads the key before anything is sent: what is wrong with it is no matter of the server. Faults as of `readIdentity`. */
export function parsedIdentity(auth: Identity, utils: typeof import('ssh2').utils): ParsedKey {
  const { privateKey, passphrase } = readIdentity(auth);
  const key = utils.parseKey(privateKey, passphrase);
  // A public key can be read as well.
  if (!(key instanceof Error)) {
    if (key.isPrivateKey()) return key;
    throw unreadable(undefined);
  }
  if (passphrase === undefined && /encrypted/i.test(key.message)) throw encrypted();
  throw unreadable(key);
}

/** The first private key of a text in PEM, whatever stands around it and at the ends of its lines. */
function blockOf(identity: string): string {
  const lines = identity.split('\n').map((line) => line.trim());
  const text = `${lines.join('\n').trim()}\n`;
  const begin = /^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----$/m.exec(text);
  if (begin === null) return text;
  const end = `-----END ${begin[1]}-----`;
  const at = text.indexOf(end, begin.index);
  return at < 0 ? text : `${text.slice(begin.index, at)}${end}\n`;
}

/** What Flux says where a Secret's key or hosts cannot be read, which it finds out before it connects. */
export const AUTH_WORDS = 'unable to construct auth method with options: ';

const identityFault = (text: string): Fault =>
  new Fault('secret-invalid', AUTH_WORDS + text, { reason: 'GitOperationFailed' });

const encrypted = (): Fault =>
  new Fault('secret-invalid', "SSH identity key is encrypted but no 'password' field was provided in the secret");

const unknownCipher = (cipher: string): Fault =>
  identityFault(
    `ssh: the identity cannot be read: it is encrypted by ${cipher}, which is not known here (ssh-keygen -p -Z aes256-ctr)`,
  );

/** What cannot be decrypted has another passphrase, as far as one can tell. */
function unreadable(error: unknown): Fault {
  const text = error instanceof Error ? error.message : '';
  const cipher = /^Unsupported cipher for OpenSSH key: ([\w@.-]{1,40})$/.exec(text)?.[1];
  if (cipher !== undefined) return unknownCipher(cipher);
  const wrong = /bad decrypt|passphrase|integrity check|decrypt|MAC|unable to authenticate data/i.test(text);
  return identityFault(
    wrong
      ? 'ssh: the identity cannot be read: decryption password incorrect'
      : 'ssh: the identity cannot be read: ssh: no key found',
  );
}

/** An ed25519 key in OpenSSH's own form (PROTOCOL.key), not encrypted. */
function openSsh(key: KeyObject): string {
  const { d = '', x = '' } = key.export({ format: 'jwk' });
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  const type = string('ssh-ed25519');
  const pair = Buffer.concat([Buffer.alloc(8), type, string(point), string(Buffer.concat([seed, point])), string('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (pair.length % 8)) % 8 }, (_, i) => i + 1));
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0', 'latin1'),
    ...[string('none'), string('none'), string('')],
    Buffer.from([0, 0, 0, 1]),
    string(Buffer.concat([type, string(point)])),
    string(Buffer.concat([pair, padding])),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
