/** One example a kind, for the reference; a test reads each with the product's own parser. */
export const SAMPLES = {
  AgentConfiguration: `
apiVersion: holdfast.dev/v1alpha1
kind: AgentConfiguration
cluster:
  name: store-0417
  labels: { region: eu, ring: "2" }
stateDir: /var/lib/holdfast
objects:
  files: [/etc/holdfast/objects]
listen: 127.0.0.1:8080
`,
  GitRepository: `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: fleet, namespace: flux-system }
spec:
  url: https://git.example.com/fleet.git
  interval: 5m
  ref: { branch: main }
  secretRef: { name: fleet-login }
`,
  OCIRepository: `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: { name: fleet, namespace: flux-system }
spec:
  url: oci://registry.example.com/manifests/fleet
  interval: 5m
  ref: { semver: ">=1.0.0" }
  secretRef: { name: registry-login }
`,
  Bucket: `
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: { name: fleet, namespace: flux-system }
spec:
  endpoint: storage.example.com
  bucketName: fleet
  prefix: stores/
  interval: 15m
  secretRef: { name: storage-keys }
`,
  ExternalArtifact: `
apiVersion: source.toolkit.fluxcd.io/v1
kind: ExternalArtifact
metadata: { name: rendered, namespace: flux-system }
spec:
  sourceRef: { apiVersion: example.com/v1, kind: Renderer, name: rendered }
`,
  Kustomization: `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: shop, namespace: flux-system }
spec:
  sourceRef: { kind: GitRepository, name: fleet }
  path: ./stores/shop
  interval: 10m
  prune: true
  wait: true
`,
} as const;
