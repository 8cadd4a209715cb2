import { type DataObject, dataKey, type Kustomization, kubeconfigRef } from '../../src/flux/index.ts';
import { type Digest, Fault, sha256 } from '../../src/model/index.ts';
import type { Observer } from '../../src/observe/index.ts';
import type { Cluster } from '../../src/ports/index.ts';
import type { ActingCluster, LoopEnv, Tenancy, TokenAccount } from './env.ts';
import type { Presence } from './presence.ts';

/** A cluster that Kustomizations are applied to: the agent's own, or that of a kubeconfig. */
export interface Area {
  /** '' for the agent's own, else digest of the kubeconfig. */
  readonly key: Digest | '';
  readonly cluster: ActingCluster;
  readonly presence: Presence;
  readonly observer: Observer;
}

/** Where a Kustomization is applied, and as whom. */
export interface Place {
  readonly area: Area;
  /** Acts as the account. What is watched is watched by the agent, for all Kustomizations of the area together. */
  readonly cluster: Cluster;
  readonly presence: Presence;
  readonly observer: Observer;
  /** ServiceAccount that is impersonated, `namespace/name`; '' for the agent, or the kubeconfig's user, itself. */
  readonly account: string;
}

type KubeConfigRef = NonNullable<Kustomization['spec']['kubeConfig']>;

/** How another cluster is reached. */
export interface Kubeconfig {
  /** `Secret namespace/name`, or ConfigMap. */
  readonly where: string;
  readonly bytes: Uint8Array;
  /** Whose token is the login, where it is not in `bytes`. */
  readonly login: TokenAccount | undefined;
  readonly digest: Digest;
}

/** What a Kustomization says about where and as whom. */
export interface Whereabouts {
  readonly account: string;
  readonly kubeconfig: Kubeconfig | undefined;
}

/** The namespace that the kubeconfig and the account are looked for in is that of the Kustomization. */
export function whereabouts(object: Kustomization, data: readonly DataObject[], tenancy: Tenancy): Whereabouts {
  const { spec, meta } = object;
  const name = spec.serviceAccountName ?? tenancy.defaultServiceAccount;
  const account = name === '' ? '' : `${meta.namespace}/${name}`;
  const ref = kubeconfigRef(object);
  if (ref === undefined) return { account, kubeconfig: undefined };
  const where = `${ref.kind} ${meta.namespace}/${ref.name}`;
  const found = data.find((one) => dataKey(one) === dataKey(ref));
  if (found === undefined)
    throw new Fault('kubeconfig-refused', `${where}, named by spec.kubeConfig, does not exist: create it`);
  const kubeconfig = ref.kind === 'ConfigMap' ? ofConfigMap(found, where) : ofSecret(found, where, spec.kubeConfig);
  return { account, kubeconfig };
}

function ofSecret({ data }: DataObject, where: string, { secretRef }: KubeConfigRef = {}): Kubeconfig {
  // Without a key `value`, then `value.yaml`, as Flux has it.
  const keys = secretRef?.key === undefined ? ['value', 'value.yaml'] : [secretRef.key];
  const bytes = keys.map((key) => data.get(key)).find((value) => value !== undefined);
  if (bytes === undefined)
    throw new Fault('kubeconfig-refused', `${where} has no key ${keys.map((key) => `'${key}'`).join(' or ')}`);
  return { where, bytes, login: undefined, digest: sha256(bytes) };
}

/** An address, and a ServiceAccount of this cluster whom the other one trusts (flux.md, `kubeConfig`). */
function ofConfigMap({ data, namespace }: DataObject, where: string): Kubeconfig {
  const text = (key: string): string => Buffer.from(data.get(key) ?? []).toString('utf8');
  const refuse = (message: string): Fault => new Fault('kubeconfig-refused', `${where}: ${message}`);
  const provider = text('provider');
  if (CLOUDS.has(provider))
    throw refuse(
      `provider '${provider}' needs a login at that cloud, which this agent has none for: use 'generic', or a kubeconfig in a Secret (spec.kubeConfig.secretRef)`,
    );
  if (provider !== 'generic') throw refuse(`provider '${provider}' is none: use 'generic'`);
  const address = text('address').trim();
  if (address === '') throw refuse("has no key 'address': the https URL of the API server");
  const server = address.includes('://') ? address : `https://${address}`;
  const ca = text('ca.crt');
  const cluster = {
    server,
    ...(ca === '' ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
  };
  const one = { name: 'one' };
  const kubeconfig = {
    'current-context': 'one',
    contexts: [{ ...one, context: { cluster: 'one', user: 'one' } }],
    clusters: [{ ...one, cluster }],
    users: [{ ...one, user: {} }],
  };
  const lines = text('audiences').split('\n');
  const audiences = lines.map((line) => line.trim()).filter((line) => line !== '');
  const login = {
    namespace,
    name: text('serviceAccountName') || 'default',
    audiences: audiences.length === 0 ? [address] : audiences,
  };
  const bytes = Buffer.from(JSON.stringify(kubeconfig));
  return { where, bytes, login, digest: sha256(JSON.stringify([kubeconfig, login])) };
}

const CLOUDS: ReadonlySet<string> = new Set(['aws', 'azure', 'gcp']);

/** Opens another cluster; `own` is the one whose ServiceAccounts may log in there. Throws `kubeconfig-refused`. */
export function openedRemote(
  { where, bytes, login }: Kubeconfig,
  own: Pick<ActingCluster, 'token'>,
  open: LoopEnv['openRemote'],
): ActingCluster {
  try {
    return open(bytes, login === undefined ? undefined : () => own.token(login));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(error.code, `${where}: ${error.message}`, { cause: error });
  }
}

/** The user name by which the API server knows an account (`namespace/name`); it adds the groups of accounts by itself. */
export function userOf(account: string): string {
  return `system:serviceaccount:${account.replace('/', ':')}`;
}

/** The same cluster, as an account; '' for nobody else. */
export function actingAs(cluster: ActingCluster, account: string): Cluster {
  return account === '' ? cluster : cluster.as(userOf(account));
}

/** Throws `access-denied` where the settings keep a Kustomization from what it names. */
export function checkTenancy({ spec, meta }: Kustomization, tenancy: Tenancy): void {
  const { kind, namespace, name } = spec.sourceRef;
  if (!tenancy.noCrossNamespaceRefs || namespace === meta.namespace) return;
  throw new Fault(
    'access-denied',
    `can't access '${kind}/${namespace}/${name}', cross-namespace references have been blocked (tenancy.noCrossNamespaceRefs)`,
  );
}
