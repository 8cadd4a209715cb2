import {
  type Digest,
  Fault,
  fromJson,
  isDigest,
  isObject,
  type Json,
  type Limits,
  sha256,
  toJson,
} from '../model/index.ts';
import type { Disk, PartialContent, PartialGoal, Partials } from '../ports/index.ts';
import { bufferOf } from './bytes.ts';

const FOLDER = 'partials';
/** Held in memory before they are written: what is smaller and comes whole never touches the disk. */
const HELD_BYTES = 256 * 1024;
/** Written bytes after which they are made durable. */
const SYNC_BYTES = 4 * 1024 * 1024;

/** What is known of one transfer. */
interface Note {
  readonly digest: Digest;
  readonly size: number;
  readonly at: number;
}

interface Kept extends Note {
  readonly name: string;
  /** Bytes on disk. */
  readonly bytes: number;
}

/**
 * Partials as two files each in `partials/`: NAME.json says what they are for, NAME.part holds the bytes. The note is
 * written before the first byte, so bytes never count for another content than their own.
 */
export function openPartials(disk: Disk, limits: Pick<Limits, 'partialBytes' | 'partialMs'>): Partials {
  /** Names that are being filled by this process. */
  const active = new Set<string>();
  const remove = async (name: string): Promise<void> => {
    await disk.remove(`${FOLDER}/${name}.part`);
    await disk.remove(`${FOLDER}/${name}.json`);
  };
  const room = async (own: string, goal: PartialGoal): Promise<void> => {
    if (goal.size > limits.partialBytes)
      throw new Fault(
        'source-bounds',
        `${goal.size} bytes are to be transferred, limits.partialBytes allows ${limits.partialBytes}`,
      );
    const others = keptOf(disk).filter(({ name }) => name !== own && !active.has(name));
    let free = limits.partialBytes - goal.size;
    for (const one of others.sort((a, b) => b.at - a.at)) {
      free -= one.bytes;
      // A clock that was wrong when it was noted must not keep it for ever.
      if (free < 0 || Math.abs(goal.at - one.at) > limits.partialMs) await remove(one.name);
    }
  };
  return {
    open: async (owner, goal) => {
      const name = sha256(owner).slice(7, 39);
      await room(name, goal);
      const note = noteAt(disk, name);
      const whole = note?.digest === goal.digest && note.size === goal.size;
      if (!whole || (disk.size(`${FOLDER}/${name}.part`) ?? 0) > goal.size) await remove(name);
      return partialContent(disk, name, goal, active);
    },
  };
}

function partialContent(disk: Disk, name: string, goal: PartialGoal, active: Set<string>): PartialContent {
  const part = `${FOLDER}/${name}.part`;
  let written = disk.size(part) ?? 0;
  let unsynced = 0;
  let noted = false;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const flush = async (sync: boolean): Promise<void> => {
    if (!noted) {
      const { digest, size, at } = goal;
      await disk.writeAtomic(`${FOLDER}/${name}.json`, Buffer.from(toJson({ digest, size, at })));
      noted = true;
    }
    if ((disk.size(part) ?? 0) !== written)
      throw new Fault('cache-io', `${part} was changed by somebody else; the transfer begins anew`);
    const bytes = Buffer.concat(held);
    const durable = sync || unsynced + bytes.length >= SYNC_BYTES;
    await disk.append(part, bytes, { sync: durable });
    written += bytes.length;
    unsynced = durable ? 0 : unsynced + bytes.length;
    held = [];
    heldBytes = 0;
  };
  return {
    size: () => written + heldBytes,
    append: async (bytes) => {
      if (written + heldBytes + bytes.length > goal.size)
        throw new Fault('internal', `more than ${goal.size} bytes for a content of that size`);
      active.add(name);
      held.push(Buffer.from(bytes));
      heldBytes += bytes.length;
      if (heldBytes >= HELD_BYTES) await flush(false);
    },
    read: (offset, length) => {
      const stored = offset < written ? disk.readAt(part, offset, Math.min(length, written - offset)) : undefined;
      if (stored !== undefined && (stored.length === length || heldBytes === 0)) return stored;
      if (held.length > 1) held = [Buffer.concat(held)];
      const from = Math.max(0, offset - written);
      const rest = bufferOf(held[0] ?? new Uint8Array()).subarray(from, from + length - (stored?.length ?? 0));
      return stored === undefined ? rest : Buffer.concat([stored, rest]);
    },
    keep: async () => {
      active.delete(name);
      if (heldBytes > 0 || unsynced > 0) await flush(true);
    },
    drop: async () => {
      held = [];
      heldBytes = 0;
      active.delete(name);
      const there = written > 0 || noted;
      [written, unsynced, noted] = [0, 0, false];
      if (!there) return;
      await disk.remove(part);
      await disk.remove(`${FOLDER}/${name}.json`);
    },
  };
}

/** What is on disk; a note that cannot be read counts as the oldest. */
function keptOf(disk: Disk): readonly Kept[] {
  const names = new Set(disk.list(FOLDER).map((file) => file.replace(/\.(?:part|json)$/, '')));
  return [...names].map((name) => {
    const note = noteAt(disk, name) ?? { digest: sha256(''), size: 0, at: Number.NEGATIVE_INFINITY };
    return { ...note, name, bytes: disk.size(`${FOLDER}/${name}.part`) ?? 0 };
  });
}

function noteAt(disk: Disk, name: string): Note | undefined {
  const bytes = disk.read(`${FOLDER}/${name}.json`);
  if (bytes === undefined) return undefined;
  let value: Json;
  try {
    value = fromJson(bufferOf(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { digest, size, at } = value;
  return isDigest(digest) && typeof size === 'number' && typeof at === 'number' ? { digest, size, at } : undefined;
}
