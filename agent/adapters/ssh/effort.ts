/**
 * Rounds of bcrypt that a key may ask for; sixteen are usual. A round takes some 25 ms of the processor here, and half a
 * second where V8 does not compile, as in the resident process.
 */
export const MOST_ROUNDS = 256;
/** Product of the numbers of a key derivation of PKCS#8 (PBKDF2, scrypt): some seconds. */
const MOST_WORK = 2 ** 26;

/** True where decrypting a key in PEM would keep the processor for longer than anybody has set it up for. */
export function asksTooMuch(pem: string): boolean {
  const der = derOf(pem);
  if (isOpenSsh(pem)) return openSshOf(der).rounds > MOST_ROUNDS;
  if (pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----')) return workOf(der) > MOST_WORK;
  return false;
}

/** The same of what is done in some hundred milliseconds. */
const SMALL_WORK = 2 ** 18;

/** True where decrypting a key in PEM keeps the processor for long enough to hold up everything else in its process. */
export function isHeavy(pem: string): boolean {
  const der = derOf(pem);
  if (isOpenSsh(pem)) return openSshOf(der).rounds > 0;
  return pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') && workOf(der) > SMALL_WORK;
}

/** What a key in OpenSSH's form is encrypted by, before any work is done on it; '' for other forms. */
export const cipherOf = (pem: string): string => (isOpenSsh(pem) ? openSshOf(derOf(pem)).cipher : '');

const isOpenSsh = (pem: string): boolean => pem.includes('-----BEGIN OPENSSH PRIVATE KEY-----');

const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

/** OpenSSH's form (PROTOCOL.key): magic, then cipher, derivation and its options: salt and rounds. */
function openSshOf(der: Buffer): { readonly cipher: string; readonly rounds: number } {
  let at = 'openssh-key-v1\0'.length;
  const next = (): Buffer => {
    const length = at + 4 <= der.length ? der.readUInt32BE(at) : 0;
    at += 4 + length;
    return der.subarray(at - length, at);
  };
  const cipher = next().toString('latin1');
  const bcrypt = next().toString('latin1') === 'bcrypt';
  const options = next();
  return { cipher, rounds: bcrypt && options.length >= 4 ? options.readUInt32BE(options.length - 4) : 0 };
}

/** PKCS#8's: a sequence of the algorithm, which holds all its numbers, and the encrypted key. */
function workOf(der: Buffer): number {
  const outer = element(der, 0);
  const algorithm = outer === undefined ? undefined : element(der, outer.from);
  return algorithm === undefined ? 0 : product(der, algorithm.from, algorithm.to);
}

/** Of all integers in a part of DER, however deep. */
function product(der: Buffer, from: number, to: number): number {
  let work = 1;
  for (let at = from; at < to; ) {
    const one = element(der, at);
    if (one === undefined) return work;
    if (one.tag === 0x02) work *= Math.max(1, numberOf(der.subarray(one.from, one.to)));
    // Constructed: sequences in sequences.
    else if ((one.tag & 0x20) !== 0) work *= product(der, one.from, one.to);
    at = one.to;
  }
  return work;
}

const numberOf = (bytes: Buffer): number => Number(`0x0${bytes.toString('hex')}`);

interface Element {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

function element(der: Buffer, at: number): Element | undefined {
  const [tag, short] = [der[at], der[at + 1]];
  if (tag === undefined || short === undefined) return undefined;
  const more = short < 0x80 ? 0 : short - 0x80;
  if (more > 4 || at + 2 + more > der.length) return undefined;
  const from = at + 2 + more;
  const to = from + (more === 0 ? short : der.readUIntBE(at + 2, more));
  return to > der.length ? undefined : { tag, from, to };
}
