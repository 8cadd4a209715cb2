import type { SshChannel } from '../../ports/index.ts';

/** A connection to `git-upload-pack`, on which one question follows another. */
export interface SshLine {
  readonly channel: SshChannel;
  readonly parts: AsyncIterator<Uint8Array>;
  /** What the server said first: its capabilities (v2), or its refs (v0). */
  readonly greeting: Buffer;
  readonly version: 0 | 2;
  /** An answer was not read to its end, or the server is through: the next question needs a new connection. */
  used: boolean;
}
