import { type FaultCode, isGround, type ObjectId, parseObjectId } from '../model/index.ts';
import type { ApplyPorts } from './ports.ts';

/** Refusals that may come of it that what an object lives in, or is defined by, is on its way out. */
const MAYBE: ReadonlySet<FaultCode> = new Set(['apply-refused', 'apply-conflict', 'kind-unknown']);

/**
 * Looks why something that was there before cannot be made again: the Namespace or definition, of those that it needs, that
 * is being deleted or gone, which a watch is about to tell. Each is looked at once (`known`). Undefined where all are there.
 */
export async function goneGround(
  refusal: FaultCode,
  needs: readonly ObjectId[],
  {
    cluster,
    known,
    signal,
  }: Pick<ApplyPorts, 'cluster'> & {
    readonly known: Map<ObjectId, Promise<boolean>>;
    readonly signal: AbortSignal;
  },
): Promise<ObjectId | undefined> {
  if (!MAYBE.has(refusal)) return undefined;
  const look = async (id: ObjectId): Promise<boolean> => {
    const ref = parseObjectId(id);
    if (ref === undefined || !isGround(ref)) return false;
    try {
      const live = await cluster.read({ ...ref, version: 'v1' }, { metadataOnly: true, signal });
      return live === undefined || live.metadata['deletionTimestamp'] !== undefined;
    } catch {
      return false;
    }
  };
  for (const id of needs) {
    const answer = known.get(id) ?? look(id);
    known.set(id, answer);
    if (await answer) return id;
  }
  return undefined;
}
