import { type Expr, parsePattern } from './re2-parse.ts';
import { type Accepts, syntaxError } from './re2-reader.ts';

/** One step of a program. */
export type Step =
  | { readonly op: 'char'; readonly accepts: Accepts; next: number }
  | { readonly op: 'split'; next: number; other: number }
  | { readonly op: 'assert'; readonly kind: string; next: number }
  | { readonly op: 'match' };

export interface Program {
  readonly code: readonly Step[];
}

/** Steps a pattern may have; RE2 has a bound of this order as well. */
const MAX_STEPS = 20_000;

interface Maker {
  readonly code: Step[];
  readonly source: string;
}

/** Compiles a pattern. Fails with Go's words on a bad one, and on one that is too large. */
export function compile(source: string): Program {
  const maker: Maker = { code: [], source };
  const code = maker.code;
  // Step 0 is where every attempt begins, so it is reserved and filled in last.
  code.push({ op: 'split', next: 1, other: 1 });
  const end = emit(maker, parsePattern(source));
  patch(code, end, code.push({ op: 'match' }) - 1);
  return { code };
}

/** Steps whose `next` (or, when negative, `other`) is still open. */
type Open = readonly { readonly at: number; readonly other: boolean }[];

function patch(code: Step[], open: Open, target: number): void {
  for (const { at, other } of open) {
    const step = code[at];
    if (step === undefined || step.op === 'match') continue;
    if (other && step.op === 'split') step.other = target;
    else step.next = target;
  }
}

function add(maker: Maker, step: Step): number {
  if (maker.code.length >= MAX_STEPS) syntaxError('expression too large', maker.source);
  return maker.code.push(step) - 1;
}

/** Emits an expression at the end of the code; what it leaves open continues after it. */
function emit(maker: Maker, expr: Expr): Open {
  switch (expr.type) {
    case 'empty':
      return one(add(maker, { op: 'split', next: maker.code.length + 1, other: maker.code.length + 1 }), true);
    case 'char':
      return one(add(maker, { op: 'char', accepts: expr.accepts, next: -1 }));
    case 'assert':
      return one(add(maker, { op: 'assert', kind: expr.kind, next: -1 }));
    case 'concat':
      return emitConcat(maker, expr.parts);
    case 'alternate':
      return emitAlternate(maker, expr.parts);
    case 'repeat':
      return emitRepeat(maker, expr.part, expr.min, expr.max);
  }
}

function one(at: number, both = false): Open {
  return both
    ? [
        { at, other: false },
        { at, other: true },
      ]
    : [{ at, other: false }];
}

function emitConcat(maker: Maker, parts: readonly Expr[]): Open {
  let open: Open | undefined;
  for (const part of parts) {
    if (open !== undefined) patch(maker.code, open, maker.code.length);
    open = emit(maker, part);
  }
  return open ?? emit(maker, { type: 'empty' });
}

function emitAlternate(maker: Maker, parts: readonly Expr[]): Open {
  const open: { at: number; other: boolean }[] = [];
  parts.forEach((part, i) => {
    const last = i === parts.length - 1;
    const split = last ? -1 : add(maker, { op: 'split', next: maker.code.length + 1, other: -1 });
    open.push(...emit(maker, part));
    if (!last) patch(maker.code, [{ at: split, other: true }], maker.code.length);
  });
  return open;
}

function emitRepeat(maker: Maker, part: Expr, min: number, max: number): Open {
  let open: Open | undefined;
  const join = (): void => {
    if (open !== undefined) patch(maker.code, open, maker.code.length);
  };
  for (let i = 0; i < min; i++) {
    join();
    open = emit(maker, part);
  }
  if (max < 0) {
    join();
    const split = add(maker, { op: 'split', next: maker.code.length + 1, other: -1 });
    patch(maker.code, emit(maker, part), split);
    return [{ at: split, other: true }];
  }
  const exits: { at: number; other: boolean }[] = [];
  for (let i = min; i < max; i++) {
    join();
    exits.push({ at: add(maker, { op: 'split', next: maker.code.length + 1, other: -1 }), other: true });
    open = emit(maker, part);
  }
  return [...(open ?? emit(maker, { type: 'empty' })), ...exits];
}
