import { createHash, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { at, Fault, isObject, type Json, type Limits, listAt, textAt } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';
import { type Link, type LinkTls, tlsKeyOf } from './credentials.ts';

export type KubeconfigLimits = Pick<
  Limits,
  'kubeconfigBytes' | 'manifestLineBytes' | 'yamlNodes' | 'yamlAliases' | 'yamlDepth'
>;

/** Fields that would make the agent run programs, read its own files, or act for others. Each with why it is not taken. */
const REFUSED: Readonly<Record<'cluster' | 'user', Readonly<Record<string, string>>>> = {
  cluster: {
    'certificate-authority': 'names a file of the agent: put the certificate into certificate-authority-data',
    'insecure-skip-tls-verify': 'is not taken: put the authority into certificate-authority-data',
    'proxy-url': 'is not supported',
  },
  user: {
    exec: 'would run a program of the agent: put a token or a client certificate into the kubeconfig',
    'auth-provider': 'would run a program of the agent: put a token or a client certificate into the kubeconfig',
    tokenFile: 'names a file of the agent: put the token into token',
    'client-certificate': 'names a file of the agent: put the certificate into client-certificate-data',
    'client-key': 'names a file of the agent: put the key into client-key-data',
    as: 'is not taken: name the account in spec.serviceAccountName',
    'as-uid': 'is not taken: name the account in spec.serviceAccountName',
    'as-groups': 'is not taken: name the account in spec.serviceAccountName',
    'as-user-extra': 'is not taken: name the account in spec.serviceAccountName',
  },
};

/**
 * Reads a kubeconfig that somebody else wrote: only its current context, only what is written in it itself, only over
 * TLS that is verified. Throws Fault `kubeconfig-refused` that names the field and never holds content.
 */
export function readKubeconfig(bytes: Uint8Array, limits: KubeconfigLimits): Link {
  const value = parse(bytes, limits);
  const context = named(value, 'contexts', textAt(value, 'current-context') ?? '', 'current-context');
  const cluster = named(value, 'clusters', textAt(context, 'cluster') ?? '', 'the cluster of its context');
  const user = named(value, 'users', textAt(context, 'user') ?? '', 'the user of its context');
  refuseFields(cluster, 'cluster');
  refuseFields(user, 'user');
  const url = serverOf(textAt(cluster, 'server') ?? '');
  const tls = tlsOf(cluster, user);
  return {
    secure: true,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
    prefix: url.pathname.replace(/\/+$/, ''),
    tls,
    headers: headersOf(user),
    tlsKey: tlsKeyOf(url.host, tls),
    generation: 1,
  };
}

/** Names the server and its authority: what can be said of a cluster whose own identity may not be read. */
export function addressOf(link: Link): string {
  return createHash('sha256')
    .update(`${link.host}\0${link.port}\0${link.prefix}\0${link.tls.ca ?? ''}`)
    .digest('hex')
    .slice(0, 32);
}

function refuse(message: string): Fault {
  return new Fault('kubeconfig-refused', `the kubeconfig ${message}`);
}

function parse(bytes: Uint8Array, limits: KubeconfigLimits): Json {
  if (bytes.byteLength > limits.kubeconfigBytes)
    throw refuse(`has ${bytes.byteLength} bytes, more than limits.kubeconfigBytes = ${limits.kubeconfigBytes}`);
  try {
    const { documents } = parseDocuments(bytes, {
      file: 'kubeconfig',
      limits: { ...limits, manifestBytes: limits.kubeconfigBytes },
    });
    if (documents.length === 1 && isObject(documents[0]?.value)) return documents[0].value;
  } catch (error) {
    // The parser quotes what it stumbles over.
    const line = /^kubeconfig:(\d+)/.exec(error instanceof Fault ? error.message : '')?.[1];
    throw refuse(`cannot be read as YAML${line === undefined ? '' : ` (line ${line})`}`);
  }
  throw refuse('is not one YAML document');
}

/** The cluster, user or context of this name in one of the lists. */
function named(value: Json, list: 'clusters' | 'users' | 'contexts', name: string, what: string): Json {
  if (name === '') throw refuse(`does not say ${what}`);
  const entry = listAt(value, list).find((one) => textAt(one, 'name') === name);
  const found = at(entry, list.slice(0, -1));
  if (!isObject(found)) throw refuse(`does not hold ${what} among its ${list}`);
  return found;
}

function refuseFields(value: Json, of: 'cluster' | 'user'): void {
  for (const [field, why] of Object.entries(REFUSED[of])) {
    const given = at(value, field);
    const set = given !== undefined && given !== null && given !== '' && given !== false;
    if (set) throw refuse(`has ${of}.${field}, which ${why}`);
  }
}

function serverOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw refuse('has a cluster.server that is not an https URL without credentials');
  return url;
}

function tlsOf(cluster: Json, user: Json): LinkTls {
  const ca = dataOf(cluster, 'cluster', 'certificate-authority-data');
  const cert = dataOf(user, 'user', 'client-certificate-data');
  const key = dataOf(user, 'user', 'client-key-data');
  const servername = textAt(cluster, 'tls-server-name') ?? '';
  if ((cert === undefined) !== (key === undefined))
    throw refuse('has only one of user.client-certificate-data and user.client-key-data');
  provePem(ca, cert, key);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === '' ? {} : { servername }),
  };
}

function dataOf(value: Json, of: 'cluster' | 'user', field: string): Buffer | undefined {
  const text = at(value, field) ?? '';
  if (text === '') return undefined;
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text))
    throw refuse(`has a ${of}.${field} that is not base64`);
  return Buffer.from(text, 'base64');
}

/** Found out here, the message can say what is wrong; a failing connection could not. */
function provePem(ca: Buffer | undefined, cert: Buffer | undefined, key: Buffer | undefined): void {
  try {
    if (ca !== undefined) new X509Certificate(ca);
  } catch {
    throw refuse('has a cluster.certificate-authority-data that is no certificate');
  }
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({ cert, key });
  } catch {
    throw refuse('has a client certificate and key that cannot be read, or do not belong together');
  }
}

function headersOf(user: Json): Readonly<Record<string, string>> {
  const token = (textAt(user, 'token') ?? '').trim();
  const name = textAt(user, 'username') ?? '';
  if (token !== '') {
    if (!/^[\x21-\x7e]+$/.test(token)) throw refuse('has a user.token with characters that no token has');
    return { Authorization: `Bearer ${token}` };
  }
  if (name === '') return {};
  const basic = Buffer.from(`${name}:${textAt(user, 'password') ?? ''}`).toString('base64');
  return { Authorization: `Basic ${basic}` };
}
