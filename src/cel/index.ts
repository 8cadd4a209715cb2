import type { JsonObject } from '../model/index.ts';
import { check } from './check.ts';
import { CelError, OverBudget } from './errors.ts';
import { evaluate } from './evaluate.ts';
import { proveConstants } from './fold.ts';
import { parse } from './parse.ts';
import { parseType, typeText } from './types.ts';
import { fromJson } from './values.ts';

export { CelError } from './errors.ts';

/** A condition in CEL, ready to be asked. */
export interface Condition {
  readonly text: string;
  /** Whether it holds for these variables. Throws a CelError where it has no value, none that is a bool, or costs too much. */
  holds(variables: JsonObject): boolean;
}

export interface CelOptions {
  /** Longest expression, in characters. */
  readonly expressionChars: number;
  /** Most work that one evaluation may be: nodes, items and characters looked at. */
  readonly expressionSteps: number;
  /** When set, types are checked and the result must be a bool: only these variables exist, each a map of anything. */
  readonly declared?: readonly string[];
}

/**
 * Makes a condition of a text, with the language, macros and functions that Flux's environment has. Throws a CelError that
 * says what is wrong and where.
 */
export function compileCondition(text: string, options: CelOptions): Condition {
  if (text.length > options.expressionChars)
    throw new CelError(
      `the CEL expression has ${text.length} characters, more than ${options.expressionChars} (limits.expressionChars)`,
    );
  const { node, type } = said(`failed to parse the CEL expression '${text}'`, () => {
    const parsed = parse(text);
    const { declared } = options;
    const found =
      declared === undefined
        ? undefined
        : check(parsed, (name) => (declared.includes(name) ? parseType('map<string, dyn>') : undefined));
    proveConstants(parsed);
    return { node: parsed, type: found };
  });
  if (type !== undefined && type.name !== 'bool')
    throw new CelError(`CEL expression output type mismatch: expected bool, got ${typeText(type)}`);
  const limit = options.expressionSteps;
  return {
    text,
    holds: (variables) =>
      said(`failed to evaluate the CEL expression '${text}'`, () => {
        const variable = (name: string) =>
          Object.hasOwn(variables, name) ? fromJson(variables[name] ?? null) : undefined;
        const value = evaluate(node, { variable, budget: { limit, left: limit } });
        if (typeof value !== 'boolean') throw new CelError('its value is not a bool');
        return value;
      }),
  };
}

/** Runs something of an expression; what is wrong with it leaves as a CelError with words before it. */
function said<T>(words: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof CelError || error instanceof OverBudget) throw new CelError(`${words}: ${error.message}`);
    throw error;
  }
}
