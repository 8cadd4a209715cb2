import { type DataObject, layerOf, type OCIRepository } from '../../flux/index.ts';
import { Fault, type SourceRevision } from '../../model/index.ts';
import type { WireProxy, WireTls } from '../../ports/index.ts';
import { checkedTlsOf, inWords, otherSecret, proxyOf, secretNamed, secretText } from '../secrets.ts';
import { parseDockerConfig, type RegistryLogin } from './credentials.ts';
import type { OciRequest } from './request.ts';
import { ociVerifyOf } from './verify-from-flux.ts';

/** The service account that `spec.serviceAccountName` names, as far as it matters here. */
export interface OciAccount {
  /** Names of its `imagePullSecrets`, in order. */
  readonly pullSecrets: readonly string[];
}

/**
 * The request of an OCIRepository, with what its Secrets say. `data` holds those it names and the pull secrets of
 * `account`, which is undefined where the account does not exist. Throws `secret-missing`, `secret-invalid` and `signature-keys`.
 */
export function ociRequestOf(
  source: OCIRepository,
  data: readonly DataObject[],
  have: SourceRevision | undefined,
  account?: OciAccount,
): OciRequest {
  const { spec, meta } = source;
  const logins = inWords('failed to get credential', () => loginsOf(source, data, account));
  const proxy = proxyFor(source, data);
  const tls = tlsFor(source, data);
  const verify = ociVerifyOf(source, data);
  return {
    url: spec.url.replace(/\/+$/, ''),
    ref: spec.ref,
    layer: layerOf(spec),
    tenant: meta.namespace,
    owner: `OCIRepository/${meta.namespace}/${meta.name}`,
    logins,
    insecure: spec.insecure,
    timeoutMs: spec.timeout,
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(tls === undefined ? {} : { tls }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(have === undefined ? {} : { have }),
    ...(verify === undefined ? {} : { verify }),
  };
}

/** From secretRef, then from the account's pull secrets, as Flux. */
function loginsOf(
  { spec, meta }: OCIRepository,
  data: readonly DataObject[],
  account: OciAccount | undefined,
): readonly RegistryLogin[] {
  const { namespace } = meta;
  const logins = spec.secretRef === undefined ? [] : [...loginsIn(secretNamed(spec.secretRef.name, namespace, data))];
  const name = spec.serviceAccountName;
  if (name === undefined) return logins;
  if (account === undefined) throw new Fault('secret-missing', `serviceaccount '${namespace}/${name}' not found`);
  for (const secret of account.pullSecrets) logins.push(...loginsIn(secretNamed(secret, namespace, data)));
  return logins;
}

/** Logins of a Secret by its type; one of another type has none, as for Flux. */
function loginsIn(secret: DataObject): readonly RegistryLogin[] {
  const key =
    secret.type === 'kubernetes.io/dockerconfigjson'
      ? '.dockerconfigjson'
      : secret.type === 'kubernetes.io/dockercfg'
        ? '.dockercfg'
        : undefined;
  const text = key === undefined ? undefined : secretText(secret, key);
  return text === undefined ? [] : parseDockerConfig(text, `Secret ${secret.namespace}/${secret.name}`);
}

function proxyFor({ spec, meta }: OCIRepository, data: readonly DataObject[]): WireProxy | undefined {
  const { proxySecretRef: ref } = spec;
  if (ref === undefined) return undefined;
  return inWords('failed to get proxy address', () => proxyOf(otherSecret(ref.name, meta.namespace, data)));
}

/** `insecure` takes any certificate, unless a Secret says which are to be trusted. */
function tlsFor({ spec, meta }: OCIRepository, data: readonly DataObject[]): WireTls | undefined {
  const { certSecretRef: ref } = spec;
  if (ref === undefined) return spec.insecure ? { anyServer: true } : undefined;
  return inWords(`failed to generate transport for '${spec.url}'`, () =>
    checkedTlsOf(otherSecret(ref.name, meta.namespace, data)),
  );
}
