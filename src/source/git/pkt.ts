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

/** Cuts bytes into packets, whatever the borders of the chunks. A stream that ends inside a packet is `wire-cut`. */
export async function* readPackets(source: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = lengthAt(rest, at);
      if (length < 4) {
        at += 4;
        yield length === 0 ? 'flush' : length === 1 ? 'delimiter' : 'end';
        continue;
      }
      if (rest.length - at < length) break;
      yield rest.subarray(at + 4, at + length);
      at += length;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Fault('wire-cut', 'the answer ends inside a packet: unexpected EOF');
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
