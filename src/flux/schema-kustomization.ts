import * as z from 'zod/mini';
import { weakly } from '../model/index.ts';
import {
  about,
  accountName,
  between,
  duration,
  field,
  flag,
  metadata,
  nameRef,
  nonEmpty,
  text,
  textMap,
} from './schema-common.ts';

const selector = () =>
  z.strictObject({
    group: field(text(), 'API group, anchored regular expression.'),
    version: field(text(), 'API version, anchored regular expression.'),
    kind: field(text(), 'Kind, anchored regular expression.'),
    name: field(text(), 'Name, anchored regular expression.'),
    namespace: field(text(), 'Namespace, anchored regular expression.'),
    labelSelector: field(text(), 'Selector over labels.'),
    annotationSelector: field(text(), 'Selector over annotations.'),
  });

const sourceRef = () =>
  z.strictObject({
    apiVersion: field(text(), 'API version of the source.'),
    kind: about(z.enum(['OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact']), 'Kind of the source.'),
    name: about(nonEmpty(), 'Name of the source.'),
    namespace: field(text(), 'Namespace of the source; that of this object when absent.'),
  });

const dependency = () =>
  z.strictObject({
    name: about(nonEmpty(), 'Name of the Kustomization to wait for.'),
    namespace: field(text(), 'Its namespace; that of this object when absent.'),
    readyExpr: field(text(), 'CEL expression that replaces the built-in check.'),
  });

const healthCheck = () =>
  z.strictObject({
    apiVersion: field(text(), 'API version of the object.', { default: 'apps/v1' }),
    kind: about(nonEmpty(), 'Kind of the object.'),
    name: about(nonEmpty(), 'Name of the object.'),
    namespace: field(text(), 'Namespace of the object.'),
  });

const healthCheckExpr = () =>
  z.strictObject({
    apiVersion: about(text(), 'API version the expressions are for.'),
    kind: field(text(), 'Kind the expressions are for; all kinds of the group when absent.'),
    current: about(text(), 'CEL: the object is ready.'),
    inProgress: field(text(), 'CEL: the object is not ready yet.'),
    failed: field(text(), 'CEL: the object has failed.'),
  });

const image = () =>
  z.strictObject({
    name: about(nonEmpty(), 'Image to change, without tag.'),
    newName: field(text(), 'Other name.'),
    newTag: field(text(), 'Other tag.'),
    digest: field(text(), 'Digest instead of a tag.'),
  });

const postBuild = () =>
  z.strictObject({
    substituteStrategy: field(z.enum(['WithVariables', 'Always']), 'Whether to substitute when no variable is set.', {
      default: 'WithVariables',
    }),
    substitute: field(textMap(), 'Variables by name.'),
    substituteFrom: field(
      z.array(
        z.strictObject({
          kind: about(z.enum(['Secret', 'ConfigMap']), 'Where the variables are.'),
          name: about(between(1, 253), 'Its name, in the namespace of this object.'),
          optional: field(flag(), 'Go on when it does not exist.', { default: false, crd: { fills: true } }),
        }),
      ),
      'Objects whose keys are variables; later ones win.',
    ),
  });

const decryption = () =>
  z.strictObject({
    provider: about(z.enum(['sops']), 'What the manifests are encrypted with.'),
    secretRef: field(nameRef('Secret'), 'Private keys: `*.agekey`, `*.asc`.'),
    serviceAccountName: field(text(), 'Account for key services of cloud providers, which are not asked.'),
  });

const kubeConfig = () =>
  z.strictObject({
    secretRef: field(
      z.strictObject({
        name: about(nonEmpty(), 'Name of the Secret that holds a kubeconfig.'),
        key: field(text(), 'Its key; `value`, then `value.yaml`, when absent.'),
      }),
      'A kubeconfig.',
    ),
    configMapRef: field(
      nameRef('ConfigMap'),
      'Keys `provider` (`generic`; cloud providers are refused), `address`, `ca.crt`, `audiences` (one a line), `serviceAccountName`: a token of that account of this cluster is the login.',
    ),
  });

