import { isOlder, type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
import type { ApiResource } from '../../../src/ports/index.ts';
import { answerFault, bodyObject } from './faults.ts';
import { askedFor, METADATA_LIST, objectOf } from './list.ts';
import { collectionPath, withQuery } from './paths.ts';
import type { Transport } from './transport.ts';

/** The newest change that a watch has told of: an object as it was then. */
export interface Newest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly version: string;
  readonly generation: number;
  readonly gone: boolean;
}

export function newestOf({ metadata }: KubeObject, gone: boolean): Newest {
  const generation = metadata['generation'];
  return {
    namespace: textAt(metadata, 'namespace') ?? '',
    name: metadata.name,
    uid: textAt(metadata, 'uid') ?? '',
    version: textAt(metadata, 'resourceVersion') ?? '',
    generation: typeof generation === 'number' ? generation : 0,
    gone,
  };
}

/** What a watch knows. */
export interface Known {
  /** Version that it would go on from. */
  readonly version: string;
  readonly newest: Newest | undefined;
  /** Where it watches; '' for everywhere. */
  readonly namespace: string;
}

/**
 * True when the datastore was put back to an earlier state, as from a backup: its versions are below those that are known
 * then, or what changed last has another past. A watch from the version that is known would be silent about all that is
 * otherwise, for ever. One request, and another one where what changed last has changed again; where even the past of that
 * cannot be asked for any more (410), an object that is gone counts as put back.
 */
export async function wasPutBack(transport: Transport, resource: ApiResource, known: Known): Promise<boolean> {
  const { version, newest } = known;
  const now = await look(transport, resource, known, {});
  if (now === undefined) return true;
  if (isOlder(version, now.version)) return true;
  if (newest === undefined) return false;
  const { object } = now;
  if (object !== undefined && isOlder(newest.version, object.version)) return true;
  if (object !== undefined && object.generation < newest.generation) return true;
  if (object?.version === newest.version || (object === undefined && newest.gone)) return false;
  // As it was at the version that is known: there it has that very version, or is gone.
  const then = { resourceVersion: newest.version, resourceVersionMatch: 'Exact' };
  const past = await look(transport, resource, known, then);
  if (past === undefined) return object === undefined;
  return newest.gone ? past.object !== undefined : past.object?.version !== newest.version;
}

interface Seen {
  /** Of the datastore. */
  readonly version: string;
  /** The object that changed last, the same one by its uid. */
  readonly object: Newest | undefined;
}

/** Undefined for a time that the server has no record of any more. */
async function look(
  transport: Transport,
  resource: ApiResource,
  { newest, namespace }: Known,
  at: Readonly<Record<string, string>>,
): Promise<Seen | undefined> {
  const name = newest === undefined ? {} : { fieldSelector: `metadata.name=${newest.name}` };
  const path = withQuery(collectionPath(resource, newest?.namespace ?? namespace), { limit: '1', ...name, ...at });
  const answer = await transport.send({ verb: 'list', method: 'GET', path, accept: METADATA_LIST });
  if (answer.status === 410) return undefined;
  if (answer.status !== 200) throw answerFault(answer, askedFor('list', resource, namespace));
  const body = bodyObject(answer, `list of ${resource.plural}`);
  const found = listAt(body, 'items').find((item) => (textAt(item, 'metadata', 'uid') ?? '') === newest?.uid);
  return {
    version: textAt(body, 'metadata', 'resourceVersion') ?? '',
    object: found === undefined ? undefined : newestOf(objectOf(found, resource.gvk), false),
  };
}
