import type { Choice } from './pick.ts';

/** What a fetch is to bring, and how. */
export interface Wanted {
  readonly choice: Choice;
  readonly protocol: 'v2' | 'v0';
  /** Commit that the server may leave out what it shares with. */
  readonly have: string | undefined;
}
