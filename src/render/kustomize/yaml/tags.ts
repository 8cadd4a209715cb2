import { BuildError } from '../errors.ts';
import type { Token } from './token.ts';

/** What the handles of tags stand for, by their names. */
export type Handles = Map<string, string>;

/** The handles that every document has. */
export function newHandles(): Handles {
  return new Map([
    ['!', '!'],
    ['!!', '!!'],
  ]);
}

/** Fails as the parser of go-yaml does: by the line before the collection, or else before the token. */
export function parseError(token: Token, problem: string, collection = 0): never {
  const line = collection > 0 ? collection : token.line;
  throw new BuildError(`yaml: ${line > 0 ? `line ${line}: ` : ''}${problem}`);
}

/** Takes what `%YAML` and `%TAG` say. */
export function readDirective(handles: Handles, token: Token): void {
  const [name, first = '', prefix = ''] = token.value.split(' ');
  if (name === 'YAML' && first !== '1.1') parseError(token, 'found incompatible YAML document');
  if (name === 'TAG') handles.set(first, shortTag(prefix));
}

const LONG_TAG = 'tag:yaml.org,2002:';

function shortTag(tag: string): string {
  return tag.startsWith(LONG_TAG) ? `!!${tag.slice(LONG_TAG.length)}` : tag;
}

/** The tag that a token names, in its short form. */
export function resolveTag(handles: Handles, token: Token): string {
  if (token.value === '') return shortTag(token.suffix);
  const prefix = handles.get(token.value);
  if (prefix === undefined) parseError(token, 'found undefined tag handle');
  return shortTag(prefix + token.suffix);
}
