import { Fault } from '../../model/index.ts';
import { type Answer, call } from './http.ts';
import { DELIMITER, FLUSH, packetText, pktLine, readEnd, readPackets } from './pkt.ts';
import type { GitSession } from './request.ts';
import { uncloned } from './words.ts';

/** A ref as the server lists it. */
export interface ServerRef {
  readonly name: string;
  readonly oid: string;
  /** The object behind an annotated tag. */
  readonly peeled: string | undefined;
}

/** What was listed, and how the server can be spoken to. */
export interface RefList {
  readonly refs: readonly ServerRef[];
  readonly protocol: 'v2' | 'v0';
}

/** What is asked for: prefixes, and which of the refs found are kept. */
export interface RefQuery {
  readonly prefixes: readonly string[];
  readonly peel: boolean;
  keep(name: string): boolean;
}

export const OID = /^[0-9a-f]{40}$/;
const REF_BYTES = 512;

/** The body of `ls-refs`. */
export function lsRefsBody(query: RefQuery): string {
  const args = query.prefixes.map((prefix) => pktLine(`ref-prefix ${prefix}\n`));
  return [pktLine('command=ls-refs\n'), DELIMITER, ...(query.peel ? [pktLine('peel\n')] : []), ...args, FLUSH].join('');
}

/**
 * Lists refs in one request by protocol v2. Only a server that does not take it is asked for what it speaks; one that
 * has no v2 gives its whole list (v0).
 */
export async function listRefs(session: GitSession, query: RefQuery): Promise<RefList> {
  const direct = session.servers.has(session.url) ? undefined : await lsRefs(session, query);
  if (direct !== undefined) return { refs: direct, protocol: 'v2' };
  const list = await discover(session, query);
  if (list.protocol === 'v0') session.servers.set(session.url, 'v0');
  else session.servers.delete(session.url);
  return list;
}

/** Asks what the server speaks. Faults as for `listRefs`. */
export async function protocolOf(session: GitSession): Promise<RefList['protocol']> {
  return (await discover(session, { prefixes: ['HEAD'], peel: false, keep: () => true })).protocol;
}

/** Undefined when the answer is none of protocol v2. */
async function lsRefs(session: GitSession, query: RefQuery): Promise<readonly ServerRef[] | undefined> {
  const answer = await call(session, {
    path: '/git-upload-pack',
    body: lsRefsBody(query),
    maxBytes: maxBytes(session),
    limit: 'advertisedRefs',
    version: 2,
    compress: query.prefixes.some((prefix) => prefix.endsWith('/')),
  });
  try {
    if (answer.status === 401 || answer.status === 429 || answer.status >= 502) throw answer.fault;
    if (answer.fault !== undefined) return undefined;
    return await parseLsRefs(answer.body, query, session);
  } finally {
    answer.close();
  }
}

async function parseLsRefs(
  body: AsyncIterable<Uint8Array>,
  query: RefQuery,
  session: GitSession,
): Promise<readonly ServerRef[] | undefined> {
  const refs: ServerRef[] = [];
  let count = 0;
  const packets = readPackets(body);
  for (let next = await packets.next(); next.done !== true; next = await packets.next()) {
    const packet = next.value;
    if (packet === 'flush') {
      await readEnd(packets, session.ports.clock);
      return refs;
    }
    if (typeof packet === 'string') return undefined;
    const line = packetText(packet);
    if (line.startsWith('ERR ')) return undefined;
    count += 1;
    if (count > session.limits.advertisedRefs) throw tooMany(session);
    const ref = refOf(line);
    if (ref !== undefined && query.keep(ref.name)) refs.push(ref);
  }
  // A server without v2 answers with nothing, a v2 server always ends its list.
  if (count === 0) return undefined;
  throw new Fault('wire-cut', `the list of refs has no end: unexpected EOF`);
}

/** `OID NAME[ symref-target:…][ peeled:OID]`; a ref without a commit (`unborn`) is none. */
function refOf(line: string): ServerRef | undefined {
  const [oid = '', name = '', ...attributes] = line.split(' ');
  if (!OID.test(oid)) {
    if (oid === 'unborn') return undefined;
    if (/^[0-9a-f]{64}$/.test(oid)) throw sha256Fault();
    throw new Fault('wire-protocol', 'the list of refs cannot be read');
  }
  const peeled = attributes.find((a) => a.startsWith('peeled:'))?.slice(7);
  return { name, oid, peeled: peeled !== undefined && OID.test(peeled) ? peeled : undefined };
}

