import { type Accepts, peek, type Reader, rest, syntaxError } from './re2-reader.ts';

/** One character, in any case when folding. */
export function literal(code: number, fold: boolean): Accepts {
  if (!fold) return (c) => c === code;
  const lower = String.fromCodePoint(code).toLowerCase();
  const upper = lower.toUpperCase();
  return (c) => c === code || String.fromCodePoint(c).toLowerCase() === lower || String.fromCodePoint(c) === upper;
}

const DIGIT: Accepts = (c) => c >= 48 && c <= 57;
const SPACE: Accepts = (c) => c === 32 || c === 9 || c === 10 || c === 12 || c === 13;
const WORD: Accepts = (c) => DIGIT(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;

function not(accepts: Accepts): Accepts {
  return (c) => !accepts(c);
}

function perlClass(letter: string): Accepts | undefined {
  const base = { d: DIGIT, s: SPACE, w: WORD }[letter.toLowerCase()];
  if (base === undefined) return undefined;
  return letter === letter.toLowerCase() ? base : not(base);
}

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** After a backslash: a class, or one character. */
export function classEscape(r: Reader): Accepts {
  const c = peek(r);
  const perl = perlClass(c);
  if (perl !== undefined) {
    r.pos++;
    return perl;
  }
  if (c === 'p' || c === 'P') return unicodeClass(r);
  return literal(escapedCode(r), r.flags.fold);
}

function unicodeClass(r: Reader): Accepts {
  const m = /^([pP])(?:\{(\^?)(\w+)\}|(\w))/.exec(rest(r));
  if (m === null) syntaxError('invalid character class range', `\\${peek(r)}`);
  r.pos += [...m[0]].length;
  const name = m[3] ?? m[4] ?? '';
  let set: RegExp;
  try {
    set = new RegExp(/^[A-Z][a-z]?$/.test(name) ? `\\p{${name}}` : `\\p{Script=${name}}`, 'u');
  } catch {
    return syntaxError('invalid character class range', `\\${m[0]}`);
  }
  const test: Accepts = (code) => set.test(String.fromCodePoint(code));
  return (m[1] === 'P') !== (m[2] === '^') ? not(test) : test;
}

function escapedCode(r: Reader): number {
  const c = peek(r);
  const text = rest(r);
  const hex = /^x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(text);
  const octal = /^0[0-7]{0,2}|^[1-7][0-7]{1,2}/.exec(text);
  if (hex !== null || octal !== null) {
    r.pos += (hex ?? octal)?.[0].length ?? 1;
    const code = hex === null ? Number.parseInt(octal?.[0] ?? '0', 8) : Number.parseInt(hex[1] ?? hex[2] ?? '0', 16);
    return code > 0x10ffff ? syntaxError('invalid escape sequence', `\\${text}`) : code;
  }
  if (c === '') return syntaxError('trailing backslash at end of expression', '');
  r.pos++;
  if (Object.hasOwn(CONTROL, c)) return CONTROL[c] ?? 0;
  if (/[A-Za-z0-9]/.test(c)) return syntaxError('invalid escape sequence', `\\${c}`);
  return c.codePointAt(0) ?? 0;
}

const POSIX: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  ascii: /[^\u0080-\u{10ffff}]/u,
  blank: /[\t ]/,
  cntrl: /[^ -~\u0080-\u{10ffff}]/u,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[\t-\r ]/,
  upper: /[A-Z]/,
  word: /[0-9A-Za-z_]/,
  xdigit: /[0-9A-Fa-f]/,
};

function posixClass(r: Reader): Accepts | undefined {
  const m = /^\[:(\^?)(\w+):\]/.exec(r.chars.slice(r.pos, r.pos + 16).join(''));
  if (m === null) return undefined;
  const set = Object.hasOwn(POSIX, m[2] ?? '') ? POSIX[m[2] ?? ''] : undefined;
  if (set === undefined) return syntaxError('invalid character class range', m[0]);
  r.pos += m[0].length;
  const test: Accepts = (code) => set.test(String.fromCodePoint(code));
  return m[1] === '^' ? not(test) : test;
}

/** After `[`: a set of characters. */
export function bracket(r: Reader): Accepts {
  const start = r.pos - 1;
  const negated = peek(r) === '^';
  if (negated) r.pos++;
  const tests: Accepts[] = [];
  for (let first = true; first || peek(r) !== ']'; first = false) {
    if (r.pos >= r.chars.length) syntaxError('missing closing ]', rest(r, start));
    tests.push(posixClass(r) ?? bracketItem(r));
  }
  r.pos++;
  const any: Accepts = (code) => tests.some((test) => test(code));
  return negated ? not(any) : any;
}

function bracketItem(r: Reader): Accepts {
  const start = r.pos;
  if (peek(r) === '\\') {
    const next = peek(r, 1);
    if (perlClass(next) !== undefined || next === 'p' || next === 'P') {
      r.pos++;
      return classEscape(r);
    }
  }
  const low = bracketCode(r);
  if (peek(r) !== '-' || peek(r, 1) === ']' || peek(r, 1) === '') return literal(low, r.flags.fold);
  r.pos++;
  const high = bracketCode(r);
  if (high < low) syntaxError('invalid character class range', r.chars.slice(start, r.pos).join(''));
  if (!r.flags.fold) return (code) => code >= low && code <= high;
  const inside = (text: string): boolean => {
    const code = text.codePointAt(0) ?? 0;
    return code >= low && code <= high;
  };
  return (code) => {
    const text = String.fromCodePoint(code);
    return inside(text) || inside(text.toLowerCase()) || inside(text.toUpperCase());
  };
}

function bracketCode(r: Reader): number {
  const c = peek(r);
  r.pos++;
  return c === '\\' ? escapedCode(r) : (c.codePointAt(0) ?? 0);
}
