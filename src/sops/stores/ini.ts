import type { Json } from '../../model/index.ts';
import { refuse } from '../fault.ts';
import { asText, type Branch, type Item, leaf, text, type Value } from '../tree.ts';
import { unflatten } from './flatten.ts';

const DEFAULT = 'DEFAULT';
const METADATA = 'sops';

interface Section {
  readonly name: string;
  readonly comment: string;
  readonly keys: Map<string, { value: string; comment: string }>;
}

/** An INI file as the `ini` package of Go reads it, with the metadata in a section. Throws `decryption-failed`. */
export function readIni(input: string, where: string): { readonly branch: Branch; readonly metadata: Json } {
  const sections = sectionsOf(input, where);
  const own = sections.filter(({ name }) => name === METADATA);
  if (own.length > 1) throw refuse(where, 'it has two sections [sops]');
  const pairs = [...(own[0]?.keys ?? [])].map(([key, { value }]) => [key, value.replaceAll('\\n', '\n')] as const);
  const items = sections.filter(({ name }) => name !== METADATA).map(asItem);
  return {
    branch: { kind: 'branch', items },
    metadata: own.length === 0 ? null : unflatten(pairs, where),
  };
}

function asItem(section: Section): Item {
  const comment = (value: string): Item[] =>
    value === '' ? [] : [{ key: undefined, value: leaf({ type: 'comment', text: value }) }];
  const items = [...section.keys].flatMap(([key, one]) => [{ key, value: text(one.value) }, ...comment(one.comment)]);
  return { key: section.name, value: { kind: 'branch', items: [...comment(section.comment), ...items] } };
}

