import { load } from 'js-yaml';
import { afterEach, describe, expect, it } from 'vitest';
import { type JsonObject, listAt, textAt } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, manifest, usePlace } from '../agent/app.ts';
import { account, grant, subjectOf } from './rbac.ts';

const ISSUER = 'https://kubernetes.default.svc';
const FAR: JsonObject = { kubeConfig: { configMapRef: { name: 'far' } } };

const place = usePlace();
const agents: App[] = [];
afterEach(async () => {
  for (const app of agents.splice(0)) await app.agent.stop();
});

/** How the API server is reached, as a ConfigMap says it. */
function reach(): { readonly address: string; readonly 'ca.crt': string } {
  const cluster = listAt(load(place.cluster.kubeconfig()) as JsonObject, 'clusters')[0];
  const ca = textAt(cluster, 'cluster', 'certificate-authority-data') ?? '';
  return {
    address: textAt(cluster, 'cluster', 'server') ?? '',
    'ca.crt': Buffer.from(ca, 'base64').toString('utf8'),
  };
}

async function site(name: string, data: JsonObject): Promise<App> {
  const app = await place.app({
    files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }) }),
    more: () => [manifest('v1', 'ConfigMap', { name: 'far', namespace: 'flux-system' }, { data })],
    spec: FAR,
    wait: false,
  });
  agents.push(app);
  await account(place.cluster, 'flux-system', name);
  return app;
}

const may = (app: App, name: string): Promise<void> =>
  grant(place.cluster, {
    namespace: app.ns,
    name,
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }],
    subject: subjectOf('flux-system', name),
  });

describe('a Kustomization whose kubeConfig names a ConfigMap', () => {
  it('applies with a token of the account that it names, which is asked for once', async () => {
    const app = await site('far-app', {
      provider: 'generic',
      audiences: `\n ${ISSUER} \n`,
      serviceAccountName: 'far-app',
      ...reach(),
    });
    await may(app, 'far-app');
    await app.agent.reaches((s) => s.converged, { timeoutMs: 60_000 });
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    // The API server writes its log a little after it has answered.
    await until(
      () =>
        place.cluster.audited({
          user: 'system:serviceaccount:flux-system:far-app',
          verb: 'patch',
          resource: 'configmaps',
        }).length > 0,
      { what: 'the account has applied' },
    );
    const tokens = (): number =>
      place.cluster
        .audited({ resource: 'serviceaccounts', subresource: 'token' })
        .filter((one) => one.name === 'far-app').length;
    await until(() => tokens() > 0, { what: 'its token was asked for' });
    expect(tokens()).toBe(1);
  });

  it('says what is wrong with it', async () => {
    const good = { provider: 'generic', audiences: ISSUER, serviceAccountName: 'far-bad', ...reach() };
    for (const [data, says] of [
      [
        { ...good, provider: 'aws', cluster: 'arn:aws:eks:x' },
        /provider 'aws' needs a login at that cloud.*use 'generic'/,
      ],
      [{ ...good, provider: 'none' }, /provider 'none' is none/],
      [{ ...good, address: '' }, /has no key 'address'/],
      [{ ...good, address: 'http://127.0.0.1' }, /not an https URL/],
      [{ ...good, 'ca.crt': 'nonsense' }, /is no certificate/],
      [{ ...good, serviceAccountName: 'nobody-at-all' }, /ServiceAccount flux-system\/nobody-at-all does not exist/],
    ] as const) {
      const app = await site('far-bad', data);
      await app.reason(says);
      await app.agent.stop();
    }
    agents.length = 0;
  });
});
