import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Digest, Fault } from '../model/index.ts';
import { bufferOf, DIGEST_BYTES, rawSha256, searchKey } from './bytes.ts';

/*
 * One file holds many contents: header, payloads, index, footer (docs/cache.md, "Packs"). The index is at the end, so
 * that one write, one fsync and one rename publish payload and index together.
 */

export const PACK_HEADER = Buffer.from('HFPACK01', 'latin1');
const FOOTER_MAGIC = Buffer.from('HFPACKE1', 'latin1');

/** magic, count of contents, count of aliases, offset of the index (u64), SHA-256 of the index, SHA-256 of the footer so far. */
const FOOTER_BYTES = 8 + 4 + 4 + 8 + DIGEST_BYTES + DIGEST_BYTES;
/** digest, offset, stored bytes, content bytes, flags. */
export const ENTRY_BYTES = DIGEST_BYTES + 4 + 4 + 4 + 1;
/** First 20 bytes of the alias' SHA-256, position of its content. */
export const ALIAS_KEY_BYTES = 20;
export const ALIAS_BYTES = ALIAS_KEY_BYTES + 4;

/** Offsets in a pack are 32 bits; a writer begins another pack long before. */
export const PACK_TARGET_BYTES = 128 * 1024 * 1024;

/** Smaller contents are not deflated. */
const SMALL_BYTES = 2048;
/** Larger contents are deflated at the fastest level: it is done in one go, and nothing else runs meanwhile. */
const FAST_BYTES = 1024 * 1024;

/** How a content is stored. `elsewhere`: only named here, for an alias; its bytes are in another pack. */
export const CODEC = { raw: 0, deflate: 1, elsewhere: 2 } as const;
/** What a content is, so that garbage collection can follow it without a pointer. */
export const KIND = { blob: 0, folder: 1, render: 2 } as const;
export type ContentKind = (typeof KIND)[keyof typeof KIND];

export interface PackEntry {
  readonly offset: number;
  /** Bytes in the pack. */
  readonly stored: number;
  /** Bytes of the content. */
  readonly size: number;
  readonly codec: number;
  readonly kind: ContentKind;
}

export interface NewEntry extends PackEntry {
  readonly digest: Digest;
}

/** A pack's index in one buffer: about 45 bytes a content and 24 an alias. */
export interface PackIndex {
  readonly bytes: Buffer;
  readonly contents: number;
  readonly aliases: number;
  /** One bit for each first byte that a digest of its contents has; undefined where nearly all would be set. */
  readonly heads: Uint8Array | undefined;
}

/** Indexes of more contents are searched without a look at the first byte. */
const FEW_CONTENTS = 256;

function headsOf(bytes: Buffer, contents: number): Uint8Array | undefined {
  if (contents > FEW_CONTENTS) return undefined;
  const heads = new Uint8Array(32);
  for (let i = 0; i < contents; i += 1) {
    const head = bytes[i * ENTRY_BYTES] ?? 0;
    heads[head >>> 3] = (heads[head >>> 3] ?? 0) | (1 << (head & 7));
  }
  return heads;
}

/** False when an index cannot have a content: a first sync of many leaves a small pack each, and most lookups miss them all. */
export function mayHave({ heads }: PackIndex, head: number): boolean {
  return heads === undefined || ((heads[head >>> 3] ?? 0) & (1 << (head & 7))) !== 0;
}

/**
 * Deflates where that is worth it. Small contents, most objects among them, stay as they are: setting up zlib costs
 * 0.1 ms both times, which for a thousand objects is more than sending them, and half a KiB is all it would save.
 */
export function compress(bytes: Uint8Array): { codec: number; bytes: Uint8Array } {
  const n = bytes.length;
  if (n < SMALL_BYTES) return { codec: CODEC.raw, bytes };
  const [windowBits, memLevel] = n <= 4096 ? [12, 5] : n <= 16_384 ? [14, 7] : [15, 8];
  const level = n <= FAST_BYTES ? 6 : 1;
  const out = deflateRawSync(bytes, { level, windowBits, memLevel, chunkSize: chunkFor(n) });
  return out.length < n - (n >>> 5) ? { codec: CODEC.deflate, bytes: out } : { codec: CODEC.raw, bytes };
}

/** zlib takes its output buffer whole, however little comes out. */
const chunkFor = (size: number): number => Math.min(16_384, Math.max(64, size));

/** The content of stored bytes, or undefined when they are damaged. The digest decides. */
export function expand(stored: Uint8Array, entry: PackEntry, raw: Buffer): Buffer | undefined {
  if (stored.length !== entry.stored) return undefined;
  let bytes: Buffer;
  try {
    bytes =
      entry.codec === CODEC.deflate
        ? inflateRawSync(stored, { maxOutputLength: Math.max(1, entry.size), chunkSize: chunkFor(entry.size) })
        : bufferOf(stored);
  } catch {
    return undefined;
  }
  return bytes.length === entry.size && rawSha256(bytes).equals(raw) ? bytes : undefined;
}

