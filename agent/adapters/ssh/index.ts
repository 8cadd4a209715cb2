import type { Ssh } from '../../../src/ports/index.ts';
import type { KeyRing } from './keys.ts';
import type { SshSettings } from './settings.ts';

export type { SshSettings } from './settings.ts';

/** The Ssh port on ssh2. All of it is loaded when the first connection is made. */
export function createSsh(settings: SshSettings): Ssh {
  const keys: KeyRing = new Map();
  return { open: async (request) => (await import('./connect.ts')).openSsh(request, { settings, keys }) };
}
