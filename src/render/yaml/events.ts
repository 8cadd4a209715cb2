import { type Event, parseEvents, YAMLException } from 'js-yaml';

/** A document's events, and the text that their offsets mean: lines as in the original, some indented deeper. */
export interface Events {
  readonly source: string;
  readonly events: Event[];
}

/** Characters that may be parsed again for the sake of lines that are indented too little. */
const MAX_WORK = 32 * 1024 * 1024;

/**
 * Events of one document. Lines of a list in brackets, a map in braces or a quoted text may stand further left than
 * YAML 1.2 allows, such as a closing bracket in the first column: Go's libraries take that, so manifests have it. The
 * parser names such a line; it is then indented, which changes no value, and the document parsed again.
 */
export function readEvents(original: string, maxDepth: number): Events {
  let source = original;
  let deepest = 0;
  for (let work = 0; ; work += source.length) {
    try {
      return { source, events: parseEvents(source, { maxDepth }) };
    } catch (error) {
      const mark = error instanceof YAMLException ? error.mark : undefined;
      if (mark === undefined || !(error as YAMLException).reason.startsWith('deficient indentation')) throw error;
      if (work > MAX_WORK) throw error;
      deepest ||= Math.min(1_000, longestIndent(original) + 1);
      const next = indentLine(source, mark.position, deepest);
      if (next === source) throw error;
      source = next;
    }
  }
}

function indentLine(source: string, position: number, deepest: number): string {
  const start = Math.max(source.lastIndexOf('\n', position - 1), source.lastIndexOf('\r', position - 1)) + 1;
  if (/^ */.exec(source.slice(start, start + deepest))?.[0].length === deepest) return source;
  return source.slice(0, start) + ' '.repeat(deepest) + source.slice(start);
}

function longestIndent(source: string): number {
  let longest = 0;
  for (const [lead] of source.matchAll(/^ +/gm)) longest = Math.max(longest, lead.length);
  return longest;
}
