import { isUtf8 } from 'node:buffer';
import { constructFromEvents, type Schema, YAMLException } from 'js-yaml';
import { Fault, fromJson, type Json } from '../../model/index.ts';
import { checkValue, countJsonKeys } from './check.ts';
import { type Events, readEvents } from './events.ts';
import type { YamlLimits } from './limits.ts';
import { findPath, findUnwritable, type PathPart } from './locate.ts';
import type { YamlRules } from './scalars.ts';
import { SCHEMAS } from './schema.ts';
import { splitDocuments } from './split.ts';

export interface YamlOptions {
  readonly limits: YamlLimits;
  /** Named in errors. */
  readonly file: string;
  /** How plain scalars are read; `kubernetes` when absent. */
  readonly rules?: YamlRules;
}

export interface YamlDocument {
  readonly value: Json;
  /** 1-based line on which the document begins. */
  readonly line: number;
  /** 1-based line of the value at a path inside the document, or of its nearest ancestor. */
  readonly lineOf: (path: readonly PathPart[]) => number;
}

export interface YamlDocuments {
  /** In order; empty, null and comment-only documents are left out. */
  readonly documents: readonly YamlDocument[];
}

/**
 * Reads a YAML stream or a JSON text. Bytes must be UTF-8 (a BOM is skipped). Throws Fault `build-failed` with
 * `file:line:column` for malformed text, duplicate keys, values JSON cannot hold, and everything over a limit; aliases
 * count as often as they are used. Values that anchors repeat are shared, not copied: treat them as read-only.
 */
export function parseDocuments(input: string | Uint8Array, options: YamlOptions): YamlDocuments {
  const { limits, file } = options;
  const size = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength;
  if (size > limits.manifestBytes) {
    throw new Fault(
      'build-failed',
      `${file}: ${size} bytes are more than limits.manifestBytes = ${limits.manifestBytes}`,
    );
  }
  const text = typeof input === 'string' ? withoutBom(input) : decode(input, file);
  return fastJson(text, options) ?? parseStream(text, options);
}

function withoutBom(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function decode(bytes: Uint8Array, file: string): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return withoutBom(buffer.toString('utf8'));
  const wide = (buffer[0] === 0xff && buffer[1] === 0xfe) || (buffer[0] === 0xfe && buffer[1] === 0xff);
  let line = 1;
  for (let at = 0; at < buffer.length; line++) {
    const newline = buffer.indexOf(10, at);
    const end = newline < 0 ? buffer.length : newline + 1;
    if (!isUtf8(buffer.subarray(at, end))) break;
    at = end;
  }
  throw new Fault(
    'build-failed',
    `${file}:${line}:1: the text is not UTF-8${wide ? ' but UTF-16: save it as UTF-8' : ''}`,
  );
}

/** JSON text without long numbers reads the same by every rule; anything unusual is left to the YAML reader. */
function fastJson(text: string, options: YamlOptions): YamlDocuments | undefined {
  if (!/^\s*[{[]/.test(text) || /[0-9]{16}/.test(text)) return undefined;
  let value: Json;
  try {
    value = fromJson(text);
  } catch {
    return undefined;
  }
  const count = checkValue(value, options.limits);
  if (count.problem !== undefined || countJsonKeys(text) !== count.keys) return undefined;
  const line = text.slice(0, text.search(/\S/)).split('\n').length;
  return { documents: [{ value, line, lineOf: lineFinder(text, 1, options) }] };
}

function parseStream(text: string, options: YamlOptions): YamlDocuments {
  const schema = SCHEMAS[options.rules ?? 'kubernetes'];
  const parts = splitDocuments(text, options.limits, (line) => `${options.file}:${line}:1`);
  const documents: YamlDocument[] = [];
  for (const part of parts) {
    if (!part.filled) continue;
    const source = text.slice(part.start, part.end);
    for (const value of parsePart(source, part.line, schema, options)) {
      if (value === null || value === undefined) continue;
      const line = part.line + blankLines(source);
      documents.push({ value: value as Json, line, lineOf: lineFinder(source, part.line, options) });
    }
  }
  return { documents };
}

/** Lines before the first content, so that the line of a document points at its text. */
function blankLines(source: string): number {
  let lines = 0;
  for (let at = 0; at < source.length; lines++) {
    const newline = source.indexOf('\n', at);
    const end = newline < 0 ? source.length : newline;
    const text = source
      .slice(at, end)
      .replace(/^---(?=\s|$)/, '')
      .trim();
    if (text !== '' && !text.startsWith('#') && !text.startsWith('%')) return lines;
    at = end + 1;
  }
  return 0;
}

function parsePart(original: string, line: number, schema: Schema, options: YamlOptions): unknown[] {
  const { limits, file } = options;
  try {
    const { source, events } = readEvents(original, limits.yamlDepth);
    const maxTotalMergeKeys = limits.yamlNodes;
    const values = constructFromEvents(events, { source, schema, maxAliases: limits.yamlAliases, maxTotalMergeKeys });
    for (const value of values) {
      const problem = checkValue(value, limits).problem;
      if (problem === undefined) continue;
      const at = problem.includes('JSON') ? findUnwritable(source, events) : 0;
      throw new Fault('build-failed', `${place(file, source, line, at)}: ${problem}`);
    }
    return values;
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (!(error instanceof YAMLException))
      throw new Fault('build-failed', `${file}:${line}:1: not readable as YAML`, { cause: error });
    const mark = error.mark;
    const where = mark === undefined ? `${file}:${line}:1` : `${file}:${line + mark.line}:${mark.column + 1}`;
    throw new Fault('build-failed', `${where}: ${plainWords(error.reason, limits)}`);
  }
}

function place(file: string, source: string, line: number, at: number): string {
  const before = source.slice(0, at).split('\n');
  return `${file}:${line + before.length - 1}:${(before.at(-1) ?? '').length + 1}`;
}

/** Where the library's words would not help a person, or name its own settings. */
function plainWords(reason: string, limits: YamlLimits): string {
  if (reason.startsWith('nesting exceeded')) return `nested deeper than limits.yamlDepth = ${limits.yamlDepth}`;
  if (reason.startsWith('aliases exceeded')) return `more aliases than limits.yamlAliases = ${limits.yamlAliases}`;
  if (reason.startsWith('merge keys exceeded'))
    return `merge keys (<<) give more than limits.yamlNodes = ${limits.yamlNodes} values`;
  if (reason.startsWith('deficient indentation')) {
    return 'a line inside brackets, braces or quotes must be indented deeper than its key';
  }
  if (reason === 'duplicated mapping key') return 'a key stands twice in one map';
  return reason;
}

function lineFinder(source: string, line: number, options: YamlOptions): YamlDocument['lineOf'] {
  // Parsed again only when asked, and once: documents without errors pay nothing.
  let read: Events | undefined;
  return (path) => {
    try {
      read ??= readEvents(source, options.limits.yamlDepth);
      return line + read.source.slice(0, findPath(read.source, read.events, path)).split('\n').length - 1;
    } catch {
      return line;
    }
  };
}
