/**
 * What the adapter costs over its floor: server-side applies that create ConfigMaps, by a bare kept-alive https client
 * and through the adapter, with the same bytes and the same concurrency, in turns on one API server. Run it by node.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { openCluster } from '../../agent/adapters/cluster/index.ts';
import { startControlPlane } from '../controlplane/index.ts';

const COUNT = Number(process.argv[2] ?? 1_000);
const WIDTH = 8;
const ROUNDS = 3;

interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

const body = (namespace: string, name: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels: { 'kustomize.toolkit.fluxcd.io/name': 'bench' } },
      data: { text: 'x'.repeat(800), a: '1', b: '2' },
    }),
  );

async function crowd(names: readonly string[], one: (name: string) => Promise<void>): Promise<Sample> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  let at = 0;
  const worker = async (): Promise<void> => {
    for (let name = names[at++]; name !== undefined; name = names[at++]) await one(name);
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  const used = process.cpuUsage(cpu);
  return { ms: performance.now() - began, cpuMs: (used.user + used.system) / 1_000 };
}

const server = await startControlPlane({ controllerManager: false });
try {
  const kubeconfig = await server.kubeconfigFile();
  const user = await server.credentials();
  const url = new URL(server.url);
  const agent = new Agent({
    keepAlive: true,
    ca: server.caPem,
    cert: user.certPem,
    key: user.keyPem,
    maxSockets: WIDTH,
  });
  const bare = (namespace: string) => (name: string) =>
    new Promise<void>((resolve, reject) => {
      const json = body(namespace, name);
      const path = `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=kustomize-controller&force=true`;
      const headers = {
        'Content-Type': 'application/apply-patch+yaml',
        Accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
        'Content-Length': json.byteLength,
      };
      const out = request({ host: url.hostname, port: url.port, method: 'PATCH', path, headers, agent }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          JSON.parse(Buffer.concat(parts).toString('utf8'));
          if (answer.statusCode === 201) resolve();
          else reject(new Error(String(answer.statusCode)));
        });
      });
      out.on('error', reject);
      out.end(json);
    });
  const cluster = openCluster({ kubeconfig });
  await cluster.surface();
  const adapted = (namespace: string) => async (name: string) => {
    const ref = { group: '', version: 'v1', kind: 'ConfigMap', namespace, name };
    const options = { dryRun: false, manager: 'kustomize-controller', force: true, answer: 'metadata' } as const;
    const { created } = await cluster.apply(ref, body(namespace, name), options);
    if (!created) throw new Error('not created');
  };

  const names = Array.from({ length: COUNT }, (_, i) => `cm-${i}`);
  const samples: Record<'bare' | 'adapter', Sample[]> = { bare: [], adapter: [] };
  // The first round warms both up and counts for neither.
  for (let round = 0; round <= ROUNDS; round++)
    for (const kind of round % 2 === 0 ? (['bare', 'adapter'] as const) : (['adapter', 'bare'] as const)) {
      const namespace = await server.namespace(`bench-${kind}`);
      const sample = await crowd(names, (kind === 'bare' ? bare : adapted)(namespace));
      if (round > 0) samples[kind].push(sample);
    }
  const median = (values: readonly number[]): number =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const line = (kind: 'bare' | 'adapter'): { ms: number; cpu: number } => ({
    ms: median(samples[kind].map((s) => s.ms)),
    cpu: median(samples[kind].map((s) => s.cpuMs)),
  });
  const floor = line('bare');
  const ours = line('adapter');
  console.log(`${COUNT} applies, ${WIDTH} at once, median of ${ROUNDS}`);
  console.log(`bare client: ${floor.ms.toFixed(0)} ms, ${((floor.cpu * 1_000) / COUNT).toFixed(0)} us CPU each`);
  console.log(`adapter:     ${ours.ms.toFixed(0)} ms, ${((ours.cpu * 1_000) / COUNT).toFixed(0)} us CPU each`);
  console.log(`ratio:       time ${(ours.ms / floor.ms).toFixed(2)}, CPU ${(ours.cpu / floor.cpu).toFixed(2)}`);
  console.log(`VmRSS here:  ${/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '?'} KiB`);
  cluster.close();
  agent.destroy();
} finally {
  await server.stop();
}
