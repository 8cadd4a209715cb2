import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, definition, manifest, usePlace } from './app.ts';

const place = usePlace();
const GROUPS = 'apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const names = ['w0', 'w1', 'w2', 'w3', 'w4', 'w5'];

const groupOf = (ns: string): string => `${ns}.example.com`;
const definitionPath = (ns: string): string => `/${GROUPS}/widgets.${groupOf(ns)}`;
const widgetPath = (ns: string, name: string): string => `/apis/${groupOf(ns)}/v1/namespaces/${ns}/widgets/${name}`;

const widget = (ns: string, name: string): string =>
  manifest(`${groupOf(ns)}/v1`, 'Widget', { name, namespace: ns }, { spec: { size: 1 } });

const files = (ns: string): Record<string, string> => ({
  'definition.yaml': definition(groupOf(ns)),
  'widgets.yaml': names.map((name) => widget(ns, name)).join('\n---\n'),
});

const uidOf = (object: KubeObject | undefined): unknown => object?.metadata['uid'];
const uids = (app: App): Promise<readonly unknown[]> =>
  Promise.all(names.map(async (name) => uidOf(await app.get(widgetPath(app.ns, name)).catch(() => undefined))));

/** Every reason that was told since so many log lines. */
const troubles = (app: App, since: number): readonly unknown[] =>
  app.agent.lines.slice(since).filter((line) => line['msg'] === 'not converged');

/** What is awaited here takes the control plane some seconds where it is busy. */
const WITHIN = { within: 40_000 };

describe.concurrent('what goes by hand, and others with it, comes back and is not called wrong meanwhile', () => {
  it('a definition with its objects', async () => {
    const app = await place.app({ files });
    for (let round = 0; round < 3; round += 1) {
      const [before, defined] = [await uids(app), uidOf(await app.get(definitionPath(app.ns)))];
      const since = app.agent.lines.length;
      await app.remove(definitionPath(app.ns));
      const anew = async (): Promise<boolean> => {
        const now = await uids(app);
        const made = now.every((uid, i) => uid !== undefined && uid !== before[i]);
        return made && uidOf(await app.get(definitionPath(app.ns))) !== defined;
      };
      await until(anew, { ...WITHIN, what: 'definition and objects are back' });
      await app.agent.reaches((s) => s.converged);
      expect(troubles(app, since)).toEqual([]);
    }
  });

  it('a Namespace with its contents', async () => {
    const app = await place.app({
      files: (ns) => ({
        'ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }),
        'a.yaml': names.map((name) => configMap(`${ns}-x`, name, { v: '1' })).join('\n---\n'),
      }),
    });
    const path = `/api/v1/namespaces/${app.ns}-x`;
    const before = uidOf(await app.get(path));
    const since = app.agent.lines.length;
    await app.remove(path);
    const back = async (): Promise<boolean> => {
      const uid = uidOf(await app.get(path));
      const all = await Promise.all(names.map((name) => app.get(`${path}/configmaps/${name}`)));
      return uid !== undefined && uid !== before && all.every((one) => one !== undefined);
    };
    await until(back, { ...WITHIN, what: 'the Namespace is back' });
    await app.agent.reaches((s) => s.converged);
    expect(troubles(app, since)).toEqual([]);
  });
});

describe.concurrent('a definition that is held in deletion', () => {
  const held = async (): Promise<App> => {
    const app = await place.app({ files });
    await app.patch(widgetPath(app.ns, 'w0'), { metadata: { finalizers: ['example.com/hold'] } });
    await app.remove(definitionPath(app.ns));
    const left = async (): Promise<boolean> => (await uids(app)).filter((uid) => uid !== undefined).length === 1;
    await until(left, { ...WITHIN, what: 'all but the held object are gone' });
    return app;
  };
  const release = async (app: App): Promise<void> => {
    await app.patch(widgetPath(app.ns, 'w0'), { metadata: { finalizers: null } });
    const back = async (): Promise<boolean> => (await uids(app)).every((uid) => uid !== undefined);
    await until(back, { ...WITHIN, what: 'all are back' });
    await app.agent.reaches((s) => s.converged, { timeoutMs: 30_000 });
  };

  it('makes its objects wait, is told of when that lasts, and is forgotten by nobody', async () => {
    const app = await held();
    expect(app.status().notConverged).toBeUndefined();
    const told = await app.reason(/^ReconciliationFailed: /, 30_000);
    expect(told.notConverged).toMatchObject({
      code: 'apply-waits',
      message: expect.stringMatching(
        /^Widget\/.*\/w1: waits for CustomResourceDefinition\/widgets\..*, which is being deleted;/,
      ),
    });
    expect((await uids(app)).filter((uid) => uid !== undefined)).toHaveLength(1);
    await release(app);
  });

  it('is told of at once to who asks for a run', async () => {
    const app = await held();
    app.agent.loop.nudge('Kustomization/flux-system/app');
    await app.reason(/waits for CustomResourceDefinition\/.*, which is being deleted/, 8_000);
    await release(app);
  });
});
