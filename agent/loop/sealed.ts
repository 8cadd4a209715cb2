import { type ApplyPorts, probeName } from '../../src/apply/index.ts';
import { type DataObject, type Kustomization, sealingKey, substitutesSecrets } from '../../src/flux/index.ts';
import {
  asFault,
  Fault,
  fromJson,
  isObject,
  type Json,
  type KubeObject,
  type ObjectId,
  objectId,
  type VersionedRef,
} from '../../src/model/index.ts';
import type { Cluster } from '../../src/ports/index.ts';
import { agentSource, closed, isSealed, keySource, type Sealer, sealer } from '../../src/sops/seal/index.ts';

/** Where rendered JSON is, and who may open what of it is sealed. */
export interface SealedPorts {
  readonly kustomization: Kustomization;
  /** Secrets and ConfigMaps that the Kustomization names, as they are now. */
  readonly data: () => Promise<readonly DataObject[]>;
  /** The agent's own key, where `data` is without it. */
  readonly own?: () => Promise<DataObject> | undefined;
  readonly stored: ApplyPorts['body'];
  readonly cluster: Cluster;
}

/**
 * The JSON of rendered objects, opened where it is sealed, with the keys as they are now; and a cluster whose refusals of
 * such objects do not repeat their values. Keys are asked for when the first sealed object is needed.
 */
export function openedBodies(ports: SealedPorts): Pick<ApplyPorts, 'body' | 'cluster'> {
  const secret = new Map<ObjectId, readonly string[]>();
  let openers: Promise<OpenerOf> | undefined;
  const open = async (sealed: Uint8Array): Promise<Uint8Array> => {
    openers ??= openersOf(ports);
    const opener = await (await openers)(sealed);
    const json = opener.open(sealed);
    const [ref, values] = valuesOf(json);
    secret.set(objectId(ref), values);
    // What replaces an object is proven as its twin first.
    secret.set(objectId({ ...ref, name: probeName(ref.name) }), values);
    return json;
  };
  const guard = async <T>(ref: VersionedRef, answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw withoutValues(error, secret.get(objectId(ref)));
    }
  };
  const { cluster } = ports;
  return {
    body: (digest) => {
      const stored = ports.stored(digest);
      return stored instanceof Uint8Array && isSealed(stored) ? open(stored) : stored;
    },
    cluster: {
      ...cluster,
      apply: (ref, ...rest) => guard(ref, cluster.apply(ref, ...rest)),
      patch: (ref, ...rest) => guard(ref, cluster.patch(ref, ...rest)),
      replace: (ref, ...rest) => guard(ref, cluster.replace(ref, ...rest)),
      create: (ref, ...rest) => guard(ref, cluster.create(ref, ...rest)),
    },
  };
}

/** Who opens what is sealed; where nobody does, whose message tells what is wrong. Throws `decryption-closed`. */
type OpenerOf = (sealed: Uint8Array) => Promise<Sealer>;

/**
 * The keys for decryption, then the agent's own: also where the spec names no Secret for variables any more, since what is
 * applied may be older than the spec.
 */
async function openersOf({ kustomization, data, own }: SealedPorts): Promise<OpenerOf> {
  const owner = `${kustomization.meta.namespace}/${kustomization.meta.name}`;
  const found = await data();
  const sealing = sealingKey(kustomization, found);
  const named = namedOf(kustomization, found, owner);
  let agents = sealing && Promise.resolve(sealer(agentSource(sealing), owner));
  const agentsOwn = async (): Promise<Sealer | undefined> => {
    agents ??= own?.()?.then((key) => sealer(agentSource(key), owner));
    // A key that nobody asked for is not missed.
    return substitutesSecrets(kustomization) ? agents : agents?.catch(() => undefined);
  };
  return async (sealed) => {
    if (!(named instanceof Fault) && named.fits(sealed)) return named;
    const other = await agentsOwn();
    const alone = kustomization.spec.decryption === undefined || named instanceof Fault;
    if (other !== undefined && (other.fits(sealed) || (alone && substitutesSecrets(kustomization)))) return other;
    if (named instanceof Fault) throw named;
    return named;
  };
}

/** That of the keys for decryption, or why there is none. */
function namedOf(kustomization: Kustomization, found: readonly DataObject[], owner: string): Sealer | Fault {
  try {
    return sealer(keySource(kustomization, found), owner);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'decryption-failed') throw error;
    return closed(error.message);
  }
}

/** Shorter texts are in every message. */
const LEAST_CHARS = 4;

/** Texts of an object that are not what it is called. */
function valuesOf(json: Uint8Array): readonly [VersionedRef, readonly string[]] {
  const object = fromJson(Buffer.from(json).toString('utf8')) as KubeObject;
  const { apiVersion, kind, metadata, type: _type, ...rest } = object;
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const { name, namespace = '' } = metadata;
  const ref = { group, version, kind, namespace: String(namespace), name };
  const found = new Set<string>();
  const visit = (value: Json): void => {
    if (typeof value === 'string') {
      for (const text of [value, Buffer.from(value, 'base64').toString('utf8')])
        for (const line of text.split('\n')) if (line.trim().length >= LEAST_CHARS) found.add(line.trim());
    } else if (Array.isArray(value)) for (const item of value as readonly Json[]) visit(item);
    else if (isObject(value)) for (const item of Object.values(value)) visit(item);
  };
  visit(rest);
  // Longer ones first: one may be part of another.
  return [ref, [...found].sort((a, b) => b.length - a.length)];
}

function withoutValues(error: unknown, values: readonly string[] | undefined): unknown {
  const fault = asFault(error);
  if (values === undefined || !values.some((value) => fault.message.includes(value))) return error;
  const hide = (message: string): string =>
    values.reduce((text, value) => text.replaceAll(value, '<redacted>'), message);
  const { code, reason, retryAfterMs, cause } = fault;
  const refusal = fault.refusal && { ...fault.refusal, said: hide(fault.refusal.said) };
  return new Fault(code, hide(fault.message), { reason, retryAfterMs, cause, refusal });
}
