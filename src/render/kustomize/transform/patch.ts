import { BuildError, fail, messageOf, quote, withPrefix } from '../errors.ts';
import { type Loader, loadText } from '../load/loader.ts';
import type { Patch } from '../load/types.ts';
import { applyJsonPatch, type JsonPatch, readJsonPatch } from '../merge/json6902.ts';
import { strategicMerge } from '../merge/merge.ts';
import type { Build } from '../options.ts';
import { resourcesFromText } from '../resource/documents.ts';
import { idText } from '../resource/ident.ts';
import { BUILD_ANNOTATIONS, NOTE, setTextMap, textMap } from '../resource/meta.ts';
import {
  applySmPatch,
  applyToSelected,
  getById,
  type Merge,
  type ResMap,
  type Selector,
  select,
  touch,
} from '../resource/resmap.ts';
import {
  enableNote,
  nodeOf,
  orgId,
  type Resource,
  setJsonValue,
  storePreviousId,
  toSignedJson,
} from '../resource/resource.ts';

/** The strategic merge of one build. */
export function mergeOf(build: Build): Merge {
  return (patch, into) => {
    const merged = strategicMerge(nodeOf(patch), nodeOf(into), build.schema, build.limits.yamlDepth * 2);
    if (merged === undefined) into.node = undefined;
  };
}

type Notes = readonly (readonly [name: string, text: string])[];

/** Applies a JSON patch to one resource: the notes of the build, which it must be given back. */
function applyJson(res: Resource, patch: JsonPatch, build: Build): Notes {
  const notes = [...textMap(res.node, 'annotations')].filter(([name]) => isNote(name));
  setJsonValue(res, applyJsonPatch(toSignedJson(res, build.limits), patch));
  return notes;
}

function giveNotes(res: Resource, notes: Notes): void {
  const node = nodeOf(res);
  setTextMap(node, 'annotations', new Map([...textMap(node, 'annotations'), ...notes]));
}

function isNote(name: string): boolean {
  return name.startsWith('internal.config.kubernetes.io/') || BUILD_ANNOTATIONS.slice(-4, -1).includes(name);
}

interface Parsed {
  readonly merge: readonly Resource[] | undefined;
  readonly json: JsonPatch | undefined;
  readonly source: string;
}

function tryRead<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof BuildError) return undefined;
    throw error;
  }
}

/** Reads a patch that may be of either sort. */
function parsePatch(patch: Patch, loader: Loader): Parsed {
  const inline = (patch.patch ?? '').trim();
  const path = patch.path ?? '';
  if (inline === '' && path === '') fail('must specify one of patch and path in\n{}\n');
  if (inline !== '' && path !== '')
    fail(`patch and path can't be set at the same time\npatch: ${inline}\npath: ${path}\n`);
  const text = inline !== '' ? inline : loadPatch(path, loader);
  const source = inline !== '' ? `[patch: ${quote(inline)}]` : `[path: ${quote(path)}]`;
  const merge = tryRead(() => resourcesFromText(text, loader.build));
  const json = tryRead(() => readJsonPatch(text, loader.build.limits));
  if (merge !== undefined && json !== undefined && merge.length > 0 && json.length > 0)
    fail(`illegally qualifies as both an SM and JSON patch: ${source}`);
  if (merge === undefined && json === undefined) fail(`unable to parse SM or JSON patch from ${source}`);
  return { merge: merge?.length === 0 ? undefined : merge, json: merge === undefined ? json : undefined, source };
}

function loadPatch(path: string, loader: Loader): string {
  return withPrefix(
    () => `failed to get the patch file from path(${path})`,
    () => loadText(loader, path),
  );
}

/** One entry of `patches` (PatchTransformer). */
export function patchTransformer(patch: Patch, loader: Loader): (map: ResMap) => void {
  const { merge, json, source } = parsePatch(patch, loader);
  for (const one of merge ?? []) {
    if (patch.options?.allowNameChange === true) enableNote(one, NOTE.allowNameChange);
    if (patch.options?.allowKindChange === true) enableNote(one, NOTE.allowKindChange);
  }
  return (map) => {
    touch(map);
    if (merge !== undefined) mergePatches(map, merge, patch.target, source);
    else if (json !== undefined) jsonPatch(map, json, patch.target, source);
  };
}

