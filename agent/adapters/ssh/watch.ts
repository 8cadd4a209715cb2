import type { ClientChannel } from 'ssh2';
import { Fault } from '../../../src/model/index.ts';
import type { Connection } from '../wire/connect.ts';
import { timeoutFault } from '../wire/faults.ts';
import type { Attempt } from './attempt.ts';

/** How often a connection is looked at, milliseconds. */
const LOOK_MS = 100;
/** Bytes of a server before the command runs: keys, algorithms and banners. */
const BEFORE_BYTES = 1_048_576;
/** Bytes that nobody has read yet, twice what a server may send unasked; and answers to it that it does not read. */
const WAITING_BYTES = 4 * 1_048_576;

/** What is known of a connection's silence. */
export interface Quiet {
  /** From now on something is waited for; `sent`: bytes of a question that may still be on their way. */
  begin(sent?: number): void;
  /** Something came. */
  end(): void;
  /** Nothing is waited for, and what was sent is still on its way. */
  pause(): void;
  /** The command's channel is here. */
  runs(channel: ClientChannel): void;
  /** Nobody looks any more. */
  stop(): void;
}

/**
 * Ends an attempt whose command stands still while something is waited for, and one whose server sends what SSH lets it
 * send without bound: ssh2 keeps all that comes beyond its window, and all answers that a server does not take.
 */
export function watch(connection: Connection, attempt: Attempt, idleMs: number): Quiet {
  let since: number | undefined;
  let allowed = idleMs;
  let asked = 0;
  let channel: ClientChannel | undefined;
  const { raw, stream } = connection;
  const fault = (): Fault | undefined => {
    if (since !== undefined && performance.now() - since > allowed)
      return timeoutFault(attempt.target, 'nothing more came', allowed);
    if (channel === undefined && raw.bytesRead > BEFORE_BYTES) return flood(attempt, 'before it runs a command');
    const unread = channel === undefined ? 0 : channel.readableLength + channel.stderr.readableLength;
    if (unread > WAITING_BYTES) return flood(attempt, 'that was not asked for');
    if (stream.writableLength + raw.writableLength > 2 * WAITING_BYTES) return flood(attempt, 'and takes no answers');
    return undefined;
  };
  const timer = setInterval(() => {
    const found = fault();
    if (found !== undefined) attempt.fail(found);
  }, LOOK_MS);
  timer.unref();
  return {
    begin(sent = 0) {
      since = performance.now();
      // A question goes out at a kilobyte a second at least.
      asked += sent;
      allowed = idleMs + asked;
    },
    end() {
      since = undefined;
      asked = 0;
    },
    pause() {
      since = undefined;
    },
    runs(one) {
      channel = one;
    },
    stop: () => clearInterval(timer),
  };
}

function flood({ target }: Attempt, what: string): Fault {
  return new Fault('wire-protocol', `${target}: ssh: the server sends more ${what} than a Git server has to say`);
}
