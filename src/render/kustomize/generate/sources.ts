import { fail, quote, withPrefix } from '../errors.ts';
import { type Loader, loadBytes } from '../load/loader.ts';
import type { GeneratorArgs } from '../load/types.ts';

/** One entry of a generated object. */
export interface Pair {
  readonly key: string;
  readonly value: Uint8Array | string;
}

/** Entries in kustomize's order: files of variables, literals, files (kv.Loader). Messages about secrets show no values. */
export function loadPairs(loader: Loader, args: GeneratorArgs, secret: boolean): Pair[] {
  const { envs = [], literals = [], files = [] } = args;
  return [
    ...withPrefix(
      () => `env source files: [${envs.join(' ')}]`,
      () => envs.flatMap((path) => pairsFromEnvFile(loadBytes(loader, path))),
    ),
    ...withPrefix(
      () => `literal sources [${literals.map((one) => (secret ? keyOf(one) : one)).join(' ')}]`,
      () => literals.map((one) => pairFromLiteral(one, secret)),
    ),
    ...withPrefix(
      () => `file sources: [${files.join(' ')}]`,
      () => files.map((source) => pairFromFile(loader, source)),
    ),
  ];
}

function keyOf(source: string): string {
  const equals = source.indexOf('=');
  return equals > 0 ? `${source.slice(0, equals)}=…` : '…';
}

function pairFromLiteral(source: string, secret: boolean): Pair {
  const equals = source.indexOf('=');
  if (equals <= 0) fail(`invalid literal source ${secret ? keyOf(source) : source}, expected key=value`);
  const value = source.slice(equals + 1);
  const first = value.charAt(0);
  const quoted = value.length >= 2 && (first === '"' || first === "'") && value.endsWith(first);
  return { key: source.slice(0, equals), value: quoted ? value.slice(1, -1) : value };
}

function pairFromFile(loader: Loader, source: string): Pair {
  const { key, path } = parseFileSource(source);
  return { key, value: loadBytes(loader, path) };
}

/** `path` or `key=path`. */
function parseFileSource(source: string): { key: string; path: string } {
  const parts = source.split('=');
  const [key = '', path = ''] = parts;
  if (parts.length === 1) return { key: baseName(source), path: source };
  if (parts.length > 2) fail(`source ${quote(source)} key name or file path contains '='`);
  if (key === '') fail(`missing key name for file path ${quote(path)} in source ${quote(source)}`);
  if (path === '') fail(`missing file path for key name ${quote(key)} in source ${quote(source)}`);
  return { key, path };
}

function baseName(path: string): string {
  const clean = path.replace(/\/+$/, '');
  if (clean === '') return path === '' ? '.' : '/';
  return clean.slice(clean.lastIndexOf('/') + 1);
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BOM = '\ufeff';
/** Longest line that Go's scanner takes. */
const MAX_LINE = 64 * 1024;

function decodeLine(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    return fail(`line [${bytes.join(' ')}] has invalid utf8 bytes : ${new TextDecoder().decode(bytes)}`);
  }
}

/** Lines `KEY=value`; the value is taken as it is; a line without `=` has an empty value. */
function pairsFromEnvFile(bytes: Uint8Array): Pair[] {
  const out: Pair[] = [];
  let start = 0;
  let first = true;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    // A line that is too long ends Go's scanner, without an error.
    if (end - start >= MAX_LINE) break;
    const stop = end > start && bytes[end - 1] === 13 ? end - 1 : end;
    const line = decodeLine(bytes.subarray(start, stop));
    const pair = pairFromLine(first && line.startsWith(BOM) ? line.slice(1) : line);
    if (pair !== undefined && pair.key !== '') out.push(pair);
    first = false;
    start = end + 1;
  }
  return out;
}

function pairFromLine(line: string): Pair | undefined {
  const text = line.replace(/^[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/, '');
  if (text === '' || text.startsWith('#')) return undefined;
  const equals = text.indexOf('=');
  return equals < 0 ? { key: text, value: '' } : { key: text.slice(0, equals), value: text.slice(equals + 1) };
}
