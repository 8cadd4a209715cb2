import { fail } from './errors.ts';

/** A condition on labels or annotations. */
interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** A parsed label or annotation selector. */
export interface LabelSelector {
  matches(labels: ReadonlyMap<string, string>): boolean;
}

const EVERYTHING: LabelSelector = { matches: () => true };

/** Parses the selector grammar of Kubernetes: `a=b`, `==`, `!=`, `in (…)`, `notin (…)`, `a`, `!a`, `<`, `>`, comma = and. */
export function parseLabelSelector(text: string): LabelSelector {
  if (text === '') return EVERYTHING;
  const requirements = parseAll({ tokens: tokenize(text), pos: 0 });
  return { matches: (labels) => requirements.every((one) => matches(one, labels)) };
}

function matches(one: Requirement, labels: ReadonlyMap<string, string>): boolean {
  const value = labels.get(one.key);
  switch (one.operator) {
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'notin':
    case '!=':
      return value === undefined || !one.values.includes(value);
    case '>':
    case '<':
      return value !== undefined && compareNumbers(one.operator, value, one.values[0] ?? '');
    default:
      return value !== undefined && one.values.includes(value);
  }
}

function compareNumbers(operator: string, value: string, limit: string): boolean {
  if (!/^[-+]?\d+$/.test(value) || !/^[-+]?\d+$/.test(limit)) return false;
  const [a, b] = [BigInt(value.replace('+', '')), BigInt(limit.replace('+', ''))];
  return operator === '>' ? a > b : a < b;
}

interface Parser {
  readonly tokens: readonly string[];
  pos: number;
}

const SYMBOLS = new Set(['!', '!=', '=', '==', '<', '>', '(', ')', ',']);

function tokenize(text: string): string[] {
  const out: string[] = [];
  const pattern = /\s*(?:(==|!=|=|!|<|>|\(|\)|,)|([^\s=!()<>,]+))/gy;
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) out.push(m[1] ?? m[2] ?? '');
  return out;
}

function isName(token: string | undefined): token is string {
  return token !== undefined && !SYMBOLS.has(token);
}

function parseAll(p: Parser): Requirement[] {
  const out: Requirement[] = [];
  for (;;) {
    const token = p.tokens[p.pos];
    if (token === undefined) return out;
    if (token !== '!' && !isName(token)) fail(`found '${token}', expected: !, identifier, or 'end of string'`);
    out.push(parseOne(p));
    const next = p.tokens[p.pos++];
    if (next === undefined) return out;
    if (next !== ',') fail(`found '${next}', expected: ',' or 'end of string'`);
    const after = p.tokens[p.pos];
    if (after !== '!' && !isName(after)) fail(`found '${after ?? ''}', expected: identifier after ','`);
  }
}

function unparsed(message: string): never {
  return fail(`unable to parse requirement: ${message}`);
}

const KEY = /^(?:([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)\/)?([A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)$/;
const VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

function parseOne(p: Parser): Requirement {
  const absent = p.tokens[p.pos] === '!';
  if (absent) p.pos++;
  const key = p.tokens[p.pos++];
  if (!isName(key)) return unparsed(`found '${key ?? ''}', expected: identifier`);
  const m = KEY.exec(key);
  if (m === null || (m[2] ?? '').length > 63 || (m[1] ?? '').length > 253)
    return unparsed(
      `invalid label key ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.'`,
    );
  const next = p.tokens[p.pos];
  if (next === undefined || next === ',') return { key, operator: absent ? '!' : 'exists', values: [] };
  if (absent) return { key, operator: '!', values: [] };
  p.pos++;
  if (!['=', '==', '!=', 'in', 'notin', '<', '>'].includes(next))
    return unparsed(`found '${next}', expected: '=', '!=', '==', 'in', notin'`);
  const values = next === 'in' || next === 'notin' ? parseValues(p) : [parseExact(p)];
  checkValues(key, next, values);
  return { key, operator: next, values };
}

function checkValues(key: string, operator: string, values: readonly string[]): void {
  if ((operator === '<' || operator === '>') && !/^[-+]?\d+$/.test(values[0] ?? ''))
    unparsed("for 'Gt', 'Lt' operators, the value must be an integer");
  for (const value of values)
    if (!VALUE.test(value) || value.length > 63)
      unparsed(
        `invalid label value: ${JSON.stringify(value)}: at key: ${JSON.stringify(key)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'`,
      );
}

function parseExact(p: Parser): string {
  const token = p.tokens[p.pos];
  if (token === undefined || token === ',') return '';
  p.pos++;
  return isName(token) ? token : unparsed(`found '${token}', expected: identifier`);
}

function parseValues(p: Parser): string[] {
  if (p.tokens[p.pos] !== '(') return unparsed(`found '${p.tokens[p.pos] ?? ''}' expected: '('`);
  p.pos++;
  const out: string[] = [];
  for (;;) {
    const token = p.tokens[p.pos];
    if (isName(token)) {
      out.push(token);
      p.pos++;
    } else out.push('');
    const after = p.tokens[p.pos++];
    if (after === ')') return out;
    if (after !== ',') return unparsed(`found '${after ?? ''}', expected: ',' or ')'`);
  }
}
