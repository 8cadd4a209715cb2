import { at, Fault, fromJson, type Json } from '../../model/index.ts';
import { no, type SignatureCheck, type SignatureVerdict, type SignedSubject, shown } from '../artifact/types.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { readCose } from './cose.ts';
import type { Envelope } from './envelope.ts';
import { readJws } from './jws.ts';
import { isSubset } from './names.ts';
import { type TrustPolicy, trustPolicyFor } from './policy.ts';

/** Who is trusted, as it stands in a Secret. */
export interface NotationTrust {
  /** Where, for messages. */
  readonly name: string;
  /** `trustpolicy.json`. */
  readonly policy: string;
  /** Certificates, PEM or DER, each with its name. */
  readonly certificates: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

const MOST_CERTIFICATES = 100;
const READERS: Readonly<Record<string, (bytes: Buffer) => Envelope | string>> = {
  'application/jose+json': readJws,
  'application/cose': readCose,
};

/**
 * Takes what notation has signed, as JWS or COSE, for who is trusted in `repository` (`HOST/NAME`). Certificates are compared with
 * `now` (milliseconds since 1970) where no authority has signed the time. Fault `signature-keys`.
 */
export function notationCheck(trust: NotationTrust, repository: string, now: number): SignatureCheck {
  const policy = trustPolicyFor(trust.policy, repository, `trustpolicy.json of ${trust.name}`);
  if (trust.certificates.length > MOST_CERTIFICATES)
    throw new Fault('signature-keys', `${trust.name} has more than ${MOST_CERTIFICATES} certificates`);
  const trusted = trust.certificates.map(({ name, bytes }) => {
    const one = readCertificate(firstBlock(Buffer.from(bytes)));
    if (one === undefined) throw new Fault('signature-keys', `${name} of ${trust.name} is no certificate`);
    return one;
  });
  return (found, subject) => {
    if (found.kind !== 'envelope') return no('it is not of notation');
    const read = READERS[found.mediaType];
    if (read === undefined) return no(`it is an envelope of type ${shown(found.mediaType)}`);
    const envelope = read(Buffer.from(found.bytes));
    if (typeof envelope === 'string') return no(envelope);
    return verdictOf(envelope, subject, { policy, trusted, now });
  };
}

interface Trusting {
  readonly policy: TrustPolicy;
  readonly trusted: readonly Certificate[];
  readonly now: number;
}

function verdictOf(envelope: Envelope, subject: SignedSubject, trusting: Trusting): SignatureVerdict {
  const why =
    authenticityFault(envelope, trusting) ??
    timeFault(envelope, trusting) ??
    revocationFault(envelope, trusting) ??
    payloadFault(envelope.payload, subject);
  return why === undefined ? { ok: true } : no(why);
}

function authenticityFault({ chain, scheme }: Envelope, { policy, trusted }: Trusting): string | undefined {
  if (!policy.stores.has(scheme === 'notary.x509' ? 'ca' : 'signingAuthority'))
    return `it is of scheme ${scheme}, and the trust policy has no store for that`;
  if (!chain.some((one) => trusted.some((other) => other.x509.raw.equals(one.x509.raw))))
    return 'none of the trusted certificates is in its chain';
  const subject = chain[0]?.subject;
  if (policy.identities === undefined) return undefined;
  if (subject !== undefined && policy.identities.some((one) => isSubset(one, subject))) return undefined;
  const name = [...(subject ?? [])].map(([type, value]) => `${type}=${value}`).join(', ');
  return `it is by ${shown(name)}, whom the trust policy does not name`;
}

function timeFault(envelope: Envelope, { policy, now }: Trusting): string | undefined {
  const { chain, scheme, signedAt, expiresAt } = envelope;
  if (policy.enforced.has('expiry') && expiresAt !== undefined && now >= expiresAt) return 'it has expired';
  if (!policy.enforced.has('authenticTimestamp')) return undefined;
  const heldAt = (time: number): boolean =>
    chain.every(({ x509 }) => x509.validFromDate.getTime() <= time && time <= x509.validToDate.getTime());
  if (scheme === 'notary.x509.signingAuthority')
    return heldAt(signedAt) ? undefined : 'a certificate of it was not valid when it was made';
  if (policy.stores.has('tsa') && !(policy.timestampLater && heldAt(now)))
    return 'the trust policy asks for a timestamp, which is not read: take the tsa store out, or set verifyTimestamp: afterCertExpiry';
  return heldAt(now) ? undefined : 'a certificate of it is not valid now';
}

function revocationFault({ chain }: Envelope, { policy }: Trusting): string | undefined {
  if (!policy.enforced.has('revocation') || !chain.some(({ revocable }) => revocable)) return undefined;
  return 'whether its certificates were revoked is not asked here: set override: { revocation: skip } in the trust policy';
}

function payloadFault(payload: Buffer, { digest, bytes }: SignedSubject): string | undefined {
  let value: Json;
  try {
    value = fromJson(payload.toString('utf8'));
  } catch {
    return 'its payload is not JSON';
  }
  const [signed, size] = [at(value, 'targetArtifact', 'digest'), at(value, 'targetArtifact', 'size')];
  if (signed !== digest) return `it signs ${typeof signed === 'string' ? shown(signed) : 'no digest'}`;
  return size === bytes.length ? undefined : 'it signs another size';
}

/** DER of the first PEM block; bytes that hold none are taken as DER. */
function firstBlock(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const head = '-----BEGIN CERTIFICATE-----';
  const start = text.indexOf(head);
  const end = text.indexOf('-----END CERTIFICATE-----', start);
  return start < 0 || end < 0 ? bytes : Buffer.from(text.slice(start + head.length, end), 'base64');
}
