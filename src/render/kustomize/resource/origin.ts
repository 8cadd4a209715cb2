import { isObject, type Json } from '../../../model/index.ts';
import type { Build } from '../options.ts';
import { fromJson } from '../yaml/from-json.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import { nodeText } from '../yaml/write.ts';
import {
  annotationOf,
  apiVersionOfNode,
  kindOf,
  nameOf,
  namespaceOf,
  ORIGIN,
  setTextMap,
  TRANSFORMATIONS,
  textMap,
} from './meta.ts';
import { nodeOf, type Resource } from './resource.ts';

/** Where an object or a transformation comes from; empty parts are left out. */
export interface Origin {
  readonly path?: string;
  readonly repo?: string;
  readonly ref?: string;
  readonly configuredIn?: string;
  readonly configuredBy?: {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly name?: string;
    readonly namespace?: string;
  };
}

/** The origin of something that a path names from here. */
export function appendOrigin(origin: Origin, path: string): Origin {
  return { ...origin, path: joinRelative(origin.path ?? '', path) };
}

/** Joins paths that may lead out of the folder where the build began. */
function joinRelative(root: string, path: string): string {
  const out: string[] = root === '' ? [] : root.split('/');
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && out.length > 0 && out.at(-1) !== '..') out.pop();
    else out.push(part);
  }
  return out.join('/');
}

/** The origin of what a field of a kustomization does. */
export function builtinOrigin(origin: Origin, file: string, kind: string): Origin {
  const { repo, ref } = origin;
  return {
    ...(repo === undefined ? {} : { repo }),
    ...(ref === undefined ? {} : { ref }),
    configuredIn: joinRelative(origin.path ?? '', file),
    configuredBy: { apiVersion: 'builtin', kind },
  };
}

/** The origin of what a plugin does that was configured by a resource. */
export function pluginOrigin(res: Resource, build: Build): Origin | undefined {
  const text = originOf(res);
  if (text === undefined) return undefined;
  const own = yamlToJson(text, build.limits);
  const part = (name: string): string => (isObject(own) && typeof own[name] === 'string' ? own[name] : '');
  return {
    repo: part('repo'),
    ref: part('ref'),
    configuredIn: part('path'),
    configuredBy: {
      apiVersion: apiVersionOfNode(res.node),
      kind: kindOf(res.node),
      name: nameOf(res.node),
      namespace: namespaceOf(res.node),
    },
  };
}

function prune(value: Json): Json {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== '' && item !== undefined)
      .map(([key, item]) => [key, prune(item)]),
  );
}

function asJson(origin: Origin): Json {
  const { path = '', repo = '', ref = '', configuredIn = '', configuredBy } = origin;
  const by: Json = { ...configuredBy };
  return prune({ path, repo, ref, configuredIn, ...(configuredBy === undefined ? {} : { configuredBy: by }) });
}

/** An origin as the annotation carries it. */
export function originText(origin: Origin): string {
  return nodeText(fromJson(asJson(origin)));
}

/** The text of the origin annotation, or undefined. */
export function originOf(res: Resource): string | undefined {
  return annotationOf(res.node, ORIGIN);
}

/** Sets the origin annotation; '' removes it. All annotations become strings. */
export function setOrigin(res: Resource, text: string): void {
  const all = textMap(res.node, 'annotations');
  if (text === '') all.delete(ORIGIN);
  else all.set(ORIGIN, text);
  setTextMap(nodeOf(res), 'annotations', all);
}

/** Notes a transformation: the first one is the origin where there is none. */
export function noteTransformation(res: Resource, origin: Origin, build: Build): void {
  if (originOf(res) === undefined) {
    setOrigin(res, originText(origin));
    return;
  }
  const all = textMap(res.node, 'annotations');
  const old = all.get(TRANSFORMATIONS);
  const list = old === undefined ? [] : yamlToJson(old, build.limits);
  const next: Json = [...(Array.isArray(list) ? (list as readonly Json[]) : []).map(ordered), asJson(origin)];
  all.set(TRANSFORMATIONS, nodeText(fromJson(next)));
  setTextMap(nodeOf(res), 'annotations', all);
}

const ORDER = ['path', 'repo', 'ref', 'configuredIn', 'configuredBy', 'apiVersion', 'kind', 'name', 'namespace'];

/** A record that was read back, with its fields in the order in which they are written. */
function ordered(value: Json): Json {
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  return Object.fromEntries(keys.map((key) => [key, ordered(value[key] as Json)]));
}

/** Takes away all transformation notes. */
export function clearTransformations(res: Resource): void {
  const all = textMap(res.node, 'annotations');
  all.delete(TRANSFORMATIONS);
  setTextMap(nodeOf(res), 'annotations', all);
}
