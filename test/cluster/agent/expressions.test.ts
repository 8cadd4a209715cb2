import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, condition, configMap, definition, deployment, manifest, usePlace } from './app.ts';

const place = usePlace();

const widget = (ns: string, size = 1): string =>
  manifest(`${ns}.example.com/v1`, 'Widget', { name: 'one', namespace: ns }, { spec: { size } });
const widgets = (ns: string) => ({ 'crd.yaml': definition(`${ns}.example.com`), 'w.yaml': widget(ns) });
const phase = (app: App, status: JsonObject): Promise<unknown> =>
  app.patch(`/apis/${app.ns}.example.com/v1/namespaces/${app.ns}/widgets/one/status`, { status });
const exprs = (ns: string, more: JsonObject = {}): JsonObject => ({
  wait: true,
  retryInterval: '1h',
  healthCheckExprs: [
    {
      apiVersion: `${ns}.example.com/v1`,
      kind: 'Widget',
      current: "status.phase == 'Done'",
      failed: "status.phase == 'Broken'",
      inProgress: "status.phase == 'Busy'",
      ...more,
    },
  ],
});
const another = (ns: string, name: string, path: string, more: JsonObject = {}, metadata: JsonObject = {}): string =>
  manifest(
    'kustomize.toolkit.fluxcd.io/v1',
    'Kustomization',
    { name, namespace: 'flux-system', ...metadata },
    {
      spec: {
        interval: '1h',
        retryInterval: '1h',
        prune: true,
        path,
        sourceRef: { kind: 'GitRepository', name: 'app' },
        ...more,
      },
    },
  ).replaceAll('HERE', ns);

