import { Fault, type Limits } from '../../model/index.ts';

/** One YAML document inside a text, by offsets; its own `---` line and directives belong to it. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** 1-based line of `start`. */
  readonly line: number;
  /** Holds something other than blank lines, comments and markers. */
  readonly filled: boolean;
}

export type SplitLimits = Pick<Limits, 'manifestLineBytes' | 'yamlNodes'>;

interface Scan {
  readonly parts: Part[];
  start: number;
  line: number;
  filled: boolean;
  /** Directives stand before the marker that opens their document. */
  directive: boolean;
  /** Upper bound of the nodes of this document, outside of block scalars. */
  nodes: number;
}

const BLOCK_HEADER = /(?:^|[\s:\-?])[|>][-+]?[1-9]?[-+]?[ \t]*(?:#.*)?\r?\n?$/;
const STRUCTURE = /[,:?[{]|-\s/g;

/**
 * Cuts a stream into documents, line by line, so that only one document at a time has to be parsed. A `---` or `...`
 * at the start of a line is a marker wherever it stands: YAML allows it inside no scalar, since block scalars are
 * indented and quoted ones end the document with an error. Throws `build-failed` for a line over the limit, and for a
 * document that must have too many nodes before the parser makes them.
 */
export function splitDocuments(text: string, limits: SplitLimits, where: (line: number) => string): Part[] {
  const scan: Scan = { parts: [], start: 0, line: 1, filled: false, directive: false, nodes: 0 };
  let blockIndent = -1;
  let at = 0;
  let number = 0;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline + 1;
    number++;
    checkLine(text, at, end, limits, () => where(number));
    const indent = indentOf(text, at, end);
    // Blank lines belong to a block scalar, lines indented deeper than its owner do too.
    const inBlock = blockIndent >= 0 && (indent < 0 || indent > blockIndent);
    if (!inBlock) {
      blockIndent = -1;
      const marker = markerAt(text, at, end);
      if (marker === '---' && !scan.directive) close(scan, at, number);
      if (marker === '---') scan.directive = false;
      visit(scan, text, at, end, marker);
      if (scan.nodes > 2 * limits.yamlNodes) {
        throw new Fault(
          'build-failed',
          `${where(number)}: the document has too many values (limits.yamlNodes = ${limits.yamlNodes})`,
        );
      }
      if (marker === '...') close(scan, end, number + 1);
      else if (indent >= 0 && end - at < 4096 && BLOCK_HEADER.test(text.slice(at, end)))
        blockIndent = ownerIndent(text, at, end, indent);
    }
    at = end;
  }
  close(scan, text.length, number + 1);
  return scan.parts;
}

function close(scan: Scan, at: number, line: number): void {
  if (at > scan.start)
    scan.parts.push({ start: scan.start, end: at, line: scan.line, filled: scan.filled || scan.directive });
  scan.start = at;
  scan.line = line;
  scan.filled = false;
  scan.directive = false;
  scan.nodes = 0;
}

function visit(scan: Scan, text: string, at: number, end: number, marker: string): void {
  if (marker === '...') return;
  const body = text.slice(marker === '---' ? at + 3 : at, end).trim();
  if (body === '' || body.startsWith('#')) return;
  if (body.startsWith('%') && text[at] === '%' && !scan.filled) {
    scan.directive = true;
    return;
  }
  scan.filled = true;
  scan.nodes += 1 + (body.match(STRUCTURE)?.length ?? 0);
}

function checkLine(text: string, at: number, end: number, limits: SplitLimits, where: () => string): void {
  // A UTF-16 unit is at most three bytes, so short lines need no count.
  if ((end - at) * 3 <= limits.manifestLineBytes) return;
  if (Buffer.byteLength(text.slice(at, end)) > limits.manifestLineBytes) {
    throw new Fault(
      'build-failed',
      `${where()}: the line is longer than limits.manifestLineBytes = ${limits.manifestLineBytes}`,
    );
  }
}

function markerAt(text: string, at: number, end: number): string {
  const head = text.slice(at, at + 3);
  if (head !== '---' && head !== '...') return '';
  const next = at + 3 >= end ? '\n' : text[at + 3];
  return next === ' ' || next === '\t' || next === '\n' || next === '\r' ? head : '';
}

/** Spaces before the first other character; -1 for a blank line. */
function indentOf(text: string, at: number, end: number): number {
  let i = at;
  while (i < end && text[i] === ' ') i++;
  return i >= end || text[i] === '\n' || text[i] === '\r' ? -1 : i - at;
}

/** Lines of a block scalar are indented deeper than this: the owner's column, which `- ` moves to the right. */
function ownerIndent(text: string, at: number, end: number, indent: number): number {
  const lead = /^(?:- +)*/.exec(text.slice(at + indent, end))?.[0] ?? '';
  const rest = text.slice(at + indent + lead.length, end);
  const direct = /^[|>]/.test(rest);
  // `- |` : the text is deeper than the dash; `- key: |` : deeper than the key.
  return direct ? indent + Math.max(0, lead.trimEnd().length - 1) - (lead === '' ? 1 : 0) : indent + lead.length;
}
