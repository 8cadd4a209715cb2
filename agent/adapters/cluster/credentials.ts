import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Fault } from '../../../src/model/index.ts';

/** Where the API server is and how we prove who we are, as read at one moment. */
export interface Link {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Path before `/api`; '' for most. */
  readonly prefix: string;
  readonly tls: LinkTls;
  readonly headers: Readonly<Record<string, string>>;
  /** Changes when a connection made with the older value must not be used any more. */
  readonly tlsKey: string;
  /** Counts up with every reading that gave other credentials. */
  readonly generation: number;
}

export interface LinkTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface Credentials {
  /** The newest; files and plugins are asked again every `RECHECK_MS` at most. */
  current(): Promise<Link>;
  /** Reads everything anew because `seen` was refused; callers at the same time share one reading. */
  renew(seen: Link): Promise<Link>;
}

export interface CredentialOptions {
  /** Path of a kubeconfig; '' for the service account of the pod, else $KUBECONFIG, else ~/.kube/config. */
  readonly kubeconfig: string;
  /** Context of it; '' for its current one. */
  readonly context?: string;
  /** Folder put before `/var/run/secrets/kubernetes.io/serviceaccount`; for tests. */
  readonly root?: string;
}

/** A rotated token or certificate is noticed after this time at the latest; a refused one at once. */
const RECHECK_MS = 10_000;
/** Refused credentials are not read again more often than this: an exec plugin may be slow or costly. */
const RENEW_MS = 1_000;
/** Longest run of an exec plugin. */
const PLUGIN_MS = 60_000;
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Reads a kubeconfig, or the pod's service account, by client-node's KubeConfig, and keeps it fresh. */
export function createCredentials(options: CredentialOptions): Credentials {
  let config: KubeConfig | undefined;
  let stamp = '';
  let link: Link | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<Link> | undefined;

  const read = async (anew: boolean): Promise<Link> => {
    const now = fileStamp(options);
    if (config === undefined || anew || now !== stamp || inCluster(options)) {
      config = await load(options);
      stamp = now;
    }
    const fresh = await toLink(config, link);
    readAt = performance.now();
    link = fresh;
    return fresh;
  };
  const once = (anew: boolean): Promise<Link> => {
    reading ??= inTime(read(anew)).finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return {
    current: () => {
      if (link !== undefined && performance.now() - readAt < RECHECK_MS) return Promise.resolve(link);
      return once(false).catch((error: unknown) => {
        // A file that is just being replaced: the older credentials are as good as they were.
        if (link === undefined) throw error;
        readAt = performance.now();
        return link;
      });
    },
    renew: (seen) => {
      const newer = link !== undefined && link.generation !== seen.generation;
      if (link !== undefined && (newer || performance.now() - readAt < RENEW_MS)) return Promise.resolve(link);
      return once(true);
    },
  };
}

/** A plugin that never ends must not hold everything for ever. */
function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new Fault('cluster-auth', `no credentials within ${PLUGIN_MS} ms: the plugin hangs`));
    const timer = setTimeout(late, PLUGIN_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** In a pod: where Kubernetes has put a token. */
function inCluster(options: CredentialOptions): boolean {
  return options.kubeconfig === '' && existsSync(`${options.root ?? ''}${TOKEN}`);
}

/** Changes with the kubeconfig; one found by $KUBECONFIG is read anew only when its credentials are refused. */
function fileStamp(options: CredentialOptions): string {
  if (options.kubeconfig === '') return '';
  const s = statSync(options.kubeconfig, { throwIfNoEntry: false });
  return s === undefined ? '-' : `${s.ino} ${s.size} ${s.mtimeMs}`;
}

async function load(options: CredentialOptions): Promise<KubeConfig> {
  const client = await import('@kubernetes/client-node/dist/config.js');
  const config = new client.KubeConfig();
  try {
    if (options.kubeconfig !== '') config.loadFromFile(options.kubeconfig);
    else if (inCluster(options)) config.loadFromCluster(options.root ?? '');
    else config.loadFromDefault();
  } catch (error) {
    throw new Fault('cluster-auth', `kubeconfig ${options.kubeconfig || '(default)'} cannot be read: ${text(error)}`, {
      cause: error,
    });
  }
  const { context = '' } = options;
  if (context !== '' && config.getContextObject(context) === null)
    throw new Fault('cluster-auth', `the kubeconfig has no context ${JSON.stringify(context)}`);
  if (context !== '') config.setCurrentContext(context);
  return config;
}

async function toLink(config: KubeConfig, before: Link | undefined): Promise<Link> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Fault('cluster-auth', 'the kubeconfig has no current context with a cluster');
  const url = serverUrl(cluster.server);
  if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '')
    throw new Fault('unsupported', 'proxy-url in a kubeconfig is not supported: the agent runs beside its API server');
  const got: RequestOptions = {};
  // Over plain http (kubectl proxy) nothing secret is sent, unless the kubeconfig says that it may be.
  if (url.protocol === 'https:' || cluster.skipTLSVerify) await authenticate(config, got);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(got.headers ?? {})) headers[name] = String(value).trim();
  if (typeof got.auth === 'string') headers['Authorization'] = `Basic ${Buffer.from(got.auth).toString('base64')}`;
  const tls = pickTls(got);
  const tlsKey = tlsKeyOf(url.host, tls);
  const same = before !== undefined && before.tlsKey === tlsKey && sameHeaders(before.headers, headers);
  return {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port),
    prefix: url.pathname.replace(/\/+$/, ''),
    tls,
    headers,
    tlsKey,
    generation: same ? before.generation : (before?.generation ?? 0) + 1,
  };
}

function serverUrl(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new Fault('cluster-auth', `the kubeconfig's server ${JSON.stringify(server)} is not an http(s) URL`);
  return url;
}

/** KubeConfig makes an agent of its own here, which stays unused. */
async function authenticate(config: KubeConfig, into: RequestOptions): Promise<void> {
  try {
    await config.applyToHTTPSOptions(into);
  } catch (error) {
    throw new Fault('cluster-auth', `no credentials for the API server: ${text(error)}`, { cause: error });
  }
}

function pickTls(got: RequestOptions): LinkTls {
  const pem = (value: unknown): string | Buffer | undefined =>
    typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
  const ca = pem(got.ca);
  const cert = pem(got.cert);
  const key = pem(got.key);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(got.servername === undefined ? {} : { servername: got.servername }),
    ...(got.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: got.rejectUnauthorized }),
  };
}

/** Changes when a connection made with the older value must not be used any more. */
export function tlsKeyOf(host: string, tls: LinkTls): string {
  return digest([host, tls.ca, tls.cert, tls.key, tls.servername, String(tls.rejectUnauthorized)]);
}

function digest(parts: readonly (string | Buffer | undefined)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part ?? '-').update('\0');
  return hash.digest('hex');
}

function sameHeaders(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error);
}
