import type { BucketApi, Listed } from './api.ts';
import { readObject } from './body.ts';
import type { BucketSession } from './session.ts';
import type { ObjectShelf, ShelvedContent } from './shelf.ts';

/**
 * Downloads objects, some at once, each in the version that was listed; `each` is told of every one that is here. False
 * when one is not there any more in that version: then the listing is old. What arrived stays on the shelf, also when it
 * throws.
 */
export async function downloadAll(
  session: BucketSession,
  api: BucketApi,
  objects: readonly Listed[],
  to: { readonly shelf: ObjectShelf; readonly each: (object: Listed, content: ShelvedContent) => void },
): Promise<boolean> {
  const { bucketDownloads, bucketHeldBytes } = session.limits;
  const room = createRoom(bucketHeldBytes);
  const queue = objects.values();
  const state: { failed: { readonly error: unknown } | undefined; moved: boolean } = {
    failed: undefined,
    moved: false,
  };
  const worker = async (): Promise<void> => {
    for (const object of queue) {
      if (state.failed !== undefined || state.moved) return;
      const seat = await room.enter(object.size);
      try {
        const content = await download(session, api, object, { shelf: to.shelf, seat });
        if (content === undefined) state.moved = true;
        else to.each(object, content);
      } catch (error) {
        state.failed ??= { error };
      } finally {
        seat.leave();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, bucketDownloads) }, worker));
  if (state.failed !== undefined) throw state.failed.error;
  return !state.moved;
}

/** Undefined when another version of the object is there now, or none. */
async function download(
  session: BucketSession,
  api: BucketApi,
  object: Listed,
  { shelf, seat }: { readonly shelf: ObjectShelf; readonly seat: Seat },
): Promise<ShelvedContent | undefined> {
  session.options.signal?.throwIfAborted();
  const got = await api.open(object.key, { match: object.etag });
  if (got.kind !== 'found') return undefined;
  try {
    // Servers without If-Match send what they have.
    if (got.etag !== object.etag) return undefined;
    const bytes = await readObject(got.answer, object, seat.grow);
    return { digest: await shelf.add(object, bytes), bytes: bytes.length };
  } finally {
    got.answer.close();
  }
}

interface Room {
  /** Waits for room for so many bytes; one that needs more than all gets all. */
  enter(bytes: number): Promise<Seat>;
}

interface Seat {
  /** Takes more than was foreseen, at once: others wait until there is room again. */
  grow(bytes: number): void;
  leave(): void;
}

function createRoom(size: number): Room {
  let used = 0;
  const waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  const fits = (bytes: number): boolean => used === 0 || used + bytes <= size;
  return {
    async enter(bytes) {
      if (waiting.length > 0 || !fits(bytes)) await new Promise<void>((go) => waiting.push({ bytes, go }));
      else used += bytes;
      let mine = bytes;
      return {
        grow(more) {
          mine += more;
          used += more;
        },
        leave() {
          used -= mine;
          for (let next = waiting[0]; next !== undefined && fits(next.bytes); next = waiting[0]) {
            waiting.shift();
            used += next.bytes;
            next.go();
          }
        },
      };
    },
  };
}
