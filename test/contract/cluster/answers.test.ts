import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Fault, type FaultCode, type KubeObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type Hostile, kubeconfigText, sendJson, startHostile, status } from './hostile-server.ts';
import { APPLY, bytes, CONFIG_MAP, configMap, configMapRef, startWatch } from './objects.ts';

const ref = configMapRef('ns', 'x');
const secretRef = { ...ref, kind: 'Secret' };
const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'ns' } };

const faultOf = async (promise: Promise<unknown>): Promise<Fault> => {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no Fault: ${String(error)}`);
};

const apply = (h: Hostile, target = ref): Promise<unknown> =>
  h.cluster.apply(target, bytes(configMap(target, {})), APPLY);

describe('an answer of the API server becomes a fault that says what to do', () => {
  it.each<[string, number, unknown, FaultCode, RegExp]>([
    ['401', 401, status(401, 'Unauthorized'), 'cluster-auth', /Unauthorized/],
    [
      'RBAC',
      403,
      status(
        403,
        'configmaps "x" is forbidden: User "u" cannot patch resource "configmaps" in API group "" in the namespace "ns"',
      ),
      'cluster-denied',
      /Role in namespace ns needs the rule \{apiGroups: \[""\], resources: \["configmaps"\], verbs: \["create", "patch"\]\}/,
    ],
    [
      'escalation',
      403,
      status(403, 'user "u" is attempting to grant RBAC permissions not currently held'),
      'cluster-denied',
      /escalate/,
    ],
    ['quota', 403, status(403, 'configmaps "x" is forbidden: exceeded quota: q'), 'apply-refused', /quota/],
    [
      'namespace that ends',
      403,
      status(403, 'unable to create new content in namespace ns because it is being terminated'),
      'apply-refused',
      /terminated/,
    ],
    [
      'webhook that says no',
      400,
      status(400, 'admission webhook "w" denied the request: no'),
      'apply-refused',
      /denied/,
    ],
    [
      'webhook that is down',
      500,
      status(500, 'Internal error occurred: failed calling webhook "w": connection refused'),
      'cluster-api-down',
      /webhook/,
    ],
    [
      'missing namespace',
      404,
      status(404, 'namespaces "ns" not found', { details: { name: 'ns', kind: 'namespaces' } }),
      'apply-refused',
      /not found/,
    ],
    [
      'kind that is gone',
      404,
      status(404, 'the server could not find the requested resource', { details: {} }),
      'kind-unknown',
      /could not find/,
    ],
    ['conflict', 409, status(409, 'Operation cannot be fulfilled'), 'apply-conflict', /fulfilled/],
    ['invalid', 422, status(422, 'spec.x: Invalid value: 5: too small'), 'apply-refused', /too small/],
    [
      'immutable',
      422,
      status(422, 'spec.selector: Invalid value: {}: field is immutable'),
      'apply-immutable',
      /immutable/,
    ],
    [
      'immutable StatefulSet',
      422,
      status(422, "spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"),
      'apply-immutable',
      /statefulset/,
    ],
    [
      'immutable Pod',
      422,
      status(422, 'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`'),
      'apply-immutable',
      /pod updates/,
    ],
    [
      'immutable roleRef',
      422,
      status(422, 'roleRef: Invalid value: {}: cannot change roleRef'),
      'apply-immutable',
      /roleRef/,
    ],
    [
      'immutable StorageClass',
      422,
      status(422, 'parameters: Forbidden: updates to parameters are forbidden.'),
      'apply-immutable',
      /parameters/,
    ],
    [
      'unknown field',
      500,
      status(500, 'failed to create typed patch object (ns/x): .spec.y: field not declared in schema'),
      'apply-refused',
      /\.spec\.y/,
    ],
    ['database', 500, status(500, 'etcdserver: leader changed'), 'cluster-unreachable', /leader/],
  ])('%s', async (_title, code, body, want, message) => {
    await using h = await startHostile();
    h.handle((_heard, answer) => sendJson(answer, body, code));
    const fault = await faultOf(apply(h));
    expect(fault.code).toBe(want);
    expect(fault.message).toMatch(message);
    expect(fault.message).toContain('ConfigMap/ns/x');
    expect(fault.cause).toMatchObject({ kind: 'Status', code });
  });

  it('is no denial before the server is past its start, which is asked once for many', async () => {
    let [ready, asked] = [500, 0];
    const readyz = (): number => {
      asked += 1;
      return ready;
    };
    await using h = await startHostile({ readyz });
    const denied = 'configmaps "x" is forbidden: User "u" cannot patch resource "configmaps" in API group ""';
    h.handle((_heard, answer) => sendJson(answer, status(403, denied), 403));
    expect((await faultOf(apply(h))).code).toBe('cluster-unreachable');
    const watched = startWatch(h.cluster, CONFIG_MAP, { metadataOnly: true });
    await until(() => watched.events.length > 0);
    expect(watched.events.find((event) => event.type === 'lost')).toMatchObject({ code: 'cluster-unreachable' });
    [ready, asked] = [200, 0];
    for (let i = 0; i < 3; i++) expect((await faultOf(apply(h))).code).toBe('cluster-denied');
    await until(() => watched.events.some((event) => event.type === 'lost' && event.code === 'cluster-denied'));
    expect(asked).toBe(1);
    await watched.stop();
  });

  it('knows an aggregated API that is down by its plain words', async () => {
    await using h = await startHostile();
    h.handle(
      (_heard, answer) => void answer.writeHead(503, { 'Content-Type': 'text/plain' }).end('service unavailable\n'),
    );
    expect((await faultOf(apply(h))).code).toBe('cluster-api-down');
  });

  it('shows no value of a Secret, neither in the message nor in the cause', async () => {
    await using h = await startHostile();
    const said = [
      'Secret "x" is invalid: data[k]: Invalid value: "hunter2": too long',
      'failed: .data.n: expected string, got &value.valueUnstructured{Value:"hunter2"}',
      'error decoding from json: illegal base64 data at input byte 7: hunter2',
    ];
    for (const message of said) {
      h.handle((_heard, answer) =>
        sendJson(answer, status(422, message, { details: { causes: [{ field: 'data[k]', message }] } }), 422),
      );
      const fault = await faultOf(apply(h, secretRef));
      expect(fault.message).not.toContain('hunter2');
      expect(JSON.stringify(fault.cause)).not.toContain('hunter2');
    }
  });
});

