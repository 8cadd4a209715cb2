import {
  asFault,
  type Gvk,
  groupKind,
  type KubeObject,
  type ObjectId,
  objectId,
  type SeenObject,
  type VersionedRef,
} from '../model/index.ts';
import { type Survey, type Surveyed, type SurveyPorts, survey } from './survey.ts';

/** Surveys that follow each other within so many milliseconds share their lists. */
const TOGETHER_MS = 3_000;
/** A shared list is so old at most: a first sync of many goes on for longer, and each list costs the more the more is there. */
const LIST_MS = 30_000;
/** A kind of which there are more objects is not listed whole on behalf of a few. */
const MOST = 5_000;

/** Surveys of many Kustomizations, one after another. */
export interface SharedSurvey {
  survey(refs: Surveyed, signal: AbortSignal): Promise<Survey>;
  /** A watch shows this `group/kind` now. */
  forget(kind: string): void;
}

interface Listing {
  readonly at: number;
  /** Undefined when there is no list to be had. */
  readonly found: Promise<ReadonlyMap<ObjectId, SeenObject> | undefined>;
}

/** Objects of a kind in more namespaces than this are looked for by one list of the whole cluster. */
const FEW_NAMESPACES = 4;

/** What is remembered of one kind. */
interface Kind {
  /** By namespace; '' for the whole cluster. */
  readonly lists: Map<string, Listing>;
}

/**
 * The first survey of a while asks for what it needs. When others follow at once, as at the first sync of hundreds of
 * Kustomizations, each kind is listed once for all of them: where their objects are, or in the whole cluster where these
 * are many places. What this agent applies meanwhile is known without a list.
 */
export function sharedSurvey(ports: SurveyPorts & { readonly now: () => number }): SharedSurvey {
  const kinds = new Map<string, Kind>();
  let last = Number.NEGATIVE_INFINITY;
  const listing = ({ lists }: Kind, gvk: Gvk, namespace: string, signal: AbortSignal): Listing['found'] => {
    const now = ports.now();
    const known = lists.get(namespace);
    if (known !== undefined && now - known.at < LIST_MS) return known.found;
    const found = listScope(gvk, namespace, ports, signal);
    lists.set(namespace, { at: now, found });
    return found;
  };
  /** The list that says whether an object exists; undefined when there is none to be had. */
  const covering = async (ref: VersionedRef, signal: AbortSignal): Promise<Awaited<Listing['found']>> => {
    const kind = kinds.get(groupKind(ref)) ?? { lists: new Map<string, Listing>() };
    kinds.set(groupKind(ref), kind);
    const { namespace } = ref;
    const wide = kind.lists.size >= FEW_NAMESPACES && !kind.lists.has(namespace);
    if (wide || namespace === '') {
      const whole = await listing(kind, ref, '', signal);
      if (whole !== undefined || namespace === '') return whole;
    }
    return listing(kind, ref, namespace, signal);
  };
  return {
    forget: (kind) => void kinds.delete(kind),
    survey: async (refs, signal) => {
      const together = ports.now() - last < TOGETHER_MS;
      last = ports.now();
      if (!together) return survey(refs, ports, signal);
      // All lists at once.
      for (const { ref } of refs) void covering(ref, signal);
      const found = new Map<ObjectId, SeenObject>();
      const alone: Surveyed[number][] = [];
      for (const item of refs) {
        const all = await covering(item.ref, signal);
        const one = all?.get(item.id);
        if (all === undefined) alone.push(item);
        else if (one !== undefined) found.set(item.id, one);
      }
      if (alone.length === 0) return { found, unknown: new Set() };
      const rest = await survey(alone, ports, signal);
      return { found: new Map([...found, ...rest.found]), unknown: rest.unknown };
    },
  };
}

async function listScope(
  gvk: Gvk,
  namespace: string,
  ports: SurveyPorts,
  signal: AbortSignal,
): Promise<Map<ObjectId, SeenObject> | undefined> {
  const found = new Map<ObjectId, SeenObject>();
  const { group, version, kind } = gvk;
  const scope = { metadataOnly: true, signal, ...(namespace === '' ? {} : { namespace }) };
  try {
    await ports.cluster.list({ group, version, kind }, scope, (object: KubeObject) => {
      const own = object.metadata['namespace'];
      const place = typeof own === 'string' ? own : '';
      found.set(objectId({ group, kind, namespace: place, name: object.metadata.name }), ports.seenOf(object.metadata));
      if (found.size > MOST) throw new RangeError(`more than ${MOST} objects`);
    });
    return found;
  } catch (error) {
    // What is not served does not exist; after anything else each asks for itself, and tells what is wrong.
    return asFault(error).code === 'kind-unknown' ? found : undefined;
  }
}
