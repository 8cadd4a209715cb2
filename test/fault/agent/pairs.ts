/** A ConfigMap. */
export function configMap(name: string, namespace: string, value = '1'): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: ${namespace} }
data: { v: "${value}" }
`;
}

export interface Pair {
  readonly name: string;
  readonly url: string;
  /** More lines of the Kustomization's spec. */
  readonly spec?: string;
  /** More lines of the GitRepository's spec. */
  readonly source?: string;
  readonly interval?: string;
  readonly ref?: string;
}

const indented = (text = ''): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

/** A GitRepository and a Kustomization of one name. */
export function pairOf(pair: Pair): string {
  return `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: ${pair.name}, namespace: flux-system }
spec:
  url: ${pair.url}
  interval: ${pair.interval ?? '1h'}
  ref: ${pair.ref ?? '{ branch: main }'}
${indented(pair.source)}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${pair.name}, namespace: flux-system }
spec:
  interval: 1h
  retryInterval: 2s
  prune: true
  sourceRef: { kind: GitRepository, name: ${pair.name} }
${indented(pair.spec)}
`;
}
