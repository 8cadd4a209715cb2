import { Fault } from '../../model/index.ts';
import { fromBase64 } from '../blob.ts';
import { bindingFault, parseBundle, signedBytes } from './bundle.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';
import { payloadFault, SIMPLE } from './simple.ts';
import { type FoundSignature, no, type SignatureCheck, type SignatureVerdict, type SignedSubject } from './types.ts';

/** A public key as it stands in a Secret. */
export interface NamedKey {
  /** Where, for messages. */
  readonly name: string;
  readonly pem: string;
}

/** Each signature is held against each key. */
const MOST_KEYS = 100;

/**
 * Takes what one of these keys has signed by cosign, of either form. Transparency logs are not looked at, as by Flux with
 * keys. Fault `signature-keys` for a key that cannot be read: a slip of the pen is to be seen.
 */
export function keyedCheck(named: readonly NamedKey[]): SignatureCheck {
  if (named.length > MOST_KEYS)
    throw new Fault('signature-keys', `${named.length} public keys are more than ${MOST_KEYS}`);
  const keys = named.map(({ name, pem }) => {
    const key = parsePublicKey(pem);
    if (typeof key === 'string') throw new Fault('signature-keys', `${name} is no public key for cosign: ${key}`);
    return key;
  });
  return (found, subject) => {
    if (found.kind === 'simple') return simpleVerdict(found, subject, keys);
    return found.kind === 'bundle' ? bundleVerdict(found.bytes, subject, keys) : no('it is not of cosign');
  };
}

function simpleVerdict(
  { payload, annotations }: Extract<FoundSignature, { kind: 'simple' }>,
  { digest }: SignedSubject,
  keys: readonly PublicKey[],
): SignatureVerdict {
  const signature = fromBase64(annotations[SIMPLE.signature] ?? '');
  if (signature === undefined || signature.length === 0) return no('its signature is not base64');
  if (!keys.some((key) => key.verifies(payload, signature))) return no(BY_OTHERS);
  const why = payloadFault(payload, digest);
  return why === undefined ? { ok: true } : no(why);
}

function bundleVerdict(bytes: Uint8Array, subject: SignedSubject, keys: readonly PublicKey[]): SignatureVerdict {
  const bundle = parseBundle(bytes);
  if (typeof bundle === 'string') return no(bundle);
  if (bundle.signer !== 'key') return no('it is signed by a certificate, and not by a key');
  const { content } = bundle;
  const signed = signedBytes(content, subject);
  if (!keys.some((key) => key.verifies(signed, content.signature))) return no(BY_OTHERS);
  const why = bindingFault(content, subject);
  return why === undefined ? { ok: true } : no(why);
}

const BY_OTHERS = 'it is by none of the keys';
