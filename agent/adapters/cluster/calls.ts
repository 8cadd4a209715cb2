import {
  apiVersionOf,
  Fault,
  type Gvk,
  type Json,
  type JsonObject,
  type KubeObject,
  objectId,
  textAt,
  toJson,
  type VersionedRef,
} from '../../../src/model/index.ts';
import type { ApiResource, ApplyAnswer, ApplyOptions, Cluster, ClusterIdentity } from '../../../src/ports/index.ts';
import type { Discovery } from './discovery.ts';
import { type Answer, type ClusterRequest, pause } from './exchange.ts';
import { type Asked, answerFault, bodyObject, statusOf } from './faults.ts';
import { askedFor, METADATA, objectOf } from './list.ts';
import { objectPath, ownerPath, withQuery } from './paths.ts';
import type { Transport } from './transport.ts';

/** Kinds that are not in the cached surface are looked for again at most so often: one round serves many calls. */
const LOOK_AGAIN_MS = 250;

interface CallOptions {
  readonly verb: ClusterRequest['verb'];
  readonly method: ClusterRequest['method'];
  readonly subresource?: string | undefined;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  readonly yields?: boolean | undefined;
}

/** Requests about one object. */
export interface Call {
  /** One request about one object; every status is an answer. */
  answer(ref: VersionedRef, options: CallOptions): Promise<{ answer: Answer; asked: Asked }>;
  /** The same, where only 200 and 201 with an object will do. */
  object(ref: VersionedRef, options: CallOptions): Promise<KubeObject>;
}

