import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** A public key of who may sign. */
export interface PublicKey {
  /** Whether a raw signature is this key's over the data; one that is broken is not. */
  verifies(data: Uint8Array, signature: Uint8Array): boolean;
}

/** Least bits of an RSA key. */
const RSA_BITS = 2_048;
const LONGEST_PEM = 64 * 1024;
/** Hash that goes with a curve; clients before cosign 3 took SHA-256 for every curve. */
const CURVES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['sha256'],
  secp384r1: ['sha384', 'sha256'],
  secp521r1: ['sha512', 'sha256'],
};

/**
 * Reads the first block of a PEM text, as cosign does: `PUBLIC KEY` or `RSA PUBLIC KEY`, of ECDSA (P-256, P-384, P-521),
 * RSA from 2,048 bits on (PKCS #1 v1.5, SHA-256) or Ed25519. Else why it is none.
 */
export function parsePublicKey(text: string): PublicKey | string {
  const block = firstBlock(text);
  if (block === undefined) return 'it holds no PEM block';
  if (block.type !== 'PUBLIC KEY' && block.type !== 'RSA PUBLIC KEY')
    return `its PEM block is a ${block.type.replace(/[^A-Z0-9 ]/g, '?')}, and not a PUBLIC KEY`;
  try {
    return keyOf(createPublicKey(block.text));
  } catch {
    return 'its PEM block cannot be read';
  }
}

function firstBlock(text: string): { readonly type: string; readonly text: string } | undefined {
  if (text.length > LONGEST_PEM) return undefined;
  const start = text.indexOf('-----BEGIN ');
  const type = /^-----BEGIN ([^\n-]{1,40})-----/.exec(text.slice(start, start + 80))?.[1];
  if (start < 0 || type === undefined) return undefined;
  const last = `-----END ${type}-----`;
  const end = text.indexOf(last, start);
  return end < 0 ? undefined : { type, text: text.slice(start, end + last.length) };
}

/** How a key checks signatures, or why it is not taken. */
export function keyOf(key: KeyObject): PublicKey | string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return { verifies: safely((data, signature) => verify(null, data, key, signature)) };
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < RSA_BITS) return `it is an RSA key of ${bits} bits, and ${RSA_BITS} are the least`;
    return { verifies: safely((data, signature) => verify('sha256', data, key, signature)) };
  }
  const hashes = type === 'ec' ? CURVES[details?.namedCurve ?? ''] : undefined;
  if (hashes === undefined) return `keys of type ${details?.namedCurve ?? type ?? 'unknown'} are not taken`;
  return { verifies: safely((data, signature) => hashes.some((hash) => verify(hash, data, key, signature))) };
}

/** Broken signatures make node:crypto throw. */
function safely(check: PublicKey['verifies']): PublicKey['verifies'] {
  return (data, signature) => {
    try {
      return check(data, signature);
    } catch {
      return false;
    }
  };
}
