import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { until } from '../../support/until.ts';
import { type App, declared, manifest, usePlace } from '../agent/app.ts';
import { account, grant, subjectOf } from './rbac.ts';

const place = usePlace();

/** Declares the Kustomization as one that somebody has deleted, with more beside it. */
function deleteIt(app: App, spec: JsonObject, ...more: readonly string[]): void {
  const objects = objectsOf([declared(app.repo.url, { spec, source: {} }), ...more].join('\n---\n'));
  const deleting = objects.kustomizations.map((one) => ({ ...one, meta: { ...one.meta, deleting: true as const } }));
  app.agent.loop.declare({ ...objects, kustomizations: deleting });
}

async function tenant(): Promise<App> {
  const app = await place.app({ wait: false, spec: { serviceAccountName: 'HERE' } });
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }];
  await account(place.cluster, 'flux-system', app.ns);
  await grant(place.cluster, { namespace: app.ns, name: 'tenant', rules, subject: subjectOf('flux-system', app.ns) });
  app.agent.loop.nudge('Kustomization/flux-system/app');
  await app.agent.reaches((s) => s.converged);
  return app;
}

const kubeconfig = (): string =>
  manifest(
    'v1',
    'Secret',
    { name: 'remote', namespace: 'flux-system' },
    { stringData: { value: place.cluster.kubeconfig({ name: 'by-kubeconfig', groups: ['system:masters'] }) } },
  );

describe.concurrent('a Kustomization that is deleted', () => {
  it('deletes its objects as its account', async () => {
    const app = await tenant();
    deleteIt(app, { serviceAccountName: app.ns });
    await until(async () => (await app.get('configmaps/a')) === undefined);
    // The API server writes its log a little after it has answered.
    const gone = await until(() => place.cluster.audited({ verb: 'delete', namespace: app.ns, name: 'a' })[0]);
    expect(gone).toMatchObject({ user: app.user, actedFor: `system:serviceaccount:flux-system:${app.ns}`, code: 200 });
    await until(() => app.status().inventory.length === 0);
  });

  it('leaves its objects when its account is gone, as in Flux, and says which', async () => {
    const app = await tenant();
    await place.cluster.api('DELETE', `/api/v1/namespaces/flux-system/serviceaccounts/${app.ns}`);
    deleteIt(app, { serviceAccountName: app.ns });
    await until(() => app.agent.lines.some((line) => /its ServiceAccount is gone/.test(String(line['msg']))));
    expect(await app.get('configmaps/a')).toBeDefined();
    expect(place.cluster.audited({ verb: 'delete', namespace: app.ns, name: 'a' })).toEqual([]);
  });

  it('waits for its kubeconfig when that is gone, then deletes with it', async () => {
    const spec: JsonObject = { kubeConfig: { secretRef: { name: 'remote' } } };
    const app = await place.app({ spec, more: () => [kubeconfig()] });
    deleteIt(app, spec);
    await app.reason(/Secret flux-system\/remote, named by spec.kubeConfig, does not exist/);
    expect(await app.get('configmaps/a')).toBeDefined();
    deleteIt(app, spec, kubeconfig());
    await until(async () => (await app.get('configmaps/a')) === undefined);
    // The API server writes its log a little after it has answered.
    const gone = await until(() => place.cluster.audited({ verb: 'delete', namespace: app.ns, name: 'a' })[0]);
    expect(gone).toMatchObject({ user: 'by-kubeconfig', code: 200 });
  });
});
