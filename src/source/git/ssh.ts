import { Fault } from '../../model/index.ts';
import type { SshChannel } from '../../ports/index.ts';
import type { Answer, Call } from './http.ts';
import { FLUSH, pktLine } from './pkt.ts';
import type { GitSession } from './request.ts';
import type { SshLine } from './ssh-line.ts';

/**
 * The calls of the smart HTTP protocol over SSH, where the same bytes go over one connection (gitprotocol-pack, "SSH
 * Transport"). What HTTP says by a status is said here by the same Faults.
 */
export async function callSsh(session: GitSession, what: Call): Promise<Answer> {
  const line = await lineOf(session, what);
  if (what.body === undefined) {
    const greeting = Buffer.concat([Buffer.from(pktLine('# service=git-upload-pack\n') + FLUSH), line.greeting]);
    return answer(200, undefined, once(greeting));
  }
  if ((what.version ?? 0) !== line.version) {
    const text = `the server does not speak protocol version ${what.version ?? 0}`;
    return answer(400, new Fault('wire-protocol', text), once(Buffer.alloc(0)));
  }
  line.used = true;
  await line.channel.write(Buffer.from(what.body, 'utf8'));
  return answer(200, undefined, answerOf(line, what));
}

/** Ends the connection and counts it. */
export function hangUp(session: GitSession): void {
  const { ssh } = session.link;
  if (ssh === undefined) return;
  session.link.ssh = undefined;
  ssh.channel.close();
  session.spend(ssh.channel.count());
}

function answer(status: number, fault: Fault | undefined, body: AsyncIterable<Uint8Array>): Answer {
  return { status, fault, body, close: () => undefined };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The open connection, where it can be used for one more question. */
async function lineOf(session: GitSession, what: Call): Promise<SshLine> {
  const { ssh } = session.link;
  if (ssh !== undefined && (!ssh.used || what.body === undefined)) return ssh;
  hangUp(session);
  const channel = await open(session);
  try {
    const parts = channel.output[Symbol.asyncIterator]();
    const greeting = await greet(parts, channel, session);
    const version = greeting.toString('latin1', 4, 13) === 'version 2' ? 2 : 0;
    const line: SshLine = { channel, parts, greeting, version, used: false };
    session.link.ssh = line;
    return line;
  } catch (error) {
    channel.close();
    session.spend(channel.count());
    throw error;
  }
}

async function open(session: GitSession): Promise<SshChannel> {
  const { ports, request, url, signal } = session;
  const where = new URL(request.url);
  if (ports.ssh === undefined) throw new Fault('unsupported', 'ssh:// is not available here');
  if (request.ssh === undefined) throw new Fault('secret-invalid', `the Secret has no identity for ssh://`);
  return ports.ssh.open({
    host: where.hostname.replace(/^\[|\]$/g, ''),
    port: where.port === '' ? 22 : Number(where.port),
    user: where.username === '' ? 'git' : decodeURIComponent(where.username),
    auth: request.ssh,
    command: `git-upload-pack ${quoted(pathOf(where, url))}`,
    env: { GIT_PROTOCOL: 'version=2' },
    totalMs: session.left(),
    idleMs: Math.min(session.left(), session.limits.bodyIdleMs),
    ...(request.proxy === undefined ? {} : { proxy: request.proxy }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** As Git takes it from the URL: absolute, but for `/~user/...`. */
function pathOf(where: URL, url: string): string {
  let path: string;
  try {
    path = decodeURIComponent(where.pathname);
  } catch {
    path = '\0';
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path) || path.replace(/\/+/g, '') === '')
    throw new Fault('object-invalid', `'${url}' names no repository`, { reason: 'URLInvalid' });
  return path.startsWith('/~') ? path.slice(1) : path;
}

/** For the shell at the other end; single quotes leave nothing to it. `!` is for csh, as Git does it. */
const quoted = (text: string): string => `'${text.replace(/['!]/g, (c) => `'\\${c}'`)}'`;

/** Reads what the server says first, up to its flush. */
async function greet(parts: AsyncIterator<Uint8Array>, channel: SshChannel, { limits }: GitSession): Promise<Buffer> {
  const follow = follower();
  const read: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const next = await parts.next();
    if (next.done === true) throw silent(channel, Buffer.concat(read));
    read.push(next.value);
    bytes += next.value.length;
    const so = follow(next.value);
    if (so === 'flush') return Buffer.concat(read);
    if (so === 'none') throw notGit(Buffer.concat(read));
    if (bytes > limits.advertisedRefs * 512)
      throw new Fault('source-bounds', `more than ${limits.advertisedRefs} refs (limits.advertisedRefs)`);
  }
}

/** Such as a shell that greets whoever comes, or another program. */
function notGit(read: Buffer): Fault {
  return new Fault('wire-protocol', `the answer is not a Git server's, but: ${printable(read)}`);
}

const printable = (text: string | Buffer): string =>
  text
    .toString('latin1')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);

/** Why a server ends before its greeting did: it says so in a packet of its own, or elsewhere. */
function silent(channel: SshChannel, read: Buffer): Fault {
  const told = /^[0-9a-f]{4}ERR /i.test(read.toString('latin1', 0, 8));
  const said = printable(
    told ? read.subarray(8, Number.parseInt(read.toString('latin1', 0, 4), 16)) : channel.complaint(),
  );
  if (said === '') return new Fault('wire-cut', `the server ends the connection: unexpected EOF`);
  if (/not found|does not (exist|appear)|no such|not a git repository/i.test(said))
    return new Fault('source-not-found', `repository not found: ${said}`);
  if (/denied|not allowed|permission|unauthori[sz]ed|forbidden/i.test(said)) return new Fault('source-auth', said);
  return new Fault('wire-server', `remote error: ${said}`);
}

/** The bytes of one answer. The connection stays, whatever becomes of this reader. */
async function* answerOf(line: SshLine, what: Call): AsyncGenerator<Uint8Array> {
  const follow = follower();
  let bytes = 0;
  for (;;) {
    const next = await line.parts.next();
    if (next.done === true) return;
    bytes += next.value.length;
    if (bytes > what.maxBytes)
      throw new Fault('source-bounds', `the answer is larger than ${what.maxBytes} bytes (limits.${what.limit})`);
    const end = follow(next.value) === 'flush';
    // A v2 server then waits for the next question, one without ends.
    if (end && line.version === 2) line.used = false;
    yield next.value;
    if (end && line.version === 2) return;
  }
}

/** Follows the framing of packets; tells when the bytes so far end with a flush, and when they are no packets. */
function follower(): (chunk: Uint8Array) => 'flush' | 'more' | 'none' {
  let head = '';
  let skip = 0;
  let flushed = false;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      flushed = false;
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at);
        skip -= step;
        at += step;
        continue;
      }
      head += String.fromCharCode(chunk[at++] ?? 0);
      if (head.length < 4) continue;
      if (!/^[0-9a-fA-F]{4}$/.test(head)) return 'none';
      const length = Number.parseInt(head, 16);
      head = '';
      flushed = length === 0;
      skip = length > 4 ? length - 4 : 0;
    }
    return flushed ? 'flush' : 'more';
  };
}
