import {
  applyRank,
  at,
  byCodeUnit,
  type Digest,
  Fault,
  hasNoNamespace,
  isFluxItself,
  type KubeObject,
  type Limits,
  type ObjectId,
  objectId,
  parseApiVersion,
  type RenderedObject,
  type RenderedSet,
  refText,
  sha256,
  textAt,
  toJson,
  type VersionedRef,
  withinRank,
} from '../../model/index.ts';
import { type CommonMetadata, isEncrypted, labelsOf, type Owner, settingsOf, withOwner } from './metadata.ts';
import { normalize } from './normalize.ts';
import { candidatesOf, definedKind } from './references.ts';

/** Makes of JSON what only the holder of a key can read. */
export type Seal = (json: Uint8Array) => Uint8Array;

/** An object as a build made it, with the place it came from (`file:line`, or the file alone). */
export interface BuiltObject {
  readonly object: KubeObject;
  readonly origin: string;
  /** How its JSON is stored, where that is not as it is. */
  readonly seal?: Seal | undefined;
}

/** An object of the build that is not to be applied, and why, for a person. */
export interface LeftOut {
  readonly id: ObjectId;
  readonly ref: VersionedRef;
  readonly origin: string;
  readonly reason: string;
}

export interface FinishOptions {
  readonly owner: Owner;
  readonly commonMetadata?: CommonMetadata | undefined;
  readonly limits: Pick<Limits, 'renderObjects' | 'renderBytes'>;
}

/** A finished render. */
export interface Rendered {
  readonly set: RenderedSet;
  /** Of what was built, as the history of a Kustomization has it: without commonMetadata, and wherever it was written. */
  readonly built: Digest;
  /** The JSON of each object by its digest; only of newly built objects where a previous render was reused. */
  readonly bodies: ReadonlyMap<Digest, Uint8Array>;
  readonly leftOut: readonly LeftOut[];
}

/** One finished object before it is linked with the others of its set. Plain data, fit for a cache. */
export interface FinishedPart {
  readonly object: Omit<RenderedObject, 'needs'>;
  /** Ids it hangs on if they are part of the set. */
  readonly candidates: readonly ObjectId[];
  /** `group/kind` that it defines, for a CRD; '' else. */
  readonly defines: string;
  /** Of its JSON without commonMetadata; absent where there is none. */
  readonly built?: Digest;
}

export type PartOrLeftOut = { readonly part: FinishedPart; readonly body: Uint8Array } | { readonly leftOut: LeftOut };

/** The reference of an object that has apiVersion, kind and name. */
export function refOf(object: KubeObject): VersionedRef {
  const { group, version } = parseApiVersion(object.apiVersion);
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  return { group, version, kind: object.kind, namespace, name: object.metadata.name };
}

/**
 * Prepares one object as Flux does before it applies it: normalised, owner labels, commonMetadata. Refuses a Secret
 * that is still encrypted; leaves out what Flux itself would not apply and Flux's own components.
 */
export function finishObject(given: BuiltObject, options: FinishOptions): PartOrLeftOut {
  const { origin } = given;
  const built = { ...given, object: inItsScope(given.object) };
  const ref = refOf(built.object);
  const wrong = malformed(ref);
  if (wrong !== undefined) throw new Fault('build-failed', `${origin}: ${wrong}`);
  const id = objectId(ref);
  const reason = whyLeftOut(built.object, ref);
  if (reason !== undefined) return { leftOut: { id, ref, origin, reason } };
  if (isEncrypted(built.object)) {
    throw new Fault(
      'build-failed',
      `${origin}: ${refText(ref)} is SOPS encrypted, configuring decryption is required for this secret to be reconciled`,
      { reason: 'ReconciliationFailed' },
    );
  }
  const normal = normalize(built.object);
  const { owner, commonMetadata } = options;
  const bodyOf = (one: KubeObject): Uint8Array => {
    const json = Buffer.from(toJson(one));
    return built.seal === undefined ? json : built.seal(json);
  };
  const object = withOwner(normal, owner, commonMetadata);
  const body = bodyOf(object);
  return {
    part: {
      object: { id, ref, digest: sha256(body), size: body.length, origin, settings: settingsOf(object) },
      candidates: candidatesOf(object),
      defines: definedKind(object) ?? '',
      ...(commonMetadata === undefined ? {} : { built: sha256(bodyOf(withOwner(normal, owner, undefined))) }),
    },
    body,
  };
}

