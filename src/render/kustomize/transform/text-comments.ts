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
  /** It is an item that is no map. */
  readonly item: boolean;
}

const TOP: Place = { was: 0, is: 0, item: false };

interface Walk {
  readonly out: string[];
  readonly places: Place[];
  waiting: Waiting[];
  blank: boolean;
  /** The last line of content begins a block. */
  opened: boolean;
  /** Comments right below the last line are its own. */
  foots: boolean;
}

/**
 * Puts the comments of a text back where they stood, as go-yaml v3 keeps them. Where the text is laid out otherwise than it
 * is written, so that lines cannot be told again, it stays without them.
 */
export function withComments({ original, before, after }: Rewritten, comments: readonly Comment[]): string {
  const old = before.trimEnd().split('\n');
  const lines = comments.length === 0 ? undefined : aligned(old, after.trimEnd().split('\n'));
  if (lines === undefined) return after;
  const at = new Map(comments.map((comment) => [comment.line, comment]));
  const walk: Walk = { out: [], places: [], waiting: [], blank: false, opened: false, foots: false };
  let next = 0;
  for (const [i, line] of original.trimEnd().split('\n').entries()) {
    const comment = at.get(i);
    const content = (comment === undefined ? line : line.slice(0, comment.column)).trim();
    if (content === '' && comment !== undefined) wait(walk, comment);
    else if (content === '' && old[next] !== '') passBlank(walk);
    else {
      const written = lines[next];
      if (written === undefined || !sameLine(old[next] ?? '', content)) return after;
      if (!pass(walk, { at: i, line, content, written, comment })) return after;
      next++;
    }
  }
  if (next !== old.length) return after;
  const last = lines.at(-1) ?? [];
  if (last[0] === old.at(-1)) beforeAdded(walk, last);
  if (walk.waiting[0]?.blankBefore === true) walk.out.push('');
  flush(walk, TOP);
  return walk.out.join('\n');
}

/**
 * Where fields or items were added at the end, the comments that close the text up to a blank line stay before them, with what
 * they stand under, if that is in the map or list that grew; those of the document come last, after a blank line.
 */
function beforeAdded(walk: Walk, [, ...added]: readonly string[]): void {
  const { waiting, out, places } = walk;
  const [first] = waiting;
  const grown = growing(places, added[0]);
  if (first === undefined || first.blankBefore || grown === undefined) return;
  const levels = waiting.map(({ comment }) => levelOf(places, comment.column));
  const end = waiting.findIndex((one, i) => one.blankAfter || (levels[i + 1]?.was ?? 0) < grown.was);
  const inside = walk.foots && (levels[0]?.was ?? 0) >= grown.was;
  const own = inside ? waiting.slice(0, end < 0 ? waiting.length : end + 1) : [];
  if (own.length === 0 && (grown.is > 0 || grown.item)) return;
  out.length -= added.length;
  for (const [i, { comment }] of own.entries()) out.push(' '.repeat(levels[i]?.is ?? 0) + comment.text);
  if (own.length > 0 && levels[own.length - 1]?.is === grown.is) out.push('');
  out.push(...added);
  const parted = own.at(-1)?.blankAfter !== false;
  walk.waiting = waiting.slice(own.length).map((one, i) => (i === 0 ? { ...one, blankBefore: parted } : one));
}

/** The map or list to which a line was added at the end: its last entry; undefined where that is not the last line's. */
function growing(places: readonly Place[], added: string | undefined): Place | undefined {
  if (added === undefined) return undefined;
  const is = indentOf(added);
  const last = places.at(-1);
  if (added.startsWith('- ', is)) return last?.item === true && last.is === is ? last : undefined;
  return places.findLast((place) => place.is === is && !place.item);
}

/** A value that go-yaml has read whole before it looks at the comment below, where nothing stands before it in the document. */
const CLOSED = /^[^:]*: *["'{[&!]/;

/** The entry around the last line, or it, whose level a comment at a column has. */
function levelOf(places: readonly Place[], column: number): Place {
  let inner = Number.POSITIVE_INFINITY;
  for (const place of [...places].reverse()) {
    if (place.was >= inner) continue;
    if (place.was <= column) return place;
    inner = place.was;
  }
  return TOP;
}

/** For each line before a change the lines that stand there after it; undefined where that cannot be told. */
function aligned(old: readonly string[], fresh: readonly string[]): readonly (readonly string[])[] | undefined {
  if (old.length === fresh.length) return fresh.map((line) => [line]);
  const shorter = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < shorter && old[head] === fresh[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]) tail++;
  const changed = old.length - head - tail;
  // Lines that are only added follow the line before them.
  const first = changed === 0 ? head - 1 : head;
  if (first < 0) return undefined;
  return old.map((_, i) => {
    if (i < first) return [fresh[i] ?? ''];
    if (i === first) return fresh.slice(first, fresh.length - tail);
    return i < head + changed ? [] : [fresh[i + fresh.length - old.length] ?? ''];
  });
}

/** The same but for the number of spaces between its words. */
function sameLine(written: string, content: string): boolean {
  const [a, b] = [written.trim(), content];
  return a === b || a.replace(/ +/g, ' ') === b.replace(/ +/g, ' ');
}

interface Passed {
  /** Number of the line, from 0. */
  readonly at: number;
  readonly line: string;
  readonly content: string;
  readonly written: readonly string[];
  readonly comment: Comment | undefined;
}

/** Writes what stands for a line; false where comments belong to lines that are no more. */
function pass(walk: Walk, { at, line, content, written, comment }: Passed): boolean {
  const [first, ...more] = written;
  if (first === undefined) return comment === undefined && walk.waiting.length === 0;
  // A value that has got lines keeps its comment behind the header of the block.
  if (comment !== undefined && more.length > 0 && !sameLine(first, content) && !/ [|>][-+0-9]*$/.test(first))
    return false;
  flush(walk, { was: indentOf(line), is: indentOf(first), item: false });
  const was = keyColumn(line);
  walk.places.push({ was, is: keyColumn(first), item: line.startsWith('- ', was) });
  walk.opened = content.endsWith(':');
  walk.foots = !walk.opened && !(at === 0 && (comment !== undefined || CLOSED.test(content)));
  walk.out.push(first + (comment === undefined ? '' : ` ${comment.text}`), ...more);
  return true;
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
    const isFirst = !waiting.slice(0, i).some((one) => one.blankAfter);
    const ends = top || (waiting[0]?.blankBefore === false && walk.foots && isFirst);
    const stays = follower === undefined ? ends : follower.column === comment.column;
    if (blankAfter && !deeper && stays) out.push('');
  });
  walk.waiting = [];
  walk.blank = false;
}
