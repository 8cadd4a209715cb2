import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { blobReader } from './blob.ts';

/** A public key of SSH. */
export interface SshKey {
  readonly type: string;
  /** The key as it stands in files and on the wire. */
  readonly blob: Buffer;
  /** `SHA256:` and base64, as `ssh-keygen -l` shows it. */
  readonly fingerprint: string;
  /** True when a signature blob (RFC 4253, 6.6; PROTOCOL.u2f) is this key's over the data. */
  verifies(data: Buffer, signature: Buffer): boolean;
}

type Check = (data: Buffer, signature: Buffer) => boolean;

/** Least bits of an RSA key, as OpenSSH will have it for signatures. */
const RSA_BITS = 2_048;
const CURVES: Readonly<Record<string, { readonly crv: string; readonly hash: string; readonly bytes: number }>> = {
  nistp256: { crv: 'P-256', hash: 'sha256', bytes: 32 },
  nistp384: { crv: 'P-384', hash: 'sha384', bytes: 48 },
  nistp521: { crv: 'P-521', hash: 'sha512', bytes: 66 },
};
const RSA_HASHES: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

export const fingerprintOf = (blob: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

/** Reads a key: ed25519, ecdsa, rsa, and those of security keys (sk-). Undefined for any other and for a broken one. */
export function parseSshKey(blob: Buffer): SshKey | undefined {
  const type = blobReader(blob).text();
  if (type === undefined) return undefined;
  try {
    const check = checkOf(type, blob);
    return check === undefined ? undefined : { type, blob, fingerprint: fingerprintOf(blob), verifies: safely(check) };
  } catch {
    // Numbers that are no point of the curve, or no modulus.
    return undefined;
  }
}

/** Broken signatures make node:crypto throw; they are not this key's. */
function safely(check: Check): Check {
  return (data, signature) => {
    try {
      return check(data, signature);
    } catch {
      return false;
    }
  };
}

function checkOf(type: string, blob: Buffer): Check | undefined {
  const reader = blobReader(blob);
  reader.bytes();
  switch (type) {
    case 'ssh-ed25519':
      return plain(type, edKey(reader.bytes(), reader.atEnd()));
    case 'sk-ssh-ed25519@openssh.com': {
      const point = reader.bytes();
      const application = reader.bytes();
      return withSecurityKey(type, application, edKey(point, reader.atEnd()));
    }
    case 'sk-ecdsa-sha2-nistp256@openssh.com': {
      const key = curveKey(reader.text(), reader.bytes());
      const application = reader.bytes();
      return reader.atEnd() ? withSecurityKey(type, application, key) : undefined;
    }
    case 'ssh-rsa':
      return rsa(reader.bytes(), reader.bytes(), reader.atEnd());
    default:
      if (!type.startsWith('ecdsa-sha2-')) return undefined;
      return plain(type, curveKey(sameCurve(type, reader.text()), reader.bytes()), reader.atEnd());
  }
}

const sameCurve = (type: string, curve: string | undefined): string | undefined =>
  type === `ecdsa-sha2-${curve}` ? curve : undefined;

/** A key with how its raw signatures are checked. */
interface RawKey {
  readonly raw: Check;
}

function edKey(point: Buffer | undefined, whole: boolean): RawKey | undefined {
  if (point?.length !== 32 || !whole) return undefined;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }, format: 'jwk' });
  return { raw: (data, signature) => signature.length === 64 && verify(null, data, key, signature) };
}

function curveKey(name: string | undefined, point: Buffer | undefined): RawKey | undefined {
  const curve = CURVES[name ?? ''];
  if (curve === undefined || point?.length !== 2 * curve.bytes + 1 || point[0] !== 4) return undefined;
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
  const jwk = { kty: 'EC', crv: curve.crv, x: x.toString('base64url'), y: y.toString('base64url') };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return { raw: (data, signature) => ecdsa({ key, ...curve }, data, signature) };
}

function ecdsa(curve: { key: KeyObject; hash: string; bytes: number }, data: Buffer, signature: Buffer): boolean {
  const reader = blobReader(signature);
  const r = padded(reader.bytes(), curve.bytes);
  const s = padded(reader.bytes(), curve.bytes);
  if (r === undefined || s === undefined || !reader.atEnd()) return false;
  return verify(curve.hash, data, { key: curve.key, dsaEncoding: 'ieee-p1363' }, Buffer.concat([r, s]));
}

/** A positive number of SSH (mpint) in so many bytes. */
function padded(number: Buffer | undefined, bytes: number): Buffer | undefined {
  if (number === undefined) return undefined;
  const bare = number[0] === 0 ? number.subarray(1) : number;
  if (bare.length > bytes || (number[0] ?? 0) >= 0x80) return undefined;
  return Buffer.concat([Buffer.alloc(bytes - bare.length), bare]);
}

/** The signature blob names the key's own type, then holds the raw signature and nothing else. */
function plain(type: string, key: RawKey | undefined, whole = true): Check | undefined {
  if (key === undefined || !whole) return undefined;
  return (data, blob) => {
    const reader = blobReader(blob);
    const named = reader.text();
    const raw = reader.bytes();
    return named === type && raw !== undefined && reader.atEnd() && key.raw(data, raw);
  };
}

/** A security key signs a digest with flags and a counter; that somebody touched it is asked for. */
function withSecurityKey(type: string, application: Buffer | undefined, key: RawKey | undefined): Check | undefined {
  if (key === undefined || application === undefined) return undefined;
  return (data, blob) => {
    const reader = blobReader(blob);
    const named = reader.text();
    const raw = reader.bytes();
    const flags = reader.byte();
    const counter = reader.uint32();
    if (named !== type || raw === undefined || flags === undefined || counter === undefined || !reader.atEnd())
      return false;
    const touched = (flags & 1) === 1;
    return touched && key.raw(Buffer.concat([sha256(application), blob.subarray(-5), sha256(data)]), raw);
  };
}

const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

/** SHA-1 (`ssh-rsa` as the type of a signature) is not taken. */
function rsa(e: Buffer | undefined, n: Buffer | undefined, whole: boolean): Check | undefined {
  if (e === undefined || n === undefined || !whole) return undefined;
  const bare = (number: Buffer): string => (number[0] === 0 ? number.subarray(1) : number).toString('base64url');
  const key = createPublicKey({ key: { kty: 'RSA', n: bare(n), e: bare(e) }, format: 'jwk' });
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS) return undefined;
  return (data, blob) => {
    const reader = blobReader(blob);
    const hash = RSA_HASHES[reader.text() ?? ''];
    const raw = reader.bytes();
    return hash !== undefined && raw !== undefined && reader.atEnd() && verify(hash, data, key, raw);
  };
}
