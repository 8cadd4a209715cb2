import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

/** Every byte that a state folder holds: its files as they are, and each content of its packs unpacked (docs/cache.md). */
export function storedBytes(stateDir: string): Buffer {
  const out: Buffer[] = [];
  for (const entry of readdirSync(stateDir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    out.push(bytes);
    if (entry.name.endsWith('.pack')) out.push(...contentsOf(bytes));
  }
  return Buffer.concat(out.flatMap((part) => [part, Buffer.from('\n')]));
}

const FOOTER = 88;
const ENTRY = 45;

function contentsOf(pack: Buffer): Buffer[] {
  const footer = pack.subarray(pack.length - FOOTER);
  if (footer.toString('latin1', 0, 8) !== 'HFPACKE1') throw new Error('not a pack');
  const table = Number(footer.readBigUInt64LE(16));
  return Array.from({ length: footer.readUInt32LE(8) }, (_, i) => {
    const at = table + i * ENTRY;
    const [offset, stored] = [pack.readUInt32LE(at + 32), pack.readUInt32LE(at + 36)];
    const bytes = pack.subarray(offset, offset + stored);
    return (pack.readUInt8(at + 44) & 15) === 1 ? inflateRawSync(bytes) : Buffer.from(bytes);
  });
}
