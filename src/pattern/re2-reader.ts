import { fail } from './errors.ts';

/** Says whether a character (code point) is in a class. */
export type Accepts = (code: number) => boolean;

/** Fails as Go's regexp.Compile does. */
export function syntaxError(what: string, part: string): never {
  return fail(`error parsing regexp: ${what}: \`${part}\``);
}

/** Flags of a group, such as `(?i)`. */
export interface Flags {
  readonly fold: boolean;
  readonly multi: boolean;
  readonly dotAll: boolean;
}

/** Where the parser stands in a pattern. */
export interface Reader {
  readonly source: string;
  readonly chars: readonly string[];
  pos: number;
  depth: number;
  flags: Flags;
}

/** The character at an offset, or ''. */
export function peek(r: Reader, offset = 0): string {
  return r.chars[r.pos + offset] ?? '';
}

/** The rest of the pattern. */
export function rest(r: Reader, from = r.pos): string {
  return r.chars.slice(from).join('');
}
