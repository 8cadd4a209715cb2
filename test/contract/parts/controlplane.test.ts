import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ControlPlane,
  KUBERNETES_VERSION,
  sharedControlPlane,
  startControlPlane,
} from '../../controlplane/index.ts';
import { startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane({ audit: true });
});
afterAll(() => cluster.stop());

const maps = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;
const map = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const alive = (pid: number | undefined) => pid !== undefined && existsSync(`/proc/${pid}`);

describe('a control plane', () => {
  it('is real: it serves its version, and its controllers work', async () => {
    expect(cluster.version).toBe(KUBERNETES_VERSION);
    expect(Object.keys(cluster.pids())).toEqual(['etcd', 'kube-apiserver', 'kube-controller-manager']);
    expect(cluster.rss()['kube-apiserver']).toBeGreaterThan(50);
    const name = await cluster.namespace('gone');
    await cluster.api('DELETE', `/api/v1/namespaces/${name}`);
    await until(async () => (await cluster.get(`/api/v1/namespaces/${name}`)) === undefined, { within: 30_000 });
  });

  it('takes server-side apply, merge and JSON patches', async () => {
    const at = `${maps(await cluster.namespace('patch'))}/a`;
    expect((await cluster.api('PATCH', at, map('a', { x: '1' }), { type: 'apply' })).status).toBe(201);
    expect((await cluster.api('PATCH', at, { data: { y: '2' } })).status).toBe(200);
    await cluster.api('PATCH', at, [{ op: 'remove', path: '/data/x' }], { type: 'json' });
    expect(await cluster.get(at)).toMatchObject({ data: { y: '2' } });
    expect(await cluster.get(`${at}-not`)).toBeUndefined();
  });

  it('knows users and groups by their certificates', async () => {
    const at = maps(await cluster.namespace('users'));
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'devs' }];
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'v' },
      roleRef: role,
      subjects,
    };
    await cluster.api(
      'POST',
      at.replace('/api/v1', '/apis/rbac.authorization.k8s.io/v1').replace('configmaps', 'rolebindings'),
      binding,
    );
    const status = async (name: string, groups: string[]) =>
      (await cluster.api('GET', at, undefined, { as: { name, groups } })).status;
    expect(await status('joe', [])).toBe(403);
    await until(async () => (await status('jane', ['devs'])) === 200);
    expect((await cluster.api('POST', at, map('b'), { as: { name: 'jane', groups: ['devs'] } })).status).toBe(403);
    const expired = { name: 'jane', notAfter: new Date('2020-01-01') };
    expect((await cluster.api('GET', at, undefined, { as: expired })).status).toBe(401);
  });

  it('writes kubeconfigs that lead through a relay', async () => {
    const relay = await startRelay({ port: cluster.port });
    const file = cluster.kubeconfigFile({ name: 'joe', server: `https://127.0.0.1:${relay.port}` });
    const config: unknown = JSON.parse(readFileSync(file, 'utf8'));
    expect(config).toMatchObject({ clusters: [{ cluster: { server: `https://127.0.0.1:${relay.port}` } }] });
    expect(cluster.kubeconfig({ name: 'joe' })).toContain(cluster.url);
    await relay.stop();
  });

  it('counts requests by verb and resource', async () => {
    const at = maps(await cluster.namespace('count'));
    const before = await cluster.requestCounts();
    for (const name of ['a', 'b', 'c']) await cluster.api('PATCH', `${at}/${name}`, map(name), { type: 'apply' });
    await cluster.api('PATCH', `${at}/d?dryRun=All`, map('d'), { type: 'apply' });
    await cluster.api('GET', `${at}/none`);
    // A request is counted a moment after it was answered.
    const counts = await until(async () => {
      const now = (await cluster.requestCounts()).since(before);
      return now.of({ resource: 'configmaps' }) >= 5 ? now : undefined;
    });
    expect(counts.of({ verb: 'APPLY', resource: 'configmaps' })).toBe(4);
    expect(counts.of({ verb: 'APPLY', resource: 'configmaps', dryRun: true })).toBe(1);
    expect(counts.of({ verb: 'GET', resource: 'configmaps', code: '404' })).toBe(1);
    expect(counts.total).toBeGreaterThanOrEqual(5);
  });

  it('tells exactly who asked what', async () => {
    const at = maps(await cluster.namespace('audit'));
    const agent = { name: 'agent', groups: ['system:masters'] };
    const mark = cluster.auditMark();
    await cluster.api('PATCH', `${at}/a`, map('a'), { type: 'apply', as: agent });
    await cluster.api('GET', at);
    await cluster.api('GET', `${at}?watch=true&timeoutSeconds=1`, undefined, { as: agent });
    // So it is written down.
    const seen = await until(() => {
      const now = cluster.audited({ user: 'agent', since: mark });
      return now.length >= 2 ? now : undefined;
    });
    expect(seen.map(({ verb, resource, code }) => [verb, resource, code])).toEqual([
      ['patch', 'configmaps', 201],
      ['watch', 'configmaps', 200],
    ]);
    expect(cluster.audited({ since: cluster.auditMark() })).toEqual([]);
  });
});

