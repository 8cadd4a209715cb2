import { describe, expect, it } from 'vitest';
import { asFault, parseApiVersion } from '../../../src/model/index.ts';
import { discoveryList, sendJson, startHostile } from './hostile-server.ts';
import { CONFIG_MAP } from './objects.ts';

describe('discovery', () => {
  it('falls back to one request for each group and version on an old server', async () => {
    await using h = await startHostile({ discovery: true });
    const resources = (...names: readonly [string, string][]): unknown => ({
      kind: 'APIResourceList',
      resources: names.map(([name, kind]) => ({ name, kind, namespaced: true, verbs: ['get'] })),
    });
    const answers: Record<string, unknown> = {
      '/api': { kind: 'APIVersions', versions: ['v1'] },
      '/apis': {
        kind: 'APIGroupList',
        groups: [
          {
            name: 'apps',
            versions: [{ groupVersion: 'apps/v1beta1' }, { groupVersion: 'apps/v1' }],
            preferredVersion: { groupVersion: 'apps/v1' },
          },
          { name: 'down.example.com', versions: [{ groupVersion: 'down.example.com/v1' }] },
        ],
      },
      '/api/v1': resources(['configmaps', 'ConfigMap'], ['pods/log', 'Pod']),
      '/apis/apps/v1': resources(['deployments', 'Deployment'], ['deployments/scale', 'Scale']),
      '/apis/apps/v1beta1': resources(['deployments', 'Deployment']),
    };
    h.handle((heard, answer) => {
      const found = answers[heard.url.pathname];
      if (found !== undefined) sendJson(answer, found);
      else answer.writeHead(503, { 'Content-Type': 'text/plain' }).end('service unavailable');
    });
    const surface = await h.cluster.surface();
    expect(surface.find(CONFIG_MAP)?.plural).toBe('configmaps');
    expect(surface.versions('apps', 'Deployment').map((r) => r.gvk.version)).toEqual(['v1', 'v1beta1']);
    expect(surface.versions('apps', 'Scale')).toEqual([]);
    expect(surface.all().map(({ gvk }) => `${gvk.kind}/${gvk.version}`)).toEqual(
      expect.arrayContaining(['ConfigMap/v1', 'Deployment/v1']),
    );
    expect(surface.all().filter(({ gvk }) => gvk.kind === 'Deployment')).toHaveLength(1);
    expect(surface.versions('', 'Pod')).toEqual([]);
    expect(['v1', 'apps/v1', 'apps/v1beta1'].map((text) => surface.isDown(parseApiVersion(text)))).not.toContain(true);
    expect(surface.isDown({ group: 'down.example.com', version: 'v1' })).toBe(true);
  });

  it('tells an API that does not answer from one that is not there', async () => {
    await using h = await startHostile({ discovery: true });
    const version = { version: 'v1', freshness: 'Stale', resources: [] };
    const items = [{ metadata: { name: 'down.example.com' }, versions: [version] }];
    h.handle((_heard, answer) => sendJson(answer, { kind: 'APIGroupDiscoveryList', items }));
    const asked = (group: string): Promise<unknown> =>
      h.cluster.read({ group, version: 'v1', kind: 'Thing', namespace: 'ns', name: 'x' }).catch(asFault);
    expect(await asked('down.example.com')).toMatchObject({
      code: 'cluster-api-down',
      message: 'what serves down.example.com/v1 does not answer: look at APIService v1.down.example.com',
    });
    expect(await asked('gone.example.com')).toMatchObject({ code: 'kind-unknown' });
  });

  it('knows of a server that starts no kind that is not there', async () => {
    let ready = 500;
    await using h = await startHostile({ discovery: true, readyz: () => ready });
    h.handle((_heard, answer) => sendJson(answer, { kind: 'APIGroupDiscoveryList', items: [] }));
    const asked = (): Promise<unknown> =>
      h.cluster.read({ group: 'g', version: 'v1', kind: 'Thing', namespace: 'ns', name: 'x' }).catch(asFault);
    expect(await asked()).toMatchObject({
      code: 'cluster-unreachable',
      message: expect.stringContaining('is starting'),
    });
    ready = 404;
    expect(await asked()).toMatchObject({ code: 'kind-unknown' });
  });

  it('asks twice for all, keeps the answer, and takes an unchanged one as such', async () => {
    await using h = await startHostile({ discovery: true });
    h.handle((heard, answer) => {
      if (heard.headers['if-none-match'] === '"e"') answer.writeHead(304).end();
      else sendJson(answer, discoveryList([]), 200, { ETag: '"e"' });
    });
    await Promise.all([h.cluster.surface(), h.cluster.surface()]);
    await h.cluster.surface();
    expect(h.heard).toHaveLength(2);
    await h.cluster.surface({ fresh: true });
    expect(h.heard).toHaveLength(4);
    expect(h.heard.at(-1)?.headers['if-none-match']).toBe('"e"');
  });

  it.each([
    {},
    { items: 'x' },
    { items: [null, { versions: [{ version: 'v1', resources: [null, {}, { resource: 'x' }] }] }] },
  ])('bears a list that is none: %j', async (odd) => {
    await using h = await startHostile({ discovery: true });
    h.handle((_heard, answer) => sendJson(answer, { kind: 'APIGroupDiscoveryList', ...odd }));
    expect((await h.cluster.surface()).find(CONFIG_MAP)).toBeUndefined();
  });
});
