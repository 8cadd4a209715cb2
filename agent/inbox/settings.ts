import type { Limits } from '../../src/model/index.ts';
import type { Clock, Disk, Log, Medium } from '../../src/ports/index.ts';
import type { Loop } from '../loop/index.ts';
import type { Spool } from './spool.ts';

/** As configured; times in milliseconds. */
export interface InboxSettings {
  /** Absolute. One that does not exist is a stick that is not in. */
  readonly paths: readonly string[];
  readonly intervalMs: number;
  /** How long a cut or damaged file must stay as it is before it is refused: until then it may be being copied. */
  readonly patienceMs: number;
  /** Move what is done with into `done/` and `refused/`. */
  readonly moveAside: boolean;
  /** Only sources that prove what they take are given anything. */
  readonly requireVerify?: boolean;
}

export interface InboxPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
  readonly medium: Medium;
  readonly spool: Spool;
  readonly loop: Pick<Loop, 'offer' | 'status' | 'knowsAll'>;
  readonly limits: Limits;
  readonly cluster: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
}