describe('damage', () => {
  it('pauses and resumes the API server', async () => {
    await cluster.pause('kube-apiserver');
    try {
      await expect(cluster.api('GET', '/version', undefined, { timeoutMs: 300 })).rejects.toThrow('no answer in time');
    } finally {
      cluster.resume('kube-apiserver');
    }
    expect((await cluster.api('GET', '/version')).status).toBe(200);
  });

  it('restarts the API server on the same port with the same data', async () => {
    const uid = await cluster.uid();
    const before = cluster.pids()['kube-apiserver'];
    await cluster.restart('kube-apiserver');
    expect(cluster.pids()['kube-apiserver']).not.toBe(before);
    expect(await cluster.uid()).toBe(uid);
  });

  it('kills a part and starts it again', async () => {
    const pid = cluster.pids()['kube-apiserver'];
    await cluster.kill('kube-apiserver');
    expect(alive(pid)).toBe(false);
    expect(cluster.pids()['kube-apiserver']).toBeUndefined();
    await expect(cluster.api('GET', '/version')).rejects.toThrow('ECONNREFUSED');
    await cluster.start('kube-apiserver');
    expect((await cluster.api('GET', '/readyz')).text).toBe('ok');
  });

  it('wipes the datastore: same address, another cluster, and controllers that still work', async () => {
    const [uid, name] = await Promise.all([cluster.uid(), cluster.namespace('lost')]);
    const { url } = cluster;
    await cluster.wipe();
    expect(await cluster.uid()).not.toBe(uid);
    expect(await cluster.get(`/api/v1/namespaces/${name}`)).toBeUndefined();
    expect(cluster.url).toBe(url);
    const fresh = await cluster.namespace('fresh');
    await until(() => cluster.get(`${maps(fresh)}/kube-root-ca.crt`), { within: 40_000 });
  });
});

describe('the end', () => {
  it('stops every process and removes the folder', async () => {
    const own = await startControlPlane({ controllerManager: false });
    const pids = Object.values(own.pids());
    expect(pids).toHaveLength(2);
    await own.stop();
    expect(pids.some(alive)).toBe(false);
    expect(existsSync(own.dir)).toBe(false);
  });

  it('comes with that of the process that started it, even by SIGKILL', async () => {
    const script = `
      const { startControlPlane } = await import(${JSON.stringify(join(import.meta.dirname, '../../controlplane/index.ts'))});
      const own = await startControlPlane({ controllerManager: false });
      await own.pause('kube-apiserver');
      console.log(JSON.stringify([own.dir, ...Object.values(own.pids())]));
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((done) => owner.stdout.once('data', (chunk: Buffer) => done(String(chunk))));
    const [dir, ...pids] = JSON.parse(line) as [string, ...number[]];
    expect(pids.every(alive)).toBe(true);
    owner.kill('SIGKILL');
    await until(() => !pids.some(alive) && !existsSync(dir), { within: 30_000, what: 'the end of the orphans' });
  });
});

it('is shared by the tests of a run', async () => {
  const [one, two] = await Promise.all([sharedControlPlane(), sharedControlPlane()]);
  expect(one.url).toBe(two.url);
  expect(one.url).not.toBe(cluster.url);
  const name = await one.namespace('shared');
  await two.api('POST', maps(name), map('a'), { as: { name: 'me', groups: ['system:masters'] } });
  // A request is written down a moment after it was answered.
  await until(() => one.audited({ user: 'me', namespace: name }).length === 1);
  await one.stop();
  expect(await two.uid()).not.toBe(await cluster.uid());
});
