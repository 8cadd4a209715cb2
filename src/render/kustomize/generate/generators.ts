import { Buffer } from 'node:buffer';
import { byCodeUnit } from '../../../model/index.ts';
import { fail, withPrefix } from '../errors.ts';
import type { Loader } from '../load/loader.ts';
import type { GeneratorArgs, GeneratorOptions } from '../load/types.ts';
import { addField, setField } from '../node/fields.ts';
import { lookup } from '../node/path.ts';
import { NOTE, setAnnotation, setLabel } from '../resource/meta.ts';
import { enableNote, makeResource, type Resource } from '../resource/resource.ts';
import {
  append,
  emptyMap,
  MAPPING,
  makeNode,
  type Node,
  SCALAR,
  STYLE_LITERAL,
  scalar,
  stringScalar,
  TAG_BOOL,
  TAG_STR,
} from '../yaml/node.ts';
import { loadPairs, type Pair } from './sources.ts';

const BEHAVIORS = ['create', 'replace', 'merge'];

/** Options of the kustomization under those of one entry: local maps win, a global `true` always wins. */
export function mergeOptions(
  local: GeneratorOptions | undefined,
  global: GeneratorOptions | undefined,
): GeneratorOptions | undefined {
  if (global === undefined) return local;
  const maps = (name: 'labels' | 'annotations'): ReadonlyMap<string, string> =>
    new Map([...(global[name] ?? []), ...(local?.[name] ?? [])]);
  return {
    labels: maps('labels'),
    annotations: maps('annotations'),
    disableNameSuffixHash: global.disableNameSuffixHash === true || local?.disableNameSuffixHash === true,
    immutable: global.immutable === true || local?.immutable === true,
  };
}

/** Makes a ConfigMap or Secret (generators.MakeConfigMap, MakeSecret). */
export function generate(kind: 'ConfigMap' | 'Secret', args: GeneratorArgs, loader: Loader): Resource {
  const node = baseNode(kind, args.name ?? '', args.namespace ?? '');
  if (kind === 'Secret') setField(node, 'type', stringScalar((args.type ?? '') === '' ? 'Opaque' : (args.type ?? '')));
  const pairs = withPrefix(
    () => 'loading KV pairs',
    () => loadPairs(loader, args, kind === 'Secret'),
  );
  if (kind === 'Secret') lookup(node, ['data'], MAPPING);
  for (const pair of checked(pairs, args.name ?? '')) {
    const { field, value } = entryOf(kind, pair.value);
    const map = lookup(node, [field], MAPPING);
    // The keys are unique, so that none must be looked for, but for the one that kyaml refuses.
    if (map !== undefined) (pair.key === '' ? setField : addField)(map, pair.key, value);
  }
  setOptions(node, args.options);
  const res = makeResource(node, loader.build.scopes);
  if (args.options?.disableNameSuffixHash !== true) enableNote(res, NOTE.needsHash);
  const behavior = args.behavior ?? '';
  enableNote(res, NOTE.behavior, BEHAVIORS.includes(behavior) ? behavior : 'unspecified');
  return res;
}

function baseNode(kind: string, name: string, namespace: string): Node {
  const node = emptyMap();
  append(
    node,
    scalar('apiVersion'),
    makeNode(SCALAR, TAG_STR, 'v1', 0),
    scalar('kind'),
    makeNode(SCALAR, TAG_STR, kind, 0),
  );
  if (name === '') fail('a configmap must have a name');
  const metadata = lookup(node, ['metadata'], MAPPING);
  if (metadata !== undefined) setField(metadata, 'name', stringScalar(name));
  if (metadata !== undefined && namespace !== '') setField(metadata, 'namespace', stringScalar(namespace));
  return node;
}

function checked(pairs: readonly Pair[], name: string): Pair[] {
  const seen = new Set<string>();
  for (const { key } of pairs) {
    if (seen.has(key)) fail(`configmap ${name} illegally repeats the key \`${key}\``);
    seen.add(key);
  }
  return [...pairs].sort((a, b) => byCodeUnit(a.key, b.key));
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function asText(value: Uint8Array | string): string | undefined {
  if (typeof value === 'string') return value;
  try {
    return DECODER.decode(value);
  } catch {
    return undefined;
  }
}

function entryOf(kind: string, value: Uint8Array | string): { field: string; value: Node } {
  const text = kind === 'Secret' ? undefined : asText(value);
  const content = text ?? base64Lines(value);
  const field = kind === 'Secret' || text !== undefined ? 'data' : 'binaryData';
  return { field, value: makeNode(SCALAR, TAG_STR, content, content.includes('\n') ? STYLE_LITERAL : 0) };
}

const LINE = 70;

/** Base64 as kustomize writes it: from 70 characters on in lines of 70, each with its line break. */
export function base64Lines(value: Uint8Array | string): string {
  const text = Buffer.from(value as Uint8Array).toString('base64');
  if (text.length < LINE) return text;
  return text.replace(/.{1,70}/g, '$&\n');
}

function setOptions(node: Node, options: GeneratorOptions | undefined): void {
  const sorted = (map: ReadonlyMap<string, string> | undefined): [string, string][] =>
    [...(map ?? [])].sort(([a], [b]) => byCodeUnit(a, b));
  for (const [key, value] of sorted(options?.labels)) setLabel(node, key, value);
  for (const [key, value] of sorted(options?.annotations)) setAnnotation(node, key, value);
  if (options?.immutable === true) setField(node, 'immutable', makeNode(SCALAR, TAG_BOOL, 'true', 0));
}
