import { fail } from '../errors.ts';
import { clearField, fieldOf, getField } from '../node/fields.ts';
import { MAPPING, type Node, SCALAR, SEQUENCE, setContent } from '../yaml/node.ts';

/** What `$patch` asks for. */
export type Directive = 'merge' | 'replace' | 'delete';

const KEY = '$patch';

/** Reads the `$patch` of a map or list of a patch and takes it out of it; undefined for scalars. */
export function takeDirective(patch: Node | undefined): Directive | undefined {
  if (patch === undefined) return 'merge';
  if (patch.kind === MAPPING) return fromMap(patch);
  return patch.kind === SEQUENCE ? fromList(patch) : undefined;
}

function read(text: string): Directive {
  if (text === 'merge' || text === 'replace' || text === 'delete') return text;
  return fail(`unknown patch strategy '${text}'`);
}

function fromMap(patch: Node): Directive {
  const found = getField(patch, KEY);
  if (found === undefined) return 'merge';
  const directive = read(found.value);
  clearField(patch, KEY);
  return directive;
}

/** In a list, an item that holds `$patch` alone is for the list. */
function fromList(patch: Node): Directive {
  const item = patch.content.find((one) => one.kind === MAPPING && fieldOf(one, KEY) !== undefined);
  if (item === undefined || item.content.length > 2) return 'merge';
  const text = fieldOf(item, KEY)?.value ?? '';
  const directive = read(text);
  setContent(
    patch,
    patch.content.filter((one) => !isDropped(one, text)),
  );
  return directive;
}

/** What the removal of the directive takes along: empty items, and every map with this `$patch`. */
function isDropped(item: Node, text: string): boolean {
  if (item.tag === '!!null' || (item.kind === MAPPING && item.content.length === 0)) return true;
  if (item.kind === SCALAR) return false;
  return item.kind === MAPPING && fieldOf(item, KEY)?.value === text;
}
