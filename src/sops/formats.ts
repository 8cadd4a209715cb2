/** How a file is written. */
export type Format = 'binary' | 'dotenv' | 'ini' | 'json' | 'yaml';

const ENDINGS: readonly (readonly [ending: RegExp, format: Format])[] = [
  [/\.dockerconfigjson$/, 'json'],
  [/\.ya?ml$/, 'yaml'],
  [/\.json$/, 'json'],
  [/\.env$/, 'dotenv'],
  [/\.ini$/, 'ini'],
];

/** The format that a name stands for; `binary` where it says nothing. */
export function formatFor(name: string): Format {
  return ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? 'binary';
}

/** What a file that SOPS wrote has in it, as Flux looks for it. */
const MARKS: Readonly<Record<Format, string>> = {
  binary: '"mac": "ENC[',
  json: '"mac": "ENC[',
  dotenv: 'sops_mac=ENC[',
  ini: '[sops]',
  yaml: 'mac: ENC[',
};

export const hasMark = (bytes: Uint8Array, format: Format): boolean => Buffer.from(bytes).includes(MARKS[format]);

/** The format of an encrypted file without a name; undefined when it is not encrypted. */
export function detectFormat(bytes: Uint8Array): Format | undefined {
  const order: readonly Format[] = ['json', 'dotenv', 'ini', 'yaml'];
  return order.find((format) => hasMark(bytes, format));
}

/** Whether a manifest may be encrypted: cheap, and never wrong about one that is laid out as usual. */
export const mayBeEncrypted = (bytes: Uint8Array): boolean =>
  /\bmac["']?\s*:\s*["']?ENC\[/.test(Buffer.from(bytes).toString('latin1'));