/** Index and footer of a pack whose payload ends at `offset`. */
export function encodeIndex(
  entries: readonly NewEntry[],
  aliases: ReadonlyMap<string, Digest>,
  offset: number,
): Buffer {
  const sorted = [...entries].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const position = new Map<Digest, number>();
  const table = Buffer.alloc(sorted.length * ENTRY_BYTES);
  sorted.forEach((entry, i) => {
    position.set(entry.digest, i);
    const at = i * ENTRY_BYTES;
    table.write(entry.digest.slice(7), at, 'hex');
    table.writeUInt32LE(entry.offset, at + DIGEST_BYTES);
    table.writeUInt32LE(entry.stored, at + DIGEST_BYTES + 4);
    table.writeUInt32LE(entry.size, at + DIGEST_BYTES + 8);
    table.writeUInt8(entry.codec | (entry.kind << 4), at + DIGEST_BYTES + 12);
  });
  const rows: Buffer[] = [];
  for (const [key, digest] of aliases) {
    const row = Buffer.alloc(ALIAS_BYTES);
    row.write(key, 'hex');
    row.writeUInt32LE(position.get(digest) ?? 0xffff_ffff, ALIAS_KEY_BYTES);
    rows.push(row);
  }
  rows.sort(Buffer.compare);
  const index = Buffer.concat([table, ...rows]);
  return Buffer.concat([index, encodeFooter(sorted.length, rows.length, offset, index)]);
}

function encodeFooter(contents: number, aliases: number, offset: number, index: Buffer): Buffer {
  const footer = Buffer.alloc(FOOTER_BYTES);
  FOOTER_MAGIC.copy(footer, 0);
  footer.writeUInt32LE(contents, 8);
  footer.writeUInt32LE(aliases, 12);
  footer.writeBigUInt64LE(BigInt(offset), 16);
  rawSha256(index).copy(footer, 24);
  rawSha256(footer.subarray(0, 24 + DIGEST_BYTES)).copy(footer, 24 + DIGEST_BYTES);
  return footer;
}

/** Reads and verifies the index of a pack file of `size` bytes. Throws Fault `cache-damaged` naming the file. */
export function readIndex(
  file: string,
  size: number,
  readAt: (offset: number, length: number) => Uint8Array,
): PackIndex {
  const bad = (why: string): Fault => new Fault('cache-damaged', `${file}: ${why}`);
  if (size < PACK_HEADER.length + FOOTER_BYTES) throw bad('it is cut short');
  const footer = bufferOf(readAt(size - FOOTER_BYTES, FOOTER_BYTES));
  const sum = footer.subarray(24 + DIGEST_BYTES);
  if (
    footer.length !== FOOTER_BYTES ||
    !footer.subarray(0, 8).equals(FOOTER_MAGIC) ||
    !rawSha256(footer.subarray(0, 24 + DIGEST_BYTES)).equals(sum)
  )
    throw bad('its footer is damaged');
  const contents = footer.readUInt32LE(8);
  const aliases = footer.readUInt32LE(12);
  const offset = Number(footer.readBigUInt64LE(16));
  const length = contents * ENTRY_BYTES + aliases * ALIAS_BYTES;
  if (offset + length + FOOTER_BYTES !== size) throw bad('its size is not what its footer says');
  if (!PACK_HEADER.equals(readAt(0, PACK_HEADER.length))) throw bad('its head is damaged');
  const bytes = bufferOf(readAt(offset, length));
  if (bytes.length !== length || !rawSha256(bytes).equals(footer.subarray(24, 24 + DIGEST_BYTES)))
    throw bad('its index is damaged');
  return { bytes, contents, aliases, heads: headsOf(bytes, contents) };
}

/** Position of a content in an index, or -1. */
export function findEntry(index: PackIndex, raw: Buffer): number {
  return searchKey({ bytes: index.bytes, start: 0, count: index.contents, stride: ENTRY_BYTES }, raw, DIGEST_BYTES);
}

/** The entry at a position. */
export function entryAt(index: PackIndex, position: number): PackEntry {
  const at = position * ENTRY_BYTES + DIGEST_BYTES;
  const flags = index.bytes.readUInt8(at + 12);
  return {
    offset: index.bytes.readUInt32LE(at),
    stored: index.bytes.readUInt32LE(at + 4),
    size: index.bytes.readUInt32LE(at + 8),
    codec: flags & 0x0f,
    kind: (flags >> 4) as ContentKind,
  };
}

/** The key under which an alias is found: hex of the first 20 bytes of its SHA-256. */
export function aliasKey(alias: string): Buffer {
  return rawSha256(alias).subarray(0, ALIAS_KEY_BYTES);
}

/** Position of the content that an alias names in an index, or -1. */
export function findAlias(index: PackIndex, key: Buffer): number {
  const start = index.contents * ENTRY_BYTES;
  const found = searchKey(
    { bytes: index.bytes, start, count: index.aliases, stride: ALIAS_BYTES },
    key,
    ALIAS_KEY_BYTES,
  );
  return found < 0 ? -1 : aliasRow(index, found).position;
}

/** The alias key (hex) and the position of its content at a row of the alias table. */
export function aliasRow(index: PackIndex, row: number): { readonly key: string; readonly position: number } {
  const at = index.contents * ENTRY_BYTES + row * ALIAS_BYTES;
  return {
    key: index.bytes.toString('hex', at, at + ALIAS_KEY_BYTES),
    position: index.bytes.readUInt32LE(at + ALIAS_KEY_BYTES),
  };
}
