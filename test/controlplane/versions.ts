import { join } from 'node:path';
import { cacheFolder, platform } from '../parts/index.ts';

/** Pinned here, in kubernetes/go.mod and in etcd/go.mod. */
export const KUBERNETES_VERSION = 'v1.36.3';
export const ETCD_VERSION = 'v3.6.16';

/** The programs of a control plane, and kubectl for people. */
export type Binary = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kubectl';
export const BINARIES: readonly Binary[] = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];

/** Folder of the control plane's binaries. */
export const cacheRoot = (env: NodeJS.ProcessEnv = process.env): string => join(cacheFolder(env), 'controlplane');

/** Name of the folder of what is built from the pinned modules. */
export const builtFolder = (): string => `kubernetes-${KUBERNETES_VERSION}_etcd-${ETCD_VERSION}_${platform()}`;
/** Name of the folder of what the envtest download brings (its patch version may differ). */
export const envtestFolder = (): string => `envtest-${KUBERNETES_VERSION}_${platform()}`;
