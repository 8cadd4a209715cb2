import type { Comment } from '../yaml/scanner.ts';

/** A YAML text as it was, and as it is written without comments before and after a change. */
export interface Rewritten {
  readonly original: string;
  readonly before: string;
  readonly after: string;
}

/** A comment that stands on its own line, and what is around it. */
interface Waiting {
  readonly comment: Comment;
  readonly blankBefore: boolean;
  blankAfter: boolean;
}

/** Where a key stood, and where it stands now. */
interface Place {
  readonly was: number;
  readonly is: number;
}

interface Walk {
  readonly out: string[];
  readonly places: Place[];
  waiting: Waiting[];
  blank: boolean;
  /** The last line of content begins a block. */
  opened: boolean;
}

/**
 * Puts the comments of a text back where they stood, as go-yaml v3 keeps them. Where the text is laid out otherwise than it
 * is written, so that lines cannot be told again, it stays without them.
 */
export function withComments({ original, before, after }: Rewritten, comments: readonly Comment[]): string {
  const [old, fresh] = [before.trimEnd().split('\n'), after.trimEnd().split('\n')];
  if (comments.length === 0 || old.length !== fresh.length) return after;
  const at = new Map(comments.map((comment) => [comment.line, comment]));
  const walk: Walk = { out: [], places: [], waiting: [], blank: false, opened: false };
  let next = 0;
  for (const [i, line] of original.trimEnd().split('\n').entries()) {
    const comment = at.get(i);
    const content = (comment === undefined ? line : line.slice(0, comment.column)).trim();
    if (content === '' && comment !== undefined) wait(walk, comment);
    else if (content === '' && old[next] !== '') passBlank(walk);
    else {
      if (old[next]?.trim() !== content) return after;
      const written = fresh[next] ?? '';
      flush(walk, { was: indentOf(line), is: indentOf(written) });
      walk.places.push({ was: keyColumn(line), is: keyColumn(written) });
      walk.opened = content.endsWith(':');
      walk.out.push(written + (comment === undefined ? '' : ` ${comment.text}`));
      next++;
    }
  }
  if (next !== old.length) return after;
  if (walk.waiting[0]?.blankBefore === true) walk.out.push('');
  flush(walk, { was: 0, is: 0 });
  return walk.out.join('\n');
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Column of the key of a line, or of the last dash where an item is no map. */
function keyColumn(line: string): number {
  const lead = /^ *(?:- +)*/.exec(line)?.[0] ?? '';
  const dash = lead.lastIndexOf('-');
  return dash >= 0 && !/:(?: |$)/.test(line.slice(lead.length)) ? dash : lead.length;
}

function wait(walk: Walk, comment: Comment): void {
  walk.waiting.push({ comment, blankBefore: walk.blank, blankAfter: false });
  walk.blank = false;
}

function passBlank(walk: Walk): void {
  const last = walk.waiting.at(-1);
  if (last !== undefined) last.blankAfter = true;
  walk.blank = true;
}

/** Comments of the level of what follows belong to it, deeper ones to what is before; one blank line may stay after them. */
function flush(walk: Walk, next: Place): void {
  const { waiting, out } = walk;
  const [top, last] = [out.length === 0, walk.places.at(-1)];
  waiting.forEach(({ comment, blankAfter }, i) => {
    const deeper = comment.column > next.was && last !== undefined && last.was > next.was;
    out.push(' '.repeat(deeper ? last.is : next.is) + comment.text);
    const follower = waiting[i + 1]?.comment;
    const ends = top || (waiting[0]?.blankBefore === false && !walk.opened);
    const stays = follower === undefined ? ends : follower.column === comment.column;
    if (blankAfter && !deeper && stays) out.push('');
  });
  walk.waiting = [];
  walk.blank = false;
}
