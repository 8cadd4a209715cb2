import { gzipSync } from 'node:zlib';

/** A member of an archive that tests make by hand, right or wrong. */
export interface TarPart {
  readonly path: string;
  readonly content?: Uint8Array | string;
  /** Type flag; default '0'. */
  readonly flag?: string;
  readonly mode?: number;
  readonly link?: string;
  /** In the header in place of the content's own. */
  readonly size?: number;
  /** In place of the right sum. */
  readonly sum?: number;
}

const BLOCK = 512;

/** Header and content, padded; a name of more than 100 bytes is cut. */
export function tarPart(part: TarPart): Buffer {
  const content = Buffer.from(part.content ?? '');
  const head = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number) =>
    void head.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  Buffer.from(part.path).copy(head, 0, 0, 100);
  octal(part.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(part.size ?? content.length, 124, 12);
  octal(0, 136, 12);
  head.write('        ', 148, 'latin1');
  head.write(part.flag ?? '0', 156, 'latin1');
  head.write(part.link ?? '', 157, 'latin1');
  head.write('ustar\0' + '00', 257, 'latin1');
  const sum = part.sum ?? head.reduce((all, one) => all + one, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([head, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

/** An archive with its end mark. */
export function tarOf(parts: readonly (TarPart | Buffer)[], end = true): Buffer {
  const members = parts.map((part) => (Buffer.isBuffer(part) ? part : tarPart(part)));
  return Buffer.concat([...members, Buffer.alloc(end ? 2 * BLOCK : 0)]);
}

/** A gzip tar of files by path. */
export function tarGz(files: Readonly<Record<string, string | Uint8Array>>, level = 6): Buffer {
  return gzipSync(tarOf(Object.entries(files).map(([path, content]) => ({ path, content }))), { level });
}

/** A pax record, its length with it. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
