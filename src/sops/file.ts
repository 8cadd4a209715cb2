import { isObject, type Json, type Limits } from '../model/index.ts';
import { refuse } from './fault.ts';
import type { Format } from './formats.ts';
import { readMetadata } from './metadata.ts';
import { readDotenv, writeDotenv } from './stores/dotenv.ts';
import { readIni, writeIni } from './stores/ini.ts';
import { readJson, toPlain, writeJson } from './stores/json.ts';
import { readYaml, type YamlDocument } from './stores/yaml.ts';
import { decryptedText } from './stores/yaml-text.ts';
import { asText, type Branch, itemOf, macBytes, type Scalar, type Value } from './tree.ts';
import type { Unlocker } from './unlock.ts';
import { type Decrypted, decryptTree } from './walk.ts';

export type SopsLimits = Pick<
  Limits,
  'encryptedFileBytes' | 'encryptedFiles' | 'encryptedRecipients' | 'yamlDepth' | 'yamlNodes'
>;

export interface FileTools {
  readonly unlocker: Unlocker;
  readonly limits: SopsLimits;
  /** Told of each text that was decrypted, so that no message shows it. */
  readonly heard: (secret: string) => void;
}

const SOPS = 'sops';

/** A file taken apart. */
interface Loaded {
  readonly branches: readonly Branch[];
  readonly metadata: Json;
  /** Of YAML: the text, and where its documents are in it. */
  readonly yaml?: { readonly text: string; readonly documents: readonly YamlDocument[] };
}

/**
 * Decrypts a whole file, such as the input of a generator, and writes it in `output` as SOPS would. Throws
 * `decryption-failed`.
 */
export async function decryptFile(
  bytes: Uint8Array,
  how: { readonly input: Format; readonly output: Format; readonly where: string },
  tools: FileTools,
): Promise<Uint8Array> {
  const { input, output, where } = how;
  const loaded = load(bytes, input, where, tools.limits);
  if (!isObject(loaded.metadata)) throw refuse(where, 'sops metadata not found');
  const metadata = readMetadata(loaded.metadata, where, tools.limits.encryptedRecipients);
  const key = await tools.unlocker.dataKey(metadata, where);
  const decrypted = decryptTree(loaded.branches, metadata, { key, where });
  for (const { is } of decrypted.replaced) tools.heard(Buffer.from(macBytes(is)).toString('utf8'));
  if (output === 'yaml' && loaded.yaml !== undefined) {
    const documents = loaded.yaml.documents.map((document, i) => ({
      document,
      plain: decrypted.branches[i] as Branch,
    }));
    return Buffer.from(yamlText(loaded.yaml.text, documents, { ...decrypted, key, where, limits: tools.limits }));
  }
  return write(decrypted.branches, output, where);
}

function load(bytes: Uint8Array, format: Format, where: string, limits: SopsLimits): Loaded {
  if (bytes.length > limits.encryptedFileBytes)
    throw refuse(
      where,
      `cannot decrypt file with size (${bytes.length} bytes) exceeding limits.encryptedFileBytes = ${limits.encryptedFileBytes}`,
    );
  const text = decode(bytes, where);
  if (format === 'dotenv' || format === 'ini') {
    const { branch, metadata } = format === 'dotenv' ? readDotenv(text, where) : readIni(text, where);
    return { branches: [branch], metadata };
  }
  if (format === 'yaml') {
    const lines = text.replaceAll('\r\n', '\n');
    const documents = readYaml(lines, where, limits);
    const [first] = documents;
    return {
      branches: documents.map(({ branch }) => bare(branch)),
      metadata: first === undefined ? null : metadataOf(first.branch),
      yaml: { text: lines, documents },
    };
  }
  const branch = readJson(text, where, limits);
  return { branches: [bare(branch)], metadata: metadataOf(branch) };
}

function decode(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(where, 'it is encrypted, but no text in UTF-8');
  }
}

export function metadataOf(branch: Branch): Json {
  const found = itemOf(branch, SOPS);
  return found === undefined ? null : toPlain(found);
}

/** A document without its metadata. */
export const bare = (branch: Branch): Branch => ({
  kind: 'branch',
  items: branch.items.filter(({ key }) => key !== SOPS),
});

