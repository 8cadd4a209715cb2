import type { Limits } from '../../src/model/index.ts';

/** AgentConfiguration with defaults; times in milliseconds, paths absolute. */
export interface AgentConfig {
  readonly cluster: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly stateDir: string;
  readonly objects: {
    readonly files: readonly string[];
    readonly cluster: {
      readonly enabled: boolean;
      readonly namespaces: readonly string[];
      readonly labelSelector: string;
    };
    /** Secrets that objects of the cluster name are kept on disk, sealed. */
    readonly keepSecrets: boolean;
  };
  /** '' when not set: the pod's service account, else `kubeconfigFallback`. */
  readonly kubeconfig: string;
  /** $KUBECONFIG; '' without. */
  readonly kubeconfigFallback: string;
  readonly listen: string;
  /** Where archives of sources are served to controllers of the cluster, and the URL they are told of; '' for the bound address. */
  readonly artifacts: { readonly listen: string; readonly advertise: string };
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** 0 for never. */
  readonly fullCheckMs: number;
  readonly proxy: ProxyConfig;
  readonly ssh: { readonly hostKeyAlgorithms: readonly string[]; readonly kexAlgorithms: readonly string[] };
  /** What holds for sources that do not say so themselves. */
  readonly sources: { readonly fetchScope: 'whole' | 'needed' };
  readonly fetchSchedule: readonly FetchSchedule[];
  readonly inbox: {
    readonly paths: readonly string[];
    readonly intervalMs: number;
    readonly patienceMs: number;
    readonly moveAside: boolean;
    readonly requireVerify: boolean;
  };
  /** '' where not set. */
  readonly decryption: { readonly ageKeyFile: string; readonly keyDir: string };
  /** '' where not set. */
  readonly verification: { readonly trustedRootFile: string };
  /** '' for the one of the state folder. */
  readonly sealKeyFile: string;
  readonly pruneGuard: { readonly share: number; readonly minimum: number };
  readonly leaderElection: {
    readonly enabled: boolean;
    readonly namespace: string;
    readonly name: string;
    readonly leaseDurationMs: number;
  };
  readonly tenancy: { readonly noCrossNamespaceRefs: boolean; readonly defaultServiceAccount: string };
  readonly workers: 'auto' | 'never' | 'always';
  readonly limits: Limits;
}

/** Addresses of proxies; '' without. */
export interface ProxyConfig {
  readonly http: string;
  readonly https: string;
  /** Hosts (`.example.com` with subdomains), CIDRs, or `*`. */
  readonly no: readonly string[];
}

export interface FetchSchedule {
  /** `Kind/namespace/name`. */
  readonly source: string;
  readonly cron: string;
  readonly timeZone: string;
}
