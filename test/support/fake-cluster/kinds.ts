import { type JsonObject, type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
import type { ApiResource } from '../../../src/ports/index.ts';

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

export function resource(group: string, version: string, kind: string, plural: string, namespaced = true): ApiResource {
  return { gvk: { group, version, kind }, plural, namespaced, verbs: VERBS };
}

/** What a fresh fake serves. */
export const BUILT_IN: readonly ApiResource[] = [
  resource('', 'v1', 'Namespace', 'namespaces', false),
  resource('', 'v1', 'ConfigMap', 'configmaps'),
  resource('', 'v1', 'Secret', 'secrets'),
  resource('', 'v1', 'Service', 'services'),
  resource('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  resource('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  resource('', 'v1', 'Pod', 'pods'),
  resource('apps', 'v1', 'Deployment', 'deployments'),
  resource('apps', 'v1', 'StatefulSet', 'statefulsets'),
  resource('apps', 'v1', 'DaemonSet', 'daemonsets'),
  resource('batch', 'v1', 'Job', 'jobs'),
  resource('batch', 'v1', 'CronJob', 'cronjobs'),
  resource('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  resource('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  resource('networking.k8s.io', 'v1', 'Ingress', 'ingresses'),
  resource('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies'),
  resource('rbac.authorization.k8s.io', 'v1', 'Role', 'roles'),
  resource('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings'),
  resource('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles', false),
  resource('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
  resource('scheduling.k8s.io', 'v1', 'PriorityClass', 'priorityclasses', false),
  resource('coordination.k8s.io', 'v1', 'Lease', 'leases'),
  resource('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions', false),
];

/** The kinds that a CustomResourceDefinition makes the server serve. */
export function definedBy(definition: JsonObject): readonly ApiResource[] {
  const group = textAt(definition, 'spec', 'group') ?? '';
  const kind = textAt(definition, 'spec', 'names', 'kind') ?? '';
  const plural = textAt(definition, 'spec', 'names', 'plural') ?? '';
  const namespaced = textAt(definition, 'spec', 'scope') !== 'Cluster';
  return listAt(definition, 'spec', 'versions').flatMap((version) => {
    const name = textAt(version, 'name');
    return name === undefined ? [] : [resource(group, name, kind, plural, namespaced)];
  });
}

/** The definition as it is once the server has established it. */
export function established(definition: KubeObject): KubeObject {
  const conditions = [
    { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' },
    { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: '' },
  ];
  return { ...definition, status: { conditions } };
}
