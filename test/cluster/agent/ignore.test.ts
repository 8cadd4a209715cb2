import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, deployment, managersOf, usePlace } from './app.ts';

const place = usePlace();

const by = (manager: string) => ({ query: `?fieldManager=${manager}` });
const hello = (ns: string, data: JsonObject): string => configMap(ns, 'hello', data);
const tuned: JsonObject = { ignore: [{ paths: ['/data/tuned'], target: { kind: 'ConfigMap', name: 'hello' } }] };
const start = (spec: JsonObject = tuned): Promise<App> =>
  place.app({ files: (ns) => ({ 'a.yaml': hello(ns, { key: 'one', tuned: 'start' }) }), spec });
/** Waits until everything that the watches have shown is dealt with. */
async function settled(app: App): Promise<void> {
  await sleep(400);
  await until(() => app.agent.loop.quiet());
}
const patches = (app: App, dryRun: boolean): number =>
  place.cluster
    .audited({ user: app.user, verb: 'patch' })
    .filter((one) => one.namespace === app.ns && one.uri.includes('dryRun') === dryRun).length;

describe.concurrent('spec.ignore', () => {
  it('leaves a declared field to others: no correction, no write, and no reset with the next change', async () => {
    const app = await start();
    const before = patches(app, false);
    await app.patch('configmaps/hello', { data: { tuned: 'by-hand' } }, by('operator'));
    await settled(app);
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await settled(app);
    expect(await dataOf(app, 'hello')).toEqual({ key: 'one', tuned: 'by-hand' });
    expect(patches(app, false)).toBe(before);
    expect(app.status().drift.healed).toBe(0);
    await app.applied({ 'a.yaml': hello(app.ns, { key: 'two', tuned: 'start' }) });
    expect(await dataOf(app, 'hello')).toEqual({ key: 'two', tuned: 'by-hand' });
  });

  it('sees other drift of the object all the same, and sets only that back', async () => {
    const app = await start();
    await app.patch('configmaps/hello', { data: { tuned: 'by-hand', key: 'x' } }, by('operator'));
    await until(async () => JSON.stringify(await dataOf(app, 'hello')) === '{"key":"one","tuned":"by-hand"}');
  });

  it('takes no part in an edit by kubectl: the value stays, the rest of kubectl goes', async () => {
    const app = await start();
    await app.patch('configmaps/hello', { data: { tuned: 'by-hand', more: 'x' } }, by('kubectl-edit'));
    await until(async () => JSON.stringify(await dataOf(app, 'hello')) === '{"key":"one","tuned":"by-hand"}');
    await settled(app);
    expect(managersOf(await app.get('configmaps/hello'))).toEqual(['kustomize-controller/Apply']);
  });

  it('lets go of a field that another server-side applier owns', async () => {
    const app = await start();
    const theirs = configMap(app.ns, 'hello', { tuned: 'theirs' });
    await app.patch('configmaps/hello?fieldManager=other&force=true', theirs, { type: 'apply' });
    await settled(app);
    await app.applied({ 'a.yaml': hello(app.ns, { key: 'two', tuned: 'start' }) });
    const live = await app.get('configmaps/hello');
    expect(live?.['data']).toEqual({ key: 'two', tuned: 'theirs' });
    const entries = (live?.metadata['managedFields'] ?? []) as readonly Record<string, unknown>[];
    const ours = entries.find((entry) => entry['manager'] === 'kustomize-controller');
    expect(JSON.stringify(ours?.['fieldsV1'])).toContain('f:key');
    expect(JSON.stringify(ours?.['fieldsV1'])).not.toContain('f:tuned');
  });

  it('holds for its target only; once it is taken away the field is set back, also after a restart', async () => {
    const app = await place.app({
      files: (ns) => ({
        'a.yaml': configMap(ns, 'tuned', { key: 'one' }),
        'b.yaml': configMap(ns, 'strict', { key: 'one' }),
      }),
      spec: { ignore: [{ paths: ['/data/key'], target: { kind: 'ConfigMap', name: 'tun.*' } }] },
    });
    await app.patch('configmaps/tuned', { data: { key: 'by-hand' } }, by('operator'));
    await app.patch('configmaps/strict', { data: { key: 'by-hand' } }, by('operator'));
    await until(async () => JSON.stringify(await dataOf(app, 'strict')) === '{"key":"one"}');
    await settled(app);
    expect(await dataOf(app, 'tuned')).toEqual({ key: 'by-hand' });
    await app.restart();
    await app.agent.reaches((s) => s.converged);
    await settled(app);
    expect(await dataOf(app, 'tuned')).toEqual({ key: 'by-hand' });
    app.spec({});
    await until(async () => JSON.stringify(await dataOf(app, 'tuned')) === '{"key":"one"}');
    await app.agent.reaches((s) => s.converged);
  });

  it('goes by labels of the object, and by places in lists', async () => {
    const app = await place.app({
      files: (ns) => ({
        'web.yaml': deployment(ns, 'web', {}, { replicas: 0 }).replace(
          '"name":"web"',
          '"labels":{"tier":"edge"},"name":"web"',
        ),
        'db.yaml': deployment(ns, 'db', {}, { replicas: 0 }),
      }),
      spec: {
        ignore: [
          {
            paths: ['/spec/replicas', '/spec/template/spec/containers/0/image'],
            target: { kind: 'Deployment', labelSelector: 'tier in (edge)' },
          },
        ],
      },
    });
    const image = [{ name: 'c', image: 'other:2' }];
    const body = { spec: { replicas: 3, template: { spec: { containers: image } } } };
    for (const name of ['web', 'db'])
      await app.patch(`deployments/${name}`, body, { ...by('scaler'), type: 'strategic' });
    await until(async () => JSON.stringify(await app.get('deployments/db')).includes('"replicas":0'));
    await settled(app);
    expect(await app.get('deployments/web')).toMatchObject(body);
    expect(await app.get('deployments/db')).toMatchObject({
      spec: { replicas: 0, template: { spec: { containers: [{ image: 'pause:1' }] } } },
    });
    await app.applied({
      'web.yaml': deployment(app.ns, 'web', {}, { replicas: 0, minReadySeconds: 4 }).replace(
        '"name":"web"',
        '"labels":{"tier":"edge"},"name":"web"',
      ),
    });
    expect(await app.get('deployments/web')).toMatchObject({
      spec: { minReadySeconds: 4, replicas: 3, template: { spec: { containers: image } } },
    });
  });

  it('does not take who sets an ignored field again and again for a rival', async () => {
    const app = await start();
    for (let i = 0; i < 14; i++) {
      await app.patch('configmaps/hello', { data: { tuned: `v${i}` } }, by('operator'));
      await app.applied({ 'a.yaml': hello(app.ns, { key: `k${i}`, tuned: 'start' }) });
    }
    await settled(app);
    expect(await dataOf(app, 'hello')).toEqual({ key: 'k13', tuned: 'v13' });
    expect(app.status()).toMatchObject({ converged: true, objects: { held: [] } });
  });

  it('that cannot be read is told, and what is applied stays as it is', async () => {
    const app = await start();
    app.spec({ ignore: [{ paths: ['/data/tuned'], target: { kind: '(' } }] });
    await app.reason(
      /ReconciliationFailed: failed to create ignore rule selector: invalid kind regex: error parsing regexp.*ignore\[0\]/s,
    );
    await app.patch('configmaps/hello', { data: { tuned: 'by-hand' } }, by('operator'));
    app.spec(tuned);
    await app.agent.reaches((s) => s.converged);
  });
});
