import {
  apiVersionOf,
  at,
  Fault,
  type Gvk,
  isObject,
  type Json,
  type KubeObject,
  listAt,
  textAt,
} from '../../../src/model/index.ts';
import type { ApiResource } from '../../../src/ports/index.ts';
import { type Asked, answerFault, bodyObject } from './faults.ts';
import { collectionPath, withQuery } from './paths.ts';
import type { Transport } from './transport.ts';

export const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
export const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/** Objects a page: one is held whole, as bytes, text and objects. */
const PAGE = 100;
/** Fresh starts after an expired continue token, before everything is asked for in one page. */
const RESTARTS = 2;

export interface ListOptions {
  readonly namespace: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called before the first page, and again when the list has to begin anew. */
  readonly begin: () => void;
  readonly each: (object: KubeObject) => void;
}

/**
 * Lists a kind in pages, the state being that of one moment; resolves with its resourceVersion. A page too large for
 * `limits.responseBytes` is asked for again in smaller ones.
 */
export async function listKind(transport: Transport, resource: ApiResource, options: ListOptions): Promise<string> {
  let page = PAGE;
  for (let restarts = 0; ; ) {
    try {
      return await listOnce(transport, resource, options, restarts >= RESTARTS ? 0 : page);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (isExpired(error) && restarts < RESTARTS) restarts += 1;
      else if (error.code === 'cluster-protocol' && error.cause instanceof RangeError && page > 1)
        page = Math.max(1, Math.floor(page / 5));
      else throw error;
    }
  }
}

async function listOnce(
  transport: Transport,
  resource: ApiResource,
  options: ListOptions,
  limit: number,
): Promise<string> {
  const path = collectionPath(resource, options.namespace);
  const asked = askedFor('list', resource, options.namespace);
  options.begin();
  for (let token: string | undefined; ; ) {
    const answer = await transport.send({
      verb: 'list',
      method: 'GET',
      path: withQuery(path, {
        limit: limit === 0 ? undefined : String(limit),
        continue: token,
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      }),
      ...(options.metadataOnly ? { accept: METADATA_LIST } : {}),
      signal: options.signal,
    });
    if (answer.status !== 200) throw answerFault(answer, asked);
    const body = bodyObject(answer, `list of ${resource.plural}`);
    const items = body['items'];
    if (items !== undefined && items !== null && !Array.isArray(items))
      throw new Fault('cluster-protocol', `list of ${resource.plural}: the answer is not a list`);
    for (const item of listAt(body, 'items')) options.each(objectOf(item, resource.gvk));
    token = textAt(body, 'metadata', 'continue');
    if (token === undefined || token === '') return textAt(body, 'metadata', 'resourceVersion') ?? '';
  }
}

/** True for 410: what was asked for is too old. */
export function isExpired(fault: Fault): boolean {
  return at(fault.cause as Json | undefined, 'code') === 410;
}

export function askedFor(verb: Asked['verb'], resource: ApiResource, namespace = '', name = ''): Asked {
  return { verb, group: resource.gvk.group, kind: resource.gvk.kind, plural: resource.plural, namespace, name };
}

/** An item of a list or an event as an object of its kind: items of lists name no kind, and metadata names its own. */
export function objectOf(item: Json | undefined, gvk: Gvk): KubeObject {
  const metadata = at(item, 'metadata');
  const name = textAt(metadata, 'name');
  if (!isObject(item) || !isObject(metadata) || name === undefined || name === '')
    throw new Fault('cluster-protocol', `${gvk.kind}: an object without metadata.name`);
  return { ...item, apiVersion: apiVersionOf(gvk), kind: gvk.kind, metadata: { ...metadata, name } };
}
