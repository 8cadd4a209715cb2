import { byCodeUnit } from '../../../model/index.ts';
import { addField, checkPairs, clearField, fieldOf, keyIndex, placesOf, setField } from '../node/fields.ts';
import { append, emptyMap, isNilOrEmpty, MAPPING, type Node, SCALAR, scalar, stringScalar } from '../yaml/node.ts';

/** Names of the annotations in which a build keeps its notes; they are gone at the end. */
export const NOTE = {
  previousKinds: 'internal.config.kubernetes.io/previousKinds',
  previousNames: 'internal.config.kubernetes.io/previousNames',
  previousNamespaces: 'internal.config.kubernetes.io/previousNamespaces',
  prefixes: 'internal.config.kubernetes.io/prefixes',
  suffixes: 'internal.config.kubernetes.io/suffixes',
  refBy: 'internal.config.kubernetes.io/refBy',
  behavior: 'internal.config.kubernetes.io/generatorBehavior',
  needsHash: 'internal.config.kubernetes.io/needsHashSuffix',
  allowNameChange: 'internal.config.kubernetes.io/allowNameChange',
  allowKindChange: 'internal.config.kubernetes.io/allowKindChange',
} as const;

/** All annotations that are taken away at the end. */
export const BUILD_ANNOTATIONS: readonly string[] = [
  ...Object.values(NOTE),
  'internal.config.kubernetes.io/path',
  'internal.config.kubernetes.io/index',
  'internal.config.kubernetes.io/seqindent',
  'internal.config.kubernetes.io/id',
  'internal.config.kubernetes.io/annotations-migration-resource-id',
  'config.kubernetes.io/path',
  'config.kubernetes.io/index',
  'config.k8s.io/id',
  'internal.config.kubernetes.io/helm-generated',
];
export const ORIGIN = 'config.kubernetes.io/origin';
export const TRANSFORMATIONS = 'alpha.config.kubernetes.io/transformations';
export const LOCAL_CONFIG = 'config.kubernetes.io/local-config';

function topField(node: Node | undefined, name: string): string {
  if (node === undefined || node.kind === SCALAR) return '';
  const i = keyIndex(node, name);
  return i < 0 ? '' : (node.content[i + 1] as Node).value;
}

export function kindOf(node: Node | undefined): string {
  return topField(node, 'kind');
}

export function apiVersionOfNode(node: Node | undefined): string {
  return topField(node, 'apiVersion');
}

function metadataOf(node: Node | undefined): Node | undefined {
  const found = fieldOf(node, 'metadata');
  return isNilOrEmpty(found) ? undefined : found;
}

function metaText(node: Node | undefined, name: string): string {
  const meta = metadataOf(node);
  if (meta === undefined || meta.kind === SCALAR) return '';
  const i = keyIndex(meta, name);
  if (i < 0) return '';
  const found = meta.content[i + 1] as Node;
  return isNilOrEmpty(found) ? '' : found.value;
}

export function nameOf(node: Node | undefined): string {
  return metaText(node, 'name');
}

export function namespaceOf(node: Node | undefined): string {
  return metaText(node, 'namespace');
}

/** The map of labels or annotations, or undefined. */
export function metaMap(node: Node | undefined, field: 'labels' | 'annotations'): Node | undefined {
  const meta = metadataOf(node);
  if (meta === undefined || meta.kind === SCALAR) return undefined;
  const i = keyIndex(meta, field);
  return i < 0 ? undefined : meta.content[i + 1];
}

/** One annotation, or undefined. */
export function annotationOf(node: Node | undefined, name: string): string | undefined {
  const map = metaMap(node, 'annotations');
  if (map === undefined || map.content.length === 0) return undefined;
  const i = keyIndex(map, name);
  return i < 0 ? undefined : (map.content[i + 1] as Node).value;
}

/** Labels or annotations as texts, whatever their tags are. */
export function textMap(node: Node | undefined, field: 'labels' | 'annotations'): Map<string, string> {
  const out = new Map<string, string>();
  const map = metaMap(node, field);
  if (map === undefined) return out;
  checkPairs(map);
  for (let i = 0; i + 1 < map.content.length; i += 2)
    out.set((map.content[i] as Node).value, (map.content[i + 1] as Node).value);
  return out;
}

/** The map at `metadata`, made when it is missing. */
function needMetadata(node: Node): Node {
  const found = fieldOf(node, 'metadata');
  if (found !== undefined) return found;
  const made = emptyMap();
  append(node, scalar('metadata'), made);
  return made;
}

/** Replaces labels or annotations: sorted by key, every value a string; an empty map removes the field. */
export function setTextMap(node: Node, field: 'labels' | 'annotations', values: ReadonlyMap<string, string>): void {
  const meta = needMetadata(node);
  clearField(meta, field);
  if (values.size === 0) return;
  // A second field of that name, which YAML does not allow, is what kyaml finds now.
  const second = fieldOf(meta, field);
  const map = second?.kind === MAPPING ? second : emptyMap();
  if (map !== second) append(meta, scalar(field), map);
  const keys = [...values.keys()].sort(byCodeUnit);
  const places = placesOf(map);
  for (const key of keys)
    (places.has(key) || key === '' ? setField : addField)(map, key, stringScalar(values.get(key) ?? ''));
}

/** Sets one annotation to a string (kyaml SetAnnotation). */
export function setAnnotation(node: Node, name: string, value: string): void {
  const meta = fieldOf(node, 'metadata');
  if (meta !== undefined) clearEmpty(meta, 'annotations');
  clearEmpty(node, 'metadata');
  setMetaEntry(node, 'annotations', name, stringScalar(value));
}

/** Removes the first field of a name that holds nothing. */
function clearEmpty(node: Node, name: string): void {
  if (node.kind !== MAPPING) return;
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    if ((node.content[i] as Node).value !== name || (node.content[i + 1] as Node).content.length > 0) continue;
    node.content.splice(i, 2);
    return;
  }
}

/** Sets one label to a string (kyaml SetLabel). */
export function setLabel(node: Node, name: string, value: string): void {
  setMetaEntry(node, 'labels', name, stringScalar(value));
}

function setMetaEntry(node: Node, field: 'labels' | 'annotations', name: string, value: Node): void {
  const meta = needMetadata(node);
  let map = fieldOf(meta, field);
  if (map === undefined) {
    map = emptyMap();
    append(meta, scalar(field), map);
  }
  setField(map, name, value);
}

export function setName(node: Node, name: string): void {
  setField(needMetadata(node), 'name', scalar(name));
}

export function setKind(node: Node, kind: string): void {
  setField(node, 'kind', scalar(kind));
}

export function setApiVersion(node: Node, apiVersion: string): void {
  setField(node, 'apiVersion', scalar(apiVersion));
}

/** Sets the namespace; '' removes it. */
export function setNamespace(node: Node, namespace: string): void {
  if (namespace !== '') {
    setField(needMetadata(node), 'namespace', scalar(namespace));
    return;
  }
  const meta = fieldOf(node, 'metadata');
  if (meta !== undefined && meta.kind === MAPPING) clearField(meta, 'namespace');
}
