import { type Certificate, readCertificate } from './certificate.ts';

const MOST_CERTIFICATES = 10;
const DIGITAL_SIGNATURE = 0x8000;
const CERT_SIGN = 0x0400;
/** Every use of a key but signatures and that they cannot be denied. */
const OTHER_USES = 0x3f80;
/** Servers, clients, mail, timestamps, OCSP. */
const EXCLUDED_USES = ['1', '2', '4', '8', '9'].map((last) => `1.3.6.1.5.5.7.3.${last}`);

/**
 * The chain of certificates that comes with a signature, from the leaf to its root: each issued by the next, the last by
 * itself, and each for its use (Notary Project, "Certificate Requirements"). Else why it is none.
 */
export function readChain(ders: readonly Buffer[]): readonly Certificate[] | string {
  if (ders.length === 0 || ders.length > MOST_CERTIFICATES)
    return `it comes with ${ders.length} certificates, and 1 to ${MOST_CERTIFICATES} make a chain`;
  const chain: Certificate[] = [];
  for (const der of ders) {
    const one = readCertificate(der);
    if (one === undefined) return 'a certificate of it cannot be read';
    chain.push(one);
  }
  for (const [i, one] of chain.entries()) {
    const issuer = chain[i + 1];
    if (!isIssued(one, issuer ?? one)) return 'its certificates do not make a chain to a root';
    if (issuer !== undefined && isIssued(one, one)) return 'a certificate before the last of its chain is a root';
    const why = i === 0 ? leafFault(one) : authorityFault(one, i - 1);
    if (why !== undefined) return why;
  }
  return chain;
}

function isIssued({ x509 }: Certificate, by: Certificate): boolean {
  // `checkIssued` asks for the right to sign certificates, which a leaf that stands alone does not have.
  const named = x509 === by.x509 ? x509.subject === x509.issuer : x509.checkIssued(by.x509);
  try {
    return named && x509.verify(by.key);
  } catch {
    // A key of another kind than the signature's.
    return false;
  }
}

function leafFault({ authority, keyUsage, uses }: Certificate): string | undefined {
  if (authority) return 'it is signed by an authority itself';
  if (keyUsage === undefined || (keyUsage & DIGITAL_SIGNATURE) === 0 || (keyUsage & OTHER_USES) !== 0)
    return 'its certificate is not for signatures alone';
  return uses.some((use) => EXCLUDED_USES.includes(use)) ? 'its certificate is for something else' : undefined;
}

function authorityFault({ authority, keyUsage, pathLength }: Certificate, between: number): string | undefined {
  if (!authority || keyUsage === undefined || (keyUsage & CERT_SIGN) === 0)
    return 'its chain leads over a certificate that is no authority';
  return pathLength !== undefined && pathLength < between ? 'its chain is longer than an authority allows' : undefined;
}
