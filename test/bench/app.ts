/** The manifests of `count` objects as Flux was measured with: apps of ServiceAccount, ConfigMap, Service and Deployment. */
export function appFiles(count: number, namespace: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (let i = 0; i * 4 < count; i += 1)
    files[`apps/app-${String(i).padStart(5, '0')}.yaml`] = appYaml(`app-${i}`, namespace, '1');
  return files;
}

export function appYaml(name: string, namespace: string, value: string): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: ${namespace} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: ${namespace} }
data:
  value: "${value}"
  settings.ini: |
    [server]
    port = 8080
    name = ${name}
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec:
  selector: { app: ${name} }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec:
  replicas: 0
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers:
        - name: web
          image: registry.example/web:1.0.0
          envFrom: [{ configMapRef: { name: ${name} } }]
          resources: { requests: { cpu: 10m, memory: 16Mi } }
`;
}
