import type { DataObject, GitRepository } from '../flux/index.ts';
import { Fault, type SourceRevision } from '../model/index.ts';
import type { SshAuth } from '../ports/index.ts';
import type { GitAuth, GitRequest } from './git/index.ts';
import { proxyOf, secretNamed, secretText, tlsOf } from './secrets.ts';

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
  const proxy =
    spec.proxySecretRef === undefined
      ? undefined
      : proxyOf(secretNamed(spec.proxySecretRef.name, meta.namespace, data));
  const ssh = spec.url.startsWith('ssh://') ? sshOf(secret) : undefined;
  if (secret !== undefined && spec.provider !== 'github') refuseApp(secret);
  const auth = secret === undefined || ssh !== undefined ? undefined : authOf(secret);
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

/** Keys of a GitHub App log in nowhere by themselves. */
function refuseApp({ data, namespace, name }: DataObject): void {
  if ((data.get('githubAppID')?.length ?? 0) === 0) return;
  const message = `secretRef '${namespace}/${name}' has github app data but provider is not set to github`;
  throw new Fault('secret-invalid', message, { reason: MISCONFIGURED });
}

function authOf(secret: DataObject): GitAuth | undefined {
  const [username, password, token] = [
    secretText(secret, 'username') || undefined,
    secretText(secret, 'password') || undefined,
    secretText(secret, 'bearerToken'),
  ];
  // As Flux: a token wins, and a user may have no password.
  if (token !== undefined) return { kind: 'bearer', token: token.trim() };
  if (username !== undefined) return { kind: 'basic', username, password: password ?? '' };
  if (password === undefined) return undefined;
  throw new Fault('secret-invalid', `Secret ${secret.namespace}/${secret.name}: password needs username beside it`);
}

/** As Flux, which asks for both before it goes anywhere. */
function sshOf(secret: DataObject | undefined): SshAuth {
  const need = (key: string): string => {
    const found = secret === undefined ? undefined : secretText(secret, key);
    if (found !== undefined && found.trim() !== '') return found;
    const where = secret === undefined ? 'spec.secretRef names no Secret' : `Secret ${secret.namespace}/${secret.name}`;
    throw new Fault(
      'secret-invalid',
      `failed to configure authentication options: invalid 'ssh' auth option: '${key}' is required (${where})`,
    );
  };
  const identity = need('identity');
  return {
    identity,
    knownHosts: need('known_hosts'),
    passphrase: secret === undefined ? '' : (secretText(secret, 'password') ?? ''),
  };
}