describe.concurrent('healthCheckExprs', () => {
  it('judge objects as they change: in progress, failed, current', async () => {
    const app = await place.app({ files: widgets });
    app.spec(exprs(app.ns));
    await app.agent.reaches((s) =>
      /Widget\/.*\/one status: 'Unknown'.*no such attribute/.test(condition(s, 'Healthy')),
    );
    await phase(app, { phase: 'Busy' });
    await app.agent.reaches((s) => /Widget\/.*\/one status: 'InProgress'/.test(condition(s, 'Healthy')));
    expect(condition(app.status(), 'Ready')).toMatch(/^Unknown\/Progressing/);
    await phase(app, { phase: 'Broken' });
    const failed = await app.reason(/HealthCheckFailed: .*failed early.*Widget\/.*\/one status: 'Failed'/);
    expect(condition(failed, 'Healthy')).toMatch(/^False\/HealthCheckFailed/);
    await phase(app, { phase: 'Done' });
    await app.agent.reaches((s) => s.converged);
    expect(condition(app.status(), 'Healthy')).toMatch(/^True\/Succeeded/);
    await phase(app, { phase: 'Done', observedGeneration: 7 });
    await app.agent.reaches((s) => s.objects.unhealthy.some((one) => one.status === 'InProgress'));
  });

  it('judge a kind that has no health of its own, which is watched whole from then on', async () => {
    const app = await place.app({ files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { ready: 'no' }) }) });
    app.spec({
      wait: true,
      healthCheckExprs: [{ apiVersion: 'v1', kind: 'ConfigMap', current: "data.ready == 'yes' || has(data.late)" }],
    });
    await app.agent.reaches((s) => /ConfigMap\/.*\/a status: 'InProgress'/.test(condition(s, 'Healthy')));
    const before = place.cluster.audited({ user: app.user, verb: 'get' }).length;
    await app.patch('configmaps/a', { data: { late: 'x' } }, { query: '?fieldManager=operator' });
    await app.agent.reaches((s) => s.converged);
    expect(place.cluster.audited({ user: app.user, verb: 'get' })).toHaveLength(before);
  });

  it('that are no CEL stall before anything is applied, until they are mended', async () => {
    const app = await place.app({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', {}) }),
      spec: { healthCheckExprs: [{ apiVersion: 'x.example.com/v1', kind: 'Any', current: 'status.phase == ((' }] },
      wait: false,
    });
    const status = await app.reason(/InvalidCELExpression: .*healthchecks\[0\].*expression Current/);
    expect(condition(status, 'Stalled')).toMatch(/^True\/InvalidCELExpression/);
    expect(condition(status, 'Ready')).toMatch(/^False\/InvalidCELExpression/);
    expect(await app.get('configmaps/a')).toBeUndefined();
    app.spec({});
    await app.agent.reaches((s) => s.converged);
    expect(condition(app.status(), 'Stalled')).toBe('');
  });

  it('of one Kustomization do not judge for another, nor are objects of others judged by theirs', async () => {
    const app = await place.app({
      files: (ns) => ({
        'app/a.yaml': configMap(ns, 'a', {}),
        'crd/crd.yaml': definition(`${ns}.example.com`),
        'w/w.yaml': widget(ns),
      }),
      spec: { path: './app' },
      more: (ns) => [another(ns, 'crd', './crd'), another(ns, 'w', './w', { dependsOn: [{ name: 'crd' }] })],
    });
    await app.agent.reaches((s) => s.converged, { name: 'w' });
    await phase(app, { phase: 'Done' });
    const check = { apiVersion: `${app.ns}.example.com/v1`, kind: 'Widget', name: 'one', namespace: app.ns };
    const others = (more: JsonObject): readonly string[] => [
      another(app.ns, 'crd', './crd'),
      another(app.ns, 'w', './w', { dependsOn: [{ name: 'crd' }], ...more }),
    ];
    const meta = { name: 'app', namespace: 'flux-system' };
    const declare = (spec: JsonObject, more: JsonObject = {}): void =>
      app.agent.declare(
        [
          manifest('source.toolkit.fluxcd.io/v1', 'GitRepository', meta, {
            spec: { url: app.repo.url, interval: '1h', ref: { branch: 'main' } },
          }),
          another(app.ns, 'app', './app', spec),
          ...others(more),
        ].join('\n---\n'),
      );
    // Mine says that it is not done; whoever has the object has no expression.
    const mine = { ...exprs(app.ns, { current: "status.phase == 'Later'" }), wait: false, healthChecks: [check] };
    declare(mine);
    await app.agent.reaches((s) => /Widget\/.*\/one status: 'InProgress'/.test(condition(s, 'Healthy')));
    expect(app.agent.kustomization('w').objects.byHealth).toEqual({ Current: 1 });
    // The owner says that it failed; mine is kstatus, which sees nothing wrong.
    declare({ healthChecks: [check] }, exprs(app.ns, { failed: "status.phase == 'Done'" }));
    await app.agent.reaches((s) => s.converged);
    await app.agent.reaches((s) => s.notConverged?.reason === 'HealthCheckFailed', { name: 'w' });
  });

  it('that cost too much have no value, and others go on meanwhile', async () => {
    const app = await place.app({ files: widgets });
    await phase(app, { nums: Array.from({ length: 300 }, (_, i) => i) });
    app.spec(
      exprs(app.ns, {
        current: 'status.nums.all(a, status.nums.all(b, status.nums.all(c, a + b + c >= 0)))',
        failed: 'false',
        inProgress: 'false',
      }),
    );
    await app.agent.reaches((s) => /takes more than \d+ steps/.test(condition(s, 'Healthy')));
  });
});

