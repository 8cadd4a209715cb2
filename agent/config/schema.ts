import * as z from 'zod/mini';
import { about, accountName, field } from '../../src/flux/index.ts';
import { weakly } from '../../src/model/index.ts';
import { HOST_KEY_ALGORITHMS, KEX_ALGORITHMS } from '../adapters/ssh/algorithms.ts';
import { limitsSchema } from './limits.ts';

const text = (): z.ZodMiniString => z.string();
const filled = (): z.ZodMiniString =>
  z.string().check(z.minLength(1, { error: 'must not be empty' })) as z.ZodMiniString;
const duration = (): z.ZodMiniString =>
  z.string().check(
    z.regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/, {
      error: 'must be a duration such as 30s, 5m or 1h (units ms, s, m, h)',
    }),
  ) as z.ZodMiniString;

const cluster = () =>
  z.strictObject({
    name: about(
      z
        .string()
        .check(
          z.regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, { error: 'must be of letters, digits, - _ and .' }),
          z.maxLength(253, { error: 'must have at most 253 characters' }),
        ),
      'Name of the cluster: in reports, metrics and logs, and the seed of its jitter.',
      { examples: ['store-0417'] },
    ),
    labels: field(z.record(z.string(), z.string()), 'Labels of the cluster, in reports and for bundles.', {
      default: {},
    }),
  });

const objects = () =>
  z.strictObject({
    files: field(
      z.array(filled()),
      'Folders, or files, with Flux objects and the Secrets and ConfigMaps they name; watched for change.',
      {
        default: ['/etc/holdfast/objects'],
      },
    ),
    cluster: field(
      z.strictObject({
        enabled: field(z.boolean(), 'Read Flux objects from the cluster.', { default: false }),
        namespaces: field(z.array(filled()), 'Only from these namespaces; from all when empty.', { default: [] }),
        labelSelector: field(
          text(),
          'Only objects with these labels, as in `sharding.fluxcd.io/key=shard1`: several agents may so share the work.',
          {
            default: '',
          },
        ),
      }),
      'Flux objects of the cluster’s API.',
    ),
    keepSecrets: field(
      z.boolean(),
      'Keep Secrets and ConfigMaps that Flux objects of the cluster name, sealed on this disk: a cluster that lost its datastore gets them back with these objects. Without, it needs them again from you, and what was kept before is removed.',
      { default: true },
    ),
  });

const proxy = () =>
  z.strictObject({
    httpProxy: field(text(), 'Proxy for http:// sources; $HTTP_PROXY when absent.'),
    httpsProxy: field(text(), 'Proxy for https:// sources; $HTTPS_PROXY when absent.'),
    noProxy: field(text(), 'Hosts, domains and CIDRs without proxy, by comma; $NO_PROXY when absent.'),
  });

const ssh = () =>
  z.strictObject({
    hostKeyAlgorithms: field(
      z.array(z.enum(HOST_KEY_ALGORITHMS)),
      'Kinds of host keys that are asked for, best first; when empty, those of the keys that known_hosts has of the host.',
      { default: [], examples: [['ssh-ed25519', 'rsa-sha2-512']] },
    ),
    kexAlgorithms: field(
      z.array(z.enum(KEX_ALGORITHMS)),
      'Key exchanges that are offered, best first; when empty, all of these.',
      { default: [] },
    ),
  });

const schedule = () =>
  z.strictObject({
    source: about(
      z.string().check(z.regex(/^[A-Za-z]+\/[^/]+\/[^/]+$/, { error: 'must be Kind/namespace/name' })),
      'The source, as Kind/namespace/name.',
      { examples: ['GitRepository/flux-system/fleet'] },
    ),
    cron: about(filled(), 'When to fetch, as a cron expression of 5 or 6 fields. Takes the place of spec.interval.', {
      examples: ['0 2 * * *'],
    }),
    timeZone: field(filled(), 'IANA time zone of the expression.', { default: 'UTC', examples: ['Europe/Berlin'] }),
  });

const pruneGuard = () =>
  z.strictObject({
    share: field(
      z
        .number()
        .check(z.minimum(0, { error: 'must be between 0 and 1' }), z.maximum(1, { error: 'must be between 0 and 1' })),
      'Hold a revision that would delete more than this share of what is applied; 1 for no guard. The annotation `holdfast.dev/allow-prune: REVISION` of the Kustomization allows one revision.',
      { default: 0.5 },
    ),
    minimum: field(
      z.number().check(z.int({ error: 'must be a whole number' }), z.minimum(0, { error: 'must be 0 or more' })),
      'Kustomizations with fewer objects are not guarded.',
      { default: 10 },
    ),
  });

const leaderElection = () =>
  z.strictObject({
    enabled: field(z.boolean(), 'Work only while holding a Lease: for several agents on one cluster.', {
      default: false,
    }),
    namespace: field(filled(), 'Namespace of the Lease.', { default: 'holdfast' }),
    name: field(filled(), 'Name of the Lease.', { default: 'holdfast' }),
    leaseDuration: field(duration(), 'How long a leader that is gone keeps others waiting.', { default: '15s' }),
  });

const decryption = () =>
  z.strictObject({
    ageKeyFile: field(text(), 'File with age identities, one a line; none when empty.', { default: '' }),
    keyDir: field(text(), 'Folder with more keys: `*.agekey` (age), `*.asc` (PGP); none when empty.', { default: '' }),
  });

const verification = () =>
  z.strictObject({
    trustedRootFile: field(
      text(),
      'Sigstore trusted root (`trusted_root.json`) for an OCIRepository that trusts identities and names no root in `verify.trustedRootSecretRef`; none when empty, and none is ever fetched.',
      { default: '', examples: ['/etc/holdfast/trusted_root.json'] },
    ),
  });