describe('an answer that no API server gives is bounded and named', () => {
  it.each<[string, (answer: import('node:http').ServerResponse) => void]>([
    ['a web page', (a) => void a.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>log in</html>')],
    ['half JSON', (a) => void a.writeHead(200, { 'Content-Type': 'application/json' }).end('{"kind":"Conf')],
    ['a list where an object should be', (a) => sendJson(a, [])],
    ['an object without a name', (a) => sendJson(a, { kind: 'ConfigMap', metadata: {} })],
    ['metadata that is a word', (a) => sendJson(a, { kind: 'ConfigMap', metadata: 'x' })],
    ['nothing', (a) => void a.writeHead(200).end()],
    [
      'a redirect to a web page',
      (a) => void a.writeHead(302, { Location: 'http://example.com', 'Content-Type': 'text/html' }).end('x'),
    ],
    ['endless headers', (a) => void a.writeHead(200, { 'X-Long': 'x'.repeat(100_000) }).end()],
  ])('%s', async (_title, handler) => {
    await using h = await startHostile();
    h.handle((_heard, answer) => handler(answer));
    expect((await faultOf(apply(h))).code).toBe('cluster-protocol');
  });

  it('an endless one is cut at limits.responseBytes', async () => {
    await using h = await startHostile({ limits: { responseBytes: 1_000_000 } });
    h.handle((_heard, answer) => {
      answer.writeHead(200, { 'Content-Type': 'application/json' });
      const more = (): void => {
        while (!answer.destroyed && answer.write('x'.repeat(65_536)));
        if (!answer.destroyed) answer.once('drain', more);
      };
      more();
    });
    const fault = await faultOf(apply(h));
    expect(fault.code).toBe('cluster-protocol');
    expect(fault.message).toContain('limits.responseBytes');
    await until(() => h.open() === 0);
    expect(h.cluster.stats().bytesDown).toBeLessThan(2_000_000);
  });

  it('one that never comes, or never ends, is given up after limits.requestMs', async () => {
    await using h = await startHostile({ limits: { requestMs: 300 } });
    h.handle(() => undefined);
    expect(await faultOf(apply(h))).toMatchObject({ code: 'cluster-unreachable' });
    h.handle((_heard, answer) => void answer.writeHead(200, { 'Content-Type': 'application/json' }).write('{'));
    expect((await faultOf(apply(h))).message).toContain('limits.requestMs');
    await until(() => h.open() === 0);
  });

  it('one that is cut is not taken for whole', async () => {
    await using h = await startHostile();
    h.handle((_heard, answer, request) => {
      answer
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '500' })
        .write(JSON.stringify(object));
      setTimeout(() => request.socket.destroy(), 20);
    });
    expect((await faultOf(apply(h))).code).toBe('cluster-unreachable');
  });
});

