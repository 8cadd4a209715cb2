/** A value of ASN.1 in DER (X.690): its tag byte and its content. */
export interface DerValue {
  readonly tag: number;
  readonly body: Buffer;
}

const MOST_VALUES = 1_000;

/** The values that stand one after another in these bytes; undefined when they are not DER, or too many. */
export function derValues(bytes: Buffer): readonly DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = headAt(bytes, at);
    if (head === undefined || values.length >= MOST_VALUES) return undefined;
    values.push({ tag: bytes[at] ?? 0, body: bytes.subarray(head.start, head.end) });
    at = head.end;
  }
  return values;
}

/** Where the content of a value begins and ends. Only definite lengths of up to three bytes, and tags of one byte. */
function headAt(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | undefined {
  const first = bytes[at + 1];
  if (first === undefined || ((bytes[at] ?? 0) & 0x1f) === 0x1f) return undefined;
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || more > 3 || at + 2 + more > bytes.length) return undefined;
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
  const start = at + 2 + more;
  return start + length > bytes.length ? undefined : { start, end: start + length };
}

/** What a constructed value of this tag holds; undefined for any other. */
export const derInside = (value: DerValue | undefined, tag: number): readonly DerValue[] | undefined =>
  value?.tag === tag ? derValues(value.body) : undefined;

/** An object identifier as people write it; '' for what is none. */
export function derOid(value: DerValue | undefined): string {
  if (value?.tag !== 0x06 || value.body.length === 0 || value.body.length > 64) return '';
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value.body) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** Text of a character string; undefined for kinds that are not used for names. */
export function derText(value: DerValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  // UTF8String, PrintableString, IA5String.
  if (value.tag === 0x0c) return value.body.toString('utf8');
  return value.tag === 0x13 || value.tag === 0x16 ? value.body.toString('latin1') : undefined;
}
