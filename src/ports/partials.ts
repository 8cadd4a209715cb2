import type { Digest } from '../model/index.ts';

/** What a transfer brings. */
export interface PartialGoal {
  readonly digest: Digest;
  /** Bytes of the whole. */
  readonly size: number;
  /** Wall clock, milliseconds since 1970: when this attempt began. */
  readonly at: number;
}

/**
 * Keeps what has come of transfers that are not whole, so that the next attempt goes on behind it, after `kill -9` and a
 * reboot too. One transfer an owner: what is kept for another goal is dropped. Nothing in it counts as content: who
 * reads it checks the digest of the whole. Faults `cache-io`, `cache-full`, and `source-bounds` (limits.partialBytes).
 */
export interface Partials {
  /** `owner`: any text that names the source. */
  open(owner: string, goal: PartialGoal): Promise<PartialContent>;
}

/** The first bytes of a content. */
export interface PartialContent {
  /** Bytes that are here. */
  size(): number;
  /** Adds bytes behind them. They outlive the process soon, and a power cut after `keep`. */
  append(bytes: Uint8Array): Promise<void>;
  /** A part of what is here; fewer bytes at its end. */
  read(offset: number, length: number): Uint8Array;
  /** Makes everything durable. After a power cut what was added since may be cut, or be other bytes. */
  keep(): Promise<void>;
  /** Removes everything; more may be added, from the first byte on. */
  drop(): Promise<void>;
}
