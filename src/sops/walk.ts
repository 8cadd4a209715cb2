import { createHash, type Hash, timingSafeEqual } from 'node:crypto';
import { compilePattern } from '../pattern/index.ts';
import { refuse, shown } from './fault.ts';
import type { Metadata, Rule } from './metadata.ts';
import { type Branch, type Item, type Leaf, type List, leaf, macBytes, type Scalar, type Value } from './tree.ts';
import { decryptValue, isEncryptedValue, ValueError } from './value.ts';

/** A value that was decrypted: what stood there, what stands there now, and where. */
export interface Replaced {
  readonly was: string;
  readonly is: Scalar;
  readonly path: readonly string[];
}

export interface Decrypted {
  readonly branches: readonly Branch[];
  /** In the order of the document. */
  readonly replaced: readonly Replaced[];
}

/** What the hash begins with when only encrypted values are in it. */
const ONLY_ENCRYPTED = Buffer.from('8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69', 'hex');

/** As SOPS names a place for the encryption of its value. */
export const placeOf = (path: readonly string[]): string => `${path.join(':')}:`;

interface Walk {
  readonly key: Uint8Array;
  readonly metadata: Metadata;
  readonly encrypts: (path: readonly string[], value: Scalar) => boolean;
  readonly hash: Hash;
  readonly replaced: Replaced[];
  readonly where: string;
}

/**
 * Decrypts the documents of a file and checks its MAC: nothing comes out of a file of which anything was added, removed,
 * moved or changed. Throws `decryption-failed`.
 */
export function decryptTree(
  branches: readonly Branch[],
  metadata: Metadata,
  how: { readonly key: Uint8Array; readonly where: string },
): Decrypted {
  const hash = createHash('sha512');
  if (metadata.macOnlyEncrypted) hash.update(ONLY_ENCRYPTED);
  const walk: Walk = { ...how, metadata, encrypts: encryptsBy(metadata.rule, how.where), hash, replaced: [] };
  const decrypted = branches.map((branch) => inBranch(walk, branch, []));
  checkMac(hash.digest('hex').toUpperCase(), metadata, how);
  return { branches: decrypted, replaced: walk.replaced };
}

function checkMac(
  computed: string,
  { mac, lastModified }: Metadata,
  { key, where }: { readonly key: Uint8Array; readonly where: string },
): void {
  const stored = failing(where, 'sops.mac', () => macBytes(decryptValue(mac, key, lastModified)));
  const own = Buffer.from(computed);
  if (stored.length === own.length && timingSafeEqual(stored, own)) return;
  throw refuse(
    where,
    'failed to verify sops data integrity: the MAC does not match. Something in it was changed after it was encrypted: restore it, or look at it and encrypt it again with sops',
  );
}

function failing<T>(where: string, place: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ValueError) throw refuse(where, `${shown(place)}: ${error.message}`);
    throw error;
  }
}

function encryptsBy(rule: Rule, where: string): Walk['encrypts'] {
  if (rule.by === 'comment')
    return (_path, value) => value.type === 'str' && isEncryptedValue(Buffer.from(value.bytes).toString('utf8'));
  const { encrypts, pattern, by } = rule;
  const matches = by === 'suffix' ? (key: string) => key.endsWith(pattern) : matcher(pattern, where);
  return (path) => path.some(matches) === encrypts;
}

function matcher(pattern: string, where: string): (key: string) => boolean {
  try {
    const compiled = compilePattern(pattern);
    const known = new Map<string, boolean>();
    return (key) => {
      const found = known.get(key) ?? compiled.test(key);
      known.set(key, found);
      return found;
    };
  } catch (error) {
    throw refuse(where, `the regular expression of its sops metadata cannot be read`, error);
  }
}

function inBranch(walk: Walk, branch: Branch, path: readonly string[]): Branch {
  const items = branch.items.map((item): Item => {
    if (item.key === undefined) return { key: undefined, value: inValue(walk, item.value, path) };
    return { key: item.key, value: inValue(walk, item.value, [...path, item.key]) };
  });
  return { kind: 'branch', items };
}

function inValue(walk: Walk, value: Value, path: readonly string[]): Value {
  if (value.kind === 'branch') return inBranch(walk, value, path);
  if (value.kind === 'leaf') return inLeaf(walk, value, path);
  const list: List = { kind: 'list', items: value.items.map((item) => inValue(walk, item, path)) };
  return list;
}

function inLeaf(walk: Walk, value: Leaf, path: readonly string[]): Value {
  const { scalar } = value;
  if (scalar.type === 'null') return value;
  if (scalar.type === 'comment') return leaf(decryptComment(scalar.text, walk.key, [path]));
  const encrypted = walk.encrypts(path, scalar);
  const plain = encrypted ? decryptScalar(walk, scalar, path) : scalar;
  const counts = !walk.metadata.macOnlyEncrypted || encrypted;
  // In a list a comment is encrypted like a value, and known by its type only.
  if (counts && plain.type !== 'comment') walk.hash.update(macBytes(plain));
  return plain === scalar ? value : leaf(plain);
}

function decryptScalar(walk: Walk, scalar: Scalar, path: readonly string[]): Scalar {
  const place = path.join('.');
  if (scalar.type !== 'str')
    throw refuse(walk.where, `${shown(place)}: the value does not match sops' data format: it should be encrypted`);
  const was = Buffer.from(scalar.bytes).toString('utf8');
  const is = failing(walk.where, place, () => decryptValue(was, walk.key, placeOf(path)));
  if (was !== '') walk.replaced.push({ was, is, path });
  return is;
}

/** A comment; one that was not encrypted, or for none of these places, stays as it is, as in SOPS. No comment is in the MAC. */
export function decryptComment(
  text: string,
  key: Uint8Array,
  paths: readonly (readonly string[])[],
): Extract<Scalar, { type: 'comment' }> {
  for (const path of isEncryptedValue(text) ? paths : []) {
    try {
      return { type: 'comment', text: Buffer.from(macBytes(decryptValue(text, key, placeOf(path)))).toString('utf8') };
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
    }
  }
  return { type: 'comment', text };
}
