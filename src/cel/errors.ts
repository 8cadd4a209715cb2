/** An expression that is no CEL, or an evaluation that has no value. Messages are close to those of cel-go. */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}

/** Throws a CelError. */
export function fail(message: string): never {
  throw new CelError(message);
}

/** No function or operator of this name takes these values. */
export function noOverload(name: string): never {
  throw new CelError(`no such overload: ${name}`);
}

/** More work than is allowed. No operator of the language may swallow it, so it is not a CelError. */
export class OverBudget extends Error {
  constructor(steps: number) {
    super(`takes more than ${steps} steps (limits.expressionSteps)`);
    this.name = 'OverBudget';
  }
}

/** What an evaluation may still cost: a step is a node visited, an item compared, a character made or looked at. */
export interface Budget {
  readonly limit: number;
  left: number;
}

/** Takes steps off; throws OverBudget when they are used up. */
export function spend(budget: Budget, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0) throw new OverBudget(budget.limit);
}
