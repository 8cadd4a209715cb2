import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { at, type JsonObject } from '../../../src/model/index.ts';
import { type Admit, startWebhook, type Webhook } from '../../support/webhook.ts';
import { type App, configMap, deployment, healed, usePlace } from './app.ts';

const place = usePlace();
const hooks: Webhook[] = [];
afterEach(async () => {
  for (const hook of hooks.splice(0)) await hook.stop();
});

const web = (ns: string, spec: JsonObject = {}): string =>
  deployment(ns, 'web', { containers: [{ name: 'c', image: 'pause:1', imagePullPolicy: 'IfNotPresent' }] }, spec);

/** An app whose Deployments somebody changes on their way in. */
async function mutated(admit: Admit): Promise<App> {
  const app = await place.app({ files: (ns) => ({ 'web.yaml': web(ns) }) });
  const rule = { group: 'apps', resource: 'deployments' };
  hooks.push(await startWebhook(place.cluster, { namespace: app.ns, rule, mutates: true }, admit));
  await app.applied({ 'web.yaml': web(app.ns, { revisionHistoryLimit: 3 }) });
  return app;
}

/** All is as declared and stays so: nothing is asked of the API server while nothing happens. */
async function rests(app: App): Promise<void> {
  app.agent.loop.nudge('Kustomization/flux-system/app');
  await app.agent.reaches((s) => s.converged);
  await sleep(300);
  const mark = place.cluster.auditMark();
  await sleep(1_200);
  expect(place.cluster.audited({ user: app.user, since: mark })).toEqual([]);
  expect(app.status()).toMatchObject({ ready: 'True', converged: true, drift: { healed: 0 } });
}

describe('a webhook that changes what is applied', () => {
  it('adds to it: labels, annotations, another container', async () => {
    const app = await mutated(({ object }) => {
      const containers = at(object ?? {}, 'spec', 'template', 'spec', 'containers') as
        | readonly JsonObject[]
        | undefined;
      if (containers === undefined || containers.some((one) => one['name'] === 'proxy')) return [];
      const pod = '/spec/template/spec/containers/-';
      return [
        { op: 'add', path: pod, value: { name: 'proxy', image: 'proxy:1' } },
        { op: 'add', path: '/spec/template/metadata/annotations', value: { injected: 'true' } },
      ];
    });
    await rests(app);
    expect(at(await app.get('deployments/web'), 'spec', 'template', 'metadata', 'annotations')).toEqual({
      injected: 'true',
    });
    await app.patch('deployments/web', { spec: { revisionHistoryLimit: 9 } }, { query: '?fieldManager=operator' });
    await healed(app, 'deployments/web', (o) => at(o, 'spec', 'revisionHistoryLimit') === 3);
  });

  it('sets a field of ours to what it wants', async () => {
    const app = await mutated(() => [
      { op: 'replace', path: '/spec/template/spec/containers/0/imagePullPolicy', value: 'Always' },
    ]);
    await rests(app);
    const [main] = at(
      await app.get('deployments/web'),
      'spec',
      'template',
      'spec',
      'containers',
    ) as readonly JsonObject[];
    expect(main).toMatchObject({ imagePullPolicy: 'Always' });
    await app.applied({ 'web.yaml': web(app.ns, { revisionHistoryLimit: 4 }), 'b.yaml': configMap(app.ns, 'b', {}) });
    await rests(app);
  });

  it('takes a field of ours away', async () => {
    const app = await mutated(({ object }) =>
      at(object ?? {}, 'spec', 'minReadySeconds') === 5 ? [{ op: 'remove', path: '/spec/minReadySeconds' }] : [],
    );
    await app.applied({ 'web.yaml': web(app.ns, { minReadySeconds: 5 }) });
    await rests(app);
  });

  it('says something else each time', async () => {
    let count = 0;
    const app = await mutated(({ object }) => {
      count += 1;
      const known = at(object ?? {}, 'metadata', 'annotations') !== undefined;
      const value = `${count}`;
      return known
        ? [{ op: 'add', path: '/metadata/annotations/seen', value }]
        : [{ op: 'add', path: '/metadata/annotations', value: { seen: value } }];
    });
    await rests(app);
  });
});
