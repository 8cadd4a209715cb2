import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { startWebhook } from '../../support/webhook.ts';
import { type App, configMap, dataOf, definition, flux, manifest, usePlace } from './app.ts';

const place = usePlace();

const many = (ns: string, from: number, to: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: to - from }, (_, i) => [`c${from + i}.yaml`, configMap(ns, `c${from + i}`, { v: '1' })]),
  );
const without = (from: number, to: number): Record<string, null> =>
  Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`c${from + i}.yaml`, null]));
const idsOf = (app: App): readonly string[] => app.status().inventory.map((one) => one.id);

describe.concurrent('what leaves Git', () => {
  it('is deleted, in reverse order, and leaves the inventory', async () => {
    const app = await place.app({
      files: (ns) => ({
        'ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }),
        'a.yaml': configMap(`${ns}-x`, 'a', {}),
        'b.yaml': configMap(ns, 'b', {}),
      }),
    });
    const mark = place.cluster.auditMark();
    await app.applied({ 'ns.yaml': null, 'a.yaml': null });
    const deleted = place.cluster.audited({ user: app.user, verb: 'delete', since: mark });
    expect(deleted.map((one) => one.resource)).toEqual(['configmaps', 'namespaces']);
    expect(idsOf(app)).toEqual([`${app.ns}_b__ConfigMap`]);
  });

  it('stays with prune: disabled, in Git or set by hand on the live object, as a label too', async () => {
    const marked = { annotations: { [flux('prune')]: 'disabled' } };
    const app = await place.app({
      files: (ns) => ({
        'git.yaml': configMap(ns, 'git', {}, marked),
        'hand.yaml': configMap(ns, 'hand', {}),
        'label.yaml': configMap(ns, 'label', {}),
        'stays.yaml': configMap(ns, 'stays', {}),
      }),
    });
    const by = { query: '?fieldManager=operator' };
    await app.patch('configmaps/hand', { metadata: marked }, by);
    await app.patch('configmaps/label', { metadata: { labels: { [flux('prune')]: 'Disabled' } } }, by);
    await app.applied({ 'git.yaml': null, 'hand.yaml': null, 'label.yaml': null });
    for (const name of ['git', 'hand', 'label']) expect(await app.get(`configmaps/${name}`)).toBeDefined();
    expect(idsOf(app)).toEqual([`${app.ns}_stays__ConfigMap`]);
  });

  it('stays with prune: false and is forgotten: turned on later, prune does not touch it', async () => {
    const app = await place.app({
      spec: { prune: false },
      files: (ns) => ({ 'drop.yaml': configMap(ns, 'drop', {}), 'b.yaml': configMap(ns, 'b', {}) }),
    });
    await app.applied({ 'drop.yaml': null });
    expect(await app.get('configmaps/drop')).toBeDefined();
    expect(idsOf(app)).toEqual([`${app.ns}_b__ConfigMap`]);
    app.spec({});
    await app.applied({ 'c.yaml': configMap(app.ns, 'c', {}) });
    expect(await app.get('configmaps/drop')).toBeDefined();
  });

  it('stays when its labels name another owner', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 'b.yaml': configMap(ns, 'b', {}) }),
    });
    await app.applied({ 'a.yaml': configMap(app.ns, 'a', {}, { annotations: { [flux('reconcile')]: 'disabled' } }) });
    const labels = { [flux('name')]: 'other', [flux('namespace')]: 'flux-system' };
    await app.patch('configmaps/a', { metadata: { labels } }, { query: '?fieldManager=operator' });
    await app.applied({ 'a.yaml': null });
    expect(await app.get('configmaps/a')).toBeDefined();
    expect(idsOf(app)).toEqual([`${app.ns}_b__ConfigMap`]);
  });

  it('goes although a finalizer holds it: that holds nothing up', async () => {
    const app = await place.app({
      files: (ns) => ({ 'held.yaml': configMap(ns, 'held', {}), 'b.yaml': configMap(ns, 'b', {}) }),
    });
    await app.patch('configmaps/held', { metadata: { finalizers: ['example.com/hold'] } });
    await app.applied({ 'held.yaml': null });
    expect((await app.get('configmaps/held'))?.metadata['deletionTimestamp']).toBeDefined();
    expect(idsOf(app)).toEqual([`${app.ns}_b__ConfigMap`]);
    await app.patch('configmaps/held', { metadata: { finalizers: null } });
  });

  it('goes all when a commit leaves nothing, below the size that is guarded', async () => {
    const app = await place.app({ files: (ns) => many(ns, 0, 3) });
    await app.applied({ ...without(0, 3), 'README.md': 'nothing left' });
    expect(idsOf(app)).toEqual([]);
    expect(await app.get('configmaps/c0')).toBeUndefined();
  });

  it('stays when the folder is gone or the manifests do not parse: absence never deletes', async () => {
    const app = await place.app({
      spec: { path: './apps' },
      files: (ns) => Object.fromEntries(Object.entries(many(ns, 0, 3)).map(([name, text]) => [`apps/${name}`, text])),
    });
    await app.commit({ 'apps/c0.yaml': null, 'apps/c1.yaml': null, 'apps/c2.yaml': null, 'README.md': 'gone' });
    await app.reason(/ArtifactFailed: .*apps/);
    await app.commit({ 'apps/c9.yaml': 'a: [', 'apps/c0.yaml': configMap(app.ns, 'c0', { v: '2' }) });
    await app.reason(/BuildFailed: .*c9\.yaml/);
    expect([await dataOf(app, 'c0'), await dataOf(app, 'c1')]).toEqual([{ v: '1' }, { v: '1' }]);
    expect(idsOf(app)).toHaveLength(3);

    // What is applied is kept meanwhile, through a restart too.
    await app.agent.stop();
    await app.remove('configmaps/c1');
    await app.restart();
    await until(async () => (await dataOf(app, 'c1')) !== undefined);
    await app.applied({ 'apps/c9.yaml': null });
    expect(await app.get('configmaps/c1')).toBeUndefined();
    expect(await dataOf(app, 'c0')).toEqual({ v: '2' });
  });

  it('moves to another path: what only the old one had goes', async () => {
    const app = await place.app({
      spec: { path: './one' },
      files: (ns) => ({
        'one/a.yaml': configMap(ns, 'a', { v: '1' }),
        'one/b.yaml': configMap(ns, 'b', {}),
        'two/a.yaml': configMap(ns, 'a', { v: '2' }),
      }),
    });
    app.spec({ path: './two' });
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"2"}');
    await until(async () => (await app.get('configmaps/b')) === undefined);
  });
});

