import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

/**
 * X.509 version 3 certificates (RFC 5280) on P-256 keys, written by hand: a millisecond each and no openssl needed.
 */
export interface CertificateOptions {
  /** Common name: for Kubernetes the user. */
  readonly name: string;
  /** Organisations: for Kubernetes the groups. */
  readonly groups?: readonly string[];
  /** Country and state, before the rest of the name. */
  readonly place?: readonly [string, string];
  /** DNS names and IPv4 addresses of a server. */
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly authority?: boolean;
  /** Addresses that name who signs. */
  readonly uris?: readonly string[];
  /** Uses of the key, in place of those of a client or server. */
  readonly uses?: readonly string[];
  /** Extensions besides. */
  readonly extras?: readonly Extension[];
  /** One more, made of the certificate without it and the key that signs it (RFC 6962). */
  readonly logged?: (body: Buffer, issuer: Buffer) => Extension;
}

export interface Extension {
  readonly id: string;
  readonly value: Buffer;
}

export interface Credentials {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Authority extends Credentials {
  issue(options: CertificateOptions): Credentials;
}

export const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const n = body.length;
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const text = (value: string) => der(0x0c, Buffer.from(value, 'utf8'));
const bool = () => Buffer.from([0x01, 0x01, 0xff]);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (n: number): number[] => (n < 128 ? [n] : [...base128(n >> 7).map((b) => b | 128), n & 127]);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on. */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/[-:T]/g, '')
    .replace(/\.\d+Z$/, 'Z');
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

const attribute = (type: string, value: string) => der(0x31, sequence(oid(type), text(value)));

const subject = (options: CertificateOptions) =>
  sequence(
    ...(options.place ?? []).map((value, i) => attribute(i === 0 ? '2.5.4.6' : '2.5.4.8', value)),
    ...(options.groups ?? []).map((g) => attribute('2.5.4.10', g)),
    attribute('2.5.4.3', options.name),
  );

function hostName(host: string): Buffer {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return der(0x87, Buffer.from(host.split('.').map(Number)));
  return der(0x82, Buffer.from(host));
}

const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const keyId = (key: KeyObject): Buffer => createHash('sha1').update(spki(key)).digest();

function extensions(options: CertificateOptions, own: KeyObject, issuer: KeyObject, last?: Extension): Buffer {
  const list: Buffer[] = [];
  const add = (id: string, critical: boolean, value: Buffer) =>
    list.push(sequence(oid(id), ...(critical ? [bool()] : []), der(0x04, value)));
  if (options.authority === true) {
    add('2.5.29.19', true, sequence(bool()));
    add('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x01, 0x06]));
  } else {
    add('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x07, 0x80]));
    const plain = ['1.3.6.1.5.5.7.3.2', ...(options.hosts === undefined ? [] : ['1.3.6.1.5.5.7.3.1'])];
    const uses = options.uses ?? plain;
    add('2.5.29.37', false, sequence(...uses.map(oid)));
  }
  if (options.hosts !== undefined) add('2.5.29.17', false, sequence(...options.hosts.map(hostName)));
  if (options.uris !== undefined)
    add('2.5.29.17', true, sequence(...options.uris.map((uri) => der(0x86, Buffer.from(uri)))));
  add('2.5.29.14', false, der(0x04, keyId(own)));
  add('2.5.29.35', false, sequence(der(0x80, keyId(issuer))));
  for (const { id, value } of [...(options.extras ?? []), ...(last === undefined ? [] : [last])]) add(id, false, value);
  return der(0xa3, sequence(...list));
}

const pem = (bytes: Buffer) => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
};

const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const START = new Date('1971-01-01T00:00:00Z');
const END = new Date('2049-12-31T00:00:00Z');

function certificate(options: CertificateOptions, publicKey: KeyObject, issuer: Buffer, issuerKey: KeyObject): string {
  const serial = randomBytes(12);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = sequence(oid(ECDSA_SHA256));
  const bodyWith = (last?: Extension): Buffer =>
    sequence(
      der(0xa0, Buffer.from([0x02, 0x01, 0x02])),
      der(0x02, serial),
      algorithm,
      issuer,
      sequence(time(options.notBefore ?? START), time(options.notAfter ?? END)),
      subject(options),
      spki(publicKey),
      extensions(options, publicKey, createPublicKey(issuerKey), last),
    );
  const body = bodyWith(options.logged?.(bodyWith(), spki(createPublicKey(issuerKey))));
  const signature = sign('sha256', body, issuerKey);
  return pem(sequence(body, algorithm, der(0x03, Buffer.from([0]), signature)));
}

/** A new certificate authority; what it issues holds from 1971 to 2049 unless told otherwise. */
export function createAuthority(name: string): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const options: CertificateOptions = { name, authority: true };
  return openAuthority(name, {
    certPem: certificate(options, own.publicKey, subject(options), own.privateKey),
    keyPem: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  });
}

/** The authority of a certificate made by `createAuthority(name)` in another process. */
export function openAuthority(name: string, own: Credentials): Authority {
  const issuer = subject({ name });
  const issuerKey = createPrivateKey(own.keyPem);
  const issue = (wanted: CertificateOptions): Credentials => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return {
      certPem: certificate(wanted, pair.publicKey, issuer, issuerKey),
      keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  };
  return { certPem: own.certPem, keyPem: own.keyPem, issue };
}

/** A new key pair for signing tokens: PEM of both halves. `ec` form, which Kubernetes reads. */
export function createSigningKey(): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privatePem: privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
    publicPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
  };
}
