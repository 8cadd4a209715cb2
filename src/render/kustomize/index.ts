import { Fault, type Json, type KubeObject, type Limits, type Tree } from '../../model/index.ts';
import { BuildError, withPrefix } from './errors.ts';
import { addHashes } from './generate/hash.ts';
import { loadKustomization, parseLenient } from './load/kustomization.ts';
import { decodeText, rootLoader, shown } from './load/loader.ts';
import type { Kustomization } from './load/types.ts';
import { type Build, type BuildOptions, countFile, makeBuild } from './options.ts';
import { fixNameReferences } from './refs/name-references.ts';
import { resolveVars } from './refs/vars.ts';
import { reread } from './reread.ts';
import { checkMetadata, resourcesFromText } from './resource/documents.ts';
import { annotationOf, BUILD_ANNOTATIONS, LOCAL_CONFIG, setTextMap, textMap } from './resource/meta.ts';
import { clearTransformations, setOrigin } from './resource/origin.ts';
import { resMapOf, touch } from './resource/resmap.ts';
import { isGone, nodeOf, type Resource, toJsonValue } from './resource/resource.ts';
import { accumulateTarget, emptyAccumulator, setSchema, type Target } from './target/accumulate.ts';
import { mapTransformer } from './transform/labels.ts';
import { sortResources } from './transform/sort.ts';
import { emitYaml } from './yaml/emit.ts';
import { yamlToJson } from './yaml/legacy.ts';
import type { Node } from './yaml/node.ts';
import { type ParseBounds, parseDocument } from './yaml/parse.ts';

export { KUSTOMIZATION_FILES } from './load/kustomization.ts';
export { followNames, type Reached } from './load/reach.ts';
export type { Kustomization } from './load/types.ts';
export type { BuildOptions, RemoteBase, RemoteHook } from './options.ts';
export { type ParsedTexts, parsedTexts } from './resource/parsed.ts';
export { analyze, plainIsString12 } from './yaml/analyze.ts';
export { roundNumbers } from './yaml/decode.ts';
export { ALIAS, MAPPING, type Node, SCALAR, SEQUENCE, STYLE_QUOTED, STYLE_TAGGED } from './yaml/node.ts';
export { resolve12 } from './yaml/resolve.ts';

/** What a build makes. */
export interface BuildResult {
  readonly resources: readonly Resource[];
  /** Bounds and notes of the build, for the writers. */
  readonly build: Build;
}

/** What `app.kubernetes.io/managed-by` says. */
const MANAGED_BY = 'kustomize-v5.8.1';

/**
 * Builds the kustomization in a folder of a tree, as `kustomize build` v5.8.1 does. Nothing but the tree is read.
 * Throws a Fault `build-failed` with kustomize's own words: which file, which field, and why.
 */
export function build(tree: Tree, root: string, options: BuildOptions = {}): BuildResult {
  return asFaults(() => {
    const made = makeBuild(options);
    return { resources: run(tree, root, made), build: made };
  });
}

/** Failures of the room leave it as Faults. */
function asFaults<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof BuildError) throw new Fault('build-failed', error.message);
    if (error instanceof RangeError)
      throw new Fault('build-failed', `the input nests too deeply: ${error.message}`, { cause: error });
    throw error;
  }
}

function run(tree: Tree, root: string, made: Build): readonly Resource[] {
  const loader = rootLoader(made, tree, root);
  const { file, content } = loadKustomization(loader);
  const metadata = content.buildMetadata ?? [];
  setSchema(content, loader, true);
  const target: Target = {
    kustomization: content,
    file,
    loader,
    origin: metadata.length === 0 ? undefined : {},
    buildMetadata: metadata,
  };
  const ra = accumulateTarget(target, emptyAccumulator(loader));
  addHashes(ra.map);
  fixNameReferences(ra.map, ra.config.nameReference ?? []);
  resolveVars(ra.map, ra.vars, ra.config.varReference ?? []);
  ra.map.list = resMapOf(made, withoutLocal(ra.map.list)).list;
  touch(ra.map);
  if (content.sortOptions !== undefined) sortResources(ra.map, content.sortOptions);
  else if (made.reorder === 'legacy') sortResources(ra.map, { order: 'legacy' });
  if (metadata.includes('managedByLabel'))
    mapTransformer(new Map([['app.kubernetes.io/managed-by', MANAGED_BY]]), [
      { path: 'metadata/labels', create: true },
    ])(ra.map);
  for (const res of ra.map.list) clean(res, metadata);
  return ra.map.list;
}

