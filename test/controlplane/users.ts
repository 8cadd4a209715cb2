import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority, CertificateOptions, Credentials } from '../support/certificates.ts';

export interface KubeUser {
  /** Default `admin`. */
  readonly name?: string;
  /** Default: `system:masters` for a user without a name, else none. */
  readonly groups?: readonly string[];
  /** Another address for the same API server, such as a relay's. */
  readonly server?: string;
  /** End of the certificate; default far away. */
  readonly notAfter?: Date;
}

export interface Users {
  credentials(user?: KubeUser): Credentials;
  kubeconfig(user?: KubeUser): string;
  kubeconfigFile(user?: KubeUser): string;
}

/** Makes users: a client certificate and a kubeconfig each, the same ones for the same request. */
export function createUsers(authority: Pick<Authority, 'certPem' | 'issue'>, url: string, dir: string): Users {
  const issued = new Map<string, Credentials>();
  const credentials = (user: KubeUser = {}) => {
    const name = user.name ?? 'admin';
    const groups = user.groups ?? (user.name === undefined ? ['system:masters'] : []);
    const wanted: CertificateOptions = { name, groups, ...(user.notAfter && { notAfter: user.notAfter }) };
    const key = JSON.stringify(wanted);
    const found = issued.get(key) ?? authority.issue(wanted);
    issued.set(key, found);
    return found;
  };
  const kubeconfig = (user: KubeUser = {}) => {
    const { certPem, keyPem } = credentials(user);
    const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');
    const cluster = { server: user.server ?? url, 'certificate-authority-data': base64(authority.certPem) };
    const who = { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user: who }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    };
    return `${JSON.stringify(config, null, 2)}\n`;
  };
  const kubeconfigFile = (user: KubeUser = {}) => {
    const path = join(dir, `${randomUUID()}.kubeconfig`);
    writeFileSync(path, kubeconfig(user), { mode: 0o600 });
    return path;
  };
  return { credentials, kubeconfig, kubeconfigFile };
}
