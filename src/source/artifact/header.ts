/** Size of everything in a tar archive, bytes. */
export const BLOCK = 512;

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Modes as Flux sets them. */
const MODES = { file: 0o600, exec: 0o700, dir: 0o750 } as const;
const TYPES = { file: '0', exec: '0', dir: '5' } as const;

/** What is said of one file or folder before its bytes. */
export interface Member {
  /** From the root, without a slash at either end. */
  readonly path: string;
  readonly mode: 'file' | 'exec' | 'dir';
  /** Bytes of a file; 0 for a folder. */
  readonly size: number;
}

/**
 * Header blocks of a member (POSIX ustar): no owner and no time, so that equal content gives equal bytes. A path that
 * ustar cannot hold stands in a pax header before it.
 */
export function headerOf({ path, mode, size }: Member): Uint8Array {
  const name = mode === 'dir' ? `${path}/` : path;
  const parts = isAscii(name) ? split(name) : undefined;
  const type = TYPES[mode];
  if (parts !== undefined) return block({ ...parts, mode: MODES[mode], size, type });
  const record = paxRecord('path', name);
  const plain = name.replace(/[^\x20-\x7e]/g, '_').slice(0, NAME_BYTES);
  return Buffer.concat([
    block({ name: 'PaxHeader', prefix: '', mode: MODES.file, size: record.length, type: 'x' }),
    record,
    padding(record.length),
    block({ name: plain, prefix: '', mode: MODES[mode], size, type }),
  ]);
}

/** Zeros from the end of so many bytes to the next block. */
export function padding(size: number): Uint8Array {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** Cuts a name at a slash so that both sides fit; undefined when none does. */
function split(name: string): { readonly name: string; readonly prefix: string } | undefined {
  if (name.length <= NAME_BYTES) return { name, prefix: '' };
  const slash = name.indexOf('/', name.length - NAME_BYTES - 1);
  if (slash <= 0 || slash > PREFIX_BYTES || slash === name.length - 1) return undefined;
  return { name: name.slice(slash + 1), prefix: name.slice(0, slash) };
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

interface Fields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly size: number;
  readonly type: string;
}

function block({ name, prefix, mode, size, type }: Fields): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void =>
    void bytes.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  bytes.write(name, 0, 'latin1');
  octal(mode, 100, 8);
  for (const at of [108, 116]) octal(0, at, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  bytes.write('        ', 148, 'latin1');
  bytes.write(type, 156, 'latin1');
  bytes.write('ustar\0', 257, 'latin1');
  bytes.write('00', 263, 'latin1');
  for (const at of [329, 337]) octal(0, at, 8);
  bytes.write(prefix, 345, 'latin1');
  const sum = bytes.reduce((all, one) => all + one, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
