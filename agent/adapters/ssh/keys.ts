import { createHash } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import type { SshAuth } from '../../../src/ports/index.ts';
import { parsedIdentity } from './identity.ts';

/** Keys that are remembered. */
const MOST = 16;

/** What identities were read as, by a digest; the last one used is the last. */
export type KeyRing = Map<string, ParsedKey>;

/**
 * Reads an identity, each once: to decrypt one takes a second of the processor, which is not for every poll. Fault
 * `secret-invalid` when it cannot be read.
 */
export function readKey(keys: KeyRing, auth: SshAuth, utils: typeof import('ssh2').utils): ParsedKey {
  const name = createHash('sha256')
    .update(JSON.stringify([auth.identity, auth.passphrase]))
    .digest('base64');
  const key = keys.get(name) ?? parsedIdentity(auth, utils);
  keys.delete(name);
  keys.set(name, key);
  for (const old of [...keys.keys()].slice(0, -MOST)) keys.delete(old);
  return key;
}
