import { byCodeUnit, type Digest, Fault, type StoredEntry } from '../model/index.ts';
import { bufferOf, DIGEST_BYTES, digestAt, rawDigest } from './bytes.ts';

const MAGIC = Buffer.from('HFD1', 'latin1');
const MODES = ['file', 'exec', 'link', 'module', 'dir'] as const;
const MODE_MASK = 0x07;
const HIDDEN = 0x08;
const HAS_DIGEST = 0x10;
const ALIAS_HEX = 0x20;
const ALIAS_TEXT = 0x40;
const HEX = /^(?:[0-9a-f]{2})+$/;

/**
 * The bytes of a folder's listing, the same for the same entries in any order (docs/cache.md, "Folders"). Throws Fault
 * `source-refused` for two entries of one name, and for names that no folder can hold.
 */
export function encodeFolder(entries: readonly StoredEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => byCodeUnit(a.name, b.name));
  const parts: Buffer[] = [MAGIC];
  let before: string | undefined;
  for (const entry of sorted) {
    if (entry.name === before) throw new Fault('source-refused', `a folder holds two entries ${quote(entry.name)}`);
    before = entry.name;
    parts.push(...encodeEntry(entry));
  }
  return Buffer.concat(parts);
}

function encodeEntry(entry: StoredEntry): Buffer[] {
  const name = Buffer.from(entry.name, 'utf8');
  if (name.length === 0 || entry.name.includes('/') || entry.name.includes('\0') || !entry.name.isWellFormed())
    throw new Fault('source-refused', `no folder can hold an entry named ${quote(entry.name)}`);
  if (!Number.isSafeInteger(entry.size) || entry.size < 0)
    throw new Fault('internal', `size of ${quote(entry.name)} is not a count of bytes`);
  const aliasFlag = entry.alias === '' ? 0 : HEX.test(entry.alias) ? ALIAS_HEX : ALIAS_TEXT;
  const flags =
    MODES.indexOf(entry.mode) | (entry.hidden ? HIDDEN : 0) | (entry.digest === undefined ? 0 : HAS_DIGEST) | aliasFlag;
  const parts = [Buffer.from([flags]), varint(entry.size), varint(name.length), name];
  if (entry.digest !== undefined) parts.push(rawDigest(entry.digest));
  if (aliasFlag !== 0) {
    const alias = Buffer.from(entry.alias, aliasFlag === ALIAS_HEX ? 'hex' : 'utf8');
    parts.push(varint(alias.length), alias);
  }
  return parts;
}

/** Reads a listing back, sorted by code unit; undefined when the bytes are not one. */
export function decodeFolder(content: Uint8Array): readonly StoredEntry[] | undefined {
  const bytes = bufferOf(content);
  if (bytes.length < MAGIC.length || bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) return undefined;
  const reader = readerOf(bytes, MAGIC.length);
  const entries: StoredEntry[] = [];
  while (!reader.atEnd()) {
    const entry = decodeEntry(reader);
    if (entry === undefined) return undefined;
    const before = entries.at(-1);
    if (before !== undefined && byCodeUnit(before.name, entry.name) >= 0) return undefined;
    entries.push(entry);
  }
  return entries;
}

function decodeEntry(reader: Reader): StoredEntry | undefined {
  const flags = reader.byte();
  const size = reader.varint();
  const name = reader.slice(reader.varint())?.toString('utf8');
  if (flags === undefined || size === undefined || name === undefined || name === '' || name.includes('/'))
    return undefined;
  const mode = MODES[flags & MODE_MASK];
  const aliasFlag = flags & (ALIAS_HEX | ALIAS_TEXT);
  if (mode === undefined || (flags & 0x80) !== 0 || aliasFlag === (ALIAS_HEX | ALIAS_TEXT)) return undefined;
  let digest: Digest | undefined;
  if ((flags & HAS_DIGEST) !== 0) {
    const raw = reader.slice(DIGEST_BYTES);
    if (raw === undefined) return undefined;
    digest = digestAt(raw, 0);
  }
  let alias = '';
  if (aliasFlag !== 0) {
    const raw = reader.slice(reader.varint());
    if (raw === undefined || raw.length === 0) return undefined;
    alias = raw.toString(aliasFlag === ALIAS_HEX ? 'hex' : 'utf8');
  }
  return { name, mode, digest, size, alias, hidden: (flags & HIDDEN) !== 0 };
}

interface Reader {
  atEnd(): boolean;
  byte(): number | undefined;
  varint(): number | undefined;
  slice(length: number | undefined): Buffer | undefined;
}

function readerOf(bytes: Buffer, start: number): Reader {
  let at = start;
  const byte = (): number | undefined => (at < bytes.length ? bytes[at++] : undefined);
  return {
    atEnd: () => at >= bytes.length,
    byte,
    varint: () => {
      let value = 0;
      for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
        const part = byte();
        if (part === undefined) return undefined;
        value += (part & 0x7f) * scale;
        if (part < 0x80) return Number.isSafeInteger(value) ? value : undefined;
      }
      return undefined;
    },
    slice: (length) => {
      if (length === undefined || length > bytes.length - at) return undefined;
      at += length;
      return bytes.subarray(at - length, at);
    },
  };
}

/** Unsigned LEB128. */
function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  return Buffer.from(out);
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
