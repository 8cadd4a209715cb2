import type { Duplex } from 'node:stream';
import { Fault } from '../../../src/model/index.ts';
import { abortError, wireFault } from '../wire/faults.ts';
import type { Attempt } from './attempt.ts';
import { printable } from './faults.ts';

/** Bytes that a server may say before it says that it speaks SSH. */
const GREETING_BYTES = 16_384;

/**
 * Reads up to the server's identification (RFC 4253, 4.2) and puts it back in one piece: ssh2 loses it where it comes in
 * more than two, as over a link with small packets, and waits for it for ever where something else answers.
 */
export function awaitGreeting(stream: Duplex, attempt: Attempt): Promise<void> {
  const { target, signal } = attempt;
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const settle = (end: () => void): void => {
      stream.off('data', take);
      stream.off('end', over);
      stream.off('close', over);
      stream.off('error', failed);
      end();
    };
    const failed = (error: unknown): void =>
      settle(() => reject(signal.aborted ? abortError(signal) : wireFault(error, { target, answered: false })));
    const over = (): void => {
      if (signal.aborted || read.length === 0) failed(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
      else settle(() => reject(noSsh(target, read)));
    };
    const take = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      // The end of the identification; a line of it may have come before.
      if (/(^|\n)SSH-[^\n]*\n/.test(read.toString('latin1'))) {
        stream.pause();
        settle(() => {
          stream.unshift(read);
          resolve();
        });
      } else if (read.length > GREETING_BYTES) settle(() => reject(noSsh(target, read)));
    };
    if (signal.aborted) return reject(abortError(signal));
    stream.on('data', take);
    stream.on('end', over);
    stream.on('close', over);
    stream.on('error', failed);
  });
}

/** Another server, or one that does not let us come so far and says why. */
function noSsh(target: string, read: Buffer): Fault {
  const text = `${target}: ssh: handshake failed: no SSH server answers; it says: ${printable(read.toString('latin1', 0, 400))}`;
  return new Fault('wire-protocol', text);
}
