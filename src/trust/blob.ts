/** Reads the binary encoding of SSH (RFC 4251, section 5). Every reader gives undefined past the end. */
export interface BlobReader {
  /** A length and so many bytes. */
  bytes(): Buffer | undefined;
  text(): string | undefined;
  byte(): number | undefined;
  uint32(): number | undefined;
  atEnd(): boolean;
}

export function blobReader(blob: Buffer): BlobReader {
  let at = 0;
  const uint32 = (): number | undefined => {
    if (at + 4 > blob.length) return undefined;
    at += 4;
    return blob.readUInt32BE(at - 4);
  };
  const bytes = (): Buffer | undefined => {
    const length = uint32();
    if (length === undefined || at + length > blob.length) return undefined;
    at += length;
    return blob.subarray(at - length, at);
  };
  return {
    bytes,
    uint32,
    text: () => bytes()?.toString('latin1'),
    byte: () => (at < blob.length ? blob[at++] : undefined),
    atEnd: () => at === blob.length,
  };
}

/** A string as SSH writes it: its length, then its bytes. */
export function blobString(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Base64 that is strict: no character that is none, and the padding that belongs there or none at all. */
export function fromBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '') ? bytes : undefined;
}
