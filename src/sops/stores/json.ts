import type { Json } from '../../model/index.ts';
import { refuse } from '../fault.ts';
import { type Branch, type Item, type List, leaf, plainFloat, type Scalar, text, type Value } from '../tree.ts';
import { fits64 } from '../value.ts';

/** JSON in the order of the text: what `JSON.parse` makes of it has no order, and hides keys that stand twice. */
interface Reader {
  readonly text: string;
  at: number;
  left: number;
  readonly depth: number;
  readonly where: string;
}

interface Bounds {
  readonly yamlDepth: number;
  readonly yamlNodes: number;
}

/** Reads a JSON object. Throws `decryption-failed`. */
export function readJson(input: string, where: string, bounds: Bounds): Branch {
  const reader: Reader = { text: input, at: 0, left: bounds.yamlNodes, depth: bounds.yamlDepth, where };
  skip(reader);
  if (input[reader.at] !== '{') throw fail(reader, 'SOPS only supports JSON files with a top-level object');
  const value = readValue(reader, 0);
  skip(reader);
  if (reader.at < input.length) throw fail(reader, 'there is more behind its end');
  return value as Branch;
}

function fail(reader: Reader, why: string): Error {
  const line = reader.text.slice(0, reader.at).split('\n').length;
  return refuse(reader.where, `could not unmarshal input data: line ${line}: ${why}`);
}

function skip(reader: Reader): void {
  while (/[ \t\r\n]/.test(reader.text[reader.at] ?? '')) reader.at++;
}

function readValue(reader: Reader, depth: number): Value {
  if (depth > reader.depth) throw fail(reader, `it is nested deeper than limits.yamlDepth = ${reader.depth}`);
  if (--reader.left < 0) throw fail(reader, 'it has more values than limits.yamlNodes');
  skip(reader);
  const first = reader.text[reader.at];
  if (first === '{') return readObject(reader, depth);
  if (first === '[') return readArray(reader, depth);
  if (first === '"') return text(readString(reader));
  return leaf(readWord(reader));
}

function readObject(reader: Reader, depth: number): Branch {
  const items: Item[] = [];
  const seen = new Set<string>();
  between(reader, '}', () => {
    if (reader.text[reader.at] !== '"') throw fail(reader, 'a key is expected');
    const key = readString(reader);
    if (seen.has(key)) throw fail(reader, 'a key stands twice');
    seen.add(key);
    skip(reader);
    if (reader.text[reader.at++] !== ':') throw fail(reader, '":" is expected');
    items.push({ key, value: readValue(reader, depth + 1) });
  });
  return { kind: 'branch', items };
}

function readArray(reader: Reader, depth: number): List {
  const items: Value[] = [];
  between(reader, ']', () => items.push(readValue(reader, depth + 1)));
  return { kind: 'list', items };
}

/** Reads parts with commas between them up to a bracket. */
function between(reader: Reader, close: string, part: () => void): void {
  reader.at++;
  skip(reader);
  if (reader.text[reader.at] === close) {
    reader.at++;
    return;
  }
  for (;;) {
    skip(reader);
    part();
    skip(reader);
    const next = reader.text[reader.at++];
    if (next === close) return;
    if (next !== ',') throw fail(reader, `"," or "${close}" is expected`);
  }
}

function readString(reader: Reader): string {
  const end = closingQuote(reader.text, reader.at);
  if (end < 0) throw fail(reader, 'a text does not end');
  try {
    const value = JSON.parse(reader.text.slice(reader.at, end + 1)) as string;
    reader.at = end + 1;
    return value;
  } catch {
    throw fail(reader, 'a text has characters or escapes that JSON does not know');
  }
}

/** The quote that ends a text: the first one with an even number of backslashes before it. */
function closingQuote(input: string, open: number): number {
  for (let at = input.indexOf('"', open + 1); at >= 0; at = input.indexOf('"', at + 1)) {
    let slashes = 0;
    while (input[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

const WORD = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/y;

function readWord(reader: Reader): Scalar {
  WORD.lastIndex = reader.at;
  const [word] = WORD.exec(reader.text) ?? [];
  if (word === undefined) throw fail(reader, 'a value is expected');
  reader.at += word.length;
  if (word === 'null') return { type: 'null' };
  if (word === 'true' || word === 'false') return { type: 'bool', value: word === 'true' };
  if (/^-?[0-9]{1,19}$/.test(word) && fits64(BigInt(word))) return { type: 'int', value: BigInt(word) };
  return { type: 'float', value: Number(word) };
}

/** The tree as Go's encoding/json writes it, indented by tabs; comments are left out. */
export function writeJson(branch: Branch): string {
  return `${write(branch, '\n')}\n`;
}

function write(value: Value, gap: string): string {
  if (value.kind === 'leaf') return writeScalar(value.scalar);
  const inner = `${gap}\t`;
  const parts =
    value.kind === 'list'
      ? value.items.filter((item) => !isComment(item)).map((item) => write(item, inner))
      : value.items.flatMap(({ key, value: item }) =>
          key === undefined ? [] : [`${goString(key)}: ${write(item, inner)}`],
        );
  const [open, close] = value.kind === 'list' ? '[]' : '{}';
  return parts.length === 0 ? `${open}${close}` : `${open}${inner}${parts.join(`,${inner}`)}${gap}${close}`;
}

const isComment = (value: Value): boolean => value.kind === 'leaf' && value.scalar.type === 'comment';

function writeScalar(scalar: Scalar): string {
  switch (scalar.type) {
    case 'str':
      return goString(Buffer.from(scalar.bytes).toString('utf8'));
    case 'int':
      return scalar.value.toString();
    case 'float':
      if (!Number.isFinite(scalar.value)) return goString(plainFloat(scalar.value));
      return scalar.value === 0 ? plainFloat(scalar.value) : String(scalar.value);
    case 'bool':
      return String(scalar.value);
    case 'null':
      return 'null';
    default:
      return goString(scalar.text);
  }
}

function goString(value: string): string {
  return JSON.stringify(value.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value as plain JSON: the metadata of a file. The last of two equal keys counts. */
export function toPlain(value: Value): Json {
  if (value.kind === 'list') return value.items.filter((item) => !isComment(item)).map(toPlain);
  if (value.kind === 'branch')
    return Object.fromEntries(
      value.items.flatMap(({ key, value: item }) => (key === undefined ? [] : [[key, toPlain(item)]])),
    );
  const { scalar } = value;
  if (scalar.type === 'str') return Buffer.from(scalar.bytes).toString('utf8');
  if (scalar.type === 'null') return null;
  return scalar.type === 'time' || scalar.type === 'comment' ? scalar.text : scalar.value;
}
