import { constants, type KeyObject, verify } from 'node:crypto';
import type { Json, JsonObject } from '../../model/index.ts';
import { shown } from '../artifact/types.ts';
import type { Certificate } from './certificate.ts';
import { readChain } from './chain.ts';

/** A signature envelope whose signature is that of the first certificate of its chain. */
export interface Envelope {
  readonly chain: readonly Certificate[];
  readonly scheme: 'notary.x509' | 'notary.x509.signingAuthority';
  /** Milliseconds since 1970, as the signer says. */
  readonly signedAt: number;
  /** The same, after which the signer wants it believed no more; undefined for never. */
  readonly expiresAt: number | undefined;
  readonly payload: Buffer;
}

const PAYLOAD = 'application/vnd.cncf.notary.payload.v1+json';
const KEY = {
  scheme: 'io.cncf.notary.signingScheme',
  time: 'io.cncf.notary.signingTime',
  authenticTime: 'io.cncf.notary.authenticSigningTime',
  expiry: 'io.cncf.notary.expiry',
  plugin: 'io.cncf.notary.verificationPlugin',
} as const;
const KNOWN: readonly string[] = [KEY.scheme, KEY.authenticTime, KEY.expiry];

/** The parts of an envelope, in whatever form it came. */
export interface EnvelopeParts {
  /** Certificates in DER, from the leaf on. */
  readonly ders: readonly Buffer[];
  /** The protected header, by the names of JWS. */
  readonly header: JsonObject | undefined;
  readonly payload: Buffer | undefined;
  /** What the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer | undefined;
}

/** Checks the signature of an envelope, and reads what is under it; else why it does not hold. */
export function openEnvelope({ ders, header, payload, signed, signature }: EnvelopeParts): Envelope | string {
  const chain = readChain(ders);
  if (typeof chain === 'string') return chain;
  const key = chain[0]?.key;
  if (signature === undefined || header === undefined || key === undefined)
    return 'its protected header cannot be read';
  const algorithm = algorithmOf(key);
  if (algorithm === undefined || header['alg'] !== algorithm.name)
    return 'its algorithm is not that of its certificate';
  if (!algorithm.verifies(signed, signature)) return 'its signature does not hold';
  if (payload === undefined || header['cty'] !== PAYLOAD) return 'its payload is of no type that is known';
  const said = attributesOf(header);
  return typeof said === 'string' ? said : { chain, payload, ...said };
}

interface Algorithm {
  readonly name: string;
  verifies(data: Buffer, signature: Buffer): boolean;
}

/** The one algorithm that goes with a key (Notary Project, "Algorithm Selection"). */
function algorithmOf(key: KeyObject): Algorithm | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const bits =
    type === 'rsa'
      ? { 2048: '256', 3072: '384', 4096: '512' }[details?.modulusLength ?? 0]
      : { prime256v1: '256', secp384r1: '384', secp521r1: '512' }[details?.namedCurve ?? ''];
  if (bits === undefined || (type !== 'rsa' && type !== 'ec')) return undefined;
  const how =
    type === 'rsa'
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
      : ({ key, dsaEncoding: 'ieee-p1363' } as const);
  return {
    name: `${type === 'rsa' ? 'PS' : 'ES'}${bits}`,
    verifies: (data, signature) => {
      try {
        return verify(`sha${bits}`, data, how, signature);
      } catch {
        return false;
      }
    },
  };
}

/** What the signer says under the signature, all of which must be understood. */
function attributesOf(header: JsonObject): Pick<Envelope, 'scheme' | 'signedAt' | 'expiresAt'> | string {
  const { crit } = header;
  const scheme = header[KEY.scheme];
  if (scheme !== 'notary.x509' && scheme !== 'notary.x509.signingAuthority') return 'its signing scheme is not known';
  if (header[KEY.plugin] !== undefined) return 'it is to be verified by a plugin, and there are none here';
  const ofAuthority = scheme === 'notary.x509.signingAuthority';
  const critical = Array.isArray(crit) ? (crit as readonly Json[]) : [];
  const unknown = critical.find((one) => typeof one !== 'string' || !KNOWN.includes(one) || !(one in header));
  if (unknown !== undefined) return `its critical attribute ${shown(String(unknown))} is not known`;
  const needed = [
    KEY.scheme,
    ...(ofAuthority ? [KEY.authenticTime] : []),
    ...(header[KEY.expiry] === undefined ? [] : [KEY.expiry]),
  ];
  if (needed.some((one) => !critical.includes(one))) return 'an attribute that must be critical is not';
  if (header[ofAuthority ? KEY.time : KEY.authenticTime] !== undefined) return 'it names a time of another scheme';
  const signedAt = timeOf(header[ofAuthority ? KEY.authenticTime : KEY.time]);
  const expiresAt = header[KEY.expiry] === undefined ? undefined : timeOf(header[KEY.expiry]);
  if (signedAt === undefined || (header[KEY.expiry] !== undefined && expiresAt === undefined))
    return 'it does not say readably when it was made, or until when it holds';
  if (expiresAt !== undefined && expiresAt <= signedAt) return 'it ends before it begins';
  return { scheme, signedAt, expiresAt };
}

/** RFC 3339. */
function timeOf(value: Json | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}
