import { type Budget, CelError, noOverload, spend } from './errors.ts';
import type { Value } from './values.ts';

/** What an evaluation knows: its variables, and what it may still cost. */
export interface Scope {
  readonly variable: (name: string) => Value | undefined;
  readonly budget: Budget;
}

/** What an error costs that an operator passes over: it has a stack. */
const ERROR_STEPS = 100;

/** A condition's value; only a bool is one. */
export function test(value: Value): boolean {
  return typeof value === 'boolean' ? value : noOverload('_?_:_');
}

/**
 * `&&` or `||` of a row: one operand that decides outweighs errors of all others, whatever their order. An operand that is
 * no bool is an error as well.
 */
export function logical<T>(
  args: Iterable<T>,
  how: { readonly decides: boolean; readonly budget: Budget },
  value: (arg: T) => Value,
): boolean {
  const { decides, budget } = how;
  let error: CelError | undefined;
  for (const arg of args) {
    try {
      const found = value(arg);
      if (typeof found !== 'boolean') noOverload(decides ? '_||_' : '_&&_');
      if (found === decides) return decides;
    } catch (caught) {
      if (!(caught instanceof CelError)) throw caught;
      spend(budget, ERROR_STEPS);
      error ??= caught;
    }
  }
  if (error !== undefined) throw error;
  return !decides;
}
