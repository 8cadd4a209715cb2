/** Kinds of tokens of the template scanner. */
export type TemplateToken = 'end' | 'text' | 'open' | 'close' | 'illegal';

/** Says whether a character belongs to a token; `index` counts the characters of the token from 1. */
export type Accept = (c: string, index: number) => boolean;

/** What the scanner looks for next. */
export interface ScanMode {
  readonly accept: Accept;
  readonly text: boolean;
  /** `${` ends text and is a token. */
  readonly open?: boolean;
  /** `}` is a token. */
  readonly close?: boolean;
  /** `$$` stands for `$`, and, inside an expression, `\/` and `\\` for the second character. */
  readonly escapes?: 'dollar' | 'all';
}

/** Where a scan stands; `token` is the text of the last token, with its escapes resolved. */
export interface TemplateScanner {
  readonly chars: string;
  pos: number;
  token: string;
}

export function templateScanner(text: string): TemplateScanner {
  return { chars: text, pos: 0, token: '' };
}

/** The next character, without taking it; '' at the end. */
export function peekChar(s: TemplateScanner, offset = 0): string {
  const code = s.chars.codePointAt(s.pos + offset);
  return code === undefined || code === 0 ? '' : String.fromCodePoint(code);
}

/** Takes the next token under a mode. */
export function scanToken(s: TemplateScanner, mode: ScanMode): TemplateToken {
  s.token = '';
  const c = peekChar(s);
  if (c === '') return 'end';
  if (mode.open === true && s.chars.startsWith('${', s.pos)) {
    s.pos += 2;
    s.token = '${';
    return 'open';
  }
  if (mode.close === true && c === '}') {
    s.pos += 1;
    s.token = '}';
    return 'close';
  }
  return mode.text && scanText(s, mode) ? 'text' : 'illegal';
}

function isEscape(s: TemplateScanner, mode: ScanMode): boolean {
  const c = s.chars.charCodeAt(s.pos);
  const next = s.chars.charCodeAt(s.pos + 1);
  if (c === 36) return mode.escapes !== undefined && next === 36;
  return c === 92 && mode.escapes === 'all' && (next === 47 || next === 92);
}

function scanText(s: TemplateScanner, mode: ScanMode): boolean {
  const parts: string[] = [];
  let from = s.pos;
  let count = 0;
  for (;;) {
    const c = peekChar(s);
    if (c === '') break;
    if (count > 0 && mode.open === true && s.chars.startsWith('${', s.pos)) break;
    if (isEscape(s, mode)) {
      parts.push(s.chars.slice(from, s.pos));
      from = s.pos + 1;
      s.pos += 2;
      count++;
      continue;
    }
    count++;
    if (!mode.accept(c, count)) break;
    s.pos += c.length;
  }
  parts.push(s.chars.slice(from, s.pos));
  s.token = parts.join('');
  return s.token !== '';
}
