import { BuildError, fail, quote, withPrefix, wrapped } from '../errors.ts';
import type { FieldOptions, Replacement } from '../load/types.ts';
import { findAll } from '../node/match.ts';
import { lookup, splitSmart } from '../node/path.ts';
import { effectiveNamespace, idText, isSelected, type ResId } from '../resource/ident.ts';
import { textMap } from '../resource/meta.ts';
import { parseLabelSelector } from '../resource/patterns.ts';
import { compileSelector, type ResMap, type Selector, touch } from '../resource/resmap.ts';
import { curId, isGone, nodeOf, prevIds, type Resource } from '../resource/resource.ts';
import { copyNode, isNilOrEmpty, type Node, overwrite, SCALAR, scalar, textOf } from '../yaml/node.ts';
import { setInsideText } from './structured.ts';

type Target = NonNullable<Replacement['targets']>[number];

/** Copies values from one field to others (ReplacementTransformer). */
export function replacementTransformer(replacements: readonly Replacement[]): (map: ResMap) => void {
  return (map) => {
    touch(map);
    for (const one of replacements) {
      if ((one.sourceValue === undefined && one.source === undefined) || one.targets === undefined)
        fail('replacements must specify a source and at least one target');
      const value = sourceOf(map, one);
      for (const target of one.targets) applyTo(map, value, target);
    }
    map.list = map.list.filter((res) => !isGone(res));
  };
}

function allIds(res: Resource): readonly ResId[] {
  return [curId(res), ...prevIds(res)];
}

function sourceOf(map: ResMap, one: Replacement): Node {
  const { source, sourceValue } = one;
  if (source !== undefined && sourceValue !== undefined) fail('value and resource selectors are mutually exclusive');
  if (sourceValue !== undefined || source === undefined) return scalar(sourceValue ?? '');
  const path = (source.fieldPath ?? '') === '' ? 'metadata.name' : (source.fieldPath ?? '');
  const res = selectSource(map, source);
  const found = withPrefix(
    () => 'error looking up replacement source',
    () => lookup(nodeOf(res), splitSmart(path, '.')),
  );
  if (found === undefined || isNilOrEmpty(found))
    return fail(`fieldPath \`${path}\` is missing for replacement source ${idText(fullId(source))}`);
  return refine(source.options, found);
}

type Source = NonNullable<Replacement['source']>;

function fullId(source: Source): { group: string; version: string; kind: string; name: string; namespace: string } {
  const { group = '', version = '', kind = '', name = '', namespace = '' } = source;
  return { group, version, kind, name, namespace };
}

function sourceText(source: Source): string {
  const { delimiter = '', index = 0, create = false } = source.options ?? {};
  const options = delimiter === '' && !create ? '' : `${delimiter}(${index}), create=${create}`;
  return [idText(fullId(source)), source.fieldPath ?? '', options].filter((part) => part !== '').join(':');
}

function selectSource(map: ResMap, source: Source): Resource {
  const { name = '', namespace = '' } = source;
  const wanted = effectiveNamespace({ namespace, clusterScoped: false });
  const found = map.list.filter((res) =>
    allIds(res).some(
      (id) =>
        (name === '' || name === id.name) &&
        (namespace === '' || wanted === effectiveNamespace(id)) &&
        isSelected(id, source),
    ),
  );
  const [first] = found;
  if (found.length > 1) fail(`multiple matches for selector ${sourceText(source)}`);
  return first ?? fail(`nothing selected by ${sourceText(source)}`);
}

/** One part of a text, where a delimiter is given. */
function refine(options: FieldOptions | undefined, node: Node): Node {
  const { delimiter = '', index = 0 } = options ?? {};
  if (delimiter === '') return node;
  if (node.kind !== SCALAR) fail('delimiter option can only be used with scalar nodes');
  const part = textOf(node).split(delimiter)[index];
  if (part === undefined || index < 0) return fail(`options.index ${index} is out of bounds for value ${textOf(node)}`);
  const copy = copyNode(node);
  copy.value = part;
  return copy;
}

function matchesTexts(res: Resource, selector: Selector): boolean {
  return (
    parseLabelSelector(selector.annotationSelector ?? '').matches(textMap(res.node, 'annotations')) &&
    parseLabelSelector(selector.labelSelector ?? '').matches(textMap(res.node, 'labels'))
  );
}

function hasIdParts(selector: Selector): boolean {
  const { group, version, kind, name, namespace } = selector;
  return [group, version, kind, name, namespace].some((part) => (part ?? '') !== '');
}

function hasTexts(selector: Selector): boolean {
  return (selector.annotationSelector ?? '') !== '' || (selector.labelSelector ?? '') !== '';
}

function applyTo(map: ResMap, value: Node, target: Target): void {
  const { select } = target;
  const reject = (target.reject ?? []).map((one) => one ?? fail('reject holds a null: nil pointer dereference'));
  if (select === undefined) {
    fail('target must specify resources to select');
  }
  const compile = (selector: Selector): ReturnType<typeof compileSelector> =>
    withPrefix(
      () => 'error creating target selector',
      () => compileSelector(selector),
    );
  const wanted = compile(select);
  const unwanted = reject.map((selector) => ({ selector, patterns: compile(selector) }));
  const matches = (patterns: ReturnType<typeof compileSelector>, id: ResId): boolean =>
    patterns.gvk(id) && patterns.name(id.name) && patterns.namespace(id.namespace);
  for (const res of map.list) {
    if (isGone(res)) continue;
    const ids = allIds(res);
    if (!matchesTexts(res, select)) continue;
    if (reject.some((selector) => hasTexts(selector) && matchesTexts(res, selector))) continue;
    if (unwanted.some(({ selector, patterns }) => hasIdParts(selector) && ids.some((id) => matches(patterns, id))))
      continue;
    if (ids.some((id) => matches(wanted, id))) copyInto(map, nodeOf(res), value, target);
  }
}

function notFound(path: string, create: boolean): string {
  return `unable to find ${create ? 'or create ' : ''}field ${quote(path)} in replacement target`;
}

function copyInto(map: ResMap, root: Node, value: Node, target: Target): void {
  const paths =
    target.fieldPaths === undefined || target.fieldPaths.length === 0 ? ['metadata.name'] : target.fieldPaths;
  const create = target.options?.create === true ? value.kind : 0;
  for (const path of paths) {
    const parts = splitSmart(path, '.');
    if (setInsideText(root, value, parts, create, map.build.limits)) continue;
    let found: readonly Node[];
    try {
      found = findAll(root, parts, create, map.build.limits);
    } catch (error) {
      throw error instanceof BuildError ? wrapped(error, notFound(path, create !== 0)) : error;
    }
    if (found.length === 0) fail(notFound(path, create !== 0));
    for (const node of found) setValue(target.options, node, value);
  }
}

function setValue(options: FieldOptions | undefined, node: Node, value: Node): void {
  const fresh = copyNode(value);
  const { delimiter = '', index = 0 } = options ?? {};
  if (delimiter !== '') {
    if (node.kind !== SCALAR) fail('delimiter option can only be used with scalar nodes');
    const parts = node.value.split(delimiter);
    const text = textOf(fresh);
    if (index < 0) parts.unshift(text);
    else if (index >= parts.length) parts.push(text);
    else parts[index] = text;
    fresh.value = parts.join(delimiter);
  }
  if (node.kind === SCALAR) node.value = fresh.value;
  else overwrite(node, fresh);
}
