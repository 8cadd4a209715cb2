import { isGround, type LiveView, type ObjectId, parseObjectId, type RenderedObject } from '../model/index.ts';

/** What an object lives in, or is defined by, where that is being deleted: nothing can be made there until it is gone. */
export function goingGround({ needs }: RenderedObject, { seen }: LiveView): ObjectId | undefined {
  return needs.find((need) => {
    if (seen.get(need)?.deleting !== true) return false;
    const ref = parseObjectId(need);
    return ref !== undefined && isGround(ref);
  });
}
