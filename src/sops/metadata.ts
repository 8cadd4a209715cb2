import { isObject, type Json, type JsonObject } from '../model/index.ts';
import { refuse } from './fault.ts';
import { wholeSeconds } from './time.ts';
import { isEncryptedValue } from './value.ts';

/** How a file says which of its values are encrypted. */
export type Rule =
  | { readonly by: 'suffix' | 'regex'; readonly encrypts: boolean; readonly pattern: string }
  /** Comments decide; they are not kept, so a value that has the shape of an encrypted one is one. */
  | { readonly by: 'comment' };

/** The data key of a file, or a part of it, encrypted to one recipient. */
export interface WrappedKey {
  readonly kind: 'age' | 'pgp' | 'kms' | 'gcp_kms' | 'azure_kv' | 'hc_vault' | 'hckms';
  /** Who can open it: a recipient, a fingerprint, a name of a key service. */
  readonly recipient: string;
  readonly wrapped: string;
}

/** What SOPS writes beside the values. */
export interface Metadata {
  /** One group holds the data key; of several each holds a part. */
  readonly groups: readonly (readonly WrappedKey[])[];
  readonly threshold: number;
  readonly rule: Rule;
  readonly macOnlyEncrypted: boolean;
  readonly mac: string;
  /** RFC 3339 in whole seconds. */
  readonly lastModified: string;
}

/** Reads the metadata of a file, whatever format it is of: numbers and booleans may be text. Throws `decryption-failed`. */
export function readMetadata(raw: Json, where: string, most: number): Metadata {
  if (!isObject(raw)) throw refuse(where, 'its sops metadata is no map');
  const mac = textOf(raw, 'mac');
  if (!isEncryptedValue(mac))
    throw refuse(where, 'it has no MAC that could be checked (sops.mac): encrypt it again with sops');
  const lastModified = wholeSeconds(textOf(raw, 'lastmodified'));
  if (lastModified === undefined) throw refuse(where, 'sops.lastmodified is no time');
  const groups = groupsOf(raw);
  const count = groups.reduce((sum, group) => sum + group.length, 0);
  if (count === 0) throw refuse(where, 'no keys found in file: its sops metadata names no recipient');
  if (count > most) throw refuse(where, `${count} recipients are more than limits.encryptedRecipients = ${most}`);
  return {
    groups,
    threshold: Number.parseInt(textOf(raw, 'shamir_threshold'), 10) || 0,
    rule: ruleOf(raw, where),
    macOnlyEncrypted: /^(?:1|t|true)$/i.test(textOf(raw, 'mac_only_encrypted')),
    mac,
    lastModified,
  };
}

function textOf(raw: JsonObject, key: string): string {
  const value = Object.hasOwn(raw, key) ? raw[key] : undefined;
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

const RULES: readonly (readonly [field: string, rule: (pattern: string) => Rule])[] = [
  ['unencrypted_suffix', (pattern) => ({ by: 'suffix', encrypts: false, pattern })],
  ['encrypted_suffix', (pattern) => ({ by: 'suffix', encrypts: true, pattern })],
  ['unencrypted_regex', (pattern) => ({ by: 'regex', encrypts: false, pattern })],
  ['encrypted_regex', (pattern) => ({ by: 'regex', encrypts: true, pattern })],
  ['unencrypted_comment_regex', () => ({ by: 'comment' })],
  ['encrypted_comment_regex', () => ({ by: 'comment' })],
];

function ruleOf(raw: JsonObject, where: string): Rule {
  const found = RULES.filter(([field]) => textOf(raw, field) !== '');
  if (found.length > 1) throw refuse(where, `it has more than one rule: ${found.map(([field]) => field).join(', ')}`);
  const [only] = found;
  return only === undefined
    ? { by: 'suffix', encrypts: false, pattern: '_unencrypted' }
    : only[1](textOf(raw, only[0]));
}

/** By the order in which keys are tried: those that need no network first. */
const KINDS: readonly (readonly [kind: WrappedKey['kind'], names: readonly string[]])[] = [
  ['age', ['recipient']],
  ['pgp', ['fp']],
  ['kms', ['arn']],
  ['gcp_kms', ['resource_id']],
  ['azure_kv', ['vault_url', 'name']],
  ['hc_vault', ['vault_address', 'key_name']],
  ['hckms', ['key_id']],
];

function groupsOf(raw: JsonObject): readonly (readonly WrappedKey[])[] {
  const own = groupOf(raw);
  if (own.length > 0) return [own];
  const more = raw['key_groups'];
  return Array.isArray(more) ? (more as readonly Json[]).map((group) => (isObject(group) ? groupOf(group) : [])) : [];
}

function groupOf(raw: JsonObject): readonly WrappedKey[] {
  return KINDS.flatMap(([kind, names]) => {
    const list = raw[kind];
    return (Array.isArray(list) ? (list as readonly Json[]) : []).filter(isObject).map((one) => ({
      kind,
      recipient: names.map((name) => textOf(one, name)).join('/'),
      wrapped: textOf(one, 'enc'),
    }));
  });
}
