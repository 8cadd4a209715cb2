import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type DataObject, findSecret } from '../flux/index.ts';
import { Fault, reworded } from '../model/index.ts';
import type { WireProxy, WireTls } from '../ports/index.ts';

/** A Secret by its name. Fault `secret-missing` in Flux's words. */
export function secretNamed(name: string, namespace: string, data: readonly DataObject[]): DataObject {
  const found = findSecret(name, namespace, data);
  if (found === undefined)
    throw new Fault('secret-missing', `failed to get secret '${namespace}/${name}': secrets "${name}" not found`);
  return found;
}

/** A Secret that is named beside `secretRef`; Flux speaks of those in other words. Fault `secret-missing`. */
export function otherSecret(name: string, namespace: string, data: readonly DataObject[]): DataObject {
  const found = findSecret(name, namespace, data);
  if (found === undefined) throw new Fault('secret-missing', `secret '${namespace}/${name}' not found`);
  return found;
}

/** Runs `read`; what is wrong with a Secret gets these words in front. */
export function inWords<T>(lead: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Fault) || error.message.startsWith(lead)) throw error;
    throw reworded(error, { message: `${lead}: ${error.message}` });
  }
}

/** A value of a Secret as text. */
export function secretText(secret: DataObject, key: string): string | undefined {
  const bytes = secret.data.get(key);
  return bytes === undefined
    ? undefined
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The keys `ca.crt`, `tls.crt` and `tls.key`, or their older names. */
export function tlsOf(secret: DataObject): WireTls | undefined {
  const ca = secretText(secret, 'ca.crt') ?? secretText(secret, 'caFile');
  const [cert, key] = [
    secretText(secret, 'tls.crt') ?? secretText(secret, 'certFile'),
    secretText(secret, 'tls.key') ?? secretText(secret, 'keyFile'),
  ];
  if ((cert === undefined) !== (key === undefined))
    throw new Fault(
      'secret-invalid',
      `Secret ${secret.namespace}/${secret.name}: tls.crt and tls.key belong together, and one is missing`,
    );
  if (ca === undefined && cert === undefined) return undefined;
  return { ...(ca === undefined ? {} : { ca }), ...(cert === undefined || key === undefined ? {} : { cert, key }) };
}

/** The same, held to be certificates: what cannot be read is told of, not left out. Fault `secret-invalid`. */
export function checkedTlsOf(secret: DataObject): WireTls {
  const tls = tlsOf(secret);
  const bad = (why: string): Fault => new Fault('secret-invalid', `Secret ${secret.namespace}/${secret.name}: ${why}`);
  if (tls === undefined)
    throw bad('certificate secret does not contain any TLS configuration (ca.crt, tls.crt and tls.key)');
  if (tls.ca !== undefined && !(tls.ca.match(PEM) ?? []).some(isCertificate))
    throw bad('failed to parse CA certificate');
  if (tls.cert !== undefined && tls.key !== undefined && !isPair(tls.cert, tls.key))
    throw bad('failed to parse TLS certificate and key: tls.crt and tls.key are no pair');
  return tls;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** The keys `address`, `username` and `password`. */
export function proxyOf(secret: DataObject): WireProxy {
  const address = secretText(secret, 'address');
  if (address === undefined || address === '')
    throw new Fault('secret-invalid', `secret '${secret.namespace}/${secret.name}': key 'address' not found`);
  // The address is not repeated: it may hold a password.
  if (address.includes('://') && !/^(?:https?|socks5h?):\/\//.test(address))
    throw new Fault(
      'secret-invalid',
      `Secret ${secret.namespace}/${secret.name}: the proxy address must use one of the supported schemes (http, https, socks5)`,
    );
  const [username, password] = [secretText(secret, 'username'), secretText(secret, 'password')];
  return { address, ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}
