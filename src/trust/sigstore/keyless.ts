import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { type Signer, type TrustMaterial, toSignedEntity, Verifier } from '@sigstore/verify';
import { at, Fault, type JsonObject, printable } from '../../model/index.ts';
import { compilePattern, type Pattern, PatternError } from '../../pattern/index.ts';
import { bindingFault, parseBundle } from '../artifact/bundle.ts';
import { payloadFault } from '../artifact/simple.ts';
import {
  type FoundSignature,
  no,
  type SignatureCheck,
  type SignatureVerdict,
  type SignedSubject,
  shown,
} from '../artifact/types.ts';
import { olderBundle } from './older.ts';
import { type RootFile, trustMaterial } from './root.ts';

/** Who may sign: patterns of RE2 that match anywhere in issuer and subject, as in Flux. */
export interface OidcIdentity {
  readonly issuer: string;
  readonly subject: string;
}

/** Entries of logs, and timestamps, that a bundle may bring: one is enough, and each is compared with each. */
const MOST_WITNESSES = 16;
const MOST_IDENTITIES = 100;

/**
 * Takes what a certificate for one of these identities has signed by cosign: by an authority of the trusted root, logged
 * there, at a time that the log or a timestamp proves. No clock is read and nothing is asked for. Fault `signature-keys`.
 */
export function keylessCheck(identities: readonly OidcIdentity[], root: RootFile): SignatureCheck {
  if (identities.length > MOST_IDENTITIES)
    throw new Fault('signature-keys', `${identities.length} identities are more than ${MOST_IDENTITIES}`);
  const material = trustMaterial(root);
  const patterns = identities.map(({ issuer, subject }, i) => ({
    issuer: patternOf(issuer, `matchOIDCIdentity[${i}].issuer`),
    subject: patternOf(subject, `matchOIDCIdentity[${i}].subject`),
  }));
  return (found, subject) => {
    const read = contentOf(found, subject);
    if (typeof read === 'string') return no(read);
    const signer = signerOf(read, material);
    if (typeof signer === 'string') return no(signer);
    const why = read.binding();
    return why === undefined ? identityVerdict(signer, patterns) : no(why);
  };
}

function patternOf(text: string, field: string): Pattern {
  try {
    return compilePattern(text);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new Fault('signature-keys', `${field} is no regular expression: ${error.message}`);
  }
}

interface Read {
  readonly json: JsonObject;
  /** What a signature of its own bytes is over. */
  readonly signed: Uint8Array;
  /** Why it does not speak for the subject; asked once its signature holds. */
  binding(): string | undefined;
}

function contentOf(found: FoundSignature, subject: SignedSubject): Read | string {
  if (found.kind === 'envelope') return 'it is not of cosign';
  if (found.kind === 'simple') {
    const json = olderBundle(found);
    const { payload } = found;
    return typeof json === 'string'
      ? json
      : { json, signed: payload, binding: () => payloadFault(payload, subject.digest) };
  }
  const bundle = parseBundle(found.bytes);
  if (typeof bundle === 'string') return bundle;
  if (bundle.signer !== 'certificate') return 'it is signed by a key, and not by a certificate';
  return { json: bundle.json, signed: subject.bytes, binding: () => bindingFault(bundle.content, subject) };
}

/** Who has signed, by the trusted root; else why that is not proven. */
function signerOf({ json, signed }: Read, material: TrustMaterial): Signer | string {
  if (witnesses(json) > MOST_WITNESSES) return `it brings more than ${MOST_WITNESSES} entries of logs and timestamps`;
  try {
    const bundle: Bundle = bundleFromJSON(json);
    const entity = toSignedEntity(bundle, Buffer.from(signed));
    if (entity.key.$case !== 'certificate') return 'it is signed by a key, and not by a certificate';
    return new Verifier(material).verify(entity);
  } catch (error) {
    // Whatever cannot be read, or does not hold.
    return `its certificate or log entry does not hold: ${wordsOf(error)}`;
  }
}

function witnesses(json: JsonObject): number {
  const lists = [
    at(json, 'verificationMaterial', 'tlogEntries'),
    at(json, 'verificationMaterial', 'timestampVerificationData', 'rfc3161Timestamps'),
    at(json, 'verificationMaterial', 'x509CertificateChain', 'certificates'),
  ];
  return lists.reduce((sum: number, list) => sum + (Array.isArray(list) ? list.length : 0), 0);
}

function identityVerdict(
  { identity }: Signer,
  patterns: readonly { readonly issuer: Pattern; readonly subject: Pattern }[],
): SignatureVerdict {
  const issuer = identity?.extensions?.issuer ?? '';
  const subject = identity?.subjectAlternativeName ?? '';
  if (issuer === '' || subject === '') return no('its certificate names no issuer, or no subject');
  if (patterns.some((one) => one.issuer.test(issuer) && one.subject.test(subject))) return { ok: true };
  return no(`it is by ${shown(subject)} of ${shown(issuer)}, whom matchOIDCIdentity does not name`);
}

const wordsOf = (error: unknown): string => printable(error instanceof Error ? error.message : 'unreadable', 150);
