import { type Node, STYLE_FLOW } from './node.ts';
import {
  type Comments,
  type Marks,
  mark,
  NO_COMMENTS,
  type Notes,
  takeComments,
  takeDocumentHead,
  takeStem,
} from './notes.ts';

/* Where the parser gives comments to nodes; nothing of this happens where nobody wants them. */

/** As much of a parser as this needs. */
interface Noting {
  readonly marks: Marks | undefined;
  readonly scan: { readonly notes: Notes | undefined };
}

/** Takes the comments that are about the next token. */
export function commentsHere({ scan }: Noting): Comments {
  return scan.notes === undefined ? NO_COMMENTS : takeComments(scan.notes);
}

/** Gives a node its comments. */
export function noted({ marks }: Noting, node: Node, comments: Comments): Node {
  if (marks !== undefined) mark(marks, node, comments);
  return node;
}

/** The head of a list or map where it begins; in a block what stands above it is the head of its first key or item. */
export function noteHead({ marks, scan: { notes } }: Noting, node: Node, flow: boolean): void {
  if (marks === undefined || notes === undefined) return;
  mark(marks, node, { head: flow ? takeComments(notes).head : takeStem(notes) });
}

/** What stands at the end of a map, or of a list in brackets. A foot at the end of a block is that of its last key. */
export function noteEnd({ marks, scan: { notes } }: Noting, node: Node): void {
  if (marks === undefined || notes === undefined) return;
  const { line, foot } = takeComments(notes);
  const key = (node.style & STYLE_FLOW) === 0 && foot !== '' ? node.content.at(-2) : undefined;
  mark(marks, node, { line, foot: key === undefined ? foot : '' });
  if (key !== undefined) mark(marks, key, { foot });
}

/** The foot of a key that was read is that of the key before it. */
export function keyFoot({ marks }: Noting, map: Node): void {
  if (marks === undefined) return;
  const key = map.content.at(-1);
  const before = map.content.at(-3);
  const foot = key === undefined ? '' : (marks.comments.get(key)?.foot ?? '');
  if (key === undefined || before === undefined || foot === '') return;
  mark(marks, before, { foot });
  mark(marks, key, { foot: '' });
}

/** The foot of a value is kept with its key, unless that has one. */
export function valueFoot({ marks }: Noting, map: Node): void {
  if (marks === undefined) return;
  const [key, value] = map.content.slice(-2);
  if (key === undefined || value === undefined) return;
  const foot = marks.comments.get(value)?.foot ?? '';
  if (foot === '' || (marks.comments.get(key)?.foot ?? '') !== '') return;
  mark(marks, key, { foot });
  mark(marks, value, { foot: '' });
}

/** What stands above the document, in a text that does not begin with `---`. */
export function documentHead({ marks, scan: { notes } }: Noting): void {
  if (marks !== undefined && notes !== undefined) marks.document = { ...marks.document, head: takeDocumentHead(notes) };
}

/** What is left at the end of the document. */
export function documentFoot({ marks, scan: { notes } }: Noting): void {
  if (marks === undefined || notes === undefined) return;
  const { head, foot } = takeComments(notes);
  marks.document = { ...marks.document, foot: foot === '' ? head : foot };
}
