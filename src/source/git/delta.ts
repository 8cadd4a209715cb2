import { Fault } from '../../model/index.ts';

/** Result of a delta's own header: sizes of the base it wants and of what it makes. */
export interface DeltaHeader {
  readonly baseSize: number;
  readonly resultSize: number;
  /** Where the instructions begin. */
  readonly start: number;
}

/** Reads the two sizes in front of a delta (gitformat-pack, "Deltified representation"). */
export function deltaHeader(delta: Uint8Array): DeltaHeader {
  const [baseSize, next] = varint(delta, 0);
  const [resultSize, start] = varint(delta, next);
  return { baseSize, resultSize, start };
}

/** The size a delta makes, at most this many bytes. Fault `source-bounds` above, `source-corrupt` for a broken delta. */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxBytes: number): Buffer {
  const { baseSize, resultSize, start } = deltaHeader(delta);
  if (baseSize !== base.length) throw corrupt('its base has another size');
  if (resultSize > maxBytes)
    throw new Fault(
      'source-bounds',
      `an object of ${resultSize} bytes is larger than ${maxBytes} (limits.objectBytes)`,
    );
  // A hostile header may claim much and deliver nothing, so memory grows with what is there.
  const out =
    resultSize <= 65_536 || resultSize <= delta.length + base.length ? Buffer.allocUnsafeSlow(resultSize) : undefined;
  return out === undefined ? copyParts(base, delta, start, resultSize) : copyInto(out, base, delta, start);
}

function copyInto(out: Buffer, base: Uint8Array, delta: Uint8Array, start: number): Buffer {
  let filled = 0;
  run(delta, start, (source, from, size) => {
    const bytes = source === 'base' ? base : delta;
    if (from + size > bytes.length || filled + size > out.length) throw corrupt('it reaches beyond its ends');
    out.set(bytes.subarray(from, from + size), filled);
    filled += size;
  });
  if (filled !== out.length) throw corrupt('it makes fewer bytes than it says');
  return out;
}

function copyParts(base: Uint8Array, delta: Uint8Array, start: number, resultSize: number): Buffer {
  const parts: Uint8Array[] = [];
  let filled = 0;
  run(delta, start, (source, from, size) => {
    const bytes = source === 'base' ? base : delta;
    filled += size;
    if (from + size > bytes.length || filled > resultSize) throw corrupt('it reaches beyond its ends');
    parts.push(bytes.subarray(from, from + size));
  });
  if (filled !== resultSize) throw corrupt('it makes fewer bytes than it says');
  return Buffer.concat(parts);
}

/** Walks the instructions: copy from the base, or insert from the delta itself. */
function run(
  delta: Uint8Array,
  start: number,
  each: (source: 'base' | 'delta', from: number, size: number) => void,
): void {
  let at = start;
  const next = (): number => {
    const byte = delta[at++];
    if (byte === undefined) throw corrupt('it ends in an instruction');
    return byte;
  };
  while (at < delta.length) {
    const op = next();
    if (op === 0) throw corrupt('it has an unknown instruction');
    if (op < 0x80) {
      if (at + op > delta.length) throw corrupt('it ends in an instruction');
      each('delta', at, op);
      at += op;
      continue;
    }
    let from = 0;
    let size = 0;
    for (let bit = 0; bit < 4; bit++) if ((op & (1 << bit)) !== 0) from += next() * 2 ** (8 * bit);
    for (let bit = 0; bit < 3; bit++) if ((op & (0x10 << bit)) !== 0) size += next() * 2 ** (8 * bit);
    each('base', from, size === 0 ? 0x10000 : size);
  }
}

function varint(bytes: Uint8Array, start: number): [value: number, next: number] {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, start + i + 1];
  }
  throw corrupt('its header cannot be read');
}

function corrupt(why: string): Fault {
  return new Fault('source-corrupt', `the pack has a delta that cannot be applied: ${why}`);
}