const ONE_OF_TWO = [
  { rule: 'has(self.configMapRef) != has(self.secretRef)', message: 'name either configMapRef or secretRef' },
];

const ignoreRule = () =>
  z.strictObject({
    paths: about(z.array(text()), 'JSON pointers into objects.'),
    target: field(selector(), 'Objects the paths are for; all when absent.'),
  });

const spec = () =>
  z.strictObject({
    interval: about(duration(), 'How often to check everything again.', { examples: ['10m'] }),
    retryInterval: field(duration(), 'How soon to try again after a failure; `interval` when absent.'),
    timeout: field(duration(), 'Bound for health checks and waits; `interval` less 30s when absent, at least 30s.'),
    sourceRef: about(sourceRef(), 'The source of the manifests.'),
    path: field(text(), 'Folder in the source.', { default: './' }),
    prune: about(flag(), 'Delete objects that are no longer in the source.'),
    deletionPolicy: field(
      z.enum(['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan']),
      'What becomes of the objects when this one is deleted.',
      { default: 'MirrorPrune' },
    ),
    wait: field(flag(), 'Ready only when everything applied is healthy; `healthChecks` are then ignored.', {
      default: false,
    }),
    force: field(flag(), 'Replace objects whose change is refused as immutable.', {
      default: false,
      crd: { fills: true },
    }),
    suspend: field(flag(), 'Do nothing until this is false again.', { default: false }),
    targetNamespace: field(between(1, 63), 'Namespace to move all objects to.'),
    namePrefix: field(between(1, 200), 'Put before all names.'),
    nameSuffix: field(between(1, 200), 'Put behind all names.'),
    commonMetadata: field(
      z.strictObject({ labels: field(textMap(), 'Labels.'), annotations: field(textMap(), 'Annotations.') }),
      'Labels and annotations to set on all objects.',
    ),
    dependsOn: field(z.array(dependency()), 'Kustomizations that must be ready first.'),
    healthChecks: field(z.array(healthCheck()), 'Objects that must be healthy.'),
    healthCheckExprs: field(z.array(healthCheckExpr()), 'Health of custom resources.'),
    patches: field(
      z.array(
        z.strictObject({
          patch: about(text(), 'Strategic merge patch, or list of JSON 6902 operations.'),
          target: field(selector(), 'Objects to patch.'),
        }),
      ),
      'Patches, after those of the source.',
    ),
    images: field(z.array(image()), 'Images to change.'),
    components: field(z.array(nonEmpty()), 'Kustomize components, by relative path.'),
    ignoreMissingComponents: field(flag(), 'Pass over components that do not exist.', { default: false }),
    buildMetadata: field(
      z.array(z.enum(['originAnnotations', 'transformerAnnotations'])),
      'Annotations that tell where objects come from.',
    ),
    ignore: field(z.array(ignoreRule()), 'Fields that may differ from the source.'),
    postBuild: field(postBuild(), 'Substitution of variables.'),
    decryption: field(decryption(), 'Decryption of Secrets.'),
    serviceAccountName: field(accountName(), 'ServiceAccount of the namespace of this object to act as.', {
      crd: { anyText: true },
    }),
    kubeConfig: field(kubeConfig(), 'Another cluster to apply to.', { crd: { rules: ONE_OF_TWO } }),
  });

/** Kustomization as it is written. */
export const kustomizationSchema = weakly(() =>
  about(
    z.strictObject({
      apiVersion: z.literal('kustomize.toolkit.fluxcd.io/v1'),
      kind: z.literal('Kustomization'),
      metadata: about(metadata, 'Name, namespace, labels and annotations.'),
      spec: about(spec(), 'What to apply, from where, and how.'),
      status: z.optional(about(z.unknown(), 'Written by the agent; not read.')),
    }),
    'A folder of manifests to keep applied (Flux API).',
  ),
);

export type RawKustomization = z.infer<ReturnType<typeof kustomizationSchema>>;
