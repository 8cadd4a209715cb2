import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonObject, type KubeObject, listAt, textAt } from '../../../src/model/index.ts';
import type { Launched } from '../../fault/agent/launch.ts';
import { findFlux, runFlux, type Said } from '../../fluxcli/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { configMap } from '../agent/app.ts';
import { built, type FluxPlace, gitRepository, isReady, kustomization, namespace, startFluxPlace } from './place.ts';

const FLUX = await findFlux();
const NODE = '/api/v1/nodes/node';

let place: FluxPlace;
let agent: Launched;
let kubelet: Server;
let kubeconfig = '';
const flux = (...args: readonly string[]): Promise<Said> => runFlux(FLUX, kubeconfig, args);

/** What a kubelet answers who asks for logs: what the agent has written. */
function startKubelet(): Promise<Server> {
  const { certPem, keyPem } = createAuthority('kubelet').issue({ name: 'kubelet', hosts: ['127.0.0.1'] });
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    const found = request.url?.startsWith('/containerLogs/holdfast/holdfast-') === true;
    response.writeHead(found ? 200 : 404).end(found ? agent.log() : '');
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const call = async (method: string, path: string, body: JsonObject): Promise<void> => {
  const { status, text } = await place.cluster.api(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${text}`);
};

/** Does what scheduler and kubelet do for the pod of the Deployment. */
async function runPod(): Promise<void> {
  const endpoint = { Port: (kubelet.address() as AddressInfo).port };
  await call('POST', '/api/v1/nodes', { metadata: { name: 'node' } });
  const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }];
  await call('PATCH', `${NODE}/status`, {
    status: { addresses, conditions, daemonEndpoints: { kubeletEndpoint: endpoint } },
  });
  const pods = '/api/v1/namespaces/holdfast/pods';
  const name = await until(
    async () => textAt(listAt((await place.cluster.api('GET', pods)).body, 'items')[0], 'metadata', 'name'),
    { within: 30_000, what: 'the pod of the Deployment is made' },
  );
  await call('POST', `${pods}/${name}/binding`, { metadata: { name }, target: { kind: 'Node', name: 'node' } });
  const started = { running: { startedAt: '2026-01-01T00:00:00Z' } };
  const container = { name: 'holdfast', ready: true, restartCount: 0, image: '', imageID: '', state: started };
  const ready = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({ type, status: 'True' }));
  await call('PATCH', `${pods}/${name}/status`, {
    status: { phase: 'Running', conditions: ready, containerStatuses: [container] },
  });
}

describe.skipIf(FLUX === '')('the flux CLI finds the agent of the overlay flux', () => {
  beforeAll(async () => {
    place = await startFluxPlace();
    kubeconfig = place.cluster.kubeconfigFile();
    kubelet = await startKubelet();
    const repo = await place.git.repo('apps');
    await repo.commit({ 'a.yaml': configMap('apps', 'a', {}) });
    for (const name of ['flux-system', 'apps', 'holdfast']) await place.put(namespace(name));
    const objects = loadAll(built('manifests/overlays/flux')) as unknown as KubeObject[];
    for (const object of objects) if (/ServiceAccount|Deployment/.test(object.kind)) await place.put(object);
    await place.put(gitRepository('apps', { url: repo.url }));
    await place.put(kustomization('apps', {}));
    agent = place.agent();
    await agent.serving();
    await place.reaches('Kustomization/flux-system/apps', isReady);
    await runPod();
  });
  afterAll(async () => {
    await place?.stop();
    kubelet?.close();
  });

  it('version: names it with the tag of its image', async () => {
    const { code, text } = await flux('version', '-n', 'holdfast');
    expect(`${code} ${text}`).toMatch(/^0 /);
    expect(text).toMatch(/flux: v2\./);
    expect(text).toMatch(/distribution: holdfast-/);
    expect(text).toMatch(/holdfast: \S+/);
  });

  it('check: waits for it, and looks for definitions that Flux has installed', async () => {
    const without = await flux('check', '-n', 'holdfast');
    expect(without.text).toContain('holdfast: deployment ready');
    expect(without.text).toContain('no crds found');
    expect(without.code).toBe(1);
    const labels = { 'app.kubernetes.io/part-of': 'flux' };
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gitrepositories.source.toolkit.fluxcd.io';
    await call('PATCH', path, { metadata: { labels } });
    const { code, text } = await flux('check', '-n', 'holdfast');
    expect(text).toContain('gitrepositories.source.toolkit.fluxcd.io/v1');
    expect(text).toContain('all checks passed');
    expect(code).toBe(0);
  });

  it('logs: prints its lines, and chooses by level, kind, name and namespace', async () => {
    const where = ['--flux-namespace', 'holdfast'];
    const all = await flux('logs', ...where, '-A');
    expect(`${all.code} ${all.text}`).toMatch(/^0 /);
    expect(all.text).toMatch(/^\S+Z info - agent starts/m);
    expect(all.text).toMatch(/^\S+Z info Kustomization\/apps\.flux-system - revision applied/m);
    const some = await flux('logs', ...where, '--kind', 'GitRepository', '--name', 'apps', '--level', 'info');
    expect(some.text).toMatch(/^\S+Z info GitRepository\/apps\.flux-system - revision admitted/m);
    expect(some.text).not.toContain('Kustomization');
    expect((await flux('logs', ...where, '-n', 'other')).text.trim()).toBe('');
    expect((await flux('logs', ...where, '-A', '--level', 'error')).text.trim()).toBe('');
  });
});