/** Asks by GET what the server speaks (gitprotocol-http, "Smart Clients"). */
async function discover(session: GitSession, query: RefQuery): Promise<RefList> {
  const answer = await call(session, {
    path: '/info/refs?service=git-upload-pack',
    maxBytes: maxBytes(session),
    limit: 'advertisedRefs',
    version: 2,
    compress: true,
  });
  try {
    if (answer.fault !== undefined) throw answer.fault;
    const advertised = await parseAdvertisement(answer, query, session);
    if (advertised !== undefined) return { refs: advertised, protocol: 'v0' };
  } finally {
    answer.close();
  }
  const again = await lsRefs(session, query);
  if (again === undefined) throw new Fault('wire-protocol', `the server refuses to list its refs`);
  return { refs: again, protocol: 'v2' };
}

/** The refs of a v0 or v1 advertisement, or undefined when the server speaks v2. */
async function parseAdvertisement(
  answer: Answer,
  query: RefQuery,
  session: GitSession,
): Promise<readonly ServerRef[] | undefined> {
  const refs = new Map<string, ServerRef>();
  let count = 0;
  let started = false;
  let second = false;
  for await (const packet of readPackets(answer.body)) {
    if (packet === 'flush') {
      if (second) return undefined;
      if (started) return [...refs.values()];
      started = true;
      continue;
    }
    if (typeof packet === 'string') break;
    const line = packetText(packet);
    if (line.startsWith('# service=') || line === 'version 1') continue;
    if (line === 'object-format=sha256') throw sha256Fault();
    if (line === 'version 2') second = true;
    if (second) continue;
    if (line.startsWith('ERR ')) throw serverError(line.slice(4), session);
    started = true;
    count += 1;
    if (count > session.limits.advertisedRefs) throw tooMany(session);
    advertise(refs, line, query);
  }
  throw new Fault('wire-cut', `the list of refs has no end: unexpected EOF`);
}

function advertise(refs: Map<string, ServerRef>, line: string, query: RefQuery): void {
  const [text = '', capabilities = ''] = line.split('\0');
  if (capabilities.includes('object-format=sha256')) throw sha256Fault();
  const space = text.indexOf(' ');
  const oid = text.slice(0, space);
  const full = text.slice(space + 1);
  if (!OID.test(oid)) throw new Fault('wire-protocol', 'the list of refs cannot be read');
  const peels = full.endsWith('^{}');
  const name = peels ? full.slice(0, -3) : full;
  if (name === 'capabilities' || !query.keep(name) || !query.prefixes.some((p) => name.startsWith(p))) return;
  const tag = refs.get(name);
  refs.set(name, peels && tag !== undefined ? { ...tag, peeled: oid } : { name, oid, peeled: undefined });
}

/** Servers may offer filters and allow only some (uploadpackfilter.*). */
const FILTER_REFUSED = /\bfilter\b.*(?:not (?:supported|allowed)|max depth)/i;

/** Text that a server sends about a failure, cut to a line. */
export function serverError(text: string, session: GitSession): Fault {
  const line = text
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, 200)
    .trim();
  const missing = /not our ref|upload-pack: not our/.test(line);
  return new Fault(
    missing
      ? 'source-ref-missing'
      : FILTER_REFUSED.test(line)
        ? 'wire-protocol'
        : /not found|does not (exist|appear)/i.test(line)
          ? 'source-not-found'
          : 'wire-server',
    `${missing ? uncloned(session.request.url) : ''}remote error: ${line}`,
  );
}

function sha256Fault(): Fault {
  return new Fault(
    'unsupported',
    'the repository uses SHA-256 object names (object-format=sha256), which are not read',
  );
}

function tooMany({ limits }: GitSession): Fault {
  return new Fault('source-bounds', `more than ${limits.advertisedRefs} refs (limits.advertisedRefs)`);
}

function maxBytes(session: GitSession): number {
  return session.limits.advertisedRefs * REF_BYTES;
}