describe.concurrent('the guard against mass deletion', () => {
  it('holds the whole revision, says so and how to allow it, and keeps the old state against drift', async () => {
    const app = await place.app({ files: (ns) => many(ns, 0, 12) });
    const before = app.status().lastAppliedRevision;
    const held = await app.commit({ ...without(0, 8), 'c8.yaml': configMap(app.ns, 'c8', { v: '2' }) });
    const status = await app.reason(/PruneGuarded: .*would delete 8 of 12 objects.*holdfast\.dev\/allow-prune/s);
    expect(status).toMatchObject({ ready: 'False', lastAppliedRevision: before, lastAttemptedRevision: held });
    expect(status.notConverged?.message).toContain(`"${held}"`);
    expect(await dataOf(app, 'c8')).toEqual({ v: '1' });

    await app.remove('configmaps/c0');
    await app.patch('configmaps/c8', { data: { v: 'by hand' } });
    await until(async () => (await dataOf(app, 'c0')) !== undefined);
    await until(async () => JSON.stringify(await dataOf(app, 'c8')) === '{"v":"1"}');
    expect(app.status().notConverged?.code).toBe('prune-guard');

    // A restart holds it still, and looks after the old state.
    await app.agent.stop();
    await app.remove('configmaps/c1');
    await app.restart();
    await until(async () => (await dataOf(app, 'c1')) !== undefined);
    await app.reason(/PruneGuarded/);

    app.spec({}, { annotations: { 'holdfast.dev/allow-prune': `main@sha1:${'0'.repeat(40)}` } });
    await sleep(300);
    await app.reason(/PruneGuarded/);
    app.spec({}, { annotations: { 'holdfast.dev/allow-prune': held } });
    await app.agent.reaches((s) => s.lastAppliedRevision === held && s.converged);
    expect(await app.get('configmaps/c0')).toBeUndefined();
    expect(await dataOf(app, 'c8')).toEqual({ v: '2' });
  });

  it('lets a commit pass that takes the deletion back, and one that deletes half', async () => {
    const app = await place.app({ files: (ns) => many(ns, 0, 12) });
    await app.commit(without(0, 12));
    await app.reason(/PruneGuarded: .*would delete 12 of 12/);
    await app.applied(many(app.ns, 0, 12));
    await app.applied(without(0, 6));
    expect(idsOf(app)).toHaveLength(6);
  });

  it('counts a Namespace and a definition with what goes along', async () => {
    const app = await place.app({
      files: (ns) => ({
        'ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }),
        'crd.yaml': definition(`${ns}.example.com`),
        ...many(ns, 0, 4),
      }),
    });
    const { ns } = app;
    for (let i = 0; i < 8; i++) {
      const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `u${i}` } };
      const answer = await place.cluster.api('POST', `/api/v1/namespaces/${ns}-x/configmaps`, made);
      expect(answer.status).toBe(201);
      const widget = { apiVersion: `${ns}.example.com/v1`, kind: 'Widget', metadata: { name: `u${i}` } };
      // The API server serves a kind a moment after its definition is established.
      await until(async () => {
        const made = await place.cluster.api('POST', `/apis/${ns}.example.com/v1/namespaces/${ns}/widgets`, widget);
        return made.status === 201;
      });
    }
    await app.commit({ 'ns.yaml': null });
    await app.reason(/PruneGuarded: .*would delete 9 of 14 objects \(with 8 that go along.*Namespace\//);
    await app.commit({ 'ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }), 'crd.yaml': null });
    await app.reason(/PruneGuarded: .*would delete 9 of 14 objects.*CustomResourceDefinition\//);
    expect(await place.cluster.get(`/api/v1/namespaces/${ns}-x/configmaps/u0`)).toBeDefined();
  });
});

describe('the inventory', () => {
  it('is on disk, with all of a new revision, before its first object is applied', async () => {
    const app = await place.app({ files: (ns) => many(ns, 0, 3) });
    const seen: string[][] = [];
    const rule = { group: '', resource: 'configmaps' };
    const hook = await startWebhook(place.cluster, { namespace: app.ns, rule }, (request) => {
      if (!request.dryRun) seen.push(inventoryOnDisk(app));
      return undefined;
    });
    await app.applied({ ...many(app.ns, 3, 6), 'c0.yaml': null });
    await hook.stop();
    const names = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'].map((name) => `${app.ns}_${name}__ConfigMap`);
    expect(seen.length).toBeGreaterThanOrEqual(3);
    for (const ids of seen) expect(ids).toEqual(names);
    expect(inventoryOnDisk(app)).toEqual(names.slice(1));
  });
});

/** Ids in the newest inventory record of the state folder. */
function inventoryOnDisk(app: App): string[] {
  const disk = createDisk(app.stateDir);
  const cache = openCache({ disk, limits: DEFAULT_LIMITS, pause: async () => undefined });
  return (cache.kustomizations.inventory('flux-system/app')?.entries ?? []).map((one) => one.id).sort();
}
