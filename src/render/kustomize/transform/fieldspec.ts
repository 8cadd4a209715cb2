import { fail, withPrefix } from '../errors.ts';
import type { FieldSpec } from '../load/types.ts';
import { setField, setScalar } from '../node/fields.ts';
import { lookup, splitPath } from '../node/path.ts';
import { idText, splitApiVersion } from '../resource/ident.ts';
import { apiVersionOfNode, kindOf, nameOf, namespaceOf } from '../resource/meta.ts';
import { ALIAS, isMissing, MAPPING, makeNode, type Node, SCALAR, SEQUENCE, TAG_MAP, TAG_NULL } from '../yaml/node.ts';

/** What is done at the end of a path, and what is made where it is missing. */
export interface FieldAction {
  readonly set: (node: Node) => void;
  /** Kind of node to create; 0 for none. */
  readonly createKind: number;
  readonly createTag: string;
}

/** True when a spec is for objects like this one. */
function matchesKind(spec: FieldSpec, node: Node): boolean {
  if (spec.kind !== undefined && spec.kind !== '' && spec.kind !== kindOf(node)) return false;
  const { group, version } = splitApiVersion(apiVersionOfNode(node));
  if (spec.group !== undefined && spec.group !== '' && spec.group !== group) return false;
  return spec.version === undefined || spec.version === '' || spec.version === version;
}

/** Does something at every place of an object that a field spec names (filters/fieldspec). */
export function applyFieldSpec(root: Node, spec: FieldSpec, action: FieldAction): void {
  if (!matchesKind(spec, root)) return;
  const path = spec.path ?? '';
  withPrefix(
    () => `considering field '${path}' of object ${objectText(root)}`,
    () => walk(root, splitPath(path, '/'), 0, spec.create === true, action),
  );
}

/** Does something for every spec of a list. */
export function applyFieldSpecs(root: Node, specs: readonly FieldSpec[], action: FieldAction): void {
  for (const spec of specs) applyFieldSpec(root, spec, action);
}

function objectText(node: Node): string {
  const { group, version } = splitApiVersion(apiVersionOfNode(node));
  return idText({ group, version, kind: kindOf(node), name: nameOf(node), namespace: namespaceOf(node) });
}

function walk(node: Node, path: readonly string[], at: number, create: boolean, action: FieldAction): void {
  if (at === path.length) {
    action.set(node);
    return;
  }
  if (node.tag === TAG_NULL) return;
  switch (node.kind) {
    case SEQUENCE:
      withPrefix(
        () => `visit traversal on path: [${path.slice(at).join(' ')}]`,
        () => {
          for (const item of [...node.content]) walk(item, path, at, create, action);
        },
      );
      return;
    case MAPPING:
      walkMap(node, path, at, create, action);
      return;
    case ALIAS:
      walk(node.alias ?? fail('alias without a target'), path, at, create, action);
      return;
    default:
      fail('expected sequence or mapping node');
  }
}

function walkMap(node: Node, path: readonly string[], at: number, create: boolean, action: FieldAction): void {
  const part = path[at] ?? '';
  const isList = part.endsWith('[]');
  const name = isList ? part.slice(0, -2) : part;
  if (name === '') fail('cannot set or create an empty field name');
  let kind = 0;
  let tag = '';
  if (!create || action.createKind === 0 || isList) kind = isList ? SEQUENCE : 0;
  else if (path.length - at <= 1) [kind, tag] = [action.createKind, action.createTag];
  else [kind, tag] = [MAPPING, TAG_MAP];
  const field = withPrefix(
    () => `fieldName: ${name}`,
    () => lookup(node, [name], isList ? 0 : kind),
  );
  if (field === undefined) return;
  if (field.tag === TAG_NULL && kind !== 0) {
    field.kind = kind;
    field.tag = tag;
  }
  walk(field, path, at + 1, create, action);
}

/**
 * Sets a scalar, or one entry of a map when a name is given (filtersutil.SetEntry). All places that one such setter
 * touches share one node, as in kustomize, so a later change of one shows in the others.
 */
export function entrySetter(name: string, value: string, tag: string): (node: Node) => void {
  const shared = makeNode(SCALAR, tag, value, 0);
  return (node) => {
    if (name === '') setScalar(node, shared);
    else setField(node, name, shared);
  };
}

/** Sets a scalar whose type follows from its text, with a node of its own. */
export function setPlain(node: Node, value: string): void {
  setScalar(node, makeNode(SCALAR, '', value, 0));
}

/** True where there is no text yet: nothing, null, an empty text, or no scalar at all (which setting then refuses). */
export function hasNoValue(node: Node): boolean {
  return isMissing(node) || node.kind !== SCALAR || node.value === '';
}