function write(branches: readonly Branch[], format: Format, where: string): Uint8Array {
  const [first] = branches;
  if (first === undefined) throw refuse(where, 'it holds no document');
  if (format === 'dotenv') return writeDotenv(first, where);
  if (format === 'ini') return writeIni(first, where);
  if (format !== 'binary') return Buffer.from(branches.map(writeJson).join('---\n'));
  const data = itemOf(first, 'data');
  if (data?.kind === 'leaf' && data.scalar.type === 'str') return asText(data.scalar);
  throw refuse(where, 'error emitting binary store: no binary data found in tree');
}

/** One document of a YAML text to be written decrypted. */
interface Rewrite {
  readonly document: YamlDocument;
  readonly plain: Branch;
  /** It is not to be decrypted. */
  readonly stays?: boolean;
}

/**
 * A YAML text with some of its documents decrypted. Each is written in place and read again; where that does not give what
 * was decrypted, it is written as JSON, which is YAML too.
 */
export function yamlText(
  text: string,
  documents: readonly Rewrite[],
  how: Pick<Decrypted, 'replaced'> & { readonly key: Uint8Array; readonly where: string; readonly limits: SopsLimits },
): string {
  let out = '';
  let at = 0;
  let used = 0;
  for (const { document, plain, stays } of documents) {
    const own = countEncrypted(bare(document.branch), plain);
    const replaced = how.replaced.slice(used, used + own);
    used += own;
    if (stays === true) continue;
    const written = decryptedText(text.slice(document.from, document.to), replaced, {
      key: how.key,
      places: () => placesIn(plain),
    });
    const good = written !== undefined && readsAs(written, plain, how);
    out += text.slice(at, document.from) + (good ? written : writeJson(plain));
    at = document.to;
  }
  return out + text.slice(at);
}

/** The paths of all maps and lists of a document, and its own. */
function* placesIn(value: Value, path: readonly string[] = []): Generator<readonly string[]> {
  if (value.kind === 'leaf') return;
  yield path;
  if (value.kind === 'list') for (const item of value.items) yield* placesIn(item, path);
  else for (const { key, value: item } of value.items) if (key !== undefined) yield* placesIn(item, [...path, key]);
}

/** How many values of a document were decrypted: those that are other leaves now. */
function countEncrypted(was: Value, is: Value): number {
  if (was === is || was.kind !== is.kind) return 0;
  if (was.kind === 'leaf') {
    const empty = was.scalar.type === 'str' && was.scalar.bytes.length === 0;
    return empty || was.scalar.type === 'comment' ? 0 : 1;
  }
  if (was.kind === 'list')
    return was.items.reduce((sum, item, i) => sum + countEncrypted(item, (is as typeof was).items[i] as Value), 0);
  return was.items.reduce(
    (sum, { value }, i) => sum + countEncrypted(value, (is as Branch).items[i]?.value as Value),
    0,
  );
}

function readsAs(written: string, plain: Branch, { where, limits }: { where: string; limits: SopsLimits }): boolean {
  try {
    const again = readYaml(written, where, limits);
    return again.length <= 1 && same(again[0]?.branch ?? { kind: 'branch', items: [] }, plain);
  } catch {
    return false;
  }
}

/** SOPS writes 1.0 as 1, which reads as an integer. */
function sameScalar(a: Scalar, b: Scalar): boolean {
  if (a.type === 'float' || b.type === 'float') return isNumber(a) && isNumber(b) && sameNumber(a.value, b.value);
  return a.type === b.type && Buffer.compare(macBytes(a), macBytes(b)) === 0;
}

const isNumber = (scalar: Scalar): scalar is Extract<Scalar, { type: 'int' | 'float' }> =>
  scalar.type === 'int' || scalar.type === 'float';

const sameNumber = (a: number | bigint, b: number | bigint): boolean =>
  a === b || Number(a) === Number(b) || (Number.isNaN(Number(a)) && Number.isNaN(Number(b)));

function same(a: Value, b: Value): boolean {
  if (a.kind === 'leaf' || b.kind === 'leaf')
    return a.kind === 'leaf' && b.kind === 'leaf' && sameScalar(a.scalar, b.scalar);
  if (a.kind === 'list' && b.kind === 'list') {
    // Comments of a list are items only while they are encrypted.
    const left = b.items.filter((item) => item.kind !== 'leaf' || item.scalar.type !== 'comment');
    return a.items.length === left.length && a.items.every((item, i) => same(item, left[i] as Value));
  }
  if (a.kind !== 'branch' || b.kind !== 'branch' || a.items.length !== b.items.length) return false;
  return a.items.every((item, i) => {
    const other = b.items[i];
    return other !== undefined && item.key === other.key && same(item.value, other.value);
  });
}
