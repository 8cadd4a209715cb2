import { Buffer } from 'node:buffer';
import type { DataObject, KustomizationSpec } from '../../flux/index.ts';
import { Fault, isObject, type JsonObject, type KubeObject, type Tree } from '../../model/index.ts';
import { type BuildOptions, type BuildResult, build, toObjects } from '../kustomize/index.ts';
import { collectVariables, substitute } from '../substitute/index.ts';
import { type BuildSpec, type Generated, generateKustomization } from './generate.ts';
import { withFile } from './overlay.ts';

export { type BuildSpec, type Generated, generateKustomization } from './generate.ts';
export { withFile, withFiles } from './overlay.ts';

/** How Flux's build is run. */
export interface FluxBuildOptions
  extends Pick<BuildOptions, 'limits' | 'displayRoot' | 'remote' | 'warn' | 'parsed' | 'mark'> {
  /** Variables that are not set are errors (StrictPostBuildSubstitutions); true by default, as in Flux. */
  readonly strict?: boolean;
  /** Objects that `substituteFrom` may name, of the Kustomization's own namespace. */
  readonly find?: (kind: 'ConfigMap' | 'Secret', name: string) => DataObject | undefined;
}

/** What Flux makes of a path: the kustomization it writes, and the result of the build. */
export interface FluxBuild {
  readonly generated: Generated;
  readonly result: BuildResult;
}

/** Builds a path of a source with the fields of a Flux Kustomization, before substitution. */
export function buildPath(tree: Tree, spec: BuildSpec, options: FluxBuildOptions = {}): FluxBuild {
  const { generated, whole } = withGenerated(tree, spec, options);
  return { generated, result: buildGenerated(whole, spec.path, options) };
}

/** The kustomization that Flux writes, and the tree with it. */
export function withGenerated(
  tree: Tree,
  spec: BuildSpec,
  { limits, displayRoot }: FluxBuildOptions,
): { readonly generated: Generated; readonly whole: Tree } {
  const shared = { ...(limits === undefined ? {} : { limits }), ...(displayRoot === undefined ? {} : { displayRoot }) };
  const generated = generateKustomization(tree, spec, shared);
  return { generated, whole: withFile(tree, generated.path, Buffer.from(generated.text, 'utf8')) };
}

/** Builds a folder that has its kustomization. */
export function buildGenerated(whole: Tree, path: string, options: FluxBuildOptions): BuildResult {
  const { limits, displayRoot, remote, warn, parsed, mark } = options;
  try {
    return build(whole, path, {
      ...(limits === undefined ? {} : { limits }),
      ...(displayRoot === undefined ? {} : { displayRoot }),
      ...(remote === undefined ? {} : { remote }),
      ...(warn === undefined ? {} : { warn }),
      ...(parsed === undefined ? {} : { parsed }),
      ...(mark === undefined ? {} : { mark }),
      reorder: 'none',
      loadRestrictor: 'none',
      preloadSchema: true,
    });
  } catch (error) {
    if (error instanceof Fault && error.code === 'build-failed')
      throw new Fault('build-failed', `kustomize build failed: ${error.message}`, { cause: error });
    throw error;
  }
}

function nameOf(object: KubeObject): string {
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/', 2) : ['', object.apiVersion];
  return `${object.kind}.${version || '[noVer]'}.${group || '[noGrp]'}/${object.metadata.name}`;
}

/**
 * Everything that Flux does from the source to the objects: generate, build, substitute. commonMetadata is not in it: it is
 * put onto the objects when they are made ready for the API server.
 */
export function fluxObjects(
  tree: Tree,
  spec: BuildSpec & Pick<KustomizationSpec, 'postBuild'>,
  options: FluxBuildOptions = {},
): KubeObject[] {
  const objects = toObjects(buildPath(tree, spec, options).result);
  return spec.postBuild === undefined ? objects : substituteAll(objects, spec.postBuild, options);
}

function idOf({ apiVersion, kind, metadata }: KubeObject): string {
  const names: JsonObject = isObject(metadata) ? metadata : {};
  return JSON.stringify([apiVersion, kind, String(names['name'] ?? ''), String(names['namespace'] ?? '') || 'default']);
}

/** Fails when variables make two objects one, as Flux does; counts only once something is renamed. */
function idCounts(objects: readonly KubeObject[]): { rename(from: string, to: string): void } {
  const counts = new Map<string, number>();
  const add = (id: string, by: number): number => {
    const now = (counts.get(id) ?? 0) + by;
    counts.set(id, now);
    return now;
  };
  return {
    rename(from, to) {
      if (from === to) return;
      if (counts.size === 0) for (const object of objects) add(idOf(object), 1);
      add(from, -1);
      if (add(to, 1) > 1) throw new Fault('build-failed', 'the variables give two objects one name');
    },
  };
}

/** Post-build substitution over all objects of a build. */
export function substituteAll(
  objects: readonly KubeObject[],
  postBuild: NonNullable<KustomizationSpec['postBuild']>,
  options: FluxBuildOptions = {},
): KubeObject[] {
  const always = postBuild.substituteStrategy === 'Always';
  const ids = idCounts(objects);
  let vars: Map<string, string> | undefined;
  return objects.map((object) => {
    try {
      vars ??= collectVariables(postBuild, options.find ?? ((): undefined => undefined));
      const limits = options.limits === undefined ? {} : { limits: options.limits };
      const made = substitute(object, { vars, strict: options.strict !== false, always, ...limits });
      if (made !== object) ids.rename(idOf(object), idOf(made));
      return made;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new Fault(error.code, `post build failed for '${nameOf(object)}': ${error.message}`, { cause: error });
    }
  });
}
