import {
  at,
  Fault,
  fromJson,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  textAt,
  toJson,
} from '../model/index.ts';
import { refuse, shown } from './fault.ts';
import { bare, decryptFile, type FileTools, metadataOf } from './file.ts';
import { detectFormat, formatFor } from './formats.ts';
import { stillEncrypted } from './manifest.ts';
import { readMetadata } from './metadata.ts';
import { readJson, writeJson } from './stores/json.ts';
import { macBytes } from './tree.ts';
import { decryptTree } from './walk.ts';

/** An object of a build and whether something of it was decrypted here. */
export interface Opened {
  readonly object: KubeObject;
  readonly decrypted: boolean;
}

/** Decrypts what is still encrypted in a built object: the object itself, or values of a Secret. Throws `decryption-failed`. */
export async function openObject(object: KubeObject, tools: FileTools): Promise<Opened> {
  const asked = textAt(object.metadata, 'annotations', 'kustomize.toolkit.fluxcd.io/decrypt');
  if (asked?.toLowerCase() === 'disabled') return { object, decrypted: false };
  const mac = at(object, 'sops', 'mac');
  if (mac !== undefined && mac !== null && mac !== '')
    return { object: await openWhole(object, tools), decrypted: true };
  return object.kind === 'Secret' ? openData(object, tools) : { object, decrypted: false };
}

const nameOf = ({ kind, metadata }: KubeObject): string =>
  `${shown(kind)} '${shown(textAt(metadata, 'namespace') ?? '')}/${shown(metadata.name)}'`;

/** By a patch, say. Only when nothing that the MAC is over was changed since can it be proven to be whole. */
async function openWhole(object: KubeObject, tools: FileTools): Promise<KubeObject> {
  const where = `decryption failed for ${nameOf(object)}`;
  const branch = readJson(toJson(object), where, tools.limits);
  const metadata = readMetadata(metadataOf(branch), where, tools.limits.encryptedRecipients);
  const key = await tools.unlocker.dataKey(metadata, where);
  try {
    const { branches, replaced } = decryptTree([bare(branch)], metadata, { key, where });
    for (const { is } of replaced) tools.heard(Buffer.from(macBytes(is)).toString('utf8'));
    const [plain] = branches;
    return fromJson(plain === undefined ? '{}' : writeJson(plain)) as KubeObject;
  } catch (error) {
    if (error instanceof Fault && error.code === 'decryption-failed') throw stillEncrypted(error.message);
    throw error;
  }
}

/** Values of a Secret that are encrypted files themselves. */
async function openData(object: KubeObject, tools: FileTools): Promise<Opened> {
  const data = object['data'];
  if (!isObject(data)) return { object, decrypted: false };
  const changed: [string, Json][] = [];
  for (const [key, value] of Object.entries(data)) {
    const bytes = typeof value === 'string' ? fromBase64(value) : undefined;
    const input = bytes === undefined ? undefined : detectFormat(bytes);
    if (bytes === undefined || input === undefined) continue;
    const where = `failed to decrypt and format ${nameOf(object)} field '${shown(key)}'`;
    const plain = await decryptFile(bytes, { input, output: formatFor(key), where }, tools);
    changed.push([key, Buffer.from(plain).toString('base64')]);
  }
  if (changed.length === 0) return { object, decrypted: false };
  const next: JsonObject = { ...data, ...Object.fromEntries(changed) };
  return { object: { ...object, data: next }, decrypted: true };
}

function fromBase64(text: string): Uint8Array | undefined {
  const packed = text.replace(/[\r\n]/g, '');
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) return undefined;
  return Buffer.from(packed, 'base64');
}

/** Counts what is decrypted in one render. */
export function counted(most: number): (where: string) => void {
  let count = 0;
  return (where) => {
    count += 1;
    if (count > most) throw refuse(where, `more encrypted files than limits.encryptedFiles = ${most}`);
  };
}
