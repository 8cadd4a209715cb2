import type { KubeObject } from '../../src/model/index.ts';
import { type Credentials, openAuthority } from '../support/certificates.ts';
import { type AuditedRequest, type AuditFilter, auditMark, readAudit } from './audit.ts';
import {
  type ApiAnswer,
  type ApiClient,
  type ApiOptions,
  apiClient,
  clusterUid,
  createNamespace,
  getObject,
} from './client.ts';
import { parseCounts, type RequestCounts } from './counts.ts';
import { rssOf } from './part.ts';
import { AUTHORITY, auditFile, inDir, type Layout, type PartName } from './setup.ts';
import { createUsers, type KubeUser } from './users.ts';

/** What can be done to any control plane, also a shared one. */
export interface ClusterAccess {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  /** gitVersion, such as `v1.36.3`. */
  readonly version: string;
  /** Temporary folder of the control plane. */
  readonly dir: string;
  credentials(user?: KubeUser): Credentials;
  /** Text of a kubeconfig; without argument of an administrator. */
  kubeconfig(user?: KubeUser): string;
  /** The same as a file of mode 0600 in `dir`. */
  kubeconfigFile(user?: KubeUser): string;
  /** A raw request; `as` another user than the administrator. Never throws for a status. */
  api(
    method: string,
    path: string,
    body?: unknown,
    options?: ApiOptions & { readonly as?: KubeUser },
  ): Promise<ApiAnswer>;
  /** The object at a path, or undefined where there is none. */
  get(path: string): Promise<KubeObject | undefined>;
  /** Creates a namespace of a unique name. */
  namespace(prefix: string): Promise<string>;
  /** uid of kube-system. */
  uid(): Promise<string>;
  requestCounts(): Promise<RequestCounts>;
  /** The place in the audit log now, for `audited({ since })`. */
  auditMark(): number;
  audited(filter?: AuditFilter): AuditedRequest[];
  pids(): Partial<Record<PartName, number>>;
  /** VmRSS in MiB. */
  rss(): Partial<Record<PartName, number>>;
  /** Ends it (a shared one: lets go of it). */
  stop(): Promise<void>;
}

/** All that another process of this run needs to use a control plane. */
export interface ClusterInfo {
  readonly layout: Layout;
  readonly version: string;
  readonly authority: Credentials;
  readonly pids: Partial<Record<PartName, number>>;
}

/** Access to a control plane that runs in this process or another. */
export function accessTo(info: ClusterInfo, pids: () => Partial<Record<PartName, number>>): ClusterAccess {
  const { layout } = info;
  const url = `https://127.0.0.1:${layout.port}`;
  const caPem = info.authority.certPem;
  const users = createUsers(openAuthority(AUTHORITY, info.authority), url, inDir(layout, 'users'));
  const clients = new Map<string, ApiClient>();
  const clientOf = (user: KubeUser | undefined): ApiClient => {
    const key = JSON.stringify(user ?? {});
    const client = clients.get(key) ?? apiClient({ port: layout.port, caPem }, users.credentials(user));
    clients.set(key, client);
    return client;
  };
  const api: ClusterAccess['api'] = (method, path, body, options = {}) =>
    clientOf(options.as).api(method, path, body, options);
  const log = () => {
    if (!layout.audit) throw new Error('this control plane was started without { audit: true }');
    return auditFile(layout);
  };
  return {
    url,
    port: layout.port,
    caPem,
    version: info.version,
    dir: layout.dir,
    ...users,
    api,
    get: (path) => getObject(api, path),
    namespace: (prefix) => createNamespace(api, prefix),
    uid: () => clusterUid(api),
    requestCounts: async () => parseCounts((await api('GET', '/metrics', undefined, { accept: 'text/plain' })).text),
    auditMark: () => auditMark(log()),
    audited: (filter = {}) => readAudit(log(), filter),
    pids,
    rss: () => Object.fromEntries(Object.entries(pids()).map(([name, pid]) => [name, rssOf(pid)])),
    stop: async () => {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}
