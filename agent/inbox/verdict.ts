import type { Fault, FaultCode } from '../../src/model/index.ts';
import type { MediumFile } from '../../src/ports/index.ts';

/** What came of looking into a file. */
export interface Verdict {
  readonly state: 'taken' | 'held' | 'refused';
  readonly code: FaultCode | '';
  readonly message: string;
  readonly sources: readonly { readonly source: string; readonly revision: string }[];
  /** The digests of the file were compared. */
  readonly proven?: boolean;
  /** Held, and not worth a try before so many milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** What came of a part of a file, for good: the revision that was taken, or why it is refused. */
export type Settled = string | Fault;

/** A file that is tried. */
export interface Tried {
  readonly path: string;
  readonly name: string;
  readonly file: MediumFile;
  /** Where that is read, when it is not the file of this path: its content, unpacked. Absolute. */
  readonly reads?: string;
  readonly proven: boolean;
  /** Only for sources that prove what they take. */
  readonly mustProve: boolean;
  /** Of tries before, by source and place; added to. */
  readonly settled: Map<string, Settled>;
}
