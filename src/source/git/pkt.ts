import { Fault } from '../../model/index.ts';
import type { Clock } from '../../ports/index.ts';

/** Special packets of Git's pkt-line framing (gitprotocol-common, gitprotocol-v2). */
export type Packet = Uint8Array | 'flush' | 'delimiter' | 'end';

const MAX_LINE = 65_520;

/** One line with its length in front. */
export function pktLine(text: string): string {
  const length = Buffer.byteLength(text, 'utf8') + 4;
  return length.toString(16).padStart(4, '0') + text;
}

/** Ends a request. */
export const FLUSH = '0000';
/** Parts the capabilities of a command from its arguments. */
export const DELIMITER = '0001';

const SPECIAL = ['flush', 'delimiter', 'end'] as const;
/** Side-band that carries data (gitprotocol-pack, "Packfile Data"). */
const DATA = 1;

/**
 * Cuts bytes into packets, whatever the borders of the chunks. A stream that ends inside a packet is `wire-cut`.
 * `pieces`: packets of the data band are given in pieces as they come, each with its band in front. A server packs up to
 * 64 KiB into one, and what came of it before a cut counts.
 */
export async function* readPackets(
  source: AsyncIterable<Uint8Array>,
  { pieces }: { readonly pieces: boolean } = { pieces: false },
): AsyncGenerator<Packet> {
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes that are still to come of a packet whose beginning has been given. */
  let open = 0;
  for await (const chunk of source) {
    rest = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    let at = Math.min(open, rest.length);
    if (at > 0) yield Buffer.concat([Buffer.of(DATA), rest.subarray(0, at)]);
    open -= at;
    while (open === 0 && rest.length - at >= 4) {
      const length = lengthAt(rest, at);
      if (length < 4) {
        at += 4;
        yield SPECIAL[length] ?? 'end';
        continue;
      }
      const end = Math.min(at + length, rest.length);
      if (end < at + length && !(pieces && end > at + 5 && rest[at + 4] === DATA)) break;
      open = at + length - end;
      yield rest.subarray(at + 4, end);
      at = end;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0 || open > 0) throw new Fault('wire-cut', 'the answer ends inside a packet: unexpected EOF');
}

/** How long the end of an answer is waited for after its last packet, milliseconds. */
const END_MS = 250;

/**
 * Waits a moment for the end of an answer whose last packet has come: a connection serves again only when it was read
 * to its end. However it ends, what it had to say is said.
 */
export async function readEnd(packets: AsyncGenerator<Packet>, clock: Clock): Promise<void> {
  const over = new AbortController();
  const end = packets.next().catch(() => undefined);
  await Promise.race([end, clock.sleep(END_MS, over.signal).catch(() => undefined)]);
  over.abort();
}

/** The text of a packet without its line end. */
export function packetText(packet: Uint8Array): string {
  const end = packet[packet.length - 1] === 10 ? packet.length - 1 : packet.length;
  return asBuffer(packet).toString('utf8', 0, end);
}

function lengthAt(bytes: Buffer, at: number): number {
  const text = bytes.toString('latin1', at, at + 4);
  const length = /^[0-9a-f]{4}$/i.test(text) ? Number.parseInt(text, 16) : -1;
  if (length < 0 || length === 3 || length > MAX_LINE)
    throw new Fault('wire-protocol', 'the answer is not in the format of the Git protocol');
  return length;
}

/** A Buffer over the same bytes. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
