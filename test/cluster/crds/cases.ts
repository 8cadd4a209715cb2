import type { JsonObject } from '../../../src/model/index.ts';

export interface Case {
  readonly kind: 'GitRepository' | 'OCIRepository' | 'Bucket' | 'ExternalArtifact' | 'Kustomization';
  readonly what: string;
  readonly spec: JsonObject;
  /** What the API server says with Flux's own definitions: '' where it takes the object, else the field that it names. */
  readonly refused: string;
}

export const PLURALS: Readonly<Record<Case['kind'], string>> = {
  Bucket: 'source.toolkit.fluxcd.io/v1/buckets',
  ExternalArtifact: 'source.toolkit.fluxcd.io/v1/externalartifacts',
  GitRepository: 'source.toolkit.fluxcd.io/v1/gitrepositories',
  Kustomization: 'kustomize.toolkit.fluxcd.io/v1/kustomizations',
  OCIRepository: 'source.toolkit.fluxcd.io/v1/ocirepositories',
};

const GIT = { url: 'https://git.example.com/a.git', interval: '5m' };
const OCI = { url: 'oci://registry.example.com/a', interval: '5m' };
const BUCKET = { endpoint: 's3.example.com', bucketName: 'b', interval: '5m' };
const KS = { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 'a' } };
const STS = { provider: 'aws', endpoint: 'https://sts.example.com' };
const LDAP = { provider: 'ldap', endpoint: 'https://sts.example.com' };
const x = (length: number): string => 'x'.repeat(length);

type Row = readonly [what: string, change: JsonObject, refused?: string];

/** A change of null takes the field away. */
function rows(kind: Case['kind'], base: JsonObject, table: readonly Row[]): readonly Case[] {
  return table.map(([what, change, refused = '']) => {
    const spec = Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== null));
    return { kind, what, spec, refused };
  });
}

