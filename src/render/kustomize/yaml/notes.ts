import type { Node } from './node.ts';

/*
 * Comments as go-yaml v3 gives them to nodes: a head stands above a node, a line behind it, a foot below it. Only texts that
 * are written again with their comments are read so.
 */

/** The comments of a node; each may have several lines, '' is none. */
export interface Comments {
  readonly head: string;
  readonly line: string;
  /** In a map the foot of a value is kept with its key. */
  readonly foot: string;
}

export const NO_COMMENTS: Comments = { head: '', line: '', foot: '' };

/** What a text has beside its nodes. */
export interface Marks {
  readonly comments: Map<Node, Comments>;
  /** Names of anchors, by the node that has one. */
  readonly anchors: Map<Node, string>;
  /** Comments of the document itself: above everything, and below. */
  document: Comments;
}

export function newMarks(): Marks {
  return { comments: new Map(), anchors: new Map(), document: NO_COMMENTS };
}

/** Sets some of the comments of a node. */
export function mark(marks: Marks, node: Node, some: Partial<Comments>): void {
  const made = { ...(marks.comments.get(node) ?? NO_COMMENTS), ...some };
  if (made.head !== '' || made.line !== '' || made.foot !== '') marks.comments.set(node, made);
  else marks.comments.delete(node);
}

/** A place in a text. */
export interface Place {
  readonly pos: number;
  readonly line: number;
  /** From 1 for a comment on a line of its own, from 0 behind something, as go-yaml counts. */
  readonly column: number;
}

export type Part = 'head' | 'line' | 'foot';

/** A comment that was scanned. */
export interface Found {
  /** 'taken' once the parser has it: go-yaml forgets everything about it then. */
  part: Part | 'taken';
  readonly text: string;
  /** The first token that begins here or later takes it. */
  token: number;
  readonly start: Place;
  /** Its end, and where the white space before it begins; 0 for a comment behind something. */
  readonly end: number;
  readonly scan: number;
}

/** Comments on their way from the scanner to the parser. */
export interface Notes {
  readonly found: Found[];
  /** The first that is not taken. */
  next: number;
  head: string;
  line: string;
  foot: string;
  /** Head of an item that is a list or map itself. */
  stem: string;
}

export function newNotes(): Notes {
  return { found: [], next: 0, head: '', line: '', foot: '', stem: '' };
}

/** Where the end of a block at an indent counts for comments: before those that stand at its level, right before `from`. */
export function blockEnd(notes: Notes, indent: number, from: number): number {
  let end = from;
  let stop = from;
  for (let i = notes.found.length - 1; i >= 0; i--) {
    const one = notes.found[i] as Found;
    if (one.part === 'taken' ? stop > 0 : one.end < stop) break;
    if (one.part !== 'taken' && one.start.column === indent + 1) end = one.start.pos;
    stop = one.part === 'taken' ? 0 : one.scan;
  }
  return end;
}

/** Hands out the comments that stand before a token. The end of a block has no head: it is for what follows. */
export function unfold(notes: Notes, start: number, isEnd: boolean): void {
  for (; notes.next < notes.found.length; notes.next++) {
    const one = notes.found[notes.next] as Found;
    if (start < one.token || (one.part === 'head' && isEnd)) return;
    if (one.part !== 'taken') notes[one.part] += notes[one.part] === '' ? one.text : `\n${one.text}`;
    one.part = 'taken';
  }
}

/** Takes the comments that are handed out. */
export function takeComments(notes: Notes): Comments {
  const { head, line, foot } = notes;
  Object.assign(notes, NO_COMMENTS, { stem: '' });
  return { head, line, foot };
}

/** Takes the head of the list or map that an item is. */
export function takeStem(notes: Notes): string {
  const { stem } = notes;
  notes.stem = '';
  return stem;
}

/** Sets aside what stood above the dash of an item, so many characters, where the item is a list or map. */
export function splitStem(notes: Notes, length: number): void {
  if (length === 0) return;
  notes.stem = notes.head.slice(0, length);
  notes.head = notes.head.slice(length + 1);
}

/** Takes what stands above the last empty line at the top of a text: it is the document's. */
export function takeDocumentHead(notes: Notes): string {
  const { head } = notes;
  for (let i = head.length - 1; i > 0; i--) {
    if (head.charAt(i) !== '\n') continue;
    const isLast = i === head.length - 1;
    if (!isLast && head.charAt(i - 1) !== '\n') continue;
    notes.head = head.slice(i + 1);
    return head.slice(0, isLast ? i : i - 1);
  }
  return '';
}
