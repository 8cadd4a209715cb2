import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceStatus } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, type Files, manifest, type Place, startPlace } from './app.ts';

const SITES = 300;

/** 300 sites, each on a base by a kustomization, and plain folders beside. */
const fleet = (ns: string): Files => ({
  ...Object.fromEntries(
    Array.from({ length: SITES }, (_, i) => [
      [`sites/s${i}/kustomization.yaml`, `resources: [../../bases/shop, own.yaml]\nnamePrefix: s${i}-\n`],
      [`sites/s${i}/own.yaml`, configMap(ns, `own-${i}`, { v: '1', noise: `${Math.sin(i)}`.repeat(40) })],
      [`plain/p${i}/a.yaml`, configMap(ns, `plain-${i}`, { v: '1', noise: `${Math.cos(i)}`.repeat(40) })],
    ]).flat(),
  ),
  'bases/shop/kustomization.yaml': 'resources: [shop.yaml]\n',
  'bases/shop/shop.yaml': configMap(ns, 'shop', { v: '1' }),
  'bases/other/kustomization.yaml': 'resources: [other.yaml]\n',
  'bases/other/other.yaml': configMap(ns, 'other', { v: '1' }),
});

/** Another Kustomization of the same source. */
const further = (name: string, path: string): string =>
  manifest(
    'kustomize.toolkit.fluxcd.io/v1',
    'Kustomization',
    { name, namespace: 'flux-system' },
    {
      spec: {
        interval: '1h',
        retryInterval: '2s',
        prune: true,
        path,
        sourceRef: { kind: 'GitRepository', name: 'app' },
      },
    },
  );

