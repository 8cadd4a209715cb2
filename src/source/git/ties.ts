import { Fault } from '../../model/index.ts';
import { type ObjectType, parseCommit, parseTag } from './objects.ts';
import type { ObjectShelf } from './pack.ts';
import type { Choice } from './pick.ts';
import type { GitSession } from './request.ts';
import { fetchPack } from './upload-pack.ts';

/**
 * Of versions that differ in build metadata only, the one whose commit is the newest by its committer's clock, as Flux
 * decides. The commits are fetched without their trees; where the server cannot do that, the first stays.
 */
export async function newest(session: GitSession, choices: readonly Choice[]): Promise<Choice> {
  const [first] = choices;
  if (first === undefined) throw new Fault('internal', 'no choice');
  const objects = new Map<string, { readonly type: ObjectType; readonly bytes: Uint8Array }>();
  const shelf: ObjectShelf = {
    add: (type, oid, bytes) => void objects.set(oid, { type, bytes }),
    get: (oid) => objects.get(oid),
    rest: () => Promise.resolve(),
  };
  try {
    await fetchPack(session, { wants: [...new Set(choices.map((choice) => choice.want))], filter: 'tree:0' }, shelf);
  } catch (error) {
    if (error instanceof Fault && (error.code === 'wire-protocol' || error.code === 'wire-server')) return first;
    throw error;
  }
  const timeOf = (want: string): number => {
    let oid = want;
    for (let tags = 0; tags < 8; tags++) {
      const found = objects.get(oid);
      if (found?.type !== 'tag') return found?.type === 'commit' ? parseCommit(found.bytes, oid).time : 0;
      oid = parseTag(found.bytes, oid).object;
    }
    return 0;
  };
  return choices.reduce((best, next) => (timeOf(next.want) > timeOf(best.want) ? next : best), first);
}
