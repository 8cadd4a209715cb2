import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/model/index.ts';
import { statusJsonSchema, statusSchema } from '../../../src/report/schema.ts';
import { startRelay } from '../../support/relay.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, deployment, manifest, usePlace } from './app.ts';

const place = usePlace();

function ask(app: App, path: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get(`http://${app.agent.address}${path}`, async (answer) => {
      const text = (await answer.setEncoding('utf8').toArray()).join('');
      resolve({ status: answer.statusCode ?? 0, text });
    }).once('error', reject);
  });
}
const statusOf = async (app: App): Promise<AgentStatus> =>
  statusSchema.parse(JSON.parse((await ask(app, '/status')).text)) as AgentStatus;

describe.concurrent('/status', () => {
  it('fits its schema while all is well, and tells health, revisions and ages', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 'web.yaml': deployment(ns, 'web', {}, { replicas: 1 }) }),
    });
    await app.agent.reaches((s) => s.objects.byHealth.InProgress === 1);
    const status = await statusOf(app);
    expect(status).toMatchObject({
      agent: { ready: true, leader: true },
      cluster: { uid: await place.cluster.uid(), api: { state: 'up' } },
      link: { state: 'up' },
      clock: { trusted: true },
      problems: [],
    });
    expect(status.kustomizations[0]).toMatchObject({
      converged: true,
      objects: { total: 2, byHealth: { Current: 1, InProgress: 1 }, held: [] },
    });
    expect(status.sources[0]?.ageSeconds).toBeLessThan(30);
  });

  it('fits its schema while things are refused, and gives the one reason and what to do', async () => {
    const bad = { spec: { ports: [{ port: 123_456 }] } };
    const app = await place.app({
      files: (ns) => ({ 'b.yaml': manifest('v1', 'Service', { name: 'broken', namespace: ns }, bad) }),
      wait: false,
    });
    await app.reason(/broken/);
    const [one] = (await statusOf(app)).kustomizations;
    expect(one?.notConverged).toMatchObject({ code: 'apply-refused', reason: 'ReconciliationFailed' });
    expect(one?.notConverged?.help).toMatch(/mend it in the source/);
    expect(one?.objects.held[0]?.object).toBe(`Service/${app.ns}/broken`);
    const metrics = (await ask(app, '/metrics')).text;
    expect(metrics).toMatch(/gotk_reconcile_condition\{[^}]*status="False"[^}]*type="Ready"[^}]*\} 1|holdfast_/);
  });

  it('is the same document that is published', () => {
    const file = fileURLToPath(new URL('../../../docs/schemas/status.json', import.meta.url));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(JSON.parse(JSON.stringify(statusJsonSchema())));
  });
});

describe.concurrent('an agent without', () => {
  it('its Git server is alive and ready, says so, and starts so', async () => {
    const app = await place.app();
    const url = new URL(app.repo.url);
    const relay = await startRelay({ port: Number(url.port) });
    await relay.refuse();
    app.spec({}, { source: { url: `http://127.0.0.1:${relay.port}${url.pathname}`, interval: '1h' } });
    const source = async () => (await statusOf(app)).sources[0];
    await until(async () => (await source())?.link.state === 'down');
    expect((await ask(app, '/livez')).status).toBe(200);
    expect((await ask(app, '/readyz')).status).toBe(200);
    expect((await statusOf(app)).kustomizations[0]).toMatchObject({ converged: true });
    await app.restart();
    await app.agent.reaches((s) => s.converged);
    await relay.stop();
  });

  it('its API server is alive, says so, and goes on when it is back', async () => {
    const relay = await startRelay({ port: place.cluster.port });
    const app = await place.app({ server: `https://127.0.0.1:${relay.port}` });
    await relay.refuse();
    await until(async () => (await statusOf(app)).cluster.api.state === 'down');
    expect((await ask(app, '/livez')).status).toBe(200);
    const status = await app.reason(/ReconciliationFailed/);
    expect(status.notConverged?.code).toBe('cluster-unreachable');
    const wanted = await app.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
    await until(() => app.agent.loop.status().sources[0]?.revision === wanted);
    await relay.restore();
    await app.agent.reaches((s) => s.lastAppliedRevision === wanted && s.converged);
    expect(await dataOf(app, 'a')).toEqual({ v: '2' });
    await relay.stop();
  });

  it('an API server that hangs is alive, and heals what happened meanwhile', async () => {
    const relay = await startRelay({ port: place.cluster.port });
    const app = await place.app({ server: `https://127.0.0.1:${relay.port}`, limits: { requestMs: 2_000 } });
    await until(() => app.agent.loop.quiet());
    relay.hang();
    await app.remove('configmaps/a');
    app.agent.loop.nudge(undefined);
    await app.commit({ 'b.yaml': configMap(app.ns, 'b', {}) });
    await app.reason(/cluster|API server|answer/i, 15_000);
    expect((await ask(app, '/livez')).status).toBe(200);
    await relay.restore();
    await app.agent.reaches((s) => s.converged && s.lastAppliedRevision === s.lastAttemptedRevision, {
      timeoutMs: 20_000,
    });
    await until(async () => (await app.get('configmaps/a')) !== undefined);
    await relay.stop();
  });
});
