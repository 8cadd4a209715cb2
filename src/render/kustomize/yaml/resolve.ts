import { TAG_BOOL, TAG_FLOAT, TAG_INT, TAG_NULL, TAG_STR, TAG_TIME } from './node.ts';
import { parseFloat64, parseInteger } from './numbers.ts';
import { parseTimestamp } from './time.ts';

/** What a plain scalar is: its tag and its value (a timestamp's value is its text in RFC 3339). */
export interface Resolved {
  readonly tag: string;
  readonly value: null | boolean | number | bigint | string;
}

const WORDS = new Map<string, Resolved>();
const WORDS11 = new Map<string, Resolved>();

function put(table: Map<string, Resolved>, tag: string, value: Resolved['value'], words: string): void {
  for (const word of words.split(' ')) table.set(word, { tag, value });
}

put(WORDS, TAG_BOOL, true, 'true True TRUE');
put(WORDS, TAG_BOOL, false, 'false False FALSE');
put(WORDS, TAG_NULL, null, '~ null Null NULL');
WORDS.set('', { tag: TAG_NULL, value: null });
put(WORDS, TAG_FLOAT, Number.NaN, '.nan .NaN .NAN');
put(WORDS, TAG_FLOAT, Number.POSITIVE_INFINITY, '.inf .Inf .INF +.inf +.Inf +.INF');
put(WORDS, TAG_FLOAT, Number.NEGATIVE_INFINITY, '-.inf -.Inf -.INF');
for (const [word, meaning] of WORDS) WORDS11.set(word, meaning);
put(WORDS11, TAG_BOOL, true, 'y Y yes Yes YES on On ON');
put(WORDS11, TAG_BOOL, false, 'n N no No NO off Off OFF');

/** A first character that lets a plain scalar be something else than a string. */
function mayBeOther(c: number): boolean {
  if (c >= 48 && c <= 57) return true;
  switch (c) {
    case 43: // +
    case 45: // -
    case 46: // .
    case 126: // ~
    case 70: // F
    case 78: // N
    case 79: // O
    case 84: // T
    case 89: // Y
    case 102:
    case 110:
    case 111:
    case 116:
    case 121:
      return true;
    default:
      return false;
  }
}

function resolveNumber(text: string): Resolved | undefined {
  const c = text.charCodeAt(0);
  if (c === 46) {
    const float = parseFloat64(text);
    return float === undefined ? undefined : { tag: TAG_FLOAT, value: float };
  }
  if (!(c === 43 || c === 45 || (c >= 48 && c <= 57))) return undefined;
  const time = c >= 48 ? parseTimestamp(text) : undefined;
  if (time !== undefined) return { tag: TAG_TIME, value: time };
  const plain = text.includes('_') ? text.replaceAll('_', '') : text;
  const integer = parseInteger(plain);
  if (integer !== undefined) return { tag: TAG_INT, value: integer };
  const float = parseFloat64(plain);
  return float === undefined ? undefined : { tag: TAG_FLOAT, value: float };
}

function resolveWith(words: ReadonlyMap<string, Resolved>, text: string): Resolved {
  if (text === '') return { tag: TAG_NULL, value: null };
  if (mayBeOther(text.charCodeAt(0))) {
    const found = text.length < 6 ? words.get(text) : undefined;
    if (found !== undefined) return found;
    const number = resolveNumber(text);
    if (number !== undefined) return number;
  }
  return { tag: TAG_STR, value: text };
}

/** A plain scalar as go-yaml v3 reads it: `yes` and `on` are strings. Resources are read so. */
export function resolve12(text: string): Resolved {
  return resolveWith(WORDS, text);
}

/** A plain scalar as go-yaml v2 (YAML 1.1) reads it: kustomization files, and what decides about quotes in the output. */
export function resolve11(text: string): Resolved {
  return resolveWith(WORDS11, text);
}

/** The tag of a plain scalar under the rules of go-yaml v3. */
export function tagOf12(text: string): string {
  const c = text.charCodeAt(0) | 0;
  return c === 0 || mayBeOther(c) ? resolve12(text).tag : TAG_STR;
}
