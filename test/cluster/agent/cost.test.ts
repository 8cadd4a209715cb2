import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { type App, configMap, definition, deployment, manifest, usePlace } from './app.ts';

const place = usePlace();

/**
 * What the agent asked of the API server, as `verb resource`, without watches. The cluster is shared: what others have
 * there fills further pages of a list, and does not count.
 */
const asked = (app: App, since: number): readonly string[] =>
  place.cluster
    .audited({ user: app.user, since })
    .filter((one) => one.verb !== 'watch' && !one.uri.includes('continue='))
    .map((one) => `${one.verb} ${one.resource}${one.name === '' ? '' : `/${one.name}`}`);

const some = (ns: string, v: string): Record<string, string> => ({
  'a.yaml': configMap(ns, 'a', { v }),
  'b.yaml': configMap(ns, 'b', { v: '1' }),
  'web.yaml': deployment(ns, 'web', {}, { replicas: 0 }),
  'ns.yaml': manifest('v1', 'Namespace', { name: `${ns}-x` }),
  'crd.yaml': definition(`${ns}.example.com`),
});

/** Waits until nothing runs, and what was watched has settled. */
async function settled(app: App): Promise<void> {
  await sleep(300);
  await until(() => app.agent.loop.quiet());
}

describe('requests to the API server', () => {
  it('are two for a changed object, and none for all others', async () => {
    const app = await place.app({ files: (ns) => some(ns, '1') });
    await settled(app);
    const mark = place.cluster.auditMark();
    await app.applied({ 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
    await settled(app);
    expect(asked(app, mark)).toEqual(['patch configmaps/a', 'patch configmaps/a']);

    const again = place.cluster.auditMark();
    const crd = definition(`${app.ns}.example.com`, { size: { type: 'string' } });
    await app.applied({
      'ns.yaml': manifest('v1', 'Namespace', { name: `${app.ns}-x`, labels: { l: '1' } }),
      'new.yaml': configMap(app.ns, 'new', {}),
      'web.yaml': deployment(app.ns, 'web', {}, { replicas: 0, paused: true }),
      'crd.yaml': crd,
    });
    await settled(app);
    const counts = new Map<string, number>();
    for (const line of asked(app, again)) counts.set(line, (counts.get(line) ?? 0) + 1);
    const objects = [...counts].filter(([line]) => line.includes('/'));
    expect(objects.map(([line]) => line).sort()).toEqual([
      'patch configmaps/new',
      `patch customresourcedefinitions/widgets.${app.ns}.example.com`,
      'patch deployments/web',
      `patch namespaces/${app.ns}-x`,
    ]);
    expect(objects.filter(([, count]) => count > 2)).toEqual([]);
  });

  it('are one for a correction of drift', async () => {
    const app = await place.app({ files: (ns) => some(ns, '1') });
    await settled(app);
    const mark = place.cluster.auditMark();
    await app.patch('configmaps/a', { data: { v: 'by hand' } }, { query: '?fieldManager=operator' });
    await until(() => app.status().drift.healed === 1);
    await settled(app);
    expect(asked(app, mark)).toEqual(['patch configmaps/a']);
  });

  it('are none when the source has nothing new, and one request goes to Git', async () => {
    const app = await place.app({ files: (ns) => some(ns, '1'), source: { interval: '1s' }, spec: { interval: '1s' } });
    await settled(app);
    const mark = place.cluster.auditMark();
    app.repo.resetRequests();
    const rounds = app.agent.loop.runs();
    await until(() => app.repo.totals().requests >= 3);
    expect(app.agent.loop.runs() - rounds).toBeGreaterThan(3);
    expect(asked(app, mark)).toEqual([]);
    expect(app.repo.requests().every((one) => one.kind !== 'fetch')).toBe(true);
  });

  it('are discovery, lists and watches when an agent starts with nothing to do', async () => {
    const app = await place.app({ files: (ns) => some(ns, '1') });
    await app.agent.stop();
    const mark = place.cluster.auditMark();
    await app.restart();
    await app.agent.reaches((s) => s.converged);
    await settled(app);
    const others = place.cluster
      .audited({ user: app.user, since: mark })
      .filter((one) => one.resource !== '' && !['list', 'watch'].includes(one.verb));
    // Which cluster this is.
    expect(new Set(others.map((one) => `${one.verb} ${one.resource}/${one.name}`))).toEqual(
      new Set(['get namespaces/kube-system']),
    );
    const lists = asked(app, mark).filter((line) => line.startsWith('list '));
    expect(lists).toHaveLength(new Set(lists).size);
  });

  it('of a first sync are one apply an object, and a few lists', async () => {
    const count = 60;
    const mark = place.cluster.auditMark();
    const app = await place.app({
      files: (ns) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}.yaml`, configMap(ns, `c${i}`, { v: '1' })])),
    });
    const applies = (): readonly string[] => asked(app, mark).filter((line) => line.startsWith('patch'));
    // The API server writes its audit log a little later.
    await until(() => applies().length >= count);
    await settled(app);
    const all = asked(app, mark);
    expect(applies()).toHaveLength(count);
    expect(all.length - count).toBeLessThan(10);
  });

  it('repeat at the full check, and only there', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}), 'b.yaml': configMap(ns, 'b', {}) }),
      spec: { interval: '1s' },
      settings: { fullCheckMs: 3_000 },
    });
    await settled(app);
    const mark = place.cluster.auditMark();
    await until(() => asked(app, mark).length >= 2);
    expect([...asked(app, mark)].sort()).toEqual(['patch configmaps/a', 'patch configmaps/b']);
    expect(app.status().drift.healed).toBe(0);
  });
});
