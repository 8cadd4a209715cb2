import type { DataObject, GitRepository } from '../flux/index.ts';
import { Fault, type SourceRevision } from '../model/index.ts';
import type { SshAuth } from '../ports/index.ts';
import type { GitAuth, GitRequest } from './git/index.ts';
import { inWords, otherSecret, proxyOf, secretNamed, secretText, tlsOf } from './secrets.ts';

/** Reason of Flux for a provider and a Secret that do not go together. */
export const MISCONFIGURED = 'InvalidProviderConfiguration';

/** The request of a GitRepository, with what its Secrets say. Throws `secret-missing` and `secret-invalid`. */
export function gitRequestOf(
  source: GitRepository,
  data: readonly DataObject[],
  have: SourceRevision | undefined,
): GitRequest {
  const { spec, meta } = source;
  const secret = spec.secretRef === undefined ? undefined : secretNamed(spec.secretRef.name, meta.namespace, data);
  const { proxySecretRef } = spec;
  const proxy =
    proxySecretRef === undefined
      ? undefined
      : inWords('failed to configure proxy options', () =>
          proxyOf(otherSecret(proxySecretRef.name, meta.namespace, data)),
        );
  if (secret !== undefined && spec.provider !== 'github' && secret.data.has('githubAppID')) throw notOfApp(secret);
  const ssh = spec.url.startsWith('ssh://') ? sshOf(secret) : undefined;
  const auth = secret === undefined || ssh !== undefined ? undefined : authOf(secret, spec.url);
  const tls = secret === undefined ? undefined : tlsOf(secret);
  return {
    url: spec.url,
    ref: spec.ref,
    tenant: meta.namespace,
    sparseCheckout: spec.sparseCheckout,
    timeoutMs: spec.timeout,
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(auth === undefined ? {} : { auth }),
    ...(tls === undefined ? {} : { tls }),
    ...(ssh === undefined ? {} : { ssh }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(have === undefined ? {} : { have }),
  };
}

/** Data of an app that nobody asks a token for. */
const notOfApp = ({ namespace, name }: DataObject): Fault =>
  new Fault(
    'secret-invalid',
    `secretRef '${namespace}/${name}' has github app data but provider is not set to github`,
    { reason: MISCONFIGURED },
  );

/** As Flux: a token goes before user and password, a user may have no password, and the URL may name the user. */
function authOf(secret: DataObject, url: string): GitAuth | undefined {
  const token = secretText(secret, 'bearerToken')?.trim();
  if (token !== undefined) return token === '' ? undefined : { kind: 'bearer', token };
  const password = secretText(secret, 'password') ?? '';
  const username = secretText(secret, 'username') || userIn(url);
  if (username !== '') return { kind: 'basic', username, password };
  if (password === '') return undefined;
  const scheme = url.slice(0, url.indexOf(':'));
  throw new Fault(
    'secret-invalid',
    `failed to configure authentication options: invalid '${scheme}' auth option: 'password' requires 'username' to be set (Secret ${secret.namespace}/${secret.name})`,
  );
}

function userIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url).username);
  } catch {
    return '';
  }
}

/** As Flux, which asks for both before it goes anywhere. */
function sshOf(secret: DataObject | undefined): SshAuth {
  const text = (key: string): string => (secret === undefined ? '' : (secretText(secret, key) ?? ''));
  const [identity, knownHosts] = [text('identity'), text('known_hosts')];
  const missing = Object.entries({ identity, known_hosts: knownHosts }).filter(([, value]) => value.trim() === '');
  if (missing.length === 0) return { identity, knownHosts, passphrase: text('password') };
  const where = secret === undefined ? 'spec.secretRef names no Secret' : `Secret ${secret.namespace}/${secret.name}`;
  const said = missing.map(([key]) => `invalid 'ssh' auth option: '${key}' is required`).join(', ');
  throw new Fault('secret-invalid', `failed to configure authentication options: ${said} (${where})`);
}
