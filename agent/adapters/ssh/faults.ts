import { Fault } from '../../../src/model/index.ts';
import { abortError, wireFault } from '../wire/faults.ts';
import type { Attempt } from './attempt.ts';

/** What decides how an error is put into words. */
export interface Side {
  /** Kinds of keys that known_hosts has of the host, where only these are asked for. */
  readonly asked: readonly string[];
  /** What the server has let us know of its ways to log in; empty before it did. */
  readonly ways: readonly string[];
  /** Our key was right, and is not enough. */
  readonly partly: boolean;
}

/** Text of a server that may go into messages: one line, printable, short. */
export const printable = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);

export const cut = ({ target }: Pick<Attempt, 'target'>): Fault =>
  new Fault('wire-cut', `${target}: the connection was cut: unexpected EOF`);

/** Errors of ssh2 as Faults of the port. */
export function faultOf(error: unknown, attempt: Attempt, side?: Side): unknown {
  const first = attempt.fault();
  if (first !== undefined) return first;
  if (error instanceof Fault) return error;
  if (attempt.signal.aborted) return abortError(attempt.signal);
  const { target } = attempt;
  const { level, code } = (typeof error === 'object' ? error : undefined) as { level?: unknown; code?: unknown };
  const text = printable(error instanceof Error ? error.message : String(error));
  if (level === 'client-authentication') return refused(target, side);
  if (/no matching host key/.test(text) && (side?.asked.length ?? 0) > 0) return otherKinds(target, side?.asked ?? []);
  if (typeof code === 'number') return disconnected(target, text);
  // Errors of sockets have a name as their code, those of the protocol none.
  if (typeof code === 'string' && level !== 'handshake' && level !== 'protocol')
    return wireFault(error, { target, answered: false });
  return new Fault('wire-protocol', `${target}: ssh: handshake failed: ${text}`, { cause: error });
}

function refused(target: string, side: Side | undefined): Fault {
  const ways = (side?.ways ?? []).map(printable).slice(0, 8);
  const others = ways.join(', ').slice(0, 200);
  const why = side?.partly
    ? `the key is accepted, and the server wants more than a key (${others})`
    : ways.length > 0 && !ways.includes('publickey')
      ? `the server takes no keys (but ${others})`
      : 'the key is not accepted';
  return new Fault('source-auth', `${target}: ssh: handshake failed: ssh: unable to authenticate: ${why}`);
}

/** A server that has changed to another kind of key has no key that known_hosts could know. */
function otherKinds(target: string, asked: readonly string[]): Fault {
  const old = asked.includes('ssh-rsa') ? '; one that signs by SHA-1 alone needs ssh.hostKeyAlgorithms' : '';
  const text = `the server has no key of the kinds that known_hosts has of it (${asked.join(', ')}${old})`;
  return new Fault('wire-host-key', `${target}: ssh: handshake failed: knownhosts: key mismatch: ${text}`);
}

/** The server says goodbye in its own words (RFC 4253, 11.1). */
function disconnected(target: string, text: string): Fault {
  const code = /authenticat/i.test(text) ? 'source-auth' : 'wire-server';
  return new Fault(code, `${target}: ssh: the server ends the connection: ${text}`);
}