describe.concurrent('readyExpr', () => {
  const dependsOn = (readyExpr: string): JsonObject => ({ path: './app', dependsOn: [{ name: 'base', readyExpr }] });
  const files = (ns: string) => ({ 'app/a.yaml': configMap(ns, 'app', {}), 'base/b.yaml': configMap(ns, 'base', {}) });

  it('decides in place of the built-in check, and wakes when the labels of what it looks at change', async () => {
    const expr = "dep.metadata.labels['version'] == self.metadata.annotations['wants']";
    const base = (ns: string, version: string): string => another(ns, 'base', './base', {}, { labels: { version } });
    const app = await place.app({ files, spec: { path: './app' }, more: (ns) => [base(ns, 'v1')] });
    const declare = (version: string): void =>
      app.agent.declare(
        [
          manifest(
            'source.toolkit.fluxcd.io/v1',
            'GitRepository',
            { name: 'app', namespace: 'flux-system' },
            {
              spec: { url: app.repo.url, interval: '1h', ref: { branch: 'main' } },
            },
          ),
          another(app.ns, 'next', './app', dependsOn(expr), { annotations: { wants: 'v2' } }),
          base(app.ns, version),
        ].join('\n---\n'),
      );
    declare('v1');
    const status = await app.agent.reaches((s) => s.notConverged?.code === 'dependency-not-ready', { name: 'next' });
    expect(status.notConverged?.message).toBe("dependency 'flux-system/base' is not ready according to readyExpr eval");
    declare('v2');
    await app.agent.reaches((s) => s.ready === 'True', { name: 'next', timeoutMs: 5_000 });
  });

  it('sees the status of its dependency, and wakes when that changes', async () => {
    const waits = (ns: string): readonly string[] => [
      another(ns, 'base', './base', { wait: true, timeout: '5m' }),
      another(
        ns,
        'next',
        './app',
        dependsOn(
          "dep.status.conditions.exists(c, c.type == 'Healthy' && c.status == 'Unknown') && dep.status.inventory.entries.size() == 1",
        ),
      ),
    ];
    const app = await place.app({
      files: (ns) => ({ ...files(ns), 'base/b.yaml': deployment(ns, 'base') }),
      spec: { path: './none', suspend: true },
      wait: false,
      more: waits,
    });
    // Base never gets ready here: nothing runs its Pods. The expression asks for less.
    await app.agent.reaches((s) => s.ready === 'True', { name: 'next' });
    expect(app.agent.kustomization('base').ready).toBe('Unknown');
    expect(await app.get('configmaps/app')).toBeDefined();
  });

  it('that is no condition stalls; one that has no value is not ready', async () => {
    const app = await place.app({
      files,
      spec: { path: './base' },
      more: (ns) => [
        another(ns, 'base', './base'),
        another(ns, 'wrong', './app', dependsOn('dep.spec.suspend')),
        another(ns, 'none', './app', dependsOn("dep.status.nothing == 'x'")),
      ],
    });
    const wrong = await app.agent.reaches((s) => s.notConverged?.code === 'expression-invalid', { name: 'wrong' });
    expect(condition(wrong, 'Stalled')).toMatch(/^True\/InvalidCELExpression: .*expected bool, got dyn/);
    const none = await app.agent.reaches((s) => s.notConverged?.code === 'dependency-not-ready', { name: 'none' });
    expect(none.notConverged?.message).toMatch(/no such key: nothing/);
  });

  it('of a circle without expressions: each says the way round', async () => {
    const app = await place.app({
      files,
      spec: { path: './app', dependsOn: [{ name: 'two' }] },
      wait: false,
      more: (ns) => [
        another(ns, 'two', './base', { dependsOn: [{ name: 'three' }] }),
        another(ns, 'three', './base', { dependsOn: [{ name: 'app' }] }),
      ],
    });
    await app.reason(
      /dependency 'flux-system\/two' is not ready: dependsOn goes in a circle, flux-system\/app -> flux-system\/two -> flux-system\/three -> flux-system\/app/,
    );
    await app.agent.reaches((s) => /circle, flux-system\/two -> /.test(s.notConverged?.message ?? ''), { name: 'two' });
    await sleep(300);
    expect(await app.get('configmaps/app')).toBeUndefined();
    await until(() => app.agent.loop.quiet());
  });
});
