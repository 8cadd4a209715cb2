import type { Digest, StoredEntry } from '../model/index.ts';
import type { Clock, ContentStore, ContentWriter, KeptPart } from '../ports/index.ts';

/** Notes what a transfer brings and pins it: no garbage collection frees it before a revision names it, or it grows old. */
export interface PartLog {
  note(digest: Digest, size: number): void;
  /** True when so much has been noted since the last time, with what `waiting` says, that it is worth to `pin`. */
  due(waiting?: { readonly bytes: number; readonly contents: number }): boolean;
  /** Bytes that are pinned, those of attempts before, too. */
  total(): number;
  /** Commits a writer with a listing of all that was noted, then pins that. False when nothing was noted. */
  pin(writer: () => Promise<ContentWriter>): Promise<boolean>;
  /** The transfer has ended: it all goes when a pointer names the content with this root. */
  end(root: Digest): Promise<void>;
  /** Lets go of it all: a revision names it by now, or it became too much. */
  drop(): Promise<void>;
}

/** What is at risk at most: bytes and contents noted since the last time. */
const MOST = { bytes: 8 * 1024 * 1024, contents: 10_000 };
/** After so many milliseconds less is enough: a share of what has come, so that packs of it stay few, and no trifles. */
const SOON_MS = 2_000;
const SHARE = 1 / 16;
const LITTLE_BYTES = 64 * 1024;
/** What a content costs beside its bytes, so that many small ones count. */
const AROUND_BYTES = 512;

/** The log of the part with this name; `onKept` is told when something was pinned. Where the store keeps no parts, `pin` only commits. */
export function partLog(
  { store, clock }: { readonly store: Pick<ContentStore, 'parts'>; readonly clock: Clock },
  name: string,
  onKept: () => void = () => undefined,
): PartLog {
  const { parts } = store;
  let before: KeptPart | undefined = parts?.get(name);
  let noted: StoredEntry[] = [];
  let bytes = 0;
  let since = clock.monotonic();
  return {
    note: (digest, size) => {
      noted.push({ name: String(noted.length), mode: 'file', digest, size, alias: '', hidden: true });
      bytes += size;
    },
    due: (waiting = { bytes: 0, contents: 0 }) => {
      const [risk, contents] = [bytes + waiting.bytes, noted.length + waiting.contents];
      if (risk >= MOST.bytes || contents >= MOST.contents) return true;
      const least = Math.max(LITTLE_BYTES, (before?.bytes ?? 0) * SHARE);
      return risk + contents * AROUND_BYTES >= least && clock.monotonic() - since >= SOON_MS;
    },
    total: () => before?.bytes ?? 0,
    pin: async (open) => {
      if (noted.length === 0) return false;
      const writer = await open();
      before = parts?.get(name);
      const linked = before !== undefined && writer.has(before.head) ? before : undefined;
      const head = writer.putFolder(linked === undefined ? noted : [...noted, link(linked.head)]);
      await writer.commit();
      before = { head, bytes: bytes + (linked?.bytes ?? 0), at: clock.now() };
      await parts?.put(name, before);
      noted = [];
      bytes = 0;
      since = clock.monotonic();
      onKept();
      return true;
    },
    end: async (root) => {
      const kept = parts?.get(name);
      if (kept !== undefined) await parts?.put(name, { ...kept, root, at: clock.now() });
    },
    drop: async () => {
      if (parts?.get(name) !== undefined) await parts.drop(name);
      before = undefined;
    },
  };
}

/** The listing before. */
const link = (digest: Digest): StoredEntry => ({
  name: 'before',
  mode: 'dir',
  digest,
  size: 0,
  alias: '',
  hidden: true,
});
