import { CelError } from './errors.ts';
import { unescaped } from './escapes.ts';
import { type Bytes, bytesOf, MAX_INT, MAX_UINT, Uint } from './values.ts';

export type Token = { readonly at: number } & (
  | { readonly type: 'end' }
  | { readonly type: 'name'; readonly text: string }
  | { readonly type: 'symbol'; readonly text: string }
  /** An int literal may be one more than fits: a minus may come before it. */
  | { readonly type: 'value'; readonly value: bigint | number | string | Uint | Bytes }
);

const SPACE = /[\t\n\f\r ]+|\/\/[^\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SYMBOL = /==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()[\]{}]/y;
const FLOAT = /(?:[0-9]+\.[0-9]+|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+/y;
const INTEGER = /(0x[0-9a-fA-F]+|[0-9]+)([uU]?)/y;
const TEXT =
  /([bB]?)(?:"""((?:[^\\]|\\[\s\S])*?)"""|'''((?:[^\\]|\\[\s\S])*?)'''|"((?:[^\\"\n\r]|\\[^\n\r])*)"|'((?:[^\\'\n\r]|\\[^\n\r])*)')/y;
const RAW_TEXT = /([bB]?[rR])(?:"""([\s\S]*?)"""|'''([\s\S]*?)'''|"([^"\n\r]*)"|'([^'\n\r]*)')/y;

/** Fails at a place of the text, which is counted from 1 in messages. */
export function syntaxError(at: number, what: string): never {
  throw new CelError(`column ${at + 1}: ${what}`);
}

/** Takes an expression apart. The last token is `end`. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  for (;;) {
    const space = match(SPACE);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    if (at >= source.length) break;
    const found = textToken(match, at) ?? numberToken(match, at) ?? plainToken(match, at);
    if (found === undefined) syntaxError(at, `unexpected '${String.fromCodePoint(source.codePointAt(at) ?? 0)}'`);
    tokens.push(found.token);
    at += found.length;
  }
  tokens.push({ type: 'end', at: source.length });
  return tokens;
}

type Match = (pattern: RegExp) => RegExpExecArray | null;
type Found = { readonly token: Token; readonly length: number } | undefined;

function textToken(match: Match, at: number): Found {
  const raw = match(RAW_TEXT);
  const m = raw ?? match(TEXT);
  if (m === null) return undefined;
  const body = m[2] ?? m[3] ?? m[4] ?? m[5] ?? '';
  const bytes = /[bB]/.test(m[1] ?? '');
  const value = raw !== null ? (bytes ? bytesOf(body) : body) : unescaped(body, bytes, at);
  return { token: { type: 'value', value, at }, length: m[0].length };
}

function numberToken(match: Match, at: number): Found {
  const float = match(FLOAT);
  if (float !== null) {
    const value = Number(float[0]);
    if (!Number.isFinite(value)) syntaxError(at, 'invalid double literal');
    return { token: { type: 'value', value, at }, length: float[0].length };
  }
  const m = match(INTEGER);
  if (m === null) return undefined;
  const value = BigInt(m[1] ?? '0');
  const unsigned = m[2] !== '';
  if (value > (unsigned ? MAX_UINT : MAX_INT + 1n)) syntaxError(at, `invalid ${unsigned ? 'uint' : 'int'} literal`);
  return { token: { type: 'value', value: unsigned ? new Uint(value) : value, at }, length: m[0].length };
}

function plainToken(match: Match, at: number): Found {
  const name = match(NAME);
  if (name !== null) return { token: { type: 'name', text: name[0], at }, length: name[0].length };
  const symbol = match(SYMBOL);
  return symbol === null ? undefined : { token: { type: 'symbol', text: symbol[0], at }, length: symbol[0].length };
}
