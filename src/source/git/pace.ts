/** How much to ask for in one request, where a link has shown that it breaks. */
export interface Pace {
  /** How many objects of a kind to ask for. */
  wants(kind: Kind): number;
  /** What became of a request: bytes that came, and for how many of the objects asked for. */
  note(kind: Kind, answer: { readonly bytes: number; readonly came: number; readonly cut: boolean }): void;
}

export type Kind = 'top' | 'trees' | 'blobs';

const FIRST_BYTES = 65_536;
const LEAST_BYTES = 2_048;
/** So many answers come whole before one is asked for that is larger than what was cut last. */
const PATIENCE = 8;
/** Head of an HTTP answer and framing: not worth a word about the objects. */
const OVERHEAD_BYTES = 300;

/**
 * Follows what gets through: answers shrink to a little less than what came of one that was cut, and grow by half after
 * several that came whole. `bytes`: what came before the first cut; `most`: `limits.batchObjects`.
 */
export function createPace(bytes: number, most: number): Pace {
  let room = Math.max(FIRST_BYTES, bytes * 0.9);
  let ceiling = room;
  let whole = 0;
  /** Bytes of the answer for each object asked for; a tree brings all below it. */
  const each: Record<Kind, number> = { top: LEAST_BYTES, trees: 4_096, blobs: 1_024 };
  return {
    wants: (kind) => Math.max(1, Math.min(most, Math.floor(room / each[kind]))),
    note(kind, { bytes: got, came, cut }) {
      const useful = Math.max(got - OVERHEAD_BYTES, 0);
      if (came > 0 && (!cut || kind === 'blobs')) each[kind] = Math.max(useful / came, 16);
      whole = cut ? 0 : whole + 1;
      if (cut) {
        room = Math.max(came > 0 ? useful * 0.9 : room / 2, LEAST_BYTES);
        ceiling = room;
      } else room = whole > PATIENCE ? room * 1.5 : Math.min(room * 1.5, ceiling);
    },
  };
}
