import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { at, textAt } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { configMap, manifest } from '../agent/app.ts';
import { type FluxPlace, gitRepository, isReady, kustomization, namespace, startFluxPlace } from './place.ts';

let place: FluxPlace;
beforeAll(async () => {
  place = await startFluxPlace();
  const repo = await place.git.repo('apps');
  await repo.commit({
    'ns.yaml': manifest('v1', 'Namespace', { name: 'apps' }),
    'a.yaml': configMap('apps', 'a', { v: 'one' }),
  });
  await place.put(namespace('flux-system'));
  await place.put(gitRepository('apps', { url: repo.url }));
  await place.put(kustomization('apps', {}));
  await place.agent().serving();
  await place.reaches('Kustomization/flux-system/apps', isReady);
});
afterAll(() => place?.stop());

describe('a cluster that loses its datastore', () => {
  it('gets definitions, Flux objects and what they apply again from the built agent, without Git', async () => {
    await place.git.stop();
    await place.cluster.wipe();
    await until(async () => textAt(await place.get('ConfigMap/apps/a'), 'data', 'v') === 'one', { within: 60_000 });
    // What hangs on them does not wait for them.
    await place.reaches('Kustomization/flux-system/apps', isReady, 60_000);
    const used = fluxDefinitions().filter(({ metadata }) =>
      /^(?:kustomizations|gitrepositories)\./.test(metadata.name),
    );
    expect(used.length).toBe(2);
    for (const one of used) {
      const live = await place.reaches(`CustomResourceDefinition//${one.metadata.name}`, () => true, 60_000);
      expect(at(live, 'metadata', 'labels')).toEqual({ 'app.kubernetes.io/part-of': 'holdfast' });
      expect(at(live, 'spec', 'versions')).toEqual(at(one, 'spec', 'versions'));
    }
  });
});
