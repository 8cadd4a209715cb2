import { Fault, sha256 } from '../../model/index.ts';
import type { ContentWriter } from '../../ports/index.ts';
import { partLog } from '../part-log.ts';
import type { GitSession } from './request.ts';

/** A writer that makes durable in between what a transfer has brought, so that a cut or a kill costs little of it. */
export interface Staging extends ContentWriter {
  /** Called before content is made durable: puts what is still held elsewhere. */
  beforeKeep: () => void;
  /** So many bytes of a content have come that `beforeKeep` will put: they are at risk as well. */
  awaits(bytes: number): void;
  /** True when it is time to `drain`. */
  due(): boolean;
  /** From now on nothing is kept in between: the transfer is over. */
  settle(): void;
  /** Makes durable what has come so far, as the part of a transfer that goes on. Nothing happens when nothing came. */
  keep(): Promise<void>;
}

/** Name of the part of a session's transfer, within the repository's scope. */
export function partName(session: GitSession): string {
  return sha256(JSON.stringify(session.request.ref)).slice(7, 23);
}

/** Opens a staging writer for a session. Where the store keeps no parts it is a plain writer. */
export async function openStaging(session: GitSession): Promise<Staging> {
  const { store } = session.ports;
  let inner = await store.writer();
  const log = partLog(session.ports, partName(session), session.kept);
  let over = store.parts === undefined;
  let waiting = { bytes: 0, contents: 0 };
  const due = (): boolean => !over && log.due(waiting);
  const keep = async (): Promise<void> => {
    self.beforeKeep();
    waiting = { bytes: 0, contents: 0 };
    if (!(await log.pin(async () => inner))) return;
    inner = await store.writer();
    if (log.total() > session.limits.treeBytes) {
      await log.drop();
      throw tooMuch(session);
    }
  };
  const self: Staging = {
    beforeKeep: () => undefined,
    awaits: (bytes) => {
      waiting = { bytes: waiting.bytes + bytes, contents: waiting.contents + 1 };
    },
    due,
    settle: () => {
      over = true;
    },
    keep,
    put(content, alias) {
      const digest = inner.put(content, alias);
      if (!over) log.note(digest, content.length);
      return digest;
    },
    putFolder: (entries, alias) => inner.putFolder(entries, alias),
    get: (digest) => inner.get(digest),
    has: (digest) => inner.has(digest),
    byAlias: (alias) => inner.byAlias(alias),
    folder: (digest) => inner.folder(digest),
    async drain() {
      await inner.drain();
      if (due()) await keep();
    },
    commit: () => inner.commit(),
    discard: () => inner.discard(),
  };
  return self;
}

/** A plain writer in the place of one: for content that lies in a file and is taken whole or not at all. */
export function unstaged(writer: ContentWriter): Staging {
  return {
    beforeKeep: () => undefined,
    awaits: () => undefined,
    due: () => false,
    settle: () => undefined,
    keep: async () => undefined,
    put: (bytes, alias) => writer.put(bytes, alias),
    putFolder: (entries, alias) => writer.putFolder(entries, alias),
    get: (digest) => writer.get(digest),
    has: (digest) => writer.has(digest),
    byAlias: (alias) => writer.byAlias(alias),
    folder: (digest) => writer.folder(digest),
    drain: () => writer.drain(),
    commit: () => writer.commit(),
    discard: () => writer.discard(),
  };
}

function tooMuch(session: GitSession): Fault {
  return new Fault(
    'source-bounds',
    `a transfer in parts brought more than ${session.limits.treeBytes} bytes (limits.treeBytes); it begins anew`,
  );
}
