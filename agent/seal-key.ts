import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AGENT_SEAL, type DataObject } from '../src/flux/index.ts';
import { Fault } from '../src/model/index.ts';
import type { Disk } from '../src/ports/index.ts';

/** The agent's own key for what it stores sealed, as the data of an object in a namespace. */
export type SealKey = (namespace: string) => Promise<DataObject>;

/** In the state folder, readable by the agent alone. */
export const SEAL_KEY = 'seal.key';
const BYTES = 32;
const LEAST_BYTES = 16;
const MOST_BYTES = 64 * 1024;

/**
 * The key of a file that the configuration names, or one of the state folder, made when it is first needed: then it is on
 * the same disk as what it seals, and keeps from those who get a copy of the cache without it only. Throws Fault
 * `decryption-failed` for a named file that cannot be read or is no key.
 */
export function sealKey(disk: Disk, file: string): SealKey {
  let key: Promise<Uint8Array> | undefined;
  const read = (): Promise<Uint8Array> => (file === '' ? ownKey(disk) : Promise.resolve(keyOf(file)));
  return async (namespace) => {
    key ??= read();
    // A disk that took no write may take the next one.
    key.catch(() => {
      key = undefined;
    });
    const origin = file === '' ? `the agent's ${SEAL_KEY} in its state folder` : `sealKeyFile ${file}`;
    const data = new Map([[SEAL_KEY, await key]]);
    return { kind: 'Secret', name: AGENT_SEAL, namespace, type: 'Opaque', data, origin };
  };
}

async function ownKey(disk: Disk): Promise<Uint8Array> {
  const found = disk.read(SEAL_KEY);
  // One that was cut or lost opens nothing any more: what was sealed with it is made anew.
  if (found?.length === BYTES) return found;
  const fresh = randomBytes(BYTES);
  await disk.writeAtomic(SEAL_KEY, fresh);
  return fresh;
}

function keyOf(file: string): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Fault('decryption-failed', `sealKeyFile ${file} cannot be read (${code})`, { cause: error });
  }
  if (bytes.length >= LEAST_BYTES && bytes.length <= MOST_BYTES) return bytes;
  throw new Fault(
    'decryption-failed',
    `sealKeyFile ${file}: ${bytes.length} bytes are no key: ${LEAST_BYTES} to ${MOST_BYTES} of chance are needed`,
  );
}
