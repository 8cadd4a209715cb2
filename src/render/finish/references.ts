import {
  isObject,
  type Json,
  type KubeObject,
  listAt,
  type ObjectId,
  objectId,
  parseApiVersion,
  textAt,
} from '../../model/index.ts';
import { valuesAt } from './edit.ts';

const RBAC = 'rbac.authorization.k8s.io';
const STORAGE = 'storage.k8s.io';

// Maps, not objects: kinds come from outside and may be called `constructor`.
const POD_SPECS: ReadonlyMap<string, readonly string[]> = mapOf({
  Pod: ['spec'],
  PodTemplate: ['template', 'spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  ReplicationController: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
});

/** Paths inside a pod spec that name an object of a kind in the pod's namespace. */
const POD_REFERENCES: readonly (readonly [kind: string, path: string])[] = [
  ['ConfigMap', 'volumes.*.configMap.name'],
  ['ConfigMap', 'volumes.*.projected.sources.*.configMap.name'],
  ['Secret', 'volumes.*.secret.secretName'],
  ['Secret', 'volumes.*.projected.sources.*.secret.name'],
  ['Secret', 'volumes.*.csi.nodePublishSecretRef.name'],
  ['Secret', 'imagePullSecrets.*.name'],
  ['PersistentVolumeClaim', 'volumes.*.persistentVolumeClaim.claimName'],
  ['ServiceAccount', 'serviceAccountName'],
];
const CONTAINER_REFERENCES: readonly (readonly [kind: string, path: string])[] = [
  ['ConfigMap', 'envFrom.*.configMapRef.name'],
  ['Secret', 'envFrom.*.secretRef.name'],
  ['ConfigMap', 'env.*.valueFrom.configMapKeyRef.name'],
  ['Secret', 'env.*.valueFrom.secretKeyRef.name'],
];
const CONTAINERS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/**
 * Ids of what an object hangs on by its own text: without them it is refused or useless. They may or may not be part of
 * the same render. Optional references and ones that only route traffic (Ingress backends) are left out.
 */
export function candidatesOf(object: KubeObject): ObjectId[] {
  const found = new Set<ObjectId>();
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  const add = (group: string, kind: string, name: Json | undefined, inside: string): void => {
    if (typeof name === 'string' && name !== '') found.add(objectId({ group, kind, namespace: inside, name }));
  };
  const podPath = POD_SPECS.get(object.kind);
  if (podPath !== undefined) for (const pod of valuesAt(object, podPath)) podReferences(pod, namespace, add);
  if (namespace !== '') add('', 'Namespace', namespace, '');
  (BY_KIND.get(object.kind) ?? none)(object, namespace, add);
  return [...found];
}

type Add = (group: string, kind: string, name: Json | undefined, namespace: string) => void;
type Rule = (object: KubeObject, namespace: string, add: Add) => void;

const none: Rule = () => undefined;

function podReferences(pod: Json, namespace: string, add: Add): void {
  for (const [kind, path] of POD_REFERENCES) {
    for (const holder of holders(pod, path)) add('', kind, holder, namespace);
  }
  for (const list of CONTAINERS) {
    for (const container of valuesAt(pod, [list, '*'])) {
      for (const [kind, path] of CONTAINER_REFERENCES) {
        for (const holder of holders(container, path)) add('', kind, holder, namespace);
      }
    }
  }
  add('scheduling.k8s.io', 'PriorityClass', textAt(pod, 'priorityClassName'), '');
  add('node.k8s.io', 'RuntimeClass', textAt(pod, 'runtimeClassName'), '');
}

/** The names at a path whose holder does not say `optional: true`. */
function holders(value: Json, path: string): Json[] {
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  return valuesAt(value, parts)
    .filter((holder) => isObject(holder) && holder['optional'] !== true)
    .flatMap((holder) => valuesAt(holder, [last]));
}

const roleBinding: Rule = (object, namespace, add) => {
  const kind = textAt(object, 'roleRef', 'kind') ?? '';
  if (kind !== '') add(RBAC, kind, textAt(object, 'roleRef', 'name'), kind === 'Role' ? namespace : '');
  for (const subject of listAt(object, 'subjects')) {
    if (textAt(subject, 'kind') !== 'ServiceAccount') continue;
    add('', 'ServiceAccount', textAt(subject, 'name'), textAt(subject, 'namespace') ?? namespace);
  }
};

const storage: Rule = (object, _namespace, add) => {
  add(STORAGE, 'StorageClass', textAt(object, 'spec', 'storageClassName'), '');
  add('', 'PersistentVolume', textAt(object, 'spec', 'volumeName'), '');
};

const webhooks: Rule = (object, _namespace, add) => {
  for (const service of valuesAt(object, ['webhooks', '*', 'clientConfig', 'service'])) {
    add('', 'Service', textAt(service, 'name'), textAt(service, 'namespace') ?? '');
  }
};

/** What else a kind names. */
const BY_KIND: ReadonlyMap<string, Rule> = mapOf<Rule>({
  RoleBinding: roleBinding,
  ClusterRoleBinding: roleBinding,
  PersistentVolumeClaim: storage,
  PersistentVolume: (object, _namespace, add) => {
    add(STORAGE, 'StorageClass', textAt(object, 'spec', 'storageClassName'), '');
  },
  StatefulSet: (object, _namespace, add) => {
    for (const name of valuesAt(object, ['spec', 'volumeClaimTemplates', '*', 'spec', 'storageClassName'])) {
      add(STORAGE, 'StorageClass', name, '');
    }
  },
  HorizontalPodAutoscaler: (object, namespace, add) => {
    const target = object['spec'];
    const { group } = parseApiVersion(textAt(target, 'scaleTargetRef', 'apiVersion') ?? '');
    const kind = textAt(target, 'scaleTargetRef', 'kind') ?? '';
    if (kind !== '') add(group, kind, textAt(target, 'scaleTargetRef', 'name'), namespace);
  },
  Ingress: (object, _namespace, add) => {
    add('networking.k8s.io', 'IngressClass', textAt(object, 'spec', 'ingressClassName'), '');
  },
  Gateway: (object, _namespace, add) => {
    add('gateway.networking.k8s.io', 'GatewayClass', textAt(object, 'spec', 'gatewayClassName'), '');
  },
  VolumeSnapshot: (object, _namespace, add) => {
    add('snapshot.storage.k8s.io', 'VolumeSnapshotClass', textAt(object, 'spec', 'volumeSnapshotClassName'), '');
  },
  ValidatingAdmissionPolicyBinding: (object, _namespace, add) => {
    add('admissionregistration.k8s.io', 'ValidatingAdmissionPolicy', textAt(object, 'spec', 'policyName'), '');
  },
  ServiceAccount: (object, namespace, add) => {
    for (const name of valuesAt(object, ['imagePullSecrets', '*', 'name'])) add('', 'Secret', name, namespace);
  },
  MutatingWebhookConfiguration: webhooks,
  ValidatingWebhookConfiguration: webhooks,
});

/** `group/kind` that a CustomResourceDefinition defines; undefined for anything else. */
export function definedKind(object: KubeObject): string | undefined {
  if (object.kind !== 'CustomResourceDefinition') return undefined;
  const group = textAt(object, 'spec', 'group');
  const kind = textAt(object, 'spec', 'names', 'kind');
  return group === undefined || kind === undefined ? undefined : `${group}/${kind}`;
}

function mapOf<T>(entries: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(entries));
}
