import { Fault } from '../../../src/model/index.ts';
import { type HostVerdict, type KnownHosts, parseKnownHosts } from '../../../src/trust/index.ts';
import { HOST_KEY_ALGORITHMS } from './algorithms.ts';
import { AUTH_WORDS } from './identity.ts';

const OLD = 'ssh-rsa';

/** Fault `secret-invalid` when it cannot be read. */
export function readKnownHosts(text: string): KnownHosts {
  try {
    return parseKnownHosts(text);
  } catch (error) {
    const text = `${AUTH_WORDS}ssh: ${error instanceof Error ? error.message : 'known_hosts cannot be read'}`;
    throw new Fault('secret-invalid', text, { reason: 'GitOperationFailed' });
  }
}

/**
 * The algorithms to ask a host for: those set, else those of the keys that are known of it, else all but SHA-1. Asking for
 * others would make the server show a key that known_hosts cannot have an opinion on.
 */
export function algorithmsFor(
  known: KnownHosts,
  host: string,
  port: number,
  set: readonly string[],
): readonly string[] {
  if (set.length > 0) return set;
  const types = known.types(host, port);
  const usable = HOST_KEY_ALGORITHMS.filter((one) => one !== OLD && types.includes(one.startsWith('rsa-') ? OLD : one));
  return usable.length > 0 ? usable : HOST_KEY_ALGORITHMS.filter((one) => one !== OLD);
}

const WORDS: Readonly<Record<Exclude<HostVerdict, 'known'>, string>> = {
  mismatch: 'knownhosts: key mismatch: the server shows another key than known_hosts has',
  unknown: 'knownhosts: key is unknown: known_hosts says nothing of this host',
  revoked: 'knownhosts: key is revoked',
  authority:
    'known_hosts has only a certificate authority (@cert-authority) for this host: certificates of hosts are not read, list its own key',
};

/** The Fault for a host key that is not taken. */
export function hostFault(target: string, verdict: Exclude<HostVerdict, 'known'>, fingerprint: string): Fault {
  return new Fault('wire-host-key', `${target}: ssh: handshake failed: ${WORDS[verdict]} (${fingerprint})`);
}