describe('requests', () => {
  it('wait as long as a busy server asks, and no longer than their time', async () => {
    await using h = await startHostile({ limits: { requestMs: 3_000 } });
    let refusals = 1;
    h.handle((_heard, answer) => {
      if (refusals-- > 0) sendJson(answer, status(429, 'too many requests'), 429, { 'Retry-After': '1' });
      else sendJson(answer, object);
    });
    const began = performance.now();
    await apply(h);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(h.cluster.stats().throttled).toBe(1);
    h.handle((_heard, answer) => sendJson(answer, status(429, 'too many requests'), 429, { 'Retry-After': '60' }));
    expect(await faultOf(apply(h))).toMatchObject({ code: 'cluster-unreachable', retryAfterMs: 60_000 });
  });

  it('run at most limits.requestsInFlight at once, in order', async () => {
    await using h = await startHostile({ limits: { requestsInFlight: 3 } });
    await h.cluster.surface();
    let most = 0;
    const order: string[] = [];
    h.handle((heard, answer) => {
      most = Math.max(most, h.open());
      order.push(heard.url.pathname.split('/').at(-1) ?? '');
      setTimeout(() => sendJson(answer, object), 10);
    });
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => apply(h, configMapRef('ns', name))));
    expect(most).toBe(3);
    expect(order).toEqual(names);
    expect(h.cluster.stats()).toMatchObject({ inFlight: 0, waiting: 0 });
  });

  it('leave the queue when their signal aborts, and let others pass', async () => {
    await using h = await startHostile({ limits: { requestsInFlight: 1 } });
    await h.cluster.surface();
    h.handle((_heard, answer) => void setTimeout(() => sendJson(answer, object), 50));
    const stop = new AbortController();
    const first = apply(h);
    const second = h.cluster.read(ref, { signal: stop.signal });
    const third = apply(h);
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    await Promise.all([first, third]);
    expect(h.cluster.stats()).toMatchObject({ inFlight: 0, waiting: 0 });
  });

  it('act for another user where asked to, in the same bound', async () => {
    await using h = await startHostile({ limits: { requestsInFlight: 1 } });
    h.handle((_heard, answer) => sendJson(answer, object));
    const other = h.cluster.as('system:serviceaccount:ns:deployer', ['g1', 'g2']);
    await Promise.all([other.apply(ref, bytes(configMap(ref, {})), APPLY), apply(h)]);
    const [first, second] = h.heard.filter((r) => r.method === 'PATCH');
    expect(first?.headers['impersonate-user']).toBe('system:serviceaccount:ns:deployer');
    expect(first?.headers['impersonate-group']).toBe('g1, g2');
    expect(second?.headers['impersonate-user']).toBeUndefined();
    expect(h.heard.filter((r) => r.url.pathname === '/api')).toHaveLength(1);
  });

  it('use a fresh connection when a kept-alive one was closed', async () => {
    await using h = await startHostile();
    const used = new Set<Socket>();
    h.handle((_heard, answer, request) => {
      used.add(request.socket);
      sendJson(answer, object);
    });
    for (let i = 0; i < 10; i++) {
      await apply(h);
      // Closed without a word, once the answer was read: the next request is sent before the client can know.
      for (const socket of used) socket.resetAndDestroy();
      used.clear();
    }
  });

  it('send exactly the bytes given, and say who writes', async () => {
    await using h = await startHostile();
    h.handle((_heard, answer) => sendJson(answer, object, 201));
    const json = '{"apiVersion":"v1", "kind":"ConfigMap",\n"metadata":{"name":"x"},"future":90071992547409931}';
    const answer = await h.cluster.apply(ref, Buffer.from(json), { ...APPLY, answer: 'metadata' });
    expect(answer.created).toBe(true);
    const heard = h.heard.at(-1);
    expect(heard?.body).toBe(json);
    expect(heard?.method).toBe('PATCH');
    expect(heard?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(heard?.headers.accept).toContain('as=PartialObjectMetadata;');
    expect(heard?.url.pathname).toBe('/api/v1/namespaces/ns/configmaps/x');
    expect(Object.fromEntries(heard?.url.searchParams ?? [])).toEqual({
      fieldManager: 'kustomize-controller',
      force: 'true',
      fieldValidation: 'Ignore',
    });
    expect(heard?.headers['user-agent']).toMatch(/^holdfast\//);
  });
});

