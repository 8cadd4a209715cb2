import { type Bucket, type DataObject, findSecret } from '../../flux/index.ts';
import { Fault, type SourceRevision } from '../../model/index.ts';
import type { WireTls } from '../../ports/index.ts';
import { checkedTlsOf, inWords, otherSecret, proxyOf, secretNamed, secretText as text } from '../secrets.ts';
import { azureBase } from './place.ts';
import type { BucketLogin, BucketRequest } from './request.ts';

/**
 * The request of a Bucket, with what its Secrets say. Throws `secret-missing`, `secret-invalid`, and `unsupported` where
 * a cloud would have to be asked for credentials.
 */
export function bucketRequestOf(
  source: Bucket,
  data: readonly DataObject[],
  have: SourceRevision | undefined,
): BucketRequest {
  const { spec, meta } = source;
  const named = (ref: { readonly name: string } | undefined): DataObject | undefined =>
    ref === undefined ? undefined : secretNamed(ref.name, meta.namespace, data);
  const login = loginOf(source, named(spec.secretRef), data);
  const { certSecretRef, proxySecretRef } = spec;
  const tls = certificates(certSecretRef, 'TLS config', source, data);
  const proxy =
    proxySecretRef === undefined
      ? undefined
      : inWords('failed to get proxy URL', () => proxyOf(otherSecret(proxySecretRef.name, meta.namespace, data)));
  return {
    provider: spec.provider,
    owner: `Bucket/${meta.namespace}/${meta.name}`,
    bucket: spec.bucketName,
    endpoint: spec.endpoint,
    region: spec.region,
    prefix: spec.prefix,
    insecure: spec.insecure,
    login,
    timeoutMs: spec.timeout,
    tenant: meta.namespace,
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(tls === undefined ? {} : { tls }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(have === undefined ? {} : { have }),
  };
}

function loginOf(source: Bucket, secret: DataObject | undefined, data: readonly DataObject[]): BucketLogin {
  const { spec } = source;
  if (spec.serviceAccountName !== undefined)
    throw refused(
      'spec.serviceAccountName',
      'cloud identities of service accounts are not used: name keys by secretRef',
    );
  switch (spec.provider) {
    case 'azure':
      return secret === undefined ? { kind: 'none' } : azureLogin(source, secret);
    case 'gcp':
      return gcpLogin(secret);
    case 'aws':
      if (secret !== undefined) return s3Login(secret);
      throw refused(
        "spec.provider 'aws' without secretRef",
        "instance metadata and cloud identities are not asked for credentials: name a Secret with 'accesskey' and 'secretkey', or use provider 'generic' for a bucket that everybody may read",
      );
    default:
      if (secret !== undefined) return s3Login(secret);
      return spec.sts === undefined ? { kind: 'none' } : ldapLogin(source, data);
  }
}

function refused(what: string, why: string): Fault {
  return new Fault('unsupported', `${what}: ${why}`);
}

/** As Flux, which asks for both before it goes anywhere. */
function s3Login(secret: DataObject): BucketLogin {
  const [accessKey, secretKey] = [text(secret, 'accesskey'), text(secret, 'secretkey')];
  if (accessKey === undefined || secretKey === undefined)
    throw invalid(secret, "required fields 'accesskey' and 'secretkey'");
  if (accessKey === '' || secretKey === '') return { kind: 'none' };
  return { kind: 's3', keys: { accessKey: accessKey.trim(), secretKey: secretKey.trim() } };
}

function gcpLogin(secret: DataObject | undefined): BucketLogin {
  if (secret === undefined)
    throw refused(
      "spec.provider 'gcp' without secretRef",
      "the cloud is not asked for credentials: make an HMAC key for a service account and put it into a Secret as 'accesskey' and 'secretkey', or use provider 'generic' with endpoint storage.googleapis.com for a bucket that everybody may read",
    );
  if (text(secret, 'accesskey') === undefined && text(secret, 'serviceaccount') !== undefined)
    throw invalid(
      secret,
      "'serviceaccount' (a JSON key) is not used: make an HMAC key for the service account (gcloud storage hmac create) and add it as 'accesskey' and 'secretkey'",
    );
  return s3Login(secret);
}

function azureLogin({ spec }: Bucket, secret: DataObject): BucketLogin {
  const [key, sas] = [text(secret, 'accountKey'), text(secret, 'sasKey')];
  if (key !== undefined) {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key.trim())) throw invalid(secret, "'accountKey' is not base64");
    return { kind: 'shared-key', key: { account: accountOf(azureBase(spec.endpoint)), key: key.trim() } };
  }
  if (sas !== undefined) {
    const query = sas.trim().replace(/^\?/, '');
    // Nothing else may ride along into the address.
    if (!/^[\w.~%=&:/+-]+$/.test(query))
      throw invalid(secret, "'sasKey' is not the query of a shared access signature");
    return { kind: 'sas', query: query.replaceAll('+', '%2B') };
  }
  throw invalid(
    secret,
    "requires an 'accountKey' or 'sasKey' field; identities of Entra ('clientId', 'tenantId' and so on) are not used: make a shared access signature with the rights to read and list",
  );
}

/** The first label of the host, or of the path where the host is an address, as of emulators. */
function accountOf(url: URL): string {
  const first = url.pathname.split('/')[1] ?? '';
  if (/^(?:[0-9.]+|\[.*\]|localhost)$/.test(url.hostname) && first !== '') return first;
  return url.hostname.split('.')[0] ?? '';
}

function ldapLogin(source: Bucket, data: readonly DataObject[]): BucketLogin {
  const { spec, meta } = source;
  const endpoint = spec.sts?.endpoint ?? '';
  if (spec.sts?.provider !== 'ldap')
    throw refused("spec.sts.provider 'aws'", 'the cloud is not asked for credentials: name keys by secretRef');
  if (!URL.canParse(endpoint) || !/^https?:\/\//.test(endpoint) || new URL(endpoint).username !== '')
    throw new Fault('object-invalid', 'failed to parse STS endpoint: spec.sts.endpoint is not an address of http', {
      reason: 'URLInvalid',
    });
  const { secretRef, certSecretRef } = spec.sts;
  const secret = secretRef === undefined ? undefined : stsSecret(secretRef.name, meta.namespace, data);
  const [username, password] = [secret && text(secret, 'username'), secret && text(secret, 'password')];
  if (secret === undefined || !username || !password) {
    const name = secret?.name ?? '';
    throw new Fault(
      'secret-invalid',
      `invalid '${name}' secret data for 'ldap' STS provider: required fields username, password (spec.sts.secretRef)`,
    );
  }
  const tls = certificates(certSecretRef, 'STS TLS config', source, data);
  return { kind: 'ldap', endpoint, username, password, ...(tls === undefined ? {} : { tls }) };
}

function stsSecret(name: string, namespace: string, data: readonly DataObject[]): DataObject {
  const found = findSecret(name, namespace, data);
  if (found !== undefined) return found;
  throw new Fault('secret-missing', `failed to get STS secret '${namespace}/${name}': secrets "${name}" not found`);
}

function certificates(
  ref: { readonly name: string } | undefined,
  what: string,
  { meta }: Bucket,
  data: readonly DataObject[],
): WireTls | undefined {
  if (ref === undefined) return undefined;
  return inWords(`failed to get ${what}`, () => checkedTlsOf(otherSecret(ref.name, meta.namespace, data)));
}

function invalid(secret: DataObject, why: string): Fault {
  return new Fault('secret-invalid', `invalid '${secret.name}' secret data: ${why}`);
}
