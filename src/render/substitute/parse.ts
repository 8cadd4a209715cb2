import { type Accept, peekChar, type ScanMode, scanToken, type TemplateScanner, templateScanner } from './scanner.ts';

/** A part of a template. */
export type TemplateNode =
  | { readonly type: 'text'; readonly text: string }
  /** `${name}` with an operator ('' for none) and its operands. */
  | { readonly type: 'call'; readonly name: string; readonly operator: string; readonly args: readonly TemplateNode[] };

/** What is wrong with a template, in the words of Flux's envsubst. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TemplateError';
  }
}

const ANY: Accept = () => true;
const NAME: Accept = (c) => /^[\p{L}\p{Nd}_]$/u.test(c);
const NOT_CLOSING: Accept = (c) => c !== '}';
const TOP: ScanMode = { accept: ANY, text: true, open: true, escapes: 'dollar' };

/** Expressions inside expressions. */
const MAX_DEPTH = 200;

interface Parser {
  readonly s: TemplateScanner;
  depth: number;
}

function bad(): never {
  throw new TemplateError('bad substitution');
}

/** Parses a template: text with `${…}` in it. */
export function parseTemplate(text: string): readonly TemplateNode[] {
  const p: Parser = { s: templateScanner(text), depth: 0 };
  const out: TemplateNode[] = [];
  for (;;) {
    const token = scanToken(p.s, TOP);
    if (token === 'end') return out;
    if (token === 'text') out.push({ type: 'text', text: p.s.token });
    else if (token === 'open') out.push(parseExpression(p));
    else bad();
  }
}

/** After `${`. */
function parseExpression(p: Parser): TemplateNode {
  if (++p.depth > MAX_DEPTH) throw new TemplateError('substitutions nest too deeply');
  const node = parseInner(p);
  p.depth--;
  return node;
}

function parseInner(p: Parser): TemplateNode {
  if (peekChar(p.s) === '#') return parseLength(p);
  if (scanToken(p.s, { accept: NAME, text: true }) !== 'text') throw new TemplateError('unable to parse variable name');
  const name = p.s.token;
  switch (peekChar(p.s)) {
    case ':':
      return parseColon(p, name, peekChar(p.s, 1));
    case '=':
      return parseDefault(p, name);
    case ',':
    case '^':
      return parseCase(p, name);
    case '/':
      return parseReplace(p, name);
    case '#':
    case '%':
      return parseTrim(p, name, peekChar(p.s));
    default:
      if (scanToken(p.s, { accept: NAME, text: false, close: true }) !== 'close')
        throw new TemplateError('missing closing brace');
      return { type: 'call', name, operator: '', args: [] };
  }
}

/** After `${name:`, by what follows the colon. envsubst steps back by bytes there, so it must be one of ASCII. */
function parseColon(p: Parser, name: string, next: string): TemplateNode {
  if (/^[=\-?+]$/.test(next)) return parseDefault(p, name);
  return next === '' || next > '\x7f' ? bad() : parseSubstring(p, name);
}

function operatorOf(p: Parser, accept: Accept): string {
  return scanToken(p.s, { accept, text: true }) === 'text' ? p.s.token : bad();
}

/** One operand: text or an expression. */
function operand(p: Parser, accept: Accept, escapes?: 'all'): TemplateNode {
  const token = scanToken(p.s, { accept, text: true, open: true, ...(escapes === undefined ? {} : { escapes }) });
  if (token === 'open') return parseExpression(p);
  if (token !== 'text') throw new TemplateError('unable to parse substitution within function');
  return { type: 'text', text: p.s.token };
}

function close(p: Parser): void {
  if (scanToken(p.s, { accept: NAME, text: false, close: true }) !== 'close') bad();
}

function parseLength(p: Parser): TemplateNode {
  const operator = operatorOf(p, (c, i) => c === '#' && i === 1);
  if (scanToken(p.s, { accept: NAME, text: true }) !== 'text') bad();
  const name = p.s.token;
  close(p);
  return { type: 'call', name, operator, args: [] };
}

function parseSubstring(p: Parser, name: string): TemplateNode {
  const operator = operatorOf(p, (c, i) => c === ':' && i === 1);
  const args = [operand(p, (c) => c !== ':' && c !== '}')];
  const next = scanToken(p.s, { accept: (c) => c === ':', text: true, close: true });
  if (next === 'close') return { type: 'call', name, operator, args };
  if (next !== 'text') bad();
  args.push(operand(p, NOT_CLOSING));
  close(p);
  return { type: 'call', name, operator, args };
}

function parseTrim(p: Parser, name: string, mark: string): TemplateNode {
  const operator = operatorOf(p, (c, i) => c === mark && i < 3);
  const args = [operand(p, NOT_CLOSING)];
  close(p);
  return { type: 'call', name, operator, args };
}

function parseReplace(p: Parser, name: string): TemplateNode {
  const operator = operatorOf(p, (c, i) => (i === 1 && c === '/') || (i === 2 && /^[/#%]$/.test(c)));
  const args = [operand(p, (c) => c !== '/', 'all')];
  if (scanToken(p.s, { accept: (c) => c === '/', text: true }) !== 'text') bad();
  if (peekChar(p.s) !== '}') args.push(operand(p, NOT_CLOSING, 'all'));
  close(p);
  return { type: 'call', name, operator, args };
}

function parseDefault(p: Parser, name: string): TemplateNode {
  const short = peekChar(p.s) === '=';
  const accept: Accept = short
    ? (c, i): boolean => i === 1 && c === '='
    : (c, i): boolean => (i === 1 && c === ':') || (i === 2 && /^[=\-?+]$/.test(c));
  if (scanToken(p.s, { accept, text: true }) !== 'text') throw new TemplateError('unable to parse default function');
  const operator = p.s.token;
  const args: TemplateNode[] = [];
  while (peekChar(p.s) !== '}') args.push(operand(p, NOT_CLOSING));
  close(p);
  return { type: 'call', name, operator, args };
}

function parseCase(p: Parser, name: string): TemplateNode {
  const operator = operatorOf(p, (c, i) => (c === ',' || c === '^') && i < 3);
  close(p);
  return { type: 'call', name, operator, args: [] };
}
