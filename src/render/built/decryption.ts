import type { KustomizationSpec } from '../../flux/index.ts';
import { type KubeObject, type Tree, toJson } from '../../model/index.ts';
import {
  type BuildSpec,
  buildGenerated,
  buildPath,
  type FluxBuildOptions,
  substituteAll,
  withGenerated,
} from '../flux-build/index.ts';
import { toObjects } from '../kustomize/index.ts';

/** An object after decryption. */
export interface OpenedObject {
  readonly object: KubeObject;
  /** Something of it was decrypted, or may have been: its JSON is stored sealed. */
  readonly secret: boolean;
  /** Variables were put into it. */
  readonly substituted?: boolean;
}

/** What a render needs of somebody who can decrypt. One value is for one render. */
export interface Decryption {
  /** The tree as the build is to see it, and the files of it whose resources are to be marked. Throws `decryption-failed`. */
  sources(tree: Tree, root: string): Promise<{ readonly tree: Tree; readonly marked: ReadonlySet<string> }>;
  /** Name of the annotation that marks them. */
  readonly mark: string;
  /** What the build left encrypted, decrypted; marks are taken away. Throws `decryption-failed`. */
  objects(objects: readonly KubeObject[]): Promise<readonly OpenedObject[]>;
  /** Does work whose Faults must not show what was decrypted. */
  hide<T>(act: () => T): T;
  seal(json: Uint8Array): Uint8Array;
}

/** What Flux does from the source to the objects, with decryption: before the build of files, after it of what is left. */
export async function decryptedObjects(
  tree: Tree,
  spec: BuildSpec & Pick<KustomizationSpec, 'postBuild'>,
  options: Pick<FluxBuildOptions, 'limits' | 'find'> & { readonly decryption: Decryption },
): Promise<readonly OpenedObject[]> {
  const { decryption, ...how } = options;
  const { whole } = withGenerated(tree, spec, how);
  const { tree: open, marked } = await decryption.sources(whole, spec.path);
  const mark = { paths: marked, annotation: decryption.mark };
  const built = decryption.hide(() => toObjects(buildGenerated(open, spec.path, { ...how, mark })));
  const objects = await decryption.objects(built);
  const { postBuild } = spec;
  if (postBuild === undefined) return objects;
  const plain = objects.map(({ object }) => object);
  const substituted = decryption.hide(() => substituteAll(plain, postBuild, how));
  return objects.map((one, i) => ({ ...one, ...changed(one.object, substituted[i]) }));
}

/** The same without decryption. */
export function plainObjects(
  tree: Tree,
  spec: BuildSpec & Pick<KustomizationSpec, 'postBuild'>,
  options: FluxBuildOptions,
): readonly OpenedObject[] {
  const objects = toObjects(buildPath(tree, spec, options).result);
  const { postBuild } = spec;
  if (postBuild === undefined) return objects.map((object) => ({ object, secret: false }));
  const substituted = substituteAll(objects, postBuild, options);
  return objects.map((object, i) => ({ secret: false, ...changed(object, substituted[i]) }));
}

function changed(before: KubeObject, after = before): Pick<OpenedObject, 'object' | 'substituted'> {
  return { object: after, substituted: before !== after && toJson(before) !== toJson(after) };
}