/** Without a namespace where its kind has none: the same object under one id, as Flux's inventory has it. */
function inItsScope(object: KubeObject): KubeObject {
  const { group } = parseApiVersion(object.apiVersion);
  if (!hasNoNamespace(group, object.kind) || object.metadata['namespace'] === undefined) return object;
  const { namespace: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/**
 * What makes a reference unfit for inventory ids and URLs, for a person; all else is for the API server to judge. An underscore in a namespace would make the id
 * read back as another object, which pruning would then take for its own.
 */
function malformed(ref: VersionedRef): string | undefined {
  const { group, version, kind, namespace, name } = ref;
  if (!/^[A-Za-z0-9.-]{1,253}$/.test(kind)) return `${JSON.stringify(kind)} is no kind`;
  if (!/^[A-Za-z0-9.-]{0,253}$/.test(group) || !/^[A-Za-z0-9.-]{1,63}$/.test(version)) {
    return `${JSON.stringify(group === '' ? version : `${group}/${version}`)} is no apiVersion`;
  }
  if (!/^[A-Za-z0-9.-]{0,253}$/.test(namespace)) return `${JSON.stringify(namespace)} is no name of a namespace`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names with control characters are what is looked for
  const odd = name === '.' || name === '..' || name.length > 253 || /[/%\u0000-\u0020\u007f]/.test(name);
  return odd ? `${JSON.stringify(name.slice(0, 260))} is no name of an object` : undefined;
}

function whyLeftOut(object: KubeObject, ref: VersionedRef): string | undefined {
  if (ref.group === 'kustomize.config.k8s.io') return 'it is configuration of kustomize, not an object';
  const local = at(object.metadata, 'annotations', 'config.kubernetes.io/local-config');
  if (local !== undefined && local !== 'false')
    return 'its annotation config.kubernetes.io/local-config keeps it local';
  if (isFluxItself(labelsOf(object))) {
    return 'it is part of Flux itself (label app.kubernetes.io/part-of: flux): Holdfast neither installs nor prunes Flux';
  }
  return undefined;
}

/** Orders the parts of a set, checks that ids are unique and the set is in bounds, and resolves what hangs on what. */
export function linkParts(parts: readonly FinishedPart[], limits: FinishOptions['limits']): RenderedSet {
  if (parts.length > limits.renderObjects) {
    throw new Fault(
      'build-failed',
      `${parts.length} objects are more than limits.renderObjects = ${limits.renderObjects}`,
    );
  }
  const known = new Map<ObjectId, FinishedPart>();
  const definitions = new Map<string, ObjectId>();
  let bytes = 0;
  for (const part of parts) {
    const twin = known.get(part.object.id);
    if (twin !== undefined) throw duplicate(part, twin);
    known.set(part.object.id, part);
    if (part.defines !== '') definitions.set(part.defines, part.object.id);
    bytes += part.object.size;
  }
  if (bytes > limits.renderBytes) {
    throw new Fault(
      'build-failed',
      `${bytes} bytes of objects are more than limits.renderBytes = ${limits.renderBytes}`,
    );
  }
  const ranked = parts.map((part) => ({ part, rank: applyRank(part.object.ref) }));
  ranked.sort((a, b) => a.rank - b.rank || withinRank(a.part.object.ref, b.part.object.ref));
  return { objects: ranked.map(({ part }) => ({ ...part.object, needs: needsOf(part, known, definitions) })) };
}

function needsOf(
  part: FinishedPart,
  known: ReadonlyMap<ObjectId, FinishedPart>,
  definitions: ReadonlyMap<string, ObjectId>,
): ObjectId[] {
  const { id, ref } = part.object;
  const needs = part.candidates.filter((candidate) => candidate !== id && known.has(candidate));
  const definition = definitions.get(`${ref.group}/${ref.kind}`);
  return definition === undefined || definition === id ? needs : [...needs, definition];
}

function duplicate(part: FinishedPart, twin: FinishedPart): Fault {
  const [first, second] = [twin.object.origin, part.object.origin];
  return new Fault('build-failed', `${second}: ${refText(part.object.ref)} is already declared in ${first}`);
}

/** One digest of all parts, in whatever order they come. */
export function builtDigest(parts: readonly FinishedPart[]): Digest {
  const lines = parts.map(({ object, built }) => `${object.id} ${built ?? object.digest}`);
  return sha256(lines.sort(byCodeUnit).join('\n'));
}

/** Finishes a whole build: every object prepared, ordered and linked. */
export function finish(built: readonly BuiltObject[], options: FinishOptions): Rendered {
  const parts: FinishedPart[] = [];
  const leftOut: LeftOut[] = [];
  const bodies = new Map<Digest, Uint8Array>();
  for (const one of built) {
    const result = finishObject(one, options);
    if ('leftOut' in result) leftOut.push(result.leftOut);
    else {
      parts.push(result.part);
      bodies.set(result.part.object.digest, result.body);
    }
  }
  return { set: linkParts(parts, options.limits), built: builtDigest(parts), bodies, leftOut };
}