/** Leaves out what is marked as configuration for tools; what is left must still be a resource. */
function withoutLocal(list: readonly Resource[]): Resource[] {
  return list.filter((res) => {
    if (isGone(res)) return false;
    checkMetadata(nodeOf(res));
    const mark = annotationOf(res.node, LOCAL_CONFIG);
    return mark === undefined || mark === 'false';
  });
}

/** Takes the notes of the build away. */
function clean(res: Resource, metadata: readonly string[]): void {
  const annotations = textMap(res.node, 'annotations');
  if (annotations.size > 0) {
    for (const name of BUILD_ANNOTATIONS) annotations.delete(name);
    setTextMap(nodeOf(res), 'annotations', annotations);
  }
  if (!metadata.includes('originAnnotations')) setOrigin(res, '');
  if (!metadata.includes('transformerAnnotations')) clearTransformations(res);
}

/** The text that `kustomize build` prints, byte for byte. */
export function toYaml(result: BuildResult): string {
  const { limits } = result.build;
  return objectsToYaml(toObjects(result), limits);
}

/** Objects as kustomize prints them. Throws a Fault when the text is too large or YAML cannot carry a character. */
export function objectsToYaml(objects: readonly KubeObject[], limits: Limits): string {
  let left = limits.renderBytes;
  return objects
    .map((object) => {
      const text = emitObject(object, { ...limits, renderBytes: left });
      left -= text.length;
      return text;
    })
    .join('---\n');
}

/** The objects as plain JSON, for the API server; integers outside the safe range are bigint. No text is made. */
export function toObjects(result: BuildResult): KubeObject[] {
  return asFaults(() => result.resources.map((res) => toJsonValue(res, result.build.limits) as KubeObject));
}

/** One object as kustomize prints it. */
export function emitObject(object: KubeObject, limits: Limits): string {
  return asFaults(() => emitYaml(reread(object), limits.renderBytes));
}

/** YAML 1.1 as JSON, as sigs.k8s.io/yaml reads it; `what` goes before the message of a failure. */
export function readYaml11(text: string, limits: Limits, what: string): Json {
  return asFaults(() =>
    withPrefix(
      () => what,
      () => yamlToJson(text, limits),
    ),
  );
}

/** The first document of a YAML text as go-yaml v3 reads it; undefined for an empty one. */
export function parseYamlNode(text: string, bounds: ParseBounds): Node | undefined {
  return asFaults(() => parseDocument(text, bounds));
}

/** Reads a kustomization as Flux does: unknown fields are dropped, numbers and booleans become text where text is wanted. */
export function readKustomizationLeniently(text: string, limits: Limits): Kustomization {
  return asFaults(() => parseLenient(text, limits));
}

/** Checks that a file holds Kubernetes objects, as Flux does before it lists it in a kustomization of its own. */
export function checkManifest(tree: Tree, path: string, options: { limits: Limits; displayRoot: string }): void {
  asFaults(() => {
    const made = makeBuild(options);
    const bytes = tree.read(path) ?? new Uint8Array();
    countFile(made, bytes.length, path);
    withPrefix(
      () => `failed to decode Kubernetes YAML from ${shown({ build: made }, path)}`,
      () => resourcesFromText(decodeText(bytes), made),
    );
  });
}

/** All documents of a text as JSON, under the rules of YAML 1.1. */
export function readDocuments(text: string, limits: Limits): Json[] {
  return asFaults(() =>
    text
      .replaceAll('\r\n', '\n')
      .split(/^---.*$/m)
      .map((part) => yamlToJson(part, limits)),
  );
}
