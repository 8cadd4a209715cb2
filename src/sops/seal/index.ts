import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { AGENT_KEYS, type DataObject, decryptionKeys, type Kustomization } from '../../flux/index.ts';
import { byCodeUnit, Fault } from '../../model/index.ts';

/**
 * What was decrypted is stored sealed: encrypted under a key that is made of the private keys, which are never on this
 * disk. It begins with bytes that no JSON begins with, so a sealed content tells what it is.
 *
 *     holdfast-sealed1 | id of the key, 8 bytes | nonce, 12 | AES-256-GCM of the JSON | tag, 16
 *
 * The nonce is made of the JSON: equal JSON under equal keys gives equal bytes, so what did not change is not applied again.
 */
const MAGIC = Buffer.from('holdfast-sealed1');
const ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD = MAGIC.length + ID_BYTES;
const OVERHEAD = HEAD + NONCE_BYTES + TAG_BYTES;

/** Where the private keys of a Kustomization are, with their bytes. */
export interface KeySource {
  /** For messages. */
  readonly name: string;
  /** In one order, whatever order they were read in. */
  readonly entries: readonly (readonly [name: string, bytes: Uint8Array])[];
}

const NO_KEYS = 'the agent, without decryption.ageKeyFile, and spec.decryption, without secretRef,';

/** The private keys that a Kustomization names, of the data that was found for it. Throws `decryption-failed`. */
export function keySource(kustomization: Kustomization, data: readonly DataObject[]): KeySource {
  const { meta, spec } = kustomization;
  const wanted = spec.decryption?.secretRef?.name;
  const found = decryptionKeys(kustomization, data);
  if (found === undefined && wanted !== undefined)
    throw new Fault(
      'decryption-failed',
      `cannot get sops decryption Secret ${meta.namespace}/${wanted}: secrets "${wanted}" not found`,
    );
  // As in Flux, that there is no key is wrong only when something is encrypted.
  if (found === undefined) return { name: NO_KEYS, entries: [] };
  const entries = [...found.data].filter(([key]) => /\.(?:agekey|asc)$/.test(key));
  const name = found.name === AGENT_KEYS ? found.origin : `Secret ${meta.namespace}/${found.name}`;
  return { name, entries: entries.sort((one, other) => byCodeUnit(one[0], other[0])) };
}

/** The agent's own key as a source of keys. */
export function agentSource({ origin, data }: DataObject): KeySource {
  return { name: origin, entries: [...data] };
}

/** Seals and opens the JSON of objects of one Kustomization. */
export interface Sealer {
  /** It was sealed with this key. */
  fits(sealed: Uint8Array): boolean;
  seal(json: Uint8Array): Uint8Array;
  /** Throws `decryption-closed` when these are not the keys that it was sealed with, or it was changed. */
  open(sealed: Uint8Array): Uint8Array;
}

export const isSealed = (bytes: Uint8Array): boolean =>
  bytes.length >= OVERHEAD && MAGIC.equals(bytes.subarray(0, MAGIC.length));

export function sealer(source: KeySource, owner: string): Sealer {
  const material = Buffer.concat(
    source.entries.flatMap(([name, bytes]) => [Buffer.from(`${name}\0${bytes.length}\0`), Buffer.from(bytes)]),
  );
  const derived = Buffer.from(hkdfSync('sha256', material, 'holdfast', `sealed/1 ${owner}`, 72));
  const [key, nonceKey, id] = [derived.subarray(0, 32), derived.subarray(32, 64), derived.subarray(64)];
  const head = Buffer.concat([MAGIC, id]);
  const fits = (sealed: Uint8Array): boolean => head.equals(sealed.subarray(0, HEAD));
  return {
    fits,
    seal: (json) => {
      const nonce = createHmac('sha256', nonceKey).update(json).digest().subarray(0, NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(head);
      return Buffer.concat([head, nonce, cipher.update(json), cipher.final(), cipher.getAuthTag()]);
    },
    open: (sealed) => {
      if (!fits(sealed)) throw closed(`it was sealed with other keys than ${source.name} holds now`);
      const nonce = sealed.subarray(HEAD, HEAD + NONCE_BYTES);
      const end = sealed.length - TAG_BYTES;
      try {
        const open = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(head);
        open.setAuthTag(sealed.subarray(end));
        return Buffer.concat([open.update(sealed.subarray(HEAD + NONCE_BYTES, end)), open.final()]);
      } catch {
        throw closed('its sealed form on this disk was changed');
      }
    },
  };
}

/** Why a sealed object cannot be opened now; it stays as it is in the cluster. */
export function closed(why: string): Fault {
  return new Fault('decryption-closed', `the decrypted object cannot be opened: ${why}`);
}