function sectionsOf(input: string, where: string): readonly Section[] {
  let section: Section = { name: DEFAULT, comment: '', keys: new Map() };
  const sections = [section];
  let comments = '';
  const taken = (): string => {
    const found = bare(comments.trim());
    comments = '';
    return found;
  };
  const lines = input.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] ?? '').trimStart();
    if (line === '') continue;
    if (/^[#;]/.test(line)) comments += `${line}\n`;
    else if (line.startsWith('[')) {
      const close = line.lastIndexOf(']');
      if (close < 0) throw refuse(where, `line ${i + 1}: unclosed section`);
      comments += /[#;].*/.exec(line.slice(close + 1))?.[0] ?? '';
      section = { name: line.slice(1, close), comment: taken(), keys: new Map() };
      sections.push(section);
    } else {
      const read = readPair(lines, i, where);
      comments += read.comment;
      section.keys.set(read.key, { value: read.value, comment: taken() });
      i = read.last;
    }
  }
  return sections;
}

/** A comment as SOPS keeps it: without what makes it one. */
function bare(comment: string): string {
  if (comment.startsWith(';')) return comment.replace(/^[; ]+/, '');
  return comment.startsWith('#') ? comment.replace(/^[# ]+/, '') : comment;
}

interface Pair {
  readonly key: string;
  readonly value: string;
  readonly comment: string;
  /** Its last line. */
  readonly last: number;
}

function readPair(lines: readonly string[], at: number, where: string): Pair {
  const line = (lines[at] ?? '').trimStart();
  const fail = (why: string): Error => refuse(where, `line ${at + 1}: ${why}`);
  const quoted = /^("""|"|`)(.*?)\1/.exec(line);
  const from = quoted?.[0].length ?? 0;
  const delimiter = line.slice(from).search(/[=:]/) + from;
  if (delimiter < from) throw fail('key-value delimiter not found');
  const key = (quoted?.[2] ?? line.slice(0, delimiter)).trim();
  if (key === '') throw fail('empty key name');
  const rest = line.slice(delimiter + 1).trimStart();
  const quote = /^(?:"""(?=.)|`)/.exec(rest)?.[0];
  if (quote !== undefined) {
    const found = quotedValue(lines, at, rest.slice(quote.length), quote);
    if (found === undefined) throw fail('missing closing quote of a value');
    return { key, comment: '', ...found };
  }
  const whole = rest.trim();
  if (whole.endsWith('\\')) throw fail('values that go on in the next line are not supported');
  const hash = whole.search(/[#;]/);
  const value = hash < 0 ? whole : whole.slice(0, hash).trim();
  return { key, value: unquoted(value), comment: hash < 0 ? '' : whole.slice(hash), last: at };
}

function unquoted(value: string): string {
  const quote = value.charAt(0);
  const around = value.length > 1 && (quote === "'" || quote === '"') && value.indexOf(quote, 1) === value.length - 1;
  return around ? value.slice(1, -1) : value;
}

/** A quoted value ends in its own line, or in the first one below that has the quote. */
function quotedValue(
  lines: readonly string[],
  at: number,
  first: string,
  quote: string,
): { readonly value: string; readonly last: number } | undefined {
  const end = first.lastIndexOf(quote);
  if (end >= 0) return { value: first.slice(0, end), last: at };
  let value = first;
  for (let i = at + 1; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const close = line.indexOf(quote);
    value += `\n${close < 0 ? line : line.slice(0, close)}`;
    if (close >= 0) return { value, last: i };
  }
  return undefined;
}

/** The same as text, aligned as the `ini` package writes it. Throws `decryption-failed`. */
export function writeIni(branch: Branch, where: string): Uint8Array {
  const sections = branch.items.filter(({ key }) => key !== undefined);
  const out = sections.flatMap(({ key = '', value }, i) => {
    const written = writeSection(key, value, where);
    const hidden = i === 0 && key.toUpperCase() === DEFAULT;
    const head = hidden ? [] : [Buffer.from(`[${key}]\n`)];
    if (hidden && written.pairs.length === 0) return written.comment;
    const gap = i === sections.length - 1 ? [] : [Buffer.from('\n')];
    return [...written.comment, ...head, ...written.pairs, ...gap];
  });
  return Buffer.concat(out);
}

function writeSection(name: string, value: Value, where: string): { comment: Buffer[]; pairs: Buffer[] } {
  if (value.kind !== 'branch') throw refuse(where, `section values should always be maps: ${name}`);
  const keys = value.items.flatMap(({ key }) => key ?? []);
  const width = Math.max(0, ...keys.map((key) => Buffer.byteLength(quotedKey(key))));
  const comment: Buffer[] = [];
  const pairs: Buffer[] = [];
  for (const [i, { key, value: one }] of value.items.entries()) {
    if (one.kind !== 'leaf') throw refuse(where, `${name}: values of a section must not be maps or lists`);
    const bytes = Buffer.from(asText(one.scalar));
    if (key !== undefined) {
      const after = value.items[i + 1];
      const note = after !== undefined && after.key === undefined ? after.value : undefined;
      if (note?.kind === 'leaf') pairs.push(...commentLines(asText(note.scalar)));
      pairs.push(Buffer.from(`${padded(quotedKey(key), width)} = `), quotedText(bytes), Buffer.from('\n'));
    } else if (i === 0) comment.push(...commentLines(bytes));
  }
  return { comment, pairs };
}

/** Go counts bytes. */
const padded = (key: string, width: number): string => key + ' '.repeat(width - Buffer.byteLength(key));

function commentLines(bytes: Uint8Array): Buffer[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.map((line) => Buffer.from(/^[#;]/.test(line) ? `${line[0]} ${line.slice(1).trim()}\n` : `; ${line}\n`));
}

function quotedKey(key: string): string {
  if (/["=:]/.test(key)) return `\`${key}\``;
  return key.includes('`') ? `"""${key}"""` : key;
}

function quotedText(bytes: Buffer): Buffer {
  const value = bytes.toString('latin1');
  const quote = /[\n`]/.test(value) ? '"""' : /[#;]/.test(value) ? '`' : value.trim() === value ? '' : '"';
  return Buffer.concat([Buffer.from(quote), bytes, Buffer.from(quote)]);
}
