import type { Json } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import { type DecodeBounds, decodeNode, decodeSigned } from '../yaml/decode.ts';
import { fromJson } from '../yaml/from-json.ts';
import { copyNode, isNilOrEmpty, type Node } from '../yaml/node.ts';
import { nodeText } from '../yaml/write.ts';
import { type ResId, splitApiVersion } from './ident.ts';
import {
  annotationOf,
  apiVersionOfNode,
  kindOf,
  NOTE,
  nameOf,
  namespaceOf,
  setAnnotation,
  setTextMap,
  textMap,
} from './meta.ts';

/** Answers whether a kind is known to be cluster-scoped. */
export interface ScopeTable {
  isClusterScoped(apiVersion: string, kind: string): boolean;
}

/** One object of a build. The notes that kustomize keeps of it are annotations of the node, as patches can see them. */
export interface Resource {
  /** Undefined once a patch has removed the object. */
  node: Node | undefined;
  /** Names of vars that read from it. */
  refVars: string[];
  readonly scopes: ScopeTable;
  /** The last answer of prevIds and what it was made of. */
  memo: { names: string; namespaces: string; kinds: string; apiVersion: string; ids: readonly ResId[] } | undefined;
}

export function makeResource(node: Node, scopes: ScopeTable): Resource {
  return { node, refVars: [], scopes, memo: undefined };
}

/** A copy that shares nothing. */
export function copyResource(res: Resource): Resource {
  const copy = makeResource(copyNode(nodeOf(res)), res.scopes);
  copy.refVars = [...res.refVars];
  return copy;
}

/** The node of a resource that is still there. */
export function nodeOf(res: Resource): Node {
  return res.node ?? fail('the object was removed by a patch');
}

/** True when nothing is left of it. */
export function isGone(res: Resource): boolean {
  return isNilOrEmpty(res.node);
}

function makeId(scopes: ScopeTable, apiVersion: string, kind: string, name: string, namespace: string): ResId {
  const { group, version } = splitApiVersion(apiVersion);
  return { group, version, kind, name, namespace, clusterScoped: scopes.isClusterScoped(apiVersion, kind) };
}

/** The id as it is now. */
export function curId(res: Resource): ResId {
  const node = res.node;
  return makeId(res.scopes, apiVersionOfNode(node), kindOf(node), nameOf(node), namespaceOf(node));
}

const NO_IDS: readonly ResId[] = [];

/** The ids it had before it was renamed or moved, oldest first. */
export function prevIds(res: Resource): readonly ResId[] {
  const names = annotationOf(res.node, NOTE.previousNames);
  if (names === undefined) return NO_IDS;
  const namespaces = annotationOf(res.node, NOTE.previousNamespaces) ?? '';
  const kinds = annotationOf(res.node, NOTE.previousKinds) ?? '';
  const apiVersion = apiVersionOfNode(res.node);
  const memo = res.memo;
  if (memo?.names === names && memo.namespaces === namespaces && memo.kinds === kinds && memo.apiVersion === apiVersion)
    return memo.ids;
  const [n, ns, k] = [names.split(','), namespaces.split(','), kinds.split(',')];
  if (n.length !== ns.length || n.length !== k.length)
    fail('number of previous names, number of previous namespaces, number of previous kinds not equal');
  const ids = n.map((name, i) => makeId(res.scopes, apiVersion, k[i] ?? '', name, ns[i] ?? ''));
  res.memo = { names, namespaces, kinds, apiVersion, ids };
  return ids;
}

/** The first id it had. */
export function orgId(res: Resource): ResId {
  return prevIds(res)[0] ?? curId(res);
}

/** Adds to a note that is a list with commas. */
export function addNote(res: Resource, note: string, value: string): void {
  if (value === '') return;
  const old = annotationOf(res.node, note);
  setAnnotation(nodeOf(res), note, old === undefined ? value : `${old},${value}`);
}

/** A note that is a list with commas; empty where there is none. */
export function notesOf(res: Resource, note: string): readonly string[] {
  return annotationOf(res.node, note)?.split(',') ?? [];
}

/** Notes the id as it is now, before it changes. */
export function storePreviousId(res: Resource): void {
  const id = curId(res);
  addNote(res, NOTE.previousNames, id.name);
  addNote(res, NOTE.previousNamespaces, id.clusterScoped ? '_non_namespaceable_' : id.namespace || 'default');
  addNote(res, NOTE.previousKinds, id.kind);
}

const ENABLED = 'enabled';

/** Sets a note to `enabled`; rewrites all annotations as strings, as kustomize does. */
export function enableNote(res: Resource, note: string, value = ENABLED): void {
  const all = textMap(res.node, 'annotations');
  all.set(note, value);
  setTextMap(nodeOf(res), 'annotations', all);
}

export function isEnabled(res: Resource, note: string): boolean {
  return annotationOf(res.node, note) === ENABLED;
}

/** True when the shorter list is the end of the longer one. */
function sameEnding(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length > b.length ? [b, a] : [a, b];
  const skip = long.length - short.length;
  if (short.length === 0) return skip === 0;
  return short.every((text, i) => text === long[i + skip]);
}

/** True when prefixes and suffixes of two resources end alike; `allowEmpty` lets none match all. */
export function prefixesSuffixesEqual(a: Resource, b: Resource, allowEmpty: boolean): boolean {
  return [NOTE.prefixes, NOTE.suffixes].every((note) => {
    const [x, y] = [notesOf(a, note), notesOf(b, note)];
    return (allowEmpty && (x.length === 0 || y.length === 0)) || sameEnding(x, y);
  });
}

/** The object as JSON, as kustomize marshals it. */
export function toJsonValue(res: Resource, bounds: DecodeBounds): Json {
  return res.node === undefined ? null : decodeNode(res.node, bounds);
}

/** The same where that is text which is read again. */
export function toSignedJson(res: Resource, bounds: DecodeBounds): Json {
  return res.node === undefined ? null : decodeSigned(res.node, bounds);
}

/** Replaces the object by one made from JSON. */
export function setJsonValue(res: Resource, value: Json): void {
  res.node = fromJson(value);
}

/** The object as text for messages. */
export function textOfResource(res: Resource): string {
  return res.node === undefined ? '' : nodeText(res.node);
}