/** Requests on a transport, with kinds as discovery has them. */
export function createCall(
  transport: Transport,
  resourceOf: (gvk: Gvk, signal?: AbortSignal) => Promise<ApiResource>,
): Call {
  const answerOf: Call['answer'] = async (ref, options) => {
    const resource = await resourceOf(ref, options.signal);
    const path =
      options.method === 'POST' ? ownerPath(resource, ref.namespace) : objectPath(resource, ref, options.subresource);
    const asked = { ...askedFor(options.verb, resource, ref.namespace, ref.name), subresource: options.subresource };
    const { query = {}, verb, method, accept, contentType, body, signal, yields } = options;
    const answer = await transport.send({
      verb,
      method,
      path: withQuery(path, query),
      ...(accept === undefined ? {} : { accept }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(body === undefined ? {} : { body }),
      signal,
      yields,
    });
    return { answer, asked };
  };
  return {
    answer: answerOf,
    object: async (ref, options) => {
      const { answer, asked } = await answerOf(ref, options);
      if (answer.status !== 200 && answer.status !== 201) throw answerFault(answer, asked);
      return objectOf(bodyObject(answer, objectId(ref)), ref);
    },
  };
}

/** How a kind is served; Fault `kind-unknown` when it is not, `cluster-api-down` where nobody says. */
export async function findResource(discovery: Discovery, gvk: Gvk, signal?: AbortSignal): Promise<ApiResource> {
  const began = performance.now();
  const isOld = (): boolean => discovery.provenAge() >= performance.now() - began;
  const cached = (await discovery.surface({ signal })).find(gvk);
  if (cached !== undefined) return cached;
  // What was answered before this call may have missed a definition that was just made.
  const wait = LOOK_AGAIN_MS - discovery.provenAge();
  if (isOld() && wait > 0) await pause(wait, signal);
  const surface = await (isOld() ? discovery.proven(signal) : discovery.surface({ signal }));
  const found = surface.find(gvk);
  if (found !== undefined) return found;
  if (surface.isDown(gvk)) {
    const said = `what serves ${apiVersionOf(gvk)} does not answer: look at APIService ${gvk.version}.${gvk.group}`;
    throw new Fault('cluster-api-down', said, { refusal: { asked: 'kind', reason: '', said } });
  }
  const said = `no matches for kind ${JSON.stringify(gvk.kind)} in version ${JSON.stringify(apiVersionOf(gvk))}: is its CRD installed?`;
  throw new Fault('kind-unknown', said, { refusal: { asked: 'kind', reason: '', said } });
}

async function getPath(transport: Transport, path: string, signal?: AbortSignal): Promise<JsonObject> {
  const answer = await transport.send({ verb: 'get', method: 'GET', path, accept: METADATA, signal });
  const [plural = '', name = ''] = path.split('/').slice(-2);
  if (answer.status !== 200)
    throw answerFault(answer, { verb: 'get', group: '', kind: '', plural, namespace: '', name });
  return bodyObject(answer, path);
}

const KUBE_SYSTEM = '/api/v1/namespaces/kube-system';

/** Two requests at the same time. */
export async function identity(transport: Transport, signal?: AbortSignal): Promise<ClusterIdentity> {
  const [version, namespace] = await Promise.all([
    getPath(transport, '/version', signal),
    getPath(transport, KUBE_SYSTEM, signal).catch((error: unknown) => {
      if (!(error instanceof Fault) || error.code !== 'apply-refused') throw error;
      throw new Fault('cluster-unreachable', 'the cluster is just being born: it has no Namespace kube-system yet');
    }),
  ]);
  const uid = textAt(namespace, 'metadata', 'uid');
  if (uid === undefined) throw new Fault('cluster-protocol', 'the Namespace kube-system has no uid');
  return { uid, version: textAt(version, 'gitVersion') ?? '' };
}

/** For watches, which go on without it: '' where it may not be read. */
export async function kubeSystemUid(transport: Transport): Promise<string> {
  try {
    return textAt(await getPath(transport, KUBE_SYSTEM), 'metadata', 'uid') ?? '';
  } catch (error) {
    // A new datastore has no kube-system for a moment: that is another life as well.
    if (error instanceof Fault && (error.code === 'cluster-denied' || error.code === 'apply-refused')) return '';
    throw error;
  }
}

/** Server-side apply; 201 tells a creation. */
export async function apply(
  call: Call,
  ref: VersionedRef,
  json: Uint8Array,
  options: ApplyOptions,
): Promise<ApplyAnswer> {
  const { answer, asked } = await call.answer(ref, {
    verb: options.dryRun ? 'apply-dry-run' : 'apply',
    method: 'PATCH',
    query: {
      fieldManager: options.manager,
      force: options.force ? 'true' : undefined,
      // An apply refuses unknown fields anyhow; the default only makes the server parse the object a second time.
      fieldValidation: 'Ignore',
      ...dryRun(options.dryRun),
    },
    contentType: 'application/apply-patch+yaml',
    ...(options.answer === 'metadata' ? { accept: METADATA } : {}),
    body: json,
    signal: options.signal,
  });
  if (answer.status !== 200 && answer.status !== 201) throw answerFault(answer, asked);
  return { created: answer.status === 201, object: objectOf(bodyObject(answer, objectId(ref)), ref) };
}

/** Undefined for 404 of the object. */
export async function read(
  call: Call,
  ref: VersionedRef,
  options: { readonly metadataOnly?: boolean; readonly signal?: AbortSignal },
): Promise<KubeObject | undefined> {
  const { answer, asked } = await call.answer(ref, {
    verb: 'get',
    method: 'GET',
    ...(options.metadataOnly === true ? { accept: METADATA } : {}),
    signal: options.signal,
  });
  if (answer.status === 404 && isObjectMissing(answer)) return undefined;
  if (answer.status !== 200) throw answerFault(answer, asked);
  return objectOf(bodyObject(answer, objectId(ref)), ref);
}

/** False when the object, or the one with this uid, is gone already. */
export async function remove(
  call: Call,
  ref: VersionedRef,
  options: Parameters<Cluster['remove']>[1],
): Promise<boolean> {
  const { answer, asked } = await call.answer(ref, {
    verb: 'delete',
    method: 'DELETE',
    accept: METADATA,
    body: encode({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: options.propagation,
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
      ...(options.dryRun === true ? { dryRun: ['All'] } : {}),
    }),
    signal: options.signal,
  });
  if (answer.status >= 200 && answer.status < 300) return true;
  if (answer.status === 404 && isObjectMissing(answer)) return false;
  // Another object of that name lives now: the one that was meant is gone.
  if (answer.status === 409 && options.uid !== undefined && /\bUID\b/.test(textAt(statusOf(answer), 'message') ?? ''))
    return false;
  throw answerFault(answer, asked);
}

/** 404 about the object, not about its kind or its API. */
function isObjectMissing(answer: Answer): boolean {
  return (textAt(statusOf(answer), 'details', 'name') ?? '') !== '';
}

/** The query of a dry run. */
export function dryRun(wanted: boolean | undefined): { readonly dryRun: string | undefined } {
  return { dryRun: wanted === true ? 'All' : undefined };
}

/** JSON bytes, big integers digit by digit. */
export function encode(value: Json): Uint8Array {
  return Buffer.from(toJson(value), 'utf8');
}
