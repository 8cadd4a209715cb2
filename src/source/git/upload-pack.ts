import { Fault } from '../../model/index.ts';
import { call } from './http.ts';
import type { ObjectShelf } from './pack.ts';
import { readPack } from './pack.ts';
import type { PackIndex } from './pack-index.ts';
import { DELIMITER, FLUSH, type Packet, packetText, pktLine, readEnd, readPackets } from './pkt.ts';
import { serverError } from './refs.ts';
import type { GitSession } from './request.ts';

/** What is asked for by protocol v2. Without history, if not asked for: `deepen 1`. */
export interface PackWish {
  /** Commits or tags; trees and blobs too. */
  readonly wants: readonly string[];
  /** A commit that is here: what it shares is left out, and what is sent may lean on it. */
  readonly have?: string | undefined;
  /** All commits down to `have`, which need not be here. */
  readonly history?: boolean;
  /**
   * What is left out, on servers that offer it (`offersOf`): trees and files but those named (`tree:0`), or
   * all but the root (`tree:1`), and so on downwards, or files.
   */
  readonly filter?: `tree:${number}` | 'blob:none';
}

/** Body of a v2 `fetch`. */
export function fetchBody({ wants, have, filter, history = false }: PackWish): string {
  const leans = have !== undefined && !history;
  const lines = [
    ...(leans ? ['thin-pack\n'] : []),
    'no-progress\n',
    'ofs-delta\n',
    ...(leans ? [`shallow ${have}\n`] : []),
    ...(history ? [] : ['deepen 1\n']),
    ...(filter === undefined ? [] : [`filter ${filter}\n`]),
    ...wants.map((want) => `want ${want}\n`),
    ...(have === undefined ? [] : [`have ${have}\n`]),
    'done\n',
  ];
  return [pktLine('command=fetch\n'), DELIMITER, ...lines.map(pktLine), FLUSH].join('');
}

/** Fetches objects and what they need by protocol v2, and reads the pack onto the shelf while it arrives. */
export async function fetchPack(session: GitSession, wish: PackWish, shelf: ObjectShelf): Promise<PackIndex> {
  const answer = await call(session, {
    path: '/git-upload-pack',
    body: fetchBody(wish),
    // The pack reader counts to the limit exactly; this leaves room for the framing.
    maxBytes: session.limits.packBytes + session.limits.packBytes / 64 + 1_048_576,
    limit: 'packBytes',
    version: 2,
  });
  try {
    if (answer.fault !== undefined) throw answer.fault;
    const packets = readPackets(answer.body, { pieces: true });
    await findPack(packets, session, 'packfile');
    return await readPack(sideband(packets, session), shelf, session.limits);
  } finally {
    answer.close();
  }
}

/** Passes over what is in front of the pack, up to the line that ends it (gitprotocol-v2, "fetch"; gitprotocol-pack). */
export async function findPack(
  packets: AsyncGenerator<Packet>,
  session: GitSession,
  before: 'packfile' | 'NAK',
): Promise<void> {
  for (;;) {
    const next = await packets.next();
    if (next.done === true) throw new Fault('wire-cut', `the answer has no pack: unexpected EOF`);
    if (typeof next.value === 'string') continue;
    const line = packetText(next.value);
    if (line === before) return;
    if (line.startsWith('ERR ')) throw serverError(line.slice(4), session);
  }
}

/** The pack inside the side-band: band 1 is data, 2 progress, 3 an error. Ends at the flush. */
export async function* sideband(packets: AsyncGenerator<Packet>, session: GitSession): AsyncGenerator<Uint8Array> {
  for (let next = await packets.next(); next.done !== true; next = await packets.next()) {
    const packet = next.value;
    if (typeof packet === 'string') return readEnd(packets, session.ports.clock);
    const band = packet[0];
    if (band === 1) yield packet.subarray(1);
    else if (band === 3) throw serverError(packetText(packet.subarray(1)), session);
    else if (band !== 2) throw new Fault('wire-protocol', `the answer is not in the side-band format`);
  }
  throw new Fault('wire-cut', `the pack has no end: unexpected EOF`);
}
