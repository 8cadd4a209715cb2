import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { ClusterLimits, WatchTimes } from '../../../agent/adapters/cluster/index.ts';
import { type HttpCluster, openCluster } from '../../../agent/adapters/cluster/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { tempDir } from '../../support/temp.ts';

export interface Heard {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Handler = (heard: Heard, answer: ServerResponse, request: IncomingMessage) => void;

/** An HTTP server that answers as a test wants, and a cluster that believes it to be an API server. */
export interface Hostile extends AsyncDisposable {
  readonly cluster: HttpCluster;
  readonly heard: readonly Heard[];
  /** The kubeconfig in use, to change credentials under way. */
  readonly kubeconfig: string;
  /** Answers everything but discovery. */
  handle(handler: Handler): void;
  /** Requests that are open now. */
  open(): number;
}

export interface HostileOptions {
  readonly limits?: Partial<ClusterLimits>;
  readonly watchTimes?: Partial<WatchTimes>;
  readonly token?: string;
  /** Of kube-system; without it, the test answers that as well. */
  readonly uid?: () => string;
  /** The test answers discovery as well. */
  readonly discovery?: boolean;
  /** Status of `/readyz`, which is not counted among what was heard; 200 without. */
  readonly readyz?: () => number;
}

const RESOURCES = [
  {
    resource: 'bindings',
    responseKind: { group: '', version: 'v1', kind: 'Binding' },
    scope: 'Namespaced',
    verbs: ['create'],
  },
  {
    resource: 'configmaps',
    responseKind: { group: '', version: 'v1', kind: 'ConfigMap' },
    scope: 'Namespaced',
    verbs: ['get', 'list', 'watch', 'patch'],
  },
  {
    resource: 'secrets',
    responseKind: { group: '', version: 'v1', kind: 'Secret' },
    scope: 'Namespaced',
    verbs: ['get', 'list', 'watch', 'patch'],
  },
];

export const discoveryList = (items: readonly unknown[]): unknown => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  metadata: {},
  items,
});

export function sendJson(
  answer: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  answer.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A Status object as the API server sends it. */
export function status(code: number, message: string, more: Record<string, unknown> = {}): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message, ...more };
}

export const kubeconfigText = (server: string, user: Record<string, unknown>): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  });

export async function startHostile(options: HostileOptions = {}): Promise<Hostile> {
  const heard: Heard[] = [];
  const state: { handler: Handler; open: number } = { handler: (_h, answer) => void answer.end(), open: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, answer) => {
    let body = '';
    state.open += 1;
    answer.once('close', () => {
      state.open -= 1;
    });
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.once('end', () => {
      const url = new URL(request.url ?? '/', 'http://x');
      if (url.pathname === '/readyz') return void answer.writeHead(options.readyz?.() ?? 200).end();
      const one: Heard = { method: request.method ?? '', url, headers: request.headers, body };
      heard.push(one);
      if (options.discovery !== true && url.pathname === '/api')
        sendJson(
          answer,
          discoveryList([{ metadata: { name: '' }, versions: [{ version: 'v1', resources: RESOURCES }] }]),
        );
      else if (options.discovery !== true && url.pathname === '/apis') sendJson(answer, discoveryList([]));
      else if (options.uid !== undefined && url.pathname === '/api/v1/namespaces/kube-system')
        sendJson(answer, { kind: 'Namespace', metadata: { name: 'kube-system', uid: options.uid() } });
      else state.handler(one, answer, request);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dir = await tempDir('hostile');
  const kubeconfig = join(dir.path, 'config');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(kubeconfig, kubeconfigText(address, options.token === undefined ? {} : { token: options.token }));
  const cluster = openCluster({
    kubeconfig,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    ...(options.watchTimes === undefined ? {} : { watchTimes: options.watchTimes }),
  });
  return {
    cluster,
    heard,
    kubeconfig,
    handle: (handler) => {
      state.handler = handler;
    },
    open: () => state.open,
    [Symbol.asyncDispose]: async () => {
      cluster.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await dir.remove();
    },
  };
}
