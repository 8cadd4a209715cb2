import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openCluster, openRemote } from '../../../agent/adapters/cluster/index.ts';
import { asFault, DEFAULT_LIMITS, textAt } from '../../../src/model/index.ts';
import { sharedControlPlane } from '../../controlplane/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { applyData, configMapRef } from './objects.ts';

type Server = Awaited<ReturnType<typeof sharedControlPlane>>;

/** Every way to prove who we are, on a real API server. */
describe('credentials on a real API server', () => {
  let server: Server;
  let dir: TempDir;
  beforeAll(async () => {
    server = await sharedControlPlane();
    dir = await tempDir('credentials');
  });
  afterAll(async () => {
    await dir?.remove();
    await server?.stop();
  });

  const accountToken = async (namespace: string): Promise<string> => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace } };
    await server.api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, account);
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `credentials-${namespace}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace }],
    };
    await server.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', binding);
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/agent/token`;
    const answer = await server.api('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {},
    });
    return textAt(answer.body, 'status', 'token') ?? '';
  };

  it('the service account of a pod, its token read again when it was replaced', async () => {
    const namespace = await server.namespace('credentials');
    const root = join(dir.path, 'pod');
    const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'ca.crt'), server.caPem);
    await writeFile(join(folder, 'namespace'), namespace);
    await writeFile(join(folder, 'token'), 'expired\n');
    const url = new URL(server.url);
    vi.stubEnv('KUBERNETES_SERVICE_HOST', url.hostname);
    vi.stubEnv('KUBERNETES_SERVICE_PORT', url.port);
    const cluster = openCluster({ kubeconfig: '', serviceAccountRoot: root });
    try {
      const first = await cluster.identity().catch(asFault);
      expect(first).toMatchObject({ code: 'cluster-auth' });
      await writeFile(join(folder, 'token.new'), `${await accountToken(namespace)}\n`);
      await rename(join(folder, 'token.new'), join(folder, 'token'));
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      expect((await until(() => cluster.identity())).uid).toBe(await server.uid());
    } finally {
      cluster.close();
      vi.unstubAllEnvs();
    }
  });

  it('a client certificate that is replaced while connections are open', async () => {
    const one = server.credentials({ name: 'first', groups: ['system:masters'] });
    const two = server.credentials({ name: 'second', groups: ['system:masters'] });
    const cert = join(dir.path, 'client.crt');
    const key = join(dir.path, 'client.key');
    const put = async (pair: { readonly certPem: string; readonly keyPem: string }): Promise<void> => {
      await writeFile(cert, pair.certPem);
      await writeFile(key, pair.keyPem);
    };
    await put(one);
    const kubeconfig = join(dir.path, 'with-files');
    const ca = Buffer.from(server.caPem).toString('base64');
    const text = JSON.stringify({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': ca } }],
      users: [{ name: 'u', user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    });
    await writeFile(kubeconfig, text);
    const cluster = openCluster({ kubeconfig });
    const mark = server.auditMark();
    await cluster.identity();
    await put(two);
    // Noticed at the next look at the files.
    await new Promise((resolve) => setTimeout(resolve, 10_100));
    await cluster.identity();
    cluster.close();
    const seen = (user: string): number => server.audited({ user, since: mark }).length;
    await until(() => seen('first') === 2 && seen('second') === 2);
  });

  it('a token that a plugin gives, asked for again when it is refused', async () => {
    const namespace = await server.namespace('credentials');
    const good = join(dir.path, 'good-token');
    await writeFile(good, 'expired');
    const plugin = join(dir.path, 'plugin.sh');
    const counter = join(dir.path, 'plugin-runs');
    await writeFile(
      plugin,
      `#!/bin/sh\necho run >> ${counter}\nprintf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat ${good})"\n`,
    );
    await chmod(plugin, 0o755);
    const kubeconfig = join(dir.path, 'with-plugin');
    const ca = Buffer.from(server.caPem).toString('base64');
    await writeFile(
      kubeconfig,
      JSON.stringify({
        'current-context': 'c',
        clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': ca } }],
        users: [
          { name: 'u', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, args: [] } } },
        ],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      }),
    );
    const cluster = openCluster({ kubeconfig });
    expect(await cluster.surface().catch(asFault)).toMatchObject({ code: 'cluster-auth' });
    await writeFile(good, await accountToken(namespace));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    for (let i = 0; i < 5; i++) await cluster.identity();
    cluster.close();
    const runs = (await readFile(counter, 'utf8')).trim().split('\n').length;
    expect(runs).toBeLessThanOrEqual(3);
  });

  it('those of a service account, by impersonation: it may what it may', async () => {
    const namespace = await server.namespace('credentials');
    const cluster = openCluster({ kubeconfig: await server.kubeconfigFile() });
    const ref = configMapRef(namespace, 'x');
    const weak = cluster.as(`system:serviceaccount:${namespace}:default`);
    const fault = await applyData(weak, ref, {}).catch(asFault);
    expect(fault).toMatchObject({ code: 'cluster-denied' });
    await applyData(cluster, ref, {});
    cluster.close();
  });

  it('of which the API server knows the groups, as Flux has it; the agent needs one right for that', async () => {
    const namespace = await server.namespace('credentials');
    const name = `agent-${namespace}`;
    const cluster = openCluster({ kubeconfig: await server.kubeconfigFile({ name, groups: ['nobodies'] }) });
    const user = `system:serviceaccount:${namespace}:deployer`;
    const ask = () => cluster.as(user).read(configMapRef(namespace, 'x'));
    const denied = await ask().catch(asFault);
    expect(denied).toMatchObject({ code: 'cluster-denied' });
    const rule = /a Role in namespace (\S+) needs the rule (\{.*\}), bound to User (\S+)/.exec(
      (denied as Error).message,
    );
    expect(rule?.[1]).toBe(namespace);
    expect(rule?.[3]).toBe(name);
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await server.api('POST', `${rbac}/roles`, { metadata: { name: 'act' }, rules: [load(rule?.[2] ?? '')] });
    await server.api('POST', `${rbac}/rolebindings`, {
      metadata: { name: 'act' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'act' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    });
    // Denied by now because the account may not read, not because the agent may not act for it.
    await until(async () => /User "system:serviceaccount:/.test(String(await ask().catch(asFault))));
    const groups = `system:authenticated,system:serviceaccounts,system:serviceaccounts:${namespace}`;
    const seen = { user: name, actedFor: user, actedForGroups: groups, verb: 'get', namespace };
    await until(() => server.audited(seen).length > 0);
    cluster.close();
  });

  it('those of a kubeconfig in a Secret, which is read whole and reads nothing else', async () => {
    const cluster = openRemote(Buffer.from(server.kubeconfig()), DEFAULT_LIMITS);
    expect((await cluster.identity()).uid).toBe(await server.uid());
    const namespace = await server.namespace('credentials');
    await applyData(cluster, configMapRef(namespace, 'x'), {});
    const weak = cluster.as(`system:serviceaccount:${namespace}:default`);
    expect(await applyData(weak, configMapRef(namespace, 'y'), {}).catch(asFault)).toMatchObject({
      code: 'cluster-denied',
    });
    cluster.close();
    // Who may not read its identity knows it by its address, the same one each time.
    const some = openRemote(Buffer.from(server.kubeconfig({ name: 'some', groups: ['nobodies'] })), DEFAULT_LIMITS);
    const other = openRemote(Buffer.from(server.kubeconfig({ name: 'other', groups: ['nobodies'] })), DEFAULT_LIMITS);
    expect((await some.identity()).uid).toMatch(/^address-[0-9a-f]{32}$/);
    expect(await some.identity()).toEqual(await other.identity());
    some.close();
    other.close();
  });

  it('an authority that did not sign the server is named, and nothing secret is sent', async () => {
    const other = server.credentials({ name: 'self' });
    const { certPem, keyPem } = other;
    let asked = 0;
    const impostor = createServer({ cert: certPem, key: keyPem }, (_request, answer) => {
      asked += 1;
      answer.end();
    });
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const address = `https://127.0.0.1:${(impostor.address() as AddressInfo).port}`;
    const cluster = openCluster({ kubeconfig: await server.kubeconfigFile({ server: address }) });
    const fault = await cluster.identity().catch(asFault);
    expect(fault).toMatchObject({ code: 'cluster-unreachable' });
    expect(fault instanceof Error ? fault.message : '').toMatch(/certificate .* is not trusted/);
    expect(asked).toBe(0);
    cluster.close();
    impostor.close();
  });
});
