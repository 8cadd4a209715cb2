import {
  apiVersionOf,
  at,
  byCodeUnit,
  Fault,
  type Gvk,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  parseApiVersion,
  textAt,
} from '../../../src/model/index.ts';
import type { ApiResource, ApiSurface } from '../../../src/ports/index.ts';
import { type Answer, abortable } from './exchange.ts';
import { answerFault, bodyObject } from './faults.ts';
import type { Transport } from './transport.ts';

const AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,' +
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

export interface Discovery {
  /** Cached; `fresh` asks again. Callers at the same time share one round of requests. */
  surface(options?: { readonly fresh?: boolean; readonly signal?: AbortSignal | undefined }): Promise<ApiSurface>;
  /**
   * Asks again a server that is past its start: before, it leaves out kinds that it serves a moment later. Fault
   * `cluster-unreachable` then.
   */
  proven(signal?: AbortSignal): Promise<ApiSurface>;
  /** Milliseconds since the last answer; infinite before the first. */
  age(): number;
  /** The same of an answer that is proven. */
  provenAge(): number;
  /** Resolves once another surface than this one is stored, which may be so already, or after a time. */
  changed(seen: ApiSurface, ms: number, signal: AbortSignal): Promise<void>;
}

/** What is served; of the groups and versions that are `down` (as apiVersion) nobody says. */
interface Served {
  readonly resources: readonly ApiResource[];
  readonly down: readonly string[];
}

/** One of the two roots, `/api` and `/apis`, as it was last answered. */
interface Root {
  readonly path: '/api' | '/apis';
  etag: string;
  served: Served;
}

const NOTHING: Served = { resources: [], down: [] };

/**
 * Asks the API server which kinds it serves: 2 requests (with ETag, so that an unchanged answer has no body) where it
 * has aggregated discovery (Kubernetes 1.26 and newer), else one for each group and version.
 */
export function createDiscovery(transport: Transport): Discovery {
  const roots: Root[] = [
    { path: '/api', etag: '', served: NOTHING },
    { path: '/apis', etag: '', served: NOTHING },
  ];
  let surface: ApiSurface | undefined;
  let answeredAt = Number.NEGATIVE_INFINITY;
  let provenAt = Number.NEGATIVE_INFINITY;
  let running: Promise<ApiSurface> | undefined;
  const waiters = new Set<() => void>();

  const refresh = async (): Promise<ApiSurface> => {
    const changed = await Promise.all(roots.map((root) => refreshRoot(transport, root)));
    answeredAt = performance.now();
    if (surface === undefined || changed.includes(true)) {
      surface = indexResources(
        roots.flatMap(({ served }) => served.resources),
        roots.flatMap(({ served }) => served.down),
      );
      for (const wake of waiters) wake();
    }
    return surface;
  };
  const once = (): Promise<ApiSurface> => {
    running ??= refresh().finally(() => {
      running = undefined;
    });
    return running;
  };

  const look: Discovery['surface'] = async ({ fresh = false, signal } = {}) => {
    signal?.throwIfAborted();
    if (surface !== undefined && !fresh) return surface;
    // A round that began before this call may have missed what the caller just applied: wait for it, then ask anew.
    if (fresh && running !== undefined)
      await abortable(
        running.catch(() => undefined),
        signal,
      );
    return abortable(once(), signal);
  };

  return {
    age: () => performance.now() - answeredAt,
    provenAge: () => performance.now() - provenAt,
    surface: look,
    proven: async (signal) => {
      await transport.ready(signal);
      const found = await look({ fresh: true, signal });
      provenAt = performance.now();
      return found;
    },
    changed: (seen, ms, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiters.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        waiters.add(done);
        if (signal.aborted || surface !== seen) done();
        else signal.addEventListener('abort', done, { once: true });
      }),
  };
}

/** Resources by kind, and by group and kind. */
export function indexResources(resources: readonly ApiResource[], down: readonly string[] = []): ApiSurface {
  const byKind = new Map<string, ApiResource[]>();
  for (const resource of resources) {
    const key = `${resource.gvk.group}/${resource.gvk.kind}`;
    const known = byKind.get(key);
    if (known === undefined) byKind.set(key, [resource]);
    else if (!known.some((other) => other.gvk.version === resource.gvk.version)) known.push(resource);
  }
  const none: readonly ApiResource[] = [];
  return {
    find: (gvk) => byKind.get(`${gvk.group}/${gvk.kind}`)?.find((r) => r.gvk.version === gvk.version),
    versions: (group, kind) => byKind.get(`${group}/${kind}`) ?? none,
    all: () => [...byKind.values()].flatMap((versions) => versions.slice(0, 1)),
    isDown: (gv) => down.includes(apiVersionOf(gv)),
  };
}

/** True when the answer differs from the last one. */
async function refreshRoot(transport: Transport, root: Root): Promise<boolean> {
  const answer = await ask(transport, root.path, root.etag);
  if (answer.status === 304) return false;
  const body = bodyObject(answer, `discovery of ${root.path}`);
  const kind = textAt(body, 'kind');
  const before = root.served;
  if (kind === 'APIGroupDiscoveryList') {
    root.served = { resources: fromAggregated(body), down: staleOf(body) };
    root.etag = answer.etag;
    return true;
  }
  root.served = await classic(transport, root.path, body);
  root.etag = '';
  return JSON.stringify(before) !== JSON.stringify(root.served);
}

