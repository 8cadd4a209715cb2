import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { isObject, type Json, type JsonObject } from '../../src/model/index.ts';

/** An age key made for one test. */
export interface TestKey {
  readonly identity: string;
  readonly recipient: string;
}

export async function testKey(): Promise<TestKey> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

export interface SopsRules {
  readonly encrypted_regex?: string;
  readonly unencrypted_suffix?: string;
  readonly mac_only_encrypted?: boolean;
}

const INIT = '8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69';

/** Go's FormatFloat(f, 'f', -1, 64), by the digits of a BigInt where JavaScript takes an exponent. */
function digits(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  if (Number.isInteger(value)) return BigInt(value).toString();
  const [mantissa = '', exponent = '0'] = text.split('e');
  return value.toFixed(Math.min(100, (mantissa.split('.')[1] ?? '').length - Number(exponent)));
}

const bytesOf = (value: Json): string =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : typeof value === 'number' ? digits(value) : String(value);

const typeOf = (value: Json): string =>
  typeof value === 'string'
    ? 'str'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'bigint' || Number.isSafeInteger(value)
        ? 'int'
        : 'float';

/** A value as SOPS encrypts it. */
export function encryptValue(value: Json, key: Uint8Array, aad: string, type = typeOf(value)): string {
  if (value === '') return '';
  const iv = randomBytes(32);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(Buffer.from(aad));
  const data = Buffer.concat([cipher.update(bytesOf(value)), cipher.final()]).toString('base64');
  return `ENC[AES256_GCM,data:${data},iv:${iv.toString('base64')},tag:${cipher.getAuthTag().toString('base64')},type:${type}]`;
}

/** What SOPS would make of documents: written anew for the tests, by the format alone. */
export function encryptTree(
  documents: readonly JsonObject[],
  key: Uint8Array,
  rules: SopsRules,
): { readonly documents: readonly JsonObject[]; readonly mac: string } {
  const hash = createHash('sha512');
  if (rules.mac_only_encrypted === true) hash.update(Buffer.from(INIT, 'hex'));
  const regex = rules.encrypted_regex === undefined ? undefined : new RegExp(rules.encrypted_regex);
  const suffix = rules.unencrypted_suffix ?? '_unencrypted';
  const encrypts = (path: readonly string[]): boolean =>
    regex === undefined ? !path.some((part) => part.endsWith(suffix)) : path.some((part) => regex.test(part));
  const walk = (value: Json, path: readonly string[]): Json => {
    if (value === null) return null;
    if (Array.isArray(value)) return (value as readonly Json[]).map((item) => walk(item, path));
    if (isObject(value))
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, [...path, name])]));
    const encrypted = encrypts(path);
    if (encrypted || rules.mac_only_encrypted !== true) hash.update(bytesOf(value));
    return encrypted ? encryptValue(value, key, `${path.join(':')}:`) : value;
  };
  const out = documents.map((one) => walk(one, []) as JsonObject);
  return { documents: out, mac: hash.digest('hex').toUpperCase() };
}

export interface Encrypted {
  readonly documents: readonly JsonObject[];
  readonly key: Uint8Array;
}

const WHEN = '2026-01-02T03:04:05Z';

/** Documents encrypted for recipients, with the metadata in each of them. */
export async function sopsEncrypt(
  documents: readonly JsonObject[],
  recipients: readonly string[],
  rules: SopsRules = {},
): Promise<Encrypted> {
  const key = randomBytes(32);
  const age = await Promise.all(
    recipients.map(async (recipient) => {
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      return { recipient, enc: armor.encode(await encrypter.encrypt(key)) };
    }),
  );
  const made = encryptTree(documents, key, rules);
  const mac = encryptValue(made.mac, key, WHEN);
  const sops = { age, lastmodified: WHEN, mac, ...(rules as JsonObject), version: '3.13.3' };
  return { documents: made.documents.map((one) => ({ ...one, sops })), key };
}

/** A Secret encrypted as Flux's documentation says, as YAML. */
export async function sopsSecret(secret: JsonObject, ...recipients: readonly string[]): Promise<string> {
  const { documents } = await sopsEncrypt([secret], recipients, { encrypted_regex: '^(data|stringData)$' });
  return documents.map((one) => blockYaml(one)).join('---\n');
}

/** Keys that YAML 1.1 takes for something else. */
const WORD = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/** YAML in block style with text in double quotes, indented as SOPS does. */
export function blockYaml(value: Json, indent = ''): string {
  const scalar = (one: Json): string =>
    typeof one !== 'string' ? String(one) : one.startsWith('ENC[') ? one : JSON.stringify(one);
  const below = (one: Json): string => {
    const size = Array.isArray(one) ? one.length : isObject(one) ? Object.keys(one).length : -1;
    if (size < 0) return ` ${scalar(one)}\n`;
    return size === 0 ? (Array.isArray(one) ? ' []\n' : ' {}\n') : `\n${blockYaml(one, `${indent}    `)}`;
  };
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => `${indent}-${below(item)}`).join('');
  if (!isObject(value)) return `${indent}${scalar(value)}\n`;
  return Object.entries(value)
    .map(
      ([key, item]) =>
        `${indent}${/^[A-Za-z_]\w*$/.test(key) && !WORD.test(key) ? key : JSON.stringify(key)}:${below(item)}`,
    )
    .join('');
}
