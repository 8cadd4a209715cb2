import type { DataObject, Kustomization } from '../flux/index.ts';
import { Fault, isObject, type KubeObject, type Limits, type Tree } from '../model/index.ts';
import type { Decryption, OpenedObject } from '../render/built/index.ts';
import { withFiles } from '../render/flux-build/index.ts';
import { decryptFile, type FileTools } from './file.ts';
import { hasMark, mayBeEncrypted } from './formats.ts';
import { type KeyRing, keyRing } from './keys/index.ts';
import { decryptManifest } from './manifest.ts';
import { counted, openObject } from './objects.ts';
import { keySource, sealer } from './seal/index.ts';
import { type Inputs, inputsOf } from './sources.ts';
import { createUnlocker } from './unlock.ts';

export { decryptFile } from './file.ts';
export type { Format } from './formats.ts';
export { keyRing } from './keys/index.ts';
export { decryptManifest } from './manifest.ts';
export { createUnlocker } from './unlock.ts';

/** Marks the resources of decrypted files during a build. */
const MARK = 'internal.holdfast.dev/decrypted';

/** What one render has come to know. */
interface State {
  readonly tools: FileTools;
  readonly count: (where: string) => void;
  /** Something was decrypted. */
  opened: boolean;
  /** Decrypted values may be in any object. */
  anywhere: boolean;
  /** Decrypted values may be in generated ConfigMaps. */
  configMaps: boolean;
}

/**
 * Decryption for one render of a Kustomization that asks for it (`spec.decryption`), with the keys among `data`. Throws
 * `decryption-failed` when they are not there, or are none.
 */
export function decryptionFor(
  kustomization: Kustomization,
  data: readonly DataObject[],
  limits: Limits,
): Decryption | undefined {
  if (kustomization.spec.decryption === undefined) return undefined;
  const source = keySource(kustomization, data);
  const ring: KeyRing = keyRing(source);
  const { meta } = kustomization;
  const { heard, hide } = secrets();
  const state: State = {
    tools: { unlocker: createUnlocker(ring), limits, heard },
    count: counted(limits.encryptedFiles),
    opened: false,
    anywhere: false,
    configMaps: false,
  };
  return {
    mark: MARK,
    hide,
    seal: sealer(source, `${meta.namespace}/${meta.name}`).seal,
    sources: (tree, root) => openSources(state, tree, inputsOf(tree, root, limits)),
    objects: (objects) => openObjects(state, objects),
  };
}

/** Files are decrypted one after another, so that only one of them is in memory twice. */
async function openSources(
  state: State,
  tree: Tree,
  inputs: Inputs,
): Promise<{ readonly tree: Tree; readonly marked: ReadonlySet<string> }> {
  const { tools } = state;
  const plain = new Map<string, Uint8Array>();
  const marked = new Set<string>();
  for (const [path, format] of inputs.files) {
    const bytes = tree.read(path);
    if (bytes === undefined || !hasMark(bytes, format)) continue;
    state.count(path);
    plain.set(path, await decryptFile(bytes, { input: format, output: format, where: sourceName(path) }, tools));
    if (inputs.patches.has(path)) state.anywhere = true;
    if (inputs.configMaps.has(path)) state.configMaps = true;
  }
  for (const path of inputs.manifests) {
    const bytes = plain.has(path) ? undefined : tree.read(path);
    if (bytes === undefined || !mayBeEncrypted(bytes)) continue;
    state.count(path);
    const text = await decryptManifest(Buffer.from(bytes).toString('utf8'), `decryption failed for ${path}`, tools);
    if (text === undefined) continue;
    plain.set(path, Buffer.from(text));
    marked.add(path);
  }
  state.opened = plain.size > 0;
  if (inputs.copies && state.opened) state.anywhere = true;
  return { tree: withFiles(tree, plain), marked };
}

const sourceName = (path: string): string => `error decrypting sources: ${path}`;

async function openObjects(state: State, objects: readonly KubeObject[]): Promise<readonly OpenedObject[]> {
  const opened: OpenedObject[] = [];
  for (const built of objects) {
    const { object, marked } = unmarked(built);
    const { object: plain, decrypted } = await openObject(object, state.tools);
    if (decrypted) {
      state.count(plain.metadata.name);
      state.opened = true;
    }
    opened.push({ object: plain, secret: marked || decrypted });
  }
  if (!state.opened) return opened;
  return opened.map(({ object, secret }) => ({ object, secret: secret || mayHold(state, object) }));
}

/** A generated Secret holds what its files held; where values are copied, any object may. */
function mayHold(state: State, { apiVersion, kind }: KubeObject): boolean {
  if (state.anywhere) return true;
  return apiVersion === 'v1' && (kind === 'Secret' || (kind === 'ConfigMap' && state.configMaps));
}

function unmarked(object: KubeObject): { readonly object: KubeObject; readonly marked: boolean } {
  const annotations = object.metadata['annotations'];
  if (!isObject(annotations) || !Object.hasOwn(annotations, MARK)) return { object, marked: false };
  const { [MARK]: _mark, ...rest } = annotations;
  const { annotations: _all, ...bare } = object.metadata;
  const metadata = Object.keys(rest).length === 0 ? bare : { ...bare, annotations: rest };
  return { object: { ...object, metadata: metadata as KubeObject['metadata'] }, marked: true };
}

/** Shorter texts are in every message. */
const LEAST_SECRET = 4;

/** Remembers what was decrypted in order to keep it out of messages. */
function secrets(): { readonly heard: (secret: string) => void; readonly hide: Decryption['hide'] } {
  const known = new Set<string>();
  const heard = (secret: string): void => {
    for (const part of [secret, ...secret.split('\n'), Buffer.from(secret).toString('base64')])
      if (part.trim().length >= LEAST_SECRET) known.add(part.trim());
  };
  const shows = (message: string): boolean => {
    const plain = message.replaceAll('\\n', '\n').replaceAll('\\"', '"');
    return [...known].some((secret) => message.includes(secret) || plain.includes(secret));
  };
  const hide: Decryption['hide'] = (act) => {
    try {
      return act();
    } catch (error) {
      if (error instanceof Fault && !shows(error.message)) throw error;
      if (error instanceof Fault)
        throw new Fault(
          error.code,
          `the build fails once files are decrypted; what it says shows decrypted values, so it is left out here: build with the files decrypted by sops to see it`,
        );
      throw error;
    }
  };
  return { heard, hide };
}
