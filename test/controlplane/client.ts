import { Agent, request } from 'node:https';
import { isObject, type JsonObject, type KubeObject, textAt } from '../../src/model/index.ts';
import type { Credentials } from '../support/certificates.ts';

export interface ApiOptions {
  /** Kind of a PATCH body; default `merge`. A media type with a slash is sent as it is. */
  readonly type?: 'apply' | 'merge' | 'json' | 'strategic' | (string & {});
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  /** The JSON object of the answer; empty when it is something else. */
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ApiClient {
  api(method: string, path: string, body?: unknown, options?: ApiOptions): Promise<ApiAnswer>;
  close(): void;
}

const MEDIA: Readonly<Record<string, string>> = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

/** A raw client of the API server for tests: kept-alive connections, no retries, no opinion about statuses. */
export function apiClient(server: { readonly port: number; readonly caPem: string }, who: Credentials): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, ca: server.caPem, cert: who.certPem, key: who.keyPem });
  const api = (method: string, path: string, body?: unknown, options: ApiOptions = {}) => {
    const kind = method === 'PATCH' ? (options.type ?? 'merge') : 'application/json';
    const wanted = kind === 'apply' && !path.includes('fieldManager=');
    const manager = wanted ? `${path.includes('?') ? '&' : '?'}fieldManager=test&force=true` : '';
    return new Promise<ApiAnswer>((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const headers: Record<string, string> = { Accept: options.accept ?? 'application/json', ...options.headers };
      if (text !== undefined) headers['Content-Type'] = MEDIA[kind] ?? kind;
      const { port } = server;
      const call = request({ agent, method, host: '127.0.0.1', port, path: path + manager, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () => {
          const all = Buffer.concat(chunks).toString('utf8');
          resolve({ status: answer.statusCode ?? 0, body: objectOf(all), text: all, headers: answer.headers });
        });
      });
      call.setTimeout(options.timeoutMs ?? 30_000, () =>
        call.destroy(new Error(`${method} ${path}: no answer in time`)),
      );
      call.once('error', reject);
      call.end(text);
    });
  };
  return { api, close: () => agent.destroy() };
}

function objectOf(text: string): JsonObject {
  if (!text.startsWith('{')) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

type Api = ApiClient['api'];

/** The object at a path, or undefined where there is none. */
export async function getObject(api: Api, path: string): Promise<KubeObject | undefined> {
  const answer = await api('GET', path);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
  return answer.body as KubeObject;
}

/** Creates a namespace of a name not used before and gives the name. */
export async function createNamespace(api: Api, prefix: string): Promise<string> {
  const name = `${prefix}-${Math.random().toString(36).slice(2, 10)}`;
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  const answer = await api('POST', '/api/v1/namespaces', body);
  if (answer.status !== 201) throw new Error(`namespace ${name}: ${answer.status} ${answer.text.slice(0, 300)}`);
  return name;
}

/** uid of the Namespace kube-system: the identity of a cluster. */
export async function clusterUid(api: Api): Promise<string> {
  const uid = textAt(await getObject(api, '/api/v1/namespaces/kube-system'), 'metadata', 'uid');
  if (uid === undefined) throw new Error('there is no Namespace kube-system yet');
  return uid;
}
