import { isEncryptedValue } from '../value.ts';
import { decryptComment } from '../walk.ts';

/** What opens the comments of a document. */
export interface Opening {
  readonly key: Uint8Array;
  /** Every place of the document that a comment may have been encrypted for. */
  readonly places: () => Iterable<readonly string[]>;
}

/** A comment decrypted; undefined for one that is not encrypted, or for another place. */
export type OpenComment = (value: string) => string | undefined;

/** Places beside the nearest ones are tried for comments so often in a document. */
const MOST_TRIES = 20_000;

/** Decrypts comments: the place that one was encrypted for is around it, or anywhere where little else is encrypted. */
export function commentOpener({
  key,
  places,
}: Opening): (value: string, around: readonly (readonly string[])[]) => string | undefined {
  let all: readonly (readonly string[])[] | undefined;
  let left = MOST_TRIES;
  return (value, around) => {
    if (!isEncryptedValue(value)) return undefined;
    const near = around.flatMap((path) =>
      Array.from({ length: path.length + 1 }, (_, n) => path.slice(0, path.length - n)),
    );
    const found = decryptComment(value, key, near).text;
    if (found !== value || left <= 0) return found === value ? undefined : found;
    all ??= [...new Map([...places()].map((path) => [path.join('\0'), path])).values()];
    left -= all.length;
    const other = decryptComment(value, key, all).text;
    return other === value ? undefined : other;
  };
}

/** Comments of a text decrypted; SOPS forgets of these that they stood behind something in its line. */
export function commentsIn(gap: string, open: OpenComment): string {
  if (!gap.includes('#ENC[')) return gap;
  return gap.replace(/^([^\n]*?)#(ENC\[AES256_GCM,[^\]\n#]*\])$/gm, (all, before: string, value: string) => {
    const plain = open(value);
    if (plain === undefined) return all;
    // What follows in a list of a list begins with its comment.
    if (/^ *(?:- +)+$/.test(before))
      return before + commentLines(plain, ' '.repeat(before.length)).slice(before.length, -1);
    const indent = /^ */.exec(before)?.[0] ?? '';
    const behind = before.trim() === '' ? '' : `\n${before.trimEnd()}`;
    return commentLines(plain, indent).slice(0, -1) + behind;
  });
}

/**
 * A comment that is the first item of a list in a list comes before the inner one: where the line of what is written so far
 * begins with more than one dash, and the next item of the inner list stands right below.
 */
export function headOfList(
  source: string,
  at: number,
  out: string,
): { readonly dashes: string; readonly next: number } | undefined {
  const line = out.slice(out.lastIndexOf('\n') + 1);
  const [, dashes = ''] = /^( *(?:- +)+)- +$/.exec(line) ?? [];
  const below = `\n${' '.repeat(dashes.length)}`;
  return dashes !== '' && source.startsWith(`${below}- `, at) ? { dashes, next: at + below.length } : undefined;
}

/** A line with a comment above it: of a map in lists above the innermost of their dashes. */
export function commented(text: string, line: string): string {
  const [outer = ''] = /^ *(?:- +)*(?=- )/.exec(line) ?? [];
  const before = outer === '' ? (/^ */.exec(line)?.[0] ?? '') : outer;
  return (
    before +
    commentLines(text, ' '.repeat(before.length)).slice(before.length) +
    ' '.repeat(before.length) +
    line.slice(before.length)
  );
}

export const commentLines = (text: string, indent: string): string =>
  text
    .split('\n')
    .map((line) => `${indent}#${line}\n`)
    .join('');