export const CASES: readonly Case[] = [
  ...rows('GitRepository', GIT, [
    ['the least', {}],
    ['no url', { url: null }, 'spec.url'],
    ['no interval', { interval: null }, 'spec.interval'],
    ['ssh', { url: 'ssh://git@example.com/a.git' }],
    ['a url without scheme', { url: 'git@example.com:a.git' }, 'spec.url'],
    ['another scheme', { url: 'ftp://example.com/a.git' }, 'spec.url'],
    ['an upper-case scheme', { url: 'HTTPS://example.com/a.git' }, 'spec.url'],
    ['hours', { interval: '1h30m' }],
    ['a fraction', { interval: '1.5s' }],
    ['days', { interval: '1d' }, 'spec.interval'],
    ['a number as interval', { interval: 60 }, 'spec.interval'],
    ['a negative interval', { interval: '-5m' }, 'spec.interval'],
    ['an empty interval', { interval: '' }, 'spec.interval'],
    ['a zero interval', { interval: '0s' }],
    ['a timeout in hours', { timeout: '1h' }, 'spec.timeout'],
    ['a timeout in minutes', { timeout: '2m' }],
    ['an empty reference', { ref: {} }],
    ['all references', { ref: { branch: 'b', tag: 't', semver: '*', name: 'refs/x', commit: 'no hex' } }],
    ['a number as tag', { ref: { tag: 1 } }, 'spec.ref.tag'],
    ['an unknown field', { nobody: 'knows' }],
    ['provider github', { provider: 'github' }],
    ['provider gcp', { provider: 'gcp' }, 'spec.provider'],
    ['an empty provider', { provider: '' }, 'spec.provider'],
    ['an account without a provider', { serviceAccountName: 'a' }, 'spec'],
    ['an account with provider generic', { serviceAccountName: 'a', provider: 'generic' }, 'spec'],
    ['an account with provider github', { serviceAccountName: 'a', provider: 'github' }, 'spec'],
    ['an account with provider azure', { serviceAccountName: 'a', provider: 'azure' }],
    ['an account with provider aws', { serviceAccountName: 'a', provider: 'aws' }],
    ['a secret without a name', { secretRef: {} }, 'spec.secretRef.name'],
    ['a secret with an empty name', { secretRef: { name: '' } }],
    ['verify without keys', { verify: { mode: 'HEAD' } }, 'spec.verify.secretRef'],
    ['verify head', { verify: { mode: 'head', secretRef: { name: 'k' } } }],
    ['verify by nobody', { verify: { mode: 'Nobody', secretRef: { name: 'k' } } }, 'spec.verify.mode'],
    ['an include', { include: [{ repository: { name: 'r' }, fromPath: 'a', toPath: 'b' }] }],
    ['an include of nothing', { include: [{ fromPath: 'a' }] }, 'spec.include[0].repository'],
    ['a folder', { sparseCheckout: ['a', ''] }],
    ['folders that are none', { sparseCheckout: [1] }, 'spec.sparseCheckout[0]'],
    ['text as suspend', { suspend: 'true' }, 'spec.suspend'],
  ]),
  ...rows('OCIRepository', OCI, [
    ['the least', {}],
    ['https', { url: 'https://registry.example.com/a' }, 'spec.url'],
    ['no url', { url: null }, 'spec.url'],
    ['days', { interval: '1d' }, 'spec.interval'],
    ['a timeout in hours', { timeout: '1h' }, 'spec.timeout'],
    ['all references', { ref: { tag: 't', semver: '*', semverFilter: '.*-rc.*', digest: 'sha256:x' } }],
    ['a layer', { layerSelector: { mediaType: 'a/b', operation: 'copy' } }],
    ['a layer to burn', { layerSelector: { operation: 'burn' } }, 'spec.layerSelector.operation'],
    ['provider gcp', { provider: 'gcp' }],
    ['provider github', { provider: 'github' }, 'spec.provider'],
    ['an account with provider generic', { serviceAccountName: 'a' }],
    ['verify with the default provider', { verify: {} }],
    ['verify notation', { verify: { provider: 'notation', secretRef: { name: 'k' } } }],
    ['verify by nobody', { verify: { provider: 'nobody' } }, 'spec.verify.provider'],
    ['verify an identity', { verify: { matchOIDCIdentity: [{ issuer: 'i', subject: 's' }] } }],
    [
      'half an identity',
      { verify: { matchOIDCIdentity: [{ issuer: 'i' }] } },
      'spec.verify.matchOIDCIdentity[0].subject',
    ],
    ['an own root', { verify: { trustedRootSecretRef: { name: 'r' } } }],
    ['text as insecure', { insecure: 'yes' }, 'spec.insecure'],
  ]),
  ...rows('Bucket', BUCKET, [
    ['the least', {}],
    ['no endpoint', { endpoint: null }, 'spec.endpoint'],
    ['no bucket', { bucketName: null }, 'spec.bucketName'],
    ['provider github', { provider: 'github' }, 'spec.provider'],
    ['sts of aws for aws', { provider: 'aws', sts: STS }],
    ['sts of ldap for aws', { provider: 'aws', sts: LDAP }, 'spec'],
    ['sts of aws for generic', { sts: STS }, 'spec'],
    ['sts of ldap for generic', { sts: LDAP }],
    ['sts for gcp', { provider: 'gcp', sts: STS }, 'spec'],
    ['sts for azure', { provider: 'azure', sts: LDAP }, 'spec'],
    ['sts without address', { provider: 'aws', sts: { provider: 'aws' } }, 'spec.sts.endpoint'],
    ['sts without scheme', { provider: 'aws', sts: { ...STS, endpoint: 'sts.example.com' } }, 'spec.sts.endpoint'],
    ['sts of aws with a login', { provider: 'aws', sts: { ...STS, secretRef: { name: 's' } } }, 'spec'],
    ['sts of aws with TLS', { provider: 'aws', sts: { ...STS, certSecretRef: { name: 's' } } }, 'spec'],
    ['sts of ldap with both', { sts: { ...LDAP, secretRef: { name: 's' }, certSecretRef: { name: 't' } } }],
    ['an account with provider generic', { serviceAccountName: 'a' }, 'spec'],
    ['an account with provider aws', { provider: 'aws', serviceAccountName: 'a' }],
    ['an account and a secret', { provider: 'aws', serviceAccountName: 'a', secretRef: { name: 's' } }, 'spec'],
    ['all else', { region: 'r', prefix: 'p', insecure: true, suspend: true, ignore: '*', timeout: '1.5m' }],
  ]),
  ...rows('ExternalArtifact', {}, [
    ['nothing', {}],
    ['a source', { sourceRef: { kind: 'ArtifactGenerator', name: 'a', namespace: 'b', apiVersion: 'c/v1' } }],
    ['a source without kind', { sourceRef: { name: 'a' } }, 'spec.sourceRef.kind'],
    ['a source without name', { sourceRef: { kind: 'a' } }, 'spec.sourceRef.name'],
  ]),
  ...rows('Kustomization', KS, [
    ['the least', {}],
    ['no prune', { prune: null }, 'spec.prune'],
    ['no interval', { interval: null }, 'spec.interval'],
    ['no source', { sourceRef: null }, 'spec.sourceRef'],
    ['a source without name', { sourceRef: { kind: 'Bucket' } }, 'spec.sourceRef.name'],
    ['a source of an unknown kind', { sourceRef: { kind: 'HelmChart', name: 'a' } }, 'spec.sourceRef.kind'],
    ['an external artifact', { sourceRef: { kind: 'ExternalArtifact', name: 'a', apiVersion: 'x/v1' } }],
    ['durations', { retryInterval: '1h', timeout: '500ms' }],
    ['a bad retry interval', { retryInterval: 'soon' }, 'spec.retryInterval'],
    ['a bad timeout', { timeout: '1w' }, 'spec.timeout'],
    ['an unknown policy', { deletionPolicy: 'Keep' }, 'spec.deletionPolicy'],
    ['policy orphan', { deletionPolicy: 'Orphan' }],
    ['an empty namespace', { targetNamespace: '' }, 'spec.targetNamespace'],
    ['a long namespace', { targetNamespace: x(63) }],
    ['a too long namespace', { targetNamespace: x(64) }, 'spec.targetNamespace'],
    ['an empty prefix', { namePrefix: '' }, 'spec.namePrefix'],
    ['a long prefix and suffix', { namePrefix: x(200), nameSuffix: x(200) }],
    ['a too long suffix', { nameSuffix: x(201) }, 'spec.nameSuffix'],
    ['a dependency', { dependsOn: [{ name: 'a', namespace: 'b', readyExpr: 'true' }] }],
    ['a dependency without name', { dependsOn: [{ namespace: 'b' }] }, 'spec.dependsOn[0].name'],
    ['a health check', { healthChecks: [{ kind: 'Deployment', name: 'a' }] }],
    ['a health check of no kind', { healthChecks: [{ name: 'a' }] }, 'spec.healthChecks[0].kind'],
    ['an expression', { healthCheckExprs: [{ apiVersion: 'a/v1', kind: 'B', current: 'true' }] }],
    ['an expression of nothing', { healthCheckExprs: [{ apiVersion: 'a/v1' }] }, 'spec.healthCheckExprs[0].current'],
    ['a patch', { patches: [{ patch: 'x', target: { kind: 'A', labelSelector: 'a=b' } }] }],
    ['a patch without text', { patches: [{ target: { kind: 'A' } }] }, 'spec.patches[0].patch'],
    ['an image', { images: [{ name: 'a', newName: 'b', newTag: 'c', digest: 'd' }] }],
    ['an image without name', { images: [{ newTag: 'c' }] }, 'spec.images[0].name'],
    ['metadata', { commonMetadata: { labels: { a: 'b' }, annotations: { c: 'd' } } }],
    ['a number as label', { commonMetadata: { labels: { a: 1 } } }, 'spec.commonMetadata.labels.a'],
    ['notes', { buildMetadata: ['originAnnotations', 'transformerAnnotations'] }],
    ['unknown notes', { buildMetadata: ['managedByLabel'] }, 'spec.buildMetadata[0]'],
    ['variables', { postBuild: { substitute: { a: 'b' }, substituteFrom: [{ kind: 'Secret', name: 's' }] } }],
    ['a number as variable', { postBuild: { substitute: { a: 1 } } }, 'spec.postBuild.substitute.a'],
    [
      'variables of a Pod',
      { postBuild: { substituteFrom: [{ kind: 'Pod', name: 's' }] } },
      'spec.postBuild.substituteFrom[0].kind',
    ],
    [
      'variables of nobody',
      { postBuild: { substituteFrom: [{ kind: 'Secret', name: '' }] } },
      'spec.postBuild.substituteFrom[0].name',
    ],
    ['an unknown strategy', { postBuild: { substituteStrategy: 'Never' } }, 'spec.postBuild.substituteStrategy'],
    ['decryption', { decryption: { provider: 'sops', secretRef: { name: 'k' }, serviceAccountName: 'a' } }],
    ['decryption by nobody', { decryption: { provider: 'nobody' } }, 'spec.decryption.provider'],
    ['decryption without provider', { decryption: { secretRef: { name: 'k' } } }, 'spec.decryption.provider'],
    ['a kubeconfig', { kubeConfig: { secretRef: { name: 'k', key: 'v' } } }],
    ['a cloud cluster', { kubeConfig: { configMapRef: { name: 'c' } } }],
    [
      'two other clusters',
      { kubeConfig: { secretRef: { name: 'k' }, configMapRef: { name: 'c' } } },
      'spec.kubeConfig',
    ],
    ['no other cluster', { kubeConfig: {} }, 'spec.kubeConfig'],
    ['a rule of what to ignore', { ignore: [{ paths: ['/spec/replicas'], target: { kind: 'Deployment' } }] }],
    ['a rule without paths', { ignore: [{ target: { kind: 'Deployment' } }] }, 'spec.ignore[0].paths'],
    ['components', { components: ['../a', ''], ignoreMissingComponents: true }],
    ['all switches', { wait: true, force: true, suspend: true, prune: false, path: '../..', serviceAccountName: 'a' }],
    ['text as force', { force: 'true' }, 'spec.force'],
  ]),
];
