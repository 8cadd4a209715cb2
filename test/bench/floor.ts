import { Agent, request } from 'node:https';
import type { ControlPlane } from '../controlplane/index.ts';
import { appFiles } from './app.ts';

const pathOf = (body: string, namespace: string): string => {
  const kind = /kind: (\w+)/.exec(body)?.[1] ?? '';
  const name = /name: ([\w-]+)/.exec(body)?.[1] ?? '';
  const base = kind === 'Deployment' ? '/apis/apps/v1' : '/api/v1';
  return `${base}/namespaces/${namespace}/${kind.toLowerCase()}s/${name}?fieldManager=floor&force=true`;
};

/** The floor: milliseconds in which a bare kept-alive client creates the same objects by server-side apply, as many at once. */
export async function floorMs(cluster: ControlPlane, count: number, width: number): Promise<number> {
  return floorOf(cluster, { width, files: (namespace) => appFiles(count, namespace) });
}

/** The same for the documents of any files of apps. */
export async function floorOf(
  cluster: ControlPlane,
  { width, files }: { readonly width: number; readonly files: (namespace: string) => Record<string, string> },
): Promise<number> {
  const namespace = await cluster.namespace('floor');
  const { certPem, keyPem } = await cluster.credentials();
  const agent = new Agent({ keepAlive: true, maxSockets: width, ca: cluster.caPem, cert: certPem, key: keyPem });
  const { hostname, port } = new URL(cluster.url);
  const documents = Object.values(files(namespace)).flatMap((text) => text.split('\n---\n'));
  const send = (body: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const path = pathOf(body, namespace);
      const headers = { 'content-type': 'application/apply-patch+yaml' };
      const out = request({ host: hostname, port, path, method: 'PATCH', agent, headers }, (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 201 ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`)),
        );
      });
      out.on('error', reject);
      out.end(body);
    });
  const began = performance.now();
  const queue = documents.values();
  const worker = async (): Promise<void> => {
    for (const body of queue) await send(body);
  };
  await Promise.all(Array.from({ length: width }, worker));
  agent.destroy();
  return performance.now() - began;
}
