import { refuse, shown } from './fault.ts';
import type { KeyRing } from './keys/index.ts';
import type { Metadata, WrappedKey } from './metadata.ts';
import { combine } from './shamir.ts';

const KEY_BYTES = 32;

const SERVICES: Readonly<Record<string, string>> = {
  kms: 'AWS KMS',
  gcp_kms: 'GCP KMS',
  azure_kv: 'Azure Key Vault',
  hc_vault: 'Vault',
  hckms: 'HuaweiCloud KMS',
};

/** Finds the data keys of files with the keys that are there; what was found once is remembered. */
export interface Unlocker {
  dataKey(metadata: Metadata, where: string): Promise<Uint8Array>;
}

export function createUnlocker(ring: KeyRing): Unlocker {
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  const open = (key: WrappedKey): Promise<Uint8Array | undefined> => {
    const { kind } = key;
    if (kind !== 'age' && kind !== 'pgp') return Promise.resolve(undefined);
    const before = known.get(key.wrapped);
    if (before !== undefined) return before;
    const part = ring.unwrap(kind, key.wrapped);
    known.set(key.wrapped, part);
    return part;
  };
  return { dataKey: (metadata, where) => dataKey(metadata, where, { ring, open }) };
}

interface Tools {
  readonly ring: KeyRing;
  readonly open: (key: WrappedKey) => Promise<Uint8Array | undefined>;
}

async function dataKey(metadata: Metadata, where: string, tools: Tools): Promise<Uint8Array> {
  const { groups, threshold } = metadata;
  const parts: Uint8Array[] = [];
  for (const group of groups) {
    const part = await partOf(group, tools);
    if (part !== undefined) parts.push(part);
  }
  const needed = groups.length > 1 ? Math.max(threshold, 2) : 1;
  if (parts.length < needed) throw locked(metadata, where, { ring: tools.ring, found: parts.length, needed });
  const key = groups.length > 1 ? combine(parts) : parts[0];
  if (key?.length === KEY_BYTES) return key;
  throw refuse(where, 'cannot get sops data key: what its recipients hold does not make a key of 32 bytes');
}

async function partOf(group: readonly WrappedKey[], { open }: Tools): Promise<Uint8Array | undefined> {
  for (const key of group) {
    const part = await open(key);
    if (part !== undefined) return part;
  }
  return undefined;
}

function locked(metadata: Metadata, where: string, got: { ring: KeyRing; found: number; needed: number }): Error {
  const all = metadata.groups.flat();
  const mine = all.filter(({ kind }) => kind === 'age' || kind === 'pgp');
  const services = [...new Set(all.flatMap(({ kind }) => SERVICES[kind] ?? []))];
  const head = 'cannot get sops data key';
  if (mine.length === 0)
    return refuse(
      where,
      `${head}: it is encrypted to ${services.join(' and ')} only. A site must come up without a network, so Holdfast opens age and PGP keys only: add an age recipient to the file`,
    );
  const groups = metadata.groups.length > 1 ? `${got.found} of the ${got.needed} key groups it needs are open: ` : '';
  const named = mine.slice(0, 5).map(({ kind, recipient }) => `${kind} ${shown(recipient)}`);
  const more = mine.length > named.length ? ` and ${mine.length - named.length} more` : '';
  const beside =
    services.length > 0 ? `, and to ${services.join(' and ')}, which need a network and are not asked` : '';
  return refuse(
    where,
    `${head}: ${groups}${got.ring.what} does not hold the private key; it is encrypted to ${named.join(', ')}${more}${beside}`,
  );
}