async function ask(transport: Transport, path: string, etag = ''): Promise<Answer> {
  const answer = await transport.send({ verb: 'discovery', method: 'GET', path, accept: AGGREGATED, etag });
  if (answer.status === 200 || (answer.status === 304 && etag !== '')) return answer;
  throw answerFault(answer, {
    verb: 'discovery',
    group: '',
    kind: '',
    plural: path,
    namespace: '',
    name: '',
  });
}

/** Reads an APIGroupDiscoveryList (apidiscovery.k8s.io/v2 and v2beta1, the same in what is read here). */
export function fromAggregated(body: JsonObject): readonly ApiResource[] {
  const out: ApiResource[] = [];
  for (const group of listAt(body, 'items')) {
    const name = textAt(group, 'metadata', 'name') ?? '';
    for (const version of listAt(group, 'versions')) {
      const v = textAt(version, 'version');
      if (v === undefined) continue;
      for (const resource of listAt(version, 'resources')) addAggregated(out, { group: name, version: v }, resource);
    }
  }
  return out;
}

/** Groups and versions of an APIGroupDiscoveryList of which the server behind them does not answer now. */
function staleOf(body: JsonObject): readonly string[] {
  return listAt(body, 'items').flatMap((item) => {
    const group = textAt(item, 'metadata', 'name') ?? '';
    const stale = listAt(item, 'versions').filter((one) => textAt(one, 'freshness') === 'Stale');
    return stale.map((one) => apiVersionOf({ group, version: textAt(one, 'version') ?? '' }));
  });
}

function addAggregated(out: ApiResource[], gv: { group: string; version: string }, resource: Json): void {
  const plural = textAt(resource, 'resource');
  const kind = textAt(resource, 'responseKind', 'kind');
  if (plural === undefined || kind === undefined || kind === '') return;
  // Where the answer's kind lives in another group (such as a scale), it says so.
  const group = textAt(resource, 'responseKind', 'group') || gv.group;
  if (group !== gv.group) return;
  out.push({
    gvk: { group: gv.group, version: gv.version, kind },
    plural,
    namespaced: textAt(resource, 'scope') === 'Namespaced',
    verbs: verbsOf(resource),
  });
}

function verbsOf(resource: Json): readonly string[] {
  return listAt(resource, 'verbs').filter((verb) => typeof verb === 'string');
}

/** Discovery of servers before 1.26: the root names groups and versions, each of which is asked for. */
async function classic(transport: Transport, path: '/api' | '/apis', root: JsonObject): Promise<Served> {
  const found = await Promise.all(
    groupVersions(path, root).map(async ({ group, version }): Promise<Served> => {
      const where = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      try {
        const body = bodyObject(await ask(transport, where), `discovery of ${where}`);
        return { resources: fromClassic(body, { group, version }), down: [] };
      } catch (error) {
        // An aggregated API that is down hides its own kinds and no others.
        if (!(error instanceof Fault)) throw error;
        if (error.code === 'cluster-api-down') return { resources: [], down: [apiVersionOf({ group, version })] };
        if (error.code === 'kind-unknown') return NOTHING;
        throw error;
      }
    }),
  );
  return { resources: found.flatMap((one) => one.resources), down: found.flatMap((one) => one.down) };
}

function groupVersions(path: '/api' | '/apis', root: JsonObject): readonly { group: string; version: string }[] {
  if (path === '/api')
    return listAt(root, 'versions').flatMap((v) => (typeof v === 'string' ? [{ group: '', version: v }] : []));
  const groups = [...listAt(root, 'groups')].sort((a, b) =>
    byCodeUnit(textAt(a, 'name') ?? '', textAt(b, 'name') ?? ''),
  );
  return groups.flatMap((group) => {
    const preferred = textAt(group, 'preferredVersion', 'groupVersion');
    const all = listAt(group, 'versions').flatMap((v) => textAt(v, 'groupVersion') ?? []);
    const ordered = preferred === undefined ? all : [preferred, ...all.filter((v) => v !== preferred)];
    return ordered.map(parseApiVersion);
  });
}

/** Reads an APIResourceList. */
export function fromClassic(body: JsonObject, gv: { group: string; version: string }): readonly ApiResource[] {
  const out: ApiResource[] = [];
  for (const resource of listAt(body, 'resources')) {
    const plural = textAt(resource, 'name');
    const kind = textAt(resource, 'kind');
    if (!isObject(resource) || plural === undefined || kind === undefined || plural.includes('/')) continue;
    const group = textAt(resource, 'group') || gv.group;
    const gvk: Gvk = { group: gv.group, version: gv.version, kind };
    if (group === gv.group)
      out.push({ gvk, plural, namespaced: at(resource, 'namespaced') === true, verbs: verbsOf(resource) });
  }
  return out;
}
