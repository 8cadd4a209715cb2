import type { Ssh } from '../../../src/ports/index.ts';
import type { Unlock } from './identity.ts';
import type { KeyRing } from './keys.ts';
import type { SshSettings } from './settings.ts';

export type { Identity, Unlock } from './identity.ts';
export type { SshSettings } from './settings.ts';

/**
 * The Ssh port on ssh2. All of it is loaded when the first connection is made. `unlock` decrypts identities for which that
 * takes long, this process where it is absent.
 */
export function createSsh(settings: SshSettings, unlock: Unlock = unlockNow): Ssh {
  const keys: KeyRing = new Map();
  return { open: async (request) => (await import('./connect.ts')).openSsh(request, { settings, keys, unlock }) };
}

/** Decrypts an identity in this process, which does nothing else meanwhile. */
export const unlockNow: Unlock = async (auth) => (await import('./identity.ts')).unlockHere(auth);
