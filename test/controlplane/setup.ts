import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, createAuthority, createSigningKey } from '../support/certificates.ts';
import { AUDIT_POLICY } from './audit.ts';

export type PartName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

/** Common name of the certificate authority. */
export const AUTHORITY = 'holdfast-test';

export interface Layout {
  readonly dir: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly port: number;
  readonly audit: boolean;
  readonly apiserverArgs: readonly string[];
}

export const inDir = (layout: Layout, name: string): string => join(layout.dir, name);
export const auditFile = (layout: Layout): string => inDir(layout, 'audit.log');

/** Writes certificates, keys and policies; gives the authority that signs users. */
export async function writeFiles(layout: Layout): Promise<Authority> {
  const authority = createAuthority(AUTHORITY);
  const server = authority.issue({
    name: 'kube-apiserver',
    hosts: ['localhost', '127.0.0.1', '10.0.0.1', 'kubernetes.default.svc'],
  });
  const tokens = createSigningKey();
  const put = (name: string, content: string) => writeFile(inDir(layout, name), content, { mode: 0o600 });
  await mkdir(inDir(layout, 'users'), { recursive: true, mode: 0o700 });
  await Promise.all([
    put('ca.crt', authority.certPem),
    put('server.crt', server.certPem),
    put('server.key', server.keyPem),
    put('tokens.key', tokens.privatePem),
    put('tokens.pub', tokens.publicPem),
    put('audit-policy.yaml', JSON.stringify(AUDIT_POLICY)),
    put('audit.log', ''),
  ]);
  return authority;
}

/** The arguments of each part. */
export function argumentsOf(
  layout: Layout,
  controllerKubeconfig: string,
): Readonly<Record<PartName, readonly string[]>> {
  const file = (name: string) => inDir(layout, name);
  const etcd = `http://127.0.0.1:${layout.etcdPort}`;
  const audit = [`--audit-policy-file=${file('audit-policy.yaml')}`, `--audit-log-path=${auditFile(layout)}`];
  return {
    etcd: [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${layout.peerPort}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ],
    'kube-apiserver': [
      `--etcd-servers=${etcd}`,
      `--secure-port=${layout.port}`,
      '--bind-address=127.0.0.1',
      `--tls-cert-file=${file('server.crt')}`,
      `--tls-private-key-file=${file('server.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      `--service-account-key-file=${file('tokens.pub')}`,
      `--service-account-signing-key-file=${file('tokens.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.0.0.0/16',
      '--authorization-mode=RBAC,Node',
      '--disable-admission-plugins=ServiceAccount',
      '--endpoint-reconciler-type=none',
      ...(layout.audit ? audit : []),
      ...layout.apiserverArgs,
    ],
    'kube-controller-manager': [
      `--kubeconfig=${controllerKubeconfig}`,
      `--service-account-private-key-file=${file('tokens.key')}`,
      `--root-ca-file=${file('ca.crt')}`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      '--secure-port=0',
      '--controllers=*,-nodeipam,-service-lb-controller,-cloud-node-lifecycle',
    ],
  };
}
