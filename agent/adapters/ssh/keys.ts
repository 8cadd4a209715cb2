import { createHash } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import { Fault } from '../../../src/model/index.ts';
import { type Identity, parsedIdentity, takesLong, type Unlock } from './identity.ts';

/** Keys that are remembered. */
const MOST = 16;

/**
 * What identities were read as, by a digest; the last one used is the last. What cannot be read is remembered, too: it
 * takes as long to find that out.
 */
export type KeyRing = Map<string, Promise<ParsedKey>>;

/** What reading needs. */
export interface KeyReading {
  readonly keys: KeyRing;
  /** For those that take long. */
  readonly unlock: Unlock;
  readonly utils: typeof import('ssh2').utils;
}

/**
 * Reads an identity, each once: to decrypt one takes seconds of the processor, which is not for every poll. Fault
 * `secret-invalid` when it cannot be read; that of `unlock` when it could not be tried, which is not remembered.
 */
export function readKey({ keys, unlock, utils }: KeyReading, auth: Identity): Promise<ParsedKey> {
  const name = createHash('sha256')
    .update(JSON.stringify([auth.identity, auth.passphrase]))
    .digest('base64');
  const key = keys.get(name) ?? read(auth, unlock, utils);
  keys.delete(name);
  keys.set(name, key);
  for (const old of [...keys.keys()].slice(0, -MOST)) keys.delete(old);
  key.catch((error: unknown) => {
    const isKnown = error instanceof Fault && error.code === 'secret-invalid';
    if (!isKnown && keys.get(name) === key) keys.delete(name);
  });
  return key;
}

async function read(auth: Identity, unlock: Unlock, utils: KeyReading['utils']): Promise<ParsedKey> {
  if (!takesLong(auth)) return parsedIdentity(auth, utils);
  return parsedIdentity({ identity: await unlock(auth), passphrase: '' }, utils);
}