describe('an agent that fetches only what its site needs', () => {
  let place: Place;
  let app: App;
  const plain = further('plain', './plain/p9');

  beforeAll(async () => {
    place = await startPlace();
    app = await place.app({
      files: fleet,
      spec: { path: './sites/s7' },
      more: () => [plain],
      settings: { fetchScope: 'needed' },
    });
    await app.agent.reaches((s) => s.converged, { name: 'plain' });
  }, 180_000);
  afterAll(() => place.stop());

  const source = (): SourceStatus => {
    const [found] = app.agent.loop.status().sources;
    if (found === undefined) throw new Error('no source');
    return found;
  };
  const down = (): number => source().wire.down;
  const applies = (since: number): number =>
    app.agent.lines.slice(since).filter((line) => /^(applied|drift corrected)$/.test(String(line['msg']))).length;
  const still = async (revision: string): Promise<void> => {
    await until(() => app.agent.loop.status().kustomizations.every((one) => one.lastAppliedRevision === revision));
  };

  it('brings two of 300 sites and their base', async () => {
    expect(source().paths).toEqual(['bases/shop', 'plain/p9', 'sites/s7']);
    expect(down()).toBeLessThan(40_000);
    expect(await dataOf(app, 's7-shop')).toMatchObject({ v: '1' });
    expect(await dataOf(app, 's7-own-7')).toMatchObject({ v: '1' });
    expect(await dataOf(app, 'plain-9')).toMatchObject({ v: '1' });
    expect(await app.get('configmaps/plain-8')).toBeUndefined();
  });

  it('applies nothing for a commit of another site, and hardly notices it', async () => {
    const [before, lines] = [down(), app.agent.lines.length];
    await still(
      await app.commit({ 'sites/s8/own.yaml': configMap(app.ns, 'own-8', { v: '2', big: 'x'.repeat(50_000) }) }),
    );
    expect(down() - before).toBeLessThan(4_000);
    expect(applies(lines)).toBe(0);
  });

  it('applies a commit of its own site, and prunes what that leaves out, and nothing else', async () => {
    const before = down();
    await app.applied({
      'sites/s7/kustomization.yaml': 'resources: [../../bases/shop, next.yaml]\nnamePrefix: s7-\n',
      'sites/s7/own.yaml': null,
      'sites/s7/next.yaml': configMap(app.ns, 'next', { v: '1' }),
    });
    expect(await app.get('configmaps/s7-own-7')).toBeUndefined();
    expect(await dataOf(app, 's7-next')).toEqual({ v: '1' });
    expect(await dataOf(app, 's7-shop')).toMatchObject({ v: '1' });
    expect(down() - before).toBeLessThan(6_000);
  });

  it('follows a base that moves, and what a build reaches in ways of its own', async () => {
    await app.applied({
      'bases/moved/kustomization.yaml': 'resources: [shop.yaml]\n',
      'bases/moved/shop.yaml': configMap(app.ns, 'shop', { v: '2' }),
      'sites/s7/kustomization.yaml': 'resources: [../../bases/moved, next.yaml]\nnamePrefix: s7-\n',
    });
    expect(source().paths).toEqual(['bases/moved', 'plain/p9', 'sites/s7']);
    expect(await dataOf(app, 's7-shop')).toMatchObject({ v: '2' });
    await app.applied({
      'shared/patch.yaml': '[{ "op": "replace", "path": "/data/v", "value": "3" }]',
      'sites/s7/t.yaml':
        '{ apiVersion: builtin, kind: PatchTransformer, metadata: { name: t }, path: ../../shared/patch.yaml, target: { name: shop } }',
      'sites/s7/kustomization.yaml':
        'resources: [../../bases/moved, next.yaml]\ntransformers: [t.yaml]\nnamePrefix: s7-\n',
    });
    expect(source().paths).toContain('shared/patch.yaml');
    expect(await dataOf(app, 's7-shop')).toMatchObject({ v: '3' });
  });

  it('fetches and applies a Kustomization that is added later, and keeps what a removed one has applied', async () => {
    const before = down();
    app.spec({ path: './sites/s7' }, { more: [further('later', './sites/s42')] });
    await app.agent.reaches((s) => s.converged, { name: 'later' });
    expect(await dataOf(app, 's42-own-42')).toMatchObject({ v: '1' });
    expect(source().paths).toEqual(expect.arrayContaining(['bases/shop', 'sites/s42', 'plain/p9']));
    expect(down() - before).toBeLessThan(8_000);
    // 'plain' is no longer declared; what it has applied stays, and goes from the paths with the next commit.
    expect(await dataOf(app, 'plain-9')).toMatchObject({ v: '1' });
    await still(await app.commit({ 'README.md': 'x' }));
    expect(source().paths).not.toContain('plain/p9');
    expect(await dataOf(app, 'plain-9')).toMatchObject({ v: '1' });
  });

  it('keeps all of it with the link cut and after a restart, and says what is not here', async () => {
    app.repo.fault({ status: 503 });
    await app.restart();
    app.spec({ path: './sites/s7' }, { more: [further('later', './sites/s42'), further('never', './sites/s100')] });
    await app.agent.reaches((s) => s.converged, { name: 'later' });
    await app.agent.reaches((s) => s.converged);
    const lacking = await app.agent.reaches((s) => s.notConverged?.code === 'source-incomplete', { name: 'never' });
    expect(lacking.notConverged?.message).toContain('sites/s100');
    await app.remove('configmaps/s7-next');
    await until(async () => (await app.get('configmaps/s7-next')) !== undefined, { what: 'healed offline' });
    // A path that changes to what is away: the last state stays, and is kept, until that is here.
    app.spec({ path: './sites/s200' }, { more: [further('later', './sites/s42'), further('never', './sites/s100')] });
    await app.reason(/sites\/s200/);
    await app.remove('configmaps/s7-next');
    await until(async () => (await app.get('configmaps/s7-next')) !== undefined, { what: 'healed meanwhile' });
    app.repo.fault();
    await app.agent.reaches((s) => s.converged, { name: 'never', timeoutMs: 60_000 });
    expect(await dataOf(app, 's100-own-100')).toMatchObject({ v: '1' });
    await app.agent.reaches((s) => s.converged, { timeoutMs: 60_000 });
    expect(await dataOf(app, 's200-own-200')).toMatchObject({ v: '1' });
    expect(await app.get('configmaps/s7-next')).toBeUndefined();
  });

  it('fetches the whole, and says so once, where the root is named', async () => {
    await until(() => app.status().converged);
    app.spec({ path: './', suspend: true }, { more: [further('later', './sites/s42')] });
    await until(() => source().paths === undefined, { what: 'whole' });
    const told = app.agent.lines.filter((line) => line['msg'] === 'the whole is fetched');
    expect(told).toHaveLength(1);
    expect(told[0]?.['why']).toContain('root');
  });
});
