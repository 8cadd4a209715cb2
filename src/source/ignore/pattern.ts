/** One pattern of an ignore file. */
export interface IgnorePattern {
  /** False for one that begins with `!`: what it matches is kept. */
  readonly leavesOut: boolean;
  /** Whether it matches a path below the folder of its file, or a folder above that; by names, outermost first. */
  matches(names: readonly string[], isFolder: boolean): boolean;
}

type NameTest = (name: string) => boolean;

/** A part of a pattern between slashes: '' and `**` are no names. */
type Part = '' | '**' | NameTest;

/**
 * Reads a pattern as Flux does (pkg/sourceignore), which differs from Git: a class is negated by `^` alone, a name that
 * cannot be read matches nothing, `a/**` matches `a` too, and what a `!` keeps counts below a folder that is left out.
 */
export function parsePattern(line: string): IgnorePattern {
  const leavesOut = !line.startsWith('!');
  const bare = leavesOut ? line : line.slice(1);
  const trimmed = bare.endsWith('\\ ') ? bare : bare.replace(/ +$/, '');
  const foldersOnly = trimmed.endsWith('/');
  const text = foldersOnly ? trimmed.slice(0, -1) : trimmed;
  if (text.includes('/')) {
    const parts = text.split('/').map((part): Part => (part === '' || part === '**' ? part : nameTest(part, true)));
    return { leavesOut, matches: (names, isFolder) => along(parts, names, foldersOnly && !isFolder) };
  }
  const test = nameTest(text, false);
  return {
    leavesOut,
    matches: (names, isFolder) => {
      const at = names.findIndex(test);
      return at >= 0 && !(foldersOnly && !isFolder && at === names.length - 1);
    },
  };
}

/** A pattern with slashes, from the folder of its file down. `**` goes to the first name that fits, and never back. */
function along(parts: readonly Part[], names: readonly string[], notAtEnd: boolean): boolean {
  let [at, matched, anywhere] = [0, false, false];
  for (const [i, part] of parts.entries()) {
    if (part === '**' && i === parts.length - 1) break;
    if (typeof part === 'string') {
      anywhere = part === '**';
      continue;
    }
    if (at >= names.length || !(anywhere || part(names[at] ?? ''))) return false;
    const found = anywhere ? names.findIndex((name, n) => n >= at && part(name)) : at;
    matched = found >= 0;
    at = matched ? found + 1 : names.length;
    anywhere = false;
  }
  return matched && !(notAtEnd && at === names.length);
}

const never: NameTest = () => false;

function nameTest(text: string, inPath: boolean): NameTest {
  if (inPath && text.includes('**')) return never;
  const steps = stepsOf(text);
  if (steps === undefined) return never;
  if (steps.every((step) => typeof step === 'string')) return starred(steps);
  return (name) => fits(steps, Array.from(name));
}

/** Text with `*` alone, which most patterns are: by the text before, between and behind. */
function starred(steps: readonly string[]): NameTest {
  const texts = [''];
  for (const step of steps)
    if (step === '*') texts.push('');
    else texts.push(`${texts.pop() ?? ''}${step.slice(1)}`);
  const [first = '', ...rest] = texts;
  const last = rest.pop();
  if (last === undefined) return (name) => name === first;
  return (name) => {
    if (!name.startsWith(first) || !name.endsWith(last)) return false;
    let at = first.length;
    for (const text of rest) {
      const found = name.indexOf(text, at);
      if (found < 0) return false;
      at = found + text.length;
    }
    return at <= name.length - last.length;
  };
}

/** `*`, `=` with a character, or a test of one character. */
type Step = string | NameTest;

/** Undefined for a pattern that cannot be read. */
function stepsOf(text: string): readonly Step[] | undefined {
  const chars = Array.from(text);
  const steps: Step[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if (char === '*') steps.push('*');
    else if (char === '?') steps.push(() => true);
    else if (char === '[') {
      const found = classAt(chars, i + 1);
      if (found === undefined) return undefined;
      steps.push(found.test);
      i = found.end;
    } else if (char !== '\\') steps.push(`=${char}`);
    else if (i + 1 === chars.length) return undefined;
    else steps.push(`=${chars[++i] ?? ''}`);
  }
  return steps;
}

/** The class whose `[` is before `start`, and where its `]` is. */
function classAt(
  chars: readonly string[],
  start: number,
): { readonly test: NameTest; readonly end: number } | undefined {
  const negated = chars[start] === '^';
  const ranges: (readonly [number, number])[] = [];
  let at = start + (negated ? 1 : 0);
  const next = (): number | undefined => {
    if (chars[at] === '-' || chars[at] === ']') return undefined;
    if (chars[at] === '\\') at += 1;
    const code = chars[at]?.codePointAt(0);
    at += 1;
    return at < chars.length ? code : undefined;
  };
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = next();
    if (low === undefined) return undefined;
    const range = chars[at] === '-';
    if (range) at += 1;
    const high = range ? next() : low;
    if (high === undefined) return undefined;
    ranges.push([low, high]);
  }
  const has = (code: number): boolean => ranges.some(([low, high]) => low <= code && code <= high);
  return { test: (char) => has(char.codePointAt(0) ?? 0) !== negated, end: at };
}

/** Goes back to the last `*` alone, so the work is bounded by the product of both lengths. */
function fits(steps: readonly Step[], name: readonly string[]): boolean {
  let [step, at, star, from] = [0, 0, -1, 0];
  while (at < name.length) {
    const now = steps[step];
    const char = name[at] ?? '';
    if (now === '*') [star, from, step] = [step, at, step + 1];
    else if (now !== undefined && (typeof now === 'string' ? now.slice(1) === char : now(char)))
      [step, at] = [step + 1, at + 1];
    else if (star < 0) return false;
    else [step, at, from] = [star + 1, from + 1, from + 1];
  }
  while (steps[step] === '*') step += 1;
  return step === steps.length;
}
