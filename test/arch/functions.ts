import { lineOf, type SourceFile } from './source.ts';

export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  /** Its own lines: those of functions within it count for them, so that a factory is not blamed for its methods. */
  readonly lines: number;
}

interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Lines of each function without the inner lines of the functions directly within it. */
function ownLines(code: string, spans: readonly Span[]): readonly FunctionSpan[] {
  const whole = ({ from, to }: Span): number => lineOf(code, to - 1) - lineOf(code, from) + 1;
  const within = (a: Span, b: Span): boolean => a !== b && a.from >= b.from && a.to <= b.to;
  return spans.map((span) => {
    const inner = spans.filter((other) => within(other, span));
    const direct = inner.filter((other) => !inner.some((between) => within(other, between)));
    const lines = direct.reduce((sum, other) => sum - whole(other) + 1, whole(span));
    return { name: span.name, line: lineOf(code, span.from), lines };
  });
}

const CLOSE: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };

/** Index behind the bracket that closes the one at `at`. */
function matching(code: string, at: number): number {
  const stack: string[] = [];
  for (let i = at; i < code.length; i++) {
    const c = code[i] ?? '';
    if (c in CLOSE) stack.push(CLOSE[c] ?? '');
    else if (c === stack.at(-1)) {
      stack.pop();
      if (stack.length === 0) return i + 1;
    }
  }
  return code.length;
}

/** Where the body's brace is, behind the parameters and a return type; -1 when there is no body. */
function bodyAt(code: string, afterParams: number): number {
  let i = afterParams;
  let type = '';
  while (i < code.length) {
    const c = code[i] ?? '';
    if (c === '{') {
      const before = type.trimEnd();
      // After one of these a type goes on, so the brace is an object type's.
      if (/[:|&<,(]$/.test(before) || before.endsWith('=>')) {
        i = matching(code, i);
        type += 'T';
        continue;
      }
      return i;
    }
    if (c === ';' || c === ')' || (type === '' && !/[\s:]/.test(c))) return -1;
    if (c === '(') {
      i = matching(code, i);
      type += 'P';
      continue;
    }
    type += c;
    i += 1;
  }
  return -1;
}

const NOT_METHODS = /^(?:if|for|while|switch|catch|return|await|function|typeof|new|super|constructor)$/;

/** Every function with a block as its body and its own lines. Found by brackets, which is enough for formatted code. */
export function functionsOf({ code }: SourceFile): readonly FunctionSpan[] {
  const spans: Span[] = [];
  const add = (name: string, from: number, brace: number): void => {
    if (brace >= 0) spans.push({ name, from, to: matching(code, brace) });
  };
  for (const m of code.matchAll(/\bfunction\b\s*\*?\s*(\w*)\s*(?:<[^(]*>)?\s*\(/g)) {
    add(m[1] || 'function', m.index, bodyAt(code, matching(code, m.index + m[0].length - 1)));
  }
  for (const m of code.matchAll(/(?:(?:const|let)\s+(\w+)[^=\n]*=\s*(?:async\s*)?[^=;\n]*)?=>\s*\{/g))
    add(m[1] ?? 'arrow', m.index, m.index + m[0].length - 1);
  for (const m of code.matchAll(
    /^[ \t]+(?:(?:async|static|readonly|get|set|public|private|protected|override)\s+)*[*#]?(\w+)\s*(?:<[^(\n]*>)?\(/gm,
  )) {
    const name = m[1] ?? '';
    if (NOT_METHODS.test(name) && name !== 'constructor') continue;
    add(name, m.index + m[0].search(/\S/), bodyAt(code, matching(code, m.index + m[0].length - 1)));
  }
  return ownLines(code, spans);
}