function mergePatches(map: ResMap, patches: readonly Resource[], target: Selector | undefined, source: string): void {
  const merge = mergeOf(map.build);
  const [first] = patches;
  if (target !== undefined && first !== undefined) {
    if (patches.length > 1)
      fail(
        `Multiple Strategic-Merge Patches in one \`patches\` entry is not allowed to set \`patches.target\` field: ${source}`,
      );
    const selected = withPrefix(
      () => `unable to find patch target ${quote(selectorText(target))} in \`resources\``,
      () => select(map, target),
    );
    applyToSelected(map, selected, first, merge);
    return;
  }
  for (const patch of patches) {
    const id = orgId(patch);
    const found = withPrefix(
      () => `no resource matches strategic merge patch ${quote(idText(id))}`,
      () => getById(map, id),
    );
    applySmPatch(found, patch, merge);
  }
}

function selectorText(target: Selector): string {
  const { group = '', version = '', kind = '', name = '', namespace = '' } = target;
  return `${idText({ group, version, kind, name, namespace })}:a=${target.annotationSelector ?? ''}:l=${target.labelSelector ?? ''}`;
}

function jsonPatch(map: ResMap, patch: JsonPatch, target: Selector | undefined, source: string): void {
  if (target === undefined) fail(`must specify a target for JSON patch ${source}`);
  for (const res of select(map, target)) {
    storePreviousId(res);
    const notes = applyJson(res, patch, map.build);
    // An annotation without a name cannot be set. kustomize does not look here, so all of them are gone.
    tryRead(() => giveNotes(res, notes));
  }
}

/** `patchesStrategicMerge`: each entry is a path or the patch itself (PatchStrategicMergeTransformer). */
export function strategicMergeTransformer(
  paths: readonly string[],
  inline: string,
  loader: Loader,
): (map: ResMap) => void {
  if (paths.length === 0 && inline === '') fail('empty file path and empty patch content');
  const patches: Resource[] = [];
  for (const path of paths)
    patches.push(
      ...(tryRead(() => resourcesFromText(path, loader.build)) ??
        resourcesFromText(loadText(loader, path), loader.build)),
    );
  if (inline !== '') patches.push(...resourcesFromText(inline, loader.build));
  if (patches.length === 0) fail(`patch appears to be empty; files=[${paths.join(' ')}], Patch=${inline}`);
  return (map) => {
    touch(map);
    for (const patch of patches) applyToSelected(map, [getById(map, orgId(patch))], patch, mergeOf(map.build));
  };
}

/** One entry of `patchesJson6902` (PatchJson6902Transformer). */
export function json6902Transformer(
  patch: { readonly target?: Selector; readonly path?: string; readonly jsonOp?: string },
  loader: Loader,
): (map: ResMap) => void {
  const { target, path = '', jsonOp = '' } = patch;
  if ((target?.name ?? '') === '' || target === undefined) return fail('must specify the target name');
  if (path === '' && jsonOp === '') fail('empty file path and empty jsonOp');
  if (path !== '' && jsonOp !== '') fail('must specify a file path or jsonOp, not both');
  const text = path === '' ? jsonOp : loadText(loader, path);
  if (text === '') fail(`patch file '${path}' empty seems to be empty`);
  const operations = decodePatch(text, loader);
  if (operations.length === 0) fail(`patch appears to be empty; file=${path}, JsonOp=${text}`);
  return (map) => {
    touch(map);
    for (const res of select(map, target)) giveNotes(res, applyJson(res, operations, map.build));
  };
}

function decodePatch(text: string, loader: Loader): JsonPatch {
  try {
    return readJsonPatch(text, loader.build.limits);
  } catch (error) {
    return fail(`decoding ${text}: ${messageOf(error)}`);
  }
}
