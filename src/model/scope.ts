/** Kinds that kustomize knows to be cluster-scoped; every other kind counts as namespaced there. */
const CLUSTER_SCOPED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['', new Set(['ComponentStatus', 'Namespace', 'Node', 'NodeProxyOptions', 'PersistentVolume'])],
  ['admissionregistration.k8s.io', new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'])],
  ['apiextensions.k8s.io', new Set(['CustomResourceDefinition'])],
  ['apiregistration.k8s.io', new Set(['APIService'])],
  ['certificates.k8s.io', new Set(['CertificateSigningRequest'])],
  ['flowcontrol.apiserver.k8s.io', new Set(['FlowSchema', 'PriorityLevelConfiguration'])],
  ['networking.k8s.io', new Set(['IngressClass'])],
  ['node.k8s.io', new Set(['RuntimeClass'])],
  ['policy', new Set(['PodSecurityPolicy'])],
  ['rbac.authorization.k8s.io', new Set(['ClusterRole', 'ClusterRoleBinding'])],
  ['scheduling.k8s.io', new Set(['PriorityClass'])],
  ['storage.k8s.io', new Set(['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment'])],
]);

/** True for the built-in kinds that certainly have no namespace. Custom cluster-scoped kinds are not known here. */
export function isClusterScoped(group: string, kind: string): boolean {
  return CLUSTER_SCOPED.get(group)?.has(kind) === true;
}

/** Later built-in kinds without a namespace: kustomize puts one into them, and the API server takes it out. */
const LATER: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'admissionregistration.k8s.io',
    new Set([
      'MutatingAdmissionPolicy',
      'MutatingAdmissionPolicyBinding',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ]),
  ],
  ['certificates.k8s.io', new Set(['ClusterTrustBundle'])],
  ['networking.k8s.io', new Set(['IPAddress', 'ServiceCIDR'])],
  ['resource.k8s.io', new Set(['DeviceClass', 'ResourceSlice'])],
  ['storage.k8s.io', new Set(['VolumeAttributesClass'])],
]);

/** True for built-in kinds in which a namespace means nothing: the API server takes it out of them. */
export function hasNoNamespace(group: string, kind: string): boolean {
  return isClusterScoped(group, kind) || LATER.get(group)?.has(kind) === true;
}
