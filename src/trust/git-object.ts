/** What of a Git object is signed, and the signature; '' where there is none. */
export interface SignedObject {
  readonly payload: Uint8Array;
  readonly signature: string;
}

/** Kinds of signatures by their armor. */
export type SignatureKind = 'openpgp' | 'ssh' | 'x509' | 'empty' | 'unknown';

const ARMORS: readonly (readonly [SignatureKind, string])[] = [
  ['openpgp', '-----BEGIN PGP SIGNATURE-----'],
  ['openpgp', '-----BEGIN PGP MESSAGE-----'],
  ['x509', '-----BEGIN SIGNED MESSAGE-----'],
  ['ssh', '-----BEGIN SSH SIGNATURE-----'],
];

export function signatureKind(signature: string): SignatureKind {
  if (signature === '') return 'empty';
  return ARMORS.find(([, armor]) => signature.trimStart().startsWith(armor))?.[0] ?? 'unknown';
}

/**
 * Parts a commit from its signature, by bytes and as Git does it: the header `gpgsig` with the lines that continue it is
 * the signature, other headers of that family (`gpgsig-sha256`) are left out too, all else is signed. Undefined when
 * there are two: which of them counts must not be a question.
 */
export function splitCommit(object: Uint8Array): SignedObject | undefined {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength);
  const payload: Buffer[] = [];
  const signature: Buffer[] = [];
  let into: 'payload' | 'signature' | 'nowhere' = 'payload';
  let found = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const next = end < 0 ? bytes.length : end + 1;
    const line = bytes.subarray(at, next);
    const head = line.toString('latin1', 0, 8);
    if (line[0] === 10) {
      payload.push(bytes.subarray(at));
      break;
    }
    if (line[0] !== 0x20)
      into = head.startsWith('gpgsig ') ? 'signature' : head.startsWith('gpgsig') ? 'nowhere' : 'payload';
    if (head.startsWith('gpgsig ')) found += 1;
    if (into === 'payload') payload.push(line);
    else if (into === 'signature') signature.push(line.subarray(line[0] === 0x20 ? 1 : 'gpgsig '.length));
    at = next;
  }
  if (found > 1) return undefined;
  return { payload: Buffer.concat(payload), signature: Buffer.concat(signature).toString('latin1') };
}

/** Parts a tag from its signature: what stands before the last line that begins an armor is signed. */
export function splitTag(object: Uint8Array): SignedObject {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength);
  let start = bytes.length;
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.toString('latin1', at, at + 40);
    if (ARMORS.some(([, armor]) => line.startsWith(armor))) start = at;
    const end = bytes.indexOf(10, at);
    at = end < 0 ? bytes.length : end + 1;
  }
  return { payload: bytes.subarray(0, start), signature: bytes.toString('latin1', start) };
}

/** The name that a tag object gives itself; it is part of what is signed. */
export function tagName(object: Uint8Array): string {
  const text = Buffer.from(object.buffer, object.byteOffset, object.byteLength).toString('utf8');
  const head = text.split('\n\n', 1)[0] ?? '';
  return /^tag (.*)$/m.exec(head)?.[1] ?? '';
}