describe('credentials', () => {
  it('are read anew when they are refused, once, and the request is sent again', async () => {
    await using h = await startHostile({ token: 'old' });
    h.handle((heard, answer) => {
      if (heard.headers.authorization === 'Bearer new') sendJson(answer, object);
      else sendJson(answer, status(401, 'Unauthorized'), 401);
    });
    await h.cluster.surface();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const server = h.heard[0]?.headers.host ?? '';
    await writeFile(h.kubeconfig, kubeconfigText(`http://${server}`, { token: 'new' }));
    await Promise.all([apply(h), apply(h), apply(h)]);
    expect(h.cluster.stats().renewals).toBeGreaterThan(0);
    const before = h.heard.length;
    h.handle((_heard, answer) => sendJson(answer, status(401, 'Unauthorized'), 401));
    expect((await faultOf(apply(h))).code).toBe('cluster-auth');
    expect(h.heard.length - before).toBeLessThanOrEqual(2);
  });

  it('that cannot be had are a fault of authentication', async () => {
    const { openCluster } = await import('../../../agent/adapters/cluster/index.ts');
    const cluster = openCluster({ kubeconfig: '/nonexistent/kubeconfig' });
    expect((await faultOf(cluster.identity())).code).toBe('cluster-auth');
  });
});

describe('a list', () => {
  const page = (names: readonly string[], token = ''): unknown => ({
    kind: 'ConfigMapList',
    metadata: { resourceVersion: '9', continue: token },
    items: names.map((name) => ({ metadata: { name, namespace: 'ns' } })),
  });
  const list = async (h: Hostile): Promise<readonly string[]> => {
    const names: string[] = [];
    await h.cluster.list(CONFIG_MAP, { metadataOnly: true }, (o) => names.push(`${o.kind} ${o.metadata.name}`));
    return names;
  };

  it('comes in pages', async () => {
    await using h = await startHostile();
    h.handle((heard, answer) => {
      expect(heard.url.searchParams.get('limit')).toBe('100');
      sendJson(answer, heard.url.searchParams.get('continue') === 't' ? page(['b']) : page(['a'], 't'));
    });
    expect(await list(h)).toEqual(['ConfigMap a', 'ConfigMap b']);
  });

  it('begins anew when the server forgot where it was, and gives nothing twice', async () => {
    await using h = await startHostile();
    let expired = 1;
    h.handle((heard, answer) => {
      if (heard.url.searchParams.get('continue') !== 't') sendJson(answer, page(['a'], 't'));
      else if (expired-- > 0) sendJson(answer, status(410, 'The provided continue parameter is too old'), 410);
      else sendJson(answer, page(['b']));
    });
    expect(await list(h)).toEqual(['ConfigMap a', 'ConfigMap b']);
  });

  it('asks for smaller pages where one is too large', async () => {
    await using h = await startHostile({ limits: { responseBytes: 4_000 } });
    const limits: string[] = [];
    h.handle((heard, answer) => {
      const limit = Number(heard.url.searchParams.get('limit'));
      limits.push(String(limit));
      sendJson(answer, page(limit > 10 ? Array.from({ length: 100 }, (_, i) => `long-name-${i}`) : ['a']));
    });
    expect(await list(h)).toEqual(['ConfigMap a']);
    expect(limits).toEqual(['100', '20', '4']);
  });

  it.each<[string, unknown]>([
    ['items that are a word', { kind: 'ConfigMapList', items: 'x' }],
    ['an item without a name', { kind: 'ConfigMapList', items: [{ metadata: {} }] }],
    ['an item that is null', { kind: 'ConfigMapList', items: [null] }],
  ])('with %s is refused', async (_title, body) => {
    await using h = await startHostile();
    h.handle((_heard, answer) => sendJson(answer, body));
    expect((await faultOf(list(h))).code).toBe('cluster-protocol');
  });
});
