import type { AgentStatus } from '../../src/model/index.ts';

/** What is asked for now: '' stands for any. */
export interface NudgeRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What the server shows. All are cheap and synchronous: a scrape must not wait for work. */
export interface View {
  status(): AgentStatus;
  /** Prometheus text format 0.0.4. */
  metrics(): string;
  /** False only when the loop is wedged. Never depends on the link or the cluster. */
  alive(): boolean;
  /** True once the agent does its work: configuration and disk are there. Does not depend on the link either. */
  ready(): boolean;
  /** Asks for a run at once; false when no object fits. Only served on a socket of this machine. */
  nudge?(ref: NudgeRef): boolean;
}

export interface HttpRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** Came through a Unix socket, which only this user may open. */
  readonly local: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = 'text/plain; charset=utf-8';
const METRICS = 'text/plain; version=0.0.4; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

const text = (status: number, body: string): HttpResponse => ({ status, type: TEXT, body: `${body}\n` });

function readiness(view: View): HttpResponse {
  if (view.ready()) return text(200, 'ok');
  return text(503, 'not ready: configuration or state folder are not read yet');
}

const PAGES: Readonly<Record<string, (view: View) => HttpResponse>> = {
  '/': () => text(200, 'holdfast: /livez /readyz /status /metrics'),
  '/livez': (view) => (view.alive() ? text(200, 'ok') : text(503, 'the loop has not turned for too long')),
  '/healthz': (view) => (view.alive() ? text(200, 'ok') : text(503, 'the loop has not turned for too long')),
  '/readyz': readiness,
  '/status': (view) => ({ status: 200, type: JSON_TYPE, body: `${JSON.stringify(view.status(), null, 2)}\n` }),
  '/metrics': (view) => ({ status: 200, type: METRICS, body: view.metrics() }),
};

/** Longest value that a Kubernetes name or kind can have. */
const MAX_NAME = 253;

function reconcile(query: URLSearchParams, view: View): HttpResponse {
  if (view.nudge === undefined) return text(404, 'this agent takes no nudges');
  const ref = {
    kind: query.get('kind') ?? '',
    namespace: query.get('namespace') ?? '',
    name: query.get('name') ?? '',
  };
  if (Object.values(ref).some((value) => value.length > MAX_NAME || !/^[A-Za-z0-9.-]*$/.test(value)))
    return text(400, 'kind, namespace and name are names of Kubernetes objects');
  return view.nudge(ref) ? text(202, 'asked') : text(404, 'no source and no Kustomization fits');
}

/** Answers a request. Pure but for what `view` does. */
export function handle(request: HttpRequest, view: View): HttpResponse {
  const mark = request.url.indexOf('?');
  const path = mark < 0 ? request.url : request.url.slice(0, mark);
  if (path === '/reconcile') {
    if (!request.local) return text(403, 'only through the socket in stateDir: run "holdfast reconcile" on the site');
    if (request.method !== 'POST') return { ...text(405, 'use POST'), headers: { allow: 'POST' } };
    return reconcile(new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1)), view);
  }
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
  if (page === undefined) return text(404, 'not found: there are /livez /readyz /status /metrics');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { ...text(405, 'use GET'), headers: { allow: 'GET, HEAD' } };
  return page(view);
}