const tenancy = () =>
  z.strictObject({
    noCrossNamespaceRefs: field(
      z.boolean(),
      'Refuse Kustomizations whose `sourceRef` names another namespace (`AccessDenied`).',
      { default: false },
    ),
    defaultServiceAccount: field(
      accountName(),
      'ServiceAccount to act as, in its own namespace, for a Kustomization without `serviceAccountName`; with a `kubeConfig` as well. When empty the agent acts itself.',
      { default: '', examples: ['default'] },
    ),
    noRemoteBases: field(
      z.boolean(),
      'Remote bases of kustomization files are refused with and without it; here so that a lockdown reads as that of Flux.',
      { default: false },
    ),
  });

const artifacts = () =>
  z.strictObject({
    listen: field(
      filled(),
      'Address, host:port, at which `status.artifact.url` is served while objects come from the cluster.',
      { default: '127.0.0.1:9790' },
    ),
    advertise: field(
      z
        .string()
        .check(
          z.regex(/^(https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?)?$/, { error: 'must be an http or https URL without query' }),
        ) as z.ZodMiniString,
      'URL that others reach it by; http:// and the address as bound when empty.',
      { default: '', examples: ['http://holdfast.holdfast.svc.cluster.local.:9790'] },
    ),
  });

const inbox = () =>
  z.strictObject({
    paths: field(
      z.array(filled()),
      'Folders in which bundles, Git bundles, OCI image layouts and tar archives arrive, such as the mount of a stick; one that is not there is a stick that is not in.',
      { default: [], examples: [['/media/stick', '/var/lib/holdfast-inbox']] },
    ),
    interval: field(
      duration(),
      'How often they are looked at. A file is taken when it stood still between two looks.',
      {
        default: '10s',
      },
    ),
    patience: field(
      duration(),
      'How long a file that is cut or damaged must stand still before it is refused: until then it may be being copied.',
      { default: '1m' },
    ),
    moveAside: field(
      z.boolean(),
      'Move files that were taken to `done/` and others to `refused/`, each with its reason. With false, and on media that take no writes, they stay and are remembered: for a stick that goes from site to site.',
      { default: true },
    ),
    requireVerify: field(
      z.boolean(),
      'Take content only for sources that prove it: with `spec.verify`, an OCIRepository with `spec.ref.digest`, an ExternalArtifact by the digest in its status. Files for others, every Bucket among them, are refused.',
      { default: false },
    ),
  });

const sources = () =>
  z.strictObject({
    fetchScope: field(
      z.enum(['whole', 'needed']),
      'How much of a GitRepository is fetched: all of it, or the folders that its Kustomizations name and what their builds reach. The annotation `holdfast.dev/fetch` of a GitRepository takes its place.',
      { default: 'whole' },
    ),
  });

/** AgentConfiguration as it is written. */
export const agentConfigurationSchema = weakly(() =>
  about(
    z.strictObject({
      apiVersion: z.literal('holdfast.dev/v1alpha1'),
      kind: z.literal('AgentConfiguration'),
      cluster: about(cluster(), 'Which cluster this is.'),
      stateDir: field(filled(), 'The one folder that must survive restarts: cache, records, journal.', {
        default: '/var/lib/holdfast',
      }),
      objects: field(objects(), 'Where the Flux objects are.'),
      kubeconfig: field(
        text(),
        'Kubeconfig file; when empty the service account of the pod, else $KUBECONFIG, else ~/.kube/config.',
        {
          default: '',
        },
      ),
      listen: field(filled(), 'Address of /livez, /readyz, /status and /metrics: host:port, or the path of a socket.', {
        default: '127.0.0.1:8080',
      }),
      artifacts: field(artifacts(), 'Archives of sources, for controllers that consume Flux sources.'),
      logLevel: field(z.enum(['debug', 'info', 'warn', 'error']), 'Least level that is logged.', { default: 'info' }),
      fullCheckInterval: field(
        duration(),
        'How often everything is applied again, whatever the watches say; 0s for never.',
        {
          default: '6h',
        },
      ),
      proxy: field(proxy(), 'Proxies for sources that name none.'),
      ssh: field(ssh(), 'Git over SSH.'),
      sources: field(sources(), 'What holds for all sources.'),
      fetchSchedule: field(z.array(schedule()), 'Sources that are fetched at set times.', { default: [] }),
      inbox: field(inbox(), 'Content of sources that is brought instead of fetched.'),
      decryption: field(
        decryption(),
        'Keys for Kustomizations whose `spec.decryption` names no Secret, or one that does not exist: with them an emptied cluster is rebuilt from this disk.',
      ),
      verification: field(verification(), 'Whose signatures are believed.'),
      sealKeyFile: field(
        text(),
        'File with the key that seals what is stored of Secrets, 16 bytes of chance or more; when empty `seal.key` of the state folder, made when it is needed.',
        { default: '' },
      ),
      pruneGuard: field(pruneGuard(), 'Guard against mass deletion.'),
      leaderElection: field(leaderElection(), 'Several agents, one at work.'),
      tenancy: field(tenancy(), 'What keeps tenants of one agent apart.'),
      workers: field(
        z.enum(['auto', 'never', 'always']),
        'Heavy work in a short-lived child process: when it is large, never, or always.',
        {
          default: 'auto',
        },
      ),
      limits: field(limitsSchema(), 'Bounds. Numbers; bytes also as 64Mi, times also as 30s.'),
    }),
    'Settings of the Holdfast agent. Every field has a default but cluster.name.',
  ),
);

export type RawAgentConfiguration = z.infer<ReturnType<typeof agentConfigurationSchema>>;
