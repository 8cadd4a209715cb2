import { expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { configMap, definition, healed, manifest, usePlace } from './app.ts';

const place = usePlace();

/** Puts a server that does not answer in the place of what serves a group, as an aggregated API has one; undoes it. */
async function takeDown(group: string): Promise<() => Promise<void>> {
  const path = `/apis/apiregistration.k8s.io/v1/apiservices/v1.${group}`;
  const spec = { service: { namespace: 'default', name: 'nobody', port: 443 }, insecureSkipTLSVerify: true };
  const metadata = { labels: { 'kube-aggregator.kubernetes.io/automanaged': null } };
  const { status, text } = await place.cluster.api('PATCH', path, { metadata, spec });
  expect(status, text).toBe(200);
  return async () => {
    await place.cluster.api('DELETE', path);
  };
}

it('what an API that is down has is not forgotten, nor taken for deleted; others go on', async () => {
  const group = (ns: string): string => `${ns}.example.com`;
  const widget = (ns: string, size: number): string =>
    manifest(`${group(ns)}/v1`, 'Widget', { name: 'w', namespace: ns }, { spec: { size } });
  const app = await place.app({
    files: (ns) => ({
      'crd.yaml': definition(group(ns)),
      'w.yaml': widget(ns, 1),
      'v.yaml': widget(ns, 1).replace('"w"', '"v"'),
      'a.yaml': configMap(ns, 'a', { v: '1' }),
    }),
  });
  const path = (name: string): string => `/apis/${group(app.ns)}/v1/namespaces/${app.ns}/widgets/${name}`;
  const comeBack = await takeDown(group(app.ns));
  await until(async () => (await place.cluster.api('GET', path('w'))).status === 503, { what: 'the API is down' });
  await app.restart();
  await app.commit({ 'w.yaml': widget(app.ns, 2), 'v.yaml': null, 'a.yaml': configMap(app.ns, 'a', { v: '2' }) });
  const told = await app.reason(/what serves .*\/v1 does not answer: look at APIService v1\./);
  expect(told.notConverged?.code).toBe('cluster-api-down');
  await healed(app, 'configmaps/a', (object) => JSON.stringify(object?.['data']) === '{"v":"2"}');
  const ids = ['v', 'w'].map((name) => `${app.ns}_${name}_${group(app.ns)}_Widget`);
  expect(app.status().inventory.map((one) => one.id)).toEqual(expect.arrayContaining(ids));
  await comeBack();
  await app.agent.reaches((s) => s.converged, { timeoutMs: 60_000 });
  expect((await app.get(path('w')))?.['spec']).toEqual({ size: 2 });
  expect(await app.get(path('v'))).toBeUndefined();
}, 120_000);
