import type { Budget } from './errors.ts';
import type { Type } from './types.ts';
import type { Value } from './values.ts';

/** One form of a function. */
export interface Overload {
  /** Called as `a.f(b)`; `a` is then the first parameter. */
  readonly member: boolean;
  readonly params: readonly Type[];
  readonly result: Type;
  readonly run: Run;
}

export type Run = (args: readonly Value[], budget: Budget) => Value;

/** `string.size(): int` is a member, `size(string): int` is none; a namespace stands before a colon: `sets:contains(...)`. */
export type Row = readonly [signature: string, run: (args: never, budget: Budget) => Value];
