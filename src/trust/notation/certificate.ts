import { type KeyObject, X509Certificate } from 'node:crypto';
import { type DerValue, derInside, derOid, derText, derValues } from './der.ts';

/** A certificate, with what node:crypto does not tell of it. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly key: KeyObject;
  /** By short name, such as `O`; undefined where that cannot be compared, such as a name twice. */
  readonly subject: ReadonlyMap<string, string> | undefined;
  readonly authority: boolean;
  /** Authorities that may stand between it and the leaf; undefined for any number. */
  readonly pathLength: number | undefined;
  /** The first two bytes of the key usage; undefined where it is missing or not critical. */
  readonly keyUsage: number | undefined;
  /** Object identifiers of the extended key usage. */
  readonly uses: readonly string[];
  /** It says where to ask whether it has been revoked. */
  readonly revocable: boolean;
}

const NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.17': 'POSTALCODE',
};
/** How certificates may be signed: RSA (PKCS #1 v1.5) and ECDSA, with SHA-2. */
const ALGORITHMS = [
  ...[11, 12, 13].map((last) => `1.2.840.113549.1.1.${last}`),
  ...[2, 3, 4].map((last) => `1.2.840.10045.4.3.${last}`),
];
const OCSP = '1.3.6.1.5.5.7.48.1';

/** Reads a certificate (RFC 5280) in DER; undefined for what is none, has an extension twice, or is signed with SHA-1. */
export function readCertificate(der: Buffer): Certificate | undefined {
  try {
    const x509 = new X509Certificate(der);
    const [body, algorithm] = derInside(derValues(x509.raw)?.[0], 0x30) ?? [];
    const fields = derInside(body, 0x30) ?? [];
    // Version, where there is one; serial, algorithm, issuer, validity, subject, key, and so on.
    const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
    const extensions = extensionsOf(fields.find(({ tag }) => tag === 0xa3));
    if (subject === undefined || extensions === undefined) return undefined;
    if (!ALGORITHMS.includes(derOid(derInside(algorithm, 0x30)?.[0]))) return undefined;
    return { x509, key: x509.publicKey, subject: namesOf(subject), ...factsOf(extensions) };
  } catch {
    return undefined;
  }
}

interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}
type Extensions = ReadonlyMap<string, Extension>;

function extensionsOf(field: DerValue | undefined): Extensions | undefined {
  const found = new Map<string, Extension>();
  if (field === undefined) return found;
  for (const one of derInside(derValues(field.body)?.[0], 0x30) ?? []) {
    const [id, ...rest] = derInside(one, 0x30) ?? [];
    const value = rest.at(-1);
    const oid = derOid(id);
    if (oid === '' || value?.tag !== 0x04 || found.has(oid)) return undefined;
    const critical = rest.length > 1 && rest[0]?.tag === 0x01 && rest[0].body[0] === 0xff;
    found.set(oid, { critical, value: value.body });
  }
  return found;
}

function factsOf(extensions: Extensions): Omit<Certificate, 'x509' | 'key' | 'subject'> {
  const read = (oid: string): DerValue | undefined => derValues(extensions.get(oid)?.value ?? Buffer.alloc(0))?.[0];
  const constraints = derInside(read('2.5.29.19'), 0x30) ?? [];
  const length = constraints.find(({ tag }) => tag === 0x02);
  const usage = read('2.5.29.15');
  const access = derInside(read('1.3.6.1.5.5.7.1.1'), 0x30) ?? [];
  return {
    authority: constraints[0]?.tag === 0x01 && constraints[0].body[0] === 0xff,
    pathLength:
      length === undefined || length.body.length > 4 ? undefined : length.body.readUIntBE(0, length.body.length),
    keyUsage:
      usage?.tag === 0x03 && extensions.get('2.5.29.15')?.critical === true
        ? (usage.body[1] ?? 0) * 256 + (usage.body[2] ?? 0)
        : undefined,
    uses: (derInside(read('2.5.29.37'), 0x30) ?? []).map(derOid),
    revocable: extensions.has('2.5.29.31') || access.some((one) => derOid(derInside(one, 0x30)?.[0]) === OCSP),
  };
}

function namesOf(subject: DerValue): ReadonlyMap<string, string> | undefined {
  const names = new Map<string, string>();
  for (const set of derInside(subject, 0x30) ?? []) {
    const [pair, more] = derInside(set, 0x31) ?? [];
    const [id, value] = derInside(pair, 0x30) ?? [];
    const [name, text] = [NAMES[derOid(id)], derText(value)];
    if (more !== undefined || name === undefined || text === undefined || names.has(name)) return undefined;
    names.set(name, text);
  }
  return names;
}
