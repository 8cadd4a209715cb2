import { analyze, plainIsString12 } from '../../render/kustomize/index.ts';
import { macBytes, plainFloat, type Scalar } from '../tree.ts';
import type { Replaced } from '../walk.ts';
import {
  commented,
  commentLines,
  commentOpener,
  commentsIn,
  headOfList,
  type OpenComment,
  type Opening,
} from './yaml-comments.ts';

/** Spaces that SOPS indents by. */
const INDENT = 4;

/**
 * The text of a document with its encrypted values replaced in place, and without the metadata: layout, comments and all
 * else stay as they are, which is also what SOPS makes of a file that it wrote itself. Undefined when the text is laid out
 * in another way than SOPS does; the caller has to check that the result reads as it should.
 */
export function decryptedText(part: string, replaced: readonly Replaced[], how: Opening): string | undefined {
  const source = withoutMetadata(part);
  const comments = commentOpener(how);
  let out = '';
  let at = 0;
  let before: readonly string[] = [];
  for (const one of replaced) {
    const found = source.indexOf(one.was, at);
    if (found < 0) return undefined;
    const quote = source[found - 1] === source[found + one.was.length] ? (source[found - 1] ?? '') : '';
    const quotes = quote === '"' || quote === "'" ? 1 : 0;
    out += commentsIn(source.slice(at, found - quotes), (value) => comments(value, [one.path, before]));
    const end = found + one.was.length + quotes;
    at = lineEnd(source, end);
    before = one.path;
    const head = one.is.type === 'comment' ? headOfList(source, at, out) : undefined;
    if (head !== undefined && one.is.type === 'comment') {
      out = out.slice(0, out.lastIndexOf('\n') + 1) + commented(one.is.text, head.dashes);
      at = head.next;
      continue;
    }
    out = withScalar(out, one, { text: source.slice(end, at), comment: (value) => comments(value, [one.path]) });
  }
  return out + commentsIn(source.slice(at), (value) => comments(value, [before]));
}

/** Puts a value behind what is written so far; `rest` is what stands behind it in its line. */
function withScalar(
  out: string,
  { is }: Replaced,
  rest: { readonly text: string; readonly comment: OpenComment },
): string {
  const lineStart = out.lastIndexOf('\n') + 1;
  const line = out.slice(lineStart);
  const indent = ' '.repeat(line.length - line.trimStart().length);
  // A comment in a list is encrypted as if it was an item of it.
  if (is.type === 'comment') return out.slice(0, lineStart) + commentLines(is.text, indent).slice(0, -1) + rest.text;
  const written = writeScalar(is, placeOf(line));
  // SOPS forgets that a comment which it decrypts stood in the line.
  const inline = rest.comment(/^\s*#(ENC\[[^\]]*\])$/.exec(rest.text)?.[1] ?? '');
  if (inline === undefined) return out + written.head + rest.text + written.below;
  return out.slice(0, lineStart) + commented(inline, line) + written.head + written.below;
}

/** Cuts the top-level key `sops` out, with the lines that belong to it: those that are indented, and empty ones between. */
function withoutMetadata(part: string): string {
  const lines = part.split('\n');
  const from = lines.findIndex((line) => /^(?:sops|"sops"|'sops'):(?:\s|$)/.test(line));
  if (from < 0) return part;
  let to = from + 1;
  for (let i = to; i < lines.length && /^(?:[ \t]|$)/.test(lines[i] ?? ''); i++) if (lines[i] !== '') to = i + 1;
  return [...lines.slice(0, from), ...lines.slice(to)].join('\n');
}

function lineEnd(source: string, from: number): number {
  const end = source.indexOf('\n', from);
  return end < 0 ? source.length : end;
}

interface Place {
  /** Columns that lines of a literal are indented by. */
  readonly indent: number;
}

/** How deep the scalar stands whose line so far is this, as go-yaml counts. */
function placeOf(line: string): Place {
  const [dashes = ''] = /^(?: *- +)*/.exec(line) ?? [];
  const rest = line.slice(dashes.length);
  if (rest.trim() === '' && dashes !== '') return { indent: dashes.trimEnd().length + 1 };
  const column = dashes.length + (rest.length - rest.trimStart().length);
  return { indent: INDENT * Math.floor((column + INDENT) / INDENT) };
}

interface Written {
  /** What stands in the line of the key. */
  readonly head: string;
  /** Lines below it, each with its line break before it. */
  readonly below: string;
}

function writeScalar(scalar: Scalar, place: Place): Written {
  const line = (head: string): Written => ({ head, below: '' });
  switch (scalar.type) {
    case 'int':
    case 'bool':
      return line(String(scalar.value));
    case 'float':
      return line(goFloat(scalar.value));
    case 'null':
      return line('null');
    case 'time':
    case 'comment':
      return line(scalar.text);
    default:
      return writeText(Buffer.from(macBytes(scalar)).toString('utf8'), place);
  }
}

function writeText(value: string, place: Place): Written {
  // go-yaml takes this text for a merge even where it stands for itself.
  if (value === '<<') return { head: '!!merge <<', below: '' };
  const shape = analyze(value);
  if (value.includes('\n')) return shape.block12 ? literal(value, place) : { head: double(value), below: '' };
  if (!plainIsString12(value)) return { head: double(value), below: '' };
  if (shape.plain && value !== '') return { head: value, below: '' };
  return { head: shape.single ? `'${value.replaceAll("'", "''")}'` : double(value), below: '' };
}

function literal(value: string, { indent }: Place): Written {
  const hint = /^[ \n]/.test(value) ? String(INDENT) : '';
  const chomp = value.endsWith('\n') ? (/^\n$|\n\n$/.test(value) ? '+' : '') : '-';
  const lines = value.replace(/\n$/, '').split('\n');
  const pad = ' '.repeat(indent);
  return {
    head: `|${hint}${chomp}`,
    below: lines.map((one) => `\n${one === '' ? '' : pad + one}`).join(''),
  };
}

/** In double quotes, with the escapes of go-yaml: those of JSON, and what it does not print. */
function double(value: string): string {
  return JSON.stringify(value.toWellFormed()).replace(
    /\\u00([0-9a-f]{2})|[\x7f-\xa0\u2028\u2029\ufeff]|[\ud800-\udbff][\udc00-\udfff]/g,
    (all, hex: string | undefined) => {
      const code = hex === undefined ? (all.codePointAt(0) ?? 0) : Number.parseInt(hex, 16);
      const short = SHORT[code];
      if (short !== undefined) return `\\${short}`;
      const text = code.toString(16).toUpperCase();
      if (code > 0xffff) return `\\U${text.padStart(8, '0')}`;
      return code > 0xff ? `\\u${text.padStart(4, '0')}` : `\\x${text.padStart(2, '0')}`;
    },
  );
}

const SHORT: Readonly<Record<number, string>> = {
  0: '0',
  7: 'a',
  11: 'v',
  27: 'e',
  133: 'N',
  160: '_',
  8232: 'L',
  8233: 'P',
};

/** Go's FormatFloat(f, 'g', -1, 64), which takes an exponent from seven digits on, and the words of YAML. */
function goFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const exp = Number(exponent);
  if (value === 0 || (exp >= -4 && exp < 6)) return plainFloat(value);
  return `${mantissa}e${exp < 0 ? '-' : '+'}${String(Math.abs(exp)).padStart(2, '0')}`;
}
