import type { ClientChannel } from 'ssh2';
import { Fault } from '../../../src/model/index.ts';
import type { SshChannel } from '../../../src/ports/index.ts';
import type { Connection } from '../wire/connect.ts';
import { abortError } from '../wire/faults.ts';
import type { Attempt } from './attempt.ts';
import { cut } from './faults.ts';
import type { Quiet } from './watch.ts';

/** Standard error that is kept, bytes. */
const COMPLAINT_BYTES = 4_096;
/** Less in one packet makes a flood of a question; of none at all ssh2 sends packets without end. */
const PACKET_BYTES = 512;

interface Parts {
  readonly channel: ClientChannel;
  readonly connection: Connection;
  readonly attempt: Attempt;
  readonly quiet: Quiet;
  readonly close: () => void;
}

/** Fault `wire-protocol` for a server that takes packets which hold next to nothing. */
export function checkPackets(channel: ClientChannel, { target }: Attempt): void {
  // Not in the types: what the server has said when it opened the channel.
  const { outgoing } = channel as unknown as { readonly outgoing: { readonly packetSize: number } };
  if (outgoing.packetSize >= PACKET_BYTES) return;
  throw new Fault('wire-protocol', `${target}: ssh: the server takes packets of ${outgoing.packetSize} bytes only`);
}

/** The port's side of a command that runs. */
export function channelOf({ channel, connection, attempt, quiet, close }: Parts): SshChannel {
  let complaint = '';
  channel.stderr.setEncoding('utf8');
  channel.stderr.on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_BYTES);
  });
  channel.on('error', () => undefined);
  return {
    output: outputOf(channel, attempt, quiet),
    async write(bytes) {
      quiet.begin(bytes.length);
      await written(channel, bytes, attempt).finally(() => quiet.pause());
    },
    complaint: () => complaint,
    count: () => ({ requests: 1, up: connection.raw.bytesWritten, down: connection.raw.bytesRead }),
    close,
  };
}

/** The callback of a write may never come once the connection is gone. */
function written(channel: ClientChannel, bytes: Uint8Array, attempt: Attempt): Promise<void> {
  const { signal } = attempt;
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', stopped);
      channel.off('close', closed);
      end();
    };
    const stopped = (): void => settle(() => reject(abortError(signal)));
    const closed = (): void => settle(() => reject(cut(attempt)));
    if (signal.aborted) return reject(abortError(signal));
    if (!channel.writable) return reject(cut(attempt));
    signal.addEventListener('abort', stopped, { once: true });
    channel.on('close', closed);
    channel.write(bytes, (error) => settle(() => (error == null ? resolve() : reject(cut(attempt)))));
  });
}

async function* outputOf(channel: ClientChannel, attempt: Attempt, quiet: Quiet): AsyncGenerator<Uint8Array> {
  try {
    quiet.begin();
    for await (const chunk of channel) {
      quiet.end();
      yield chunk as Uint8Array;
      quiet.begin();
    }
  } catch (error) {
    if (!attempt.signal.aborted) throw error instanceof Fault ? error : cut(attempt);
  }
  quiet.end();
  if (attempt.signal.aborted) throw abortError(attempt.signal);
}
