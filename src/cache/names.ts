import { sha256 } from '../model/index.ts';

const PART_BYTES = 70;
const SAFE = /^[a-z0-9-]$/;
const KIND = /^[A-Za-z0-9]{1,64}$/;

/**
 * A file name for names from outside, the same for the same parts and for no others, also where the file system folds
 * case. Bytes outside `a-z 0-9 -` (and `.` inside) become `%xx`; a long part is cut and completed by its digest. The real
 * names are in the file itself.
 */
export function fileNameOf(...parts: readonly string[]): string {
  return parts.map(encodePart).join('_');
}

/** The same for `Kind/namespace/name`; the kind keeps its capitals, since no two kinds differ in them alone. */
export function kindFileNameOf(key: string): string {
  const [kind = '', ...rest] = key.split('/');
  return KIND.test(kind) ? [kind, ...rest.map(encodePart)].join('_') : fileNameOf(kind, ...rest);
}

function encodePart(part: string): string {
  let out = '';
  for (const byte of Buffer.from(part, 'utf8')) {
    const char = String.fromCharCode(byte);
    const safe = SAFE.test(char) || (char === '.' && out !== '');
    out += safe ? char : `%${byte.toString(16).padStart(2, '0')}`;
  }
  if (out.length <= PART_BYTES) return out;
  return `${out.slice(0, PART_BYTES - 34)}~${sha256(part).slice(7, 39)}`;
}
