import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/model/index.ts';
import type { Launched } from '../../fault/agent/launch.ts';
import { until } from '../../support/until.ts';
import { configMap } from '../agent/app.ts';
import { built, type FluxPlace, gitRepository, isReady, kustomization, namespace, startFluxPlace } from './place.ts';

const ACCOUNT = 'system:serviceaccount:holdfast:holdfast';
const ROLE = join(import.meta.dirname, '../../../manifests/components/restore/role.yaml');

let place: FluxPlace;
let agent: Launched;

/** What somebody puts into an empty cluster so that the agent may work there: no definitions, no Flux objects. */
async function bootstrap(): Promise<void> {
  for (const name of ['flux-system', 'apps', 'holdfast']) await place.put(namespace(name));
  for (const object of loadAll(built('manifests/overlays/flux-namespaced')) as unknown as KubeObject[])
    if (/Role|Binding|ServiceAccount/.test(object.kind)) await place.put(object);
}

describe('an agent with the rights of the overlay flux-namespaced, in a cluster that lost its datastore', () => {
  beforeAll(async () => {
    place = await startFluxPlace();
    await bootstrap();
    const repo = await place.git.repo('apps');
    await repo.commit({ 'a.yaml': configMap('apps', 'a', { v: '1' }) });
    await place.put(gitRepository('apps', { url: repo.url }));
    await place.put(kustomization('apps', {}));
    // A certificate in place of the token of a pod, which would not outlive the datastore.
    const kubeconfig = place.cluster.kubeconfigFile({ name: ACCOUNT, groups: [] });
    agent = place.agent({ kubeconfig, scope: ', namespaces: [flux-system]' });
    await agent.serving();
    await place.reaches('Kustomization/flux-system/apps', isReady, 60_000);
    await place.cluster.wipe();
    await bootstrap();
  });
  afterAll(() => place?.stop());

  const problems = async (): Promise<string> => JSON.stringify(await agent.status());

  it('says which rule is missing', async () => {
    const text = await until(
      async () => {
        const found = await problems();
        return found.includes('not put back yet') ? found : undefined;
      },
      { within: 60_000, what: 'the status tells of it' },
    );
    expect(text).toMatch(/customresourcedefinitions/);
    expect(text).toMatch(/verbs: \[\\\\?"create\\\\?"\]/);
    expect(text).toMatch(/ServiceAccount holdfast\/holdfast/);
  });

  it('gives the objects back with the component restore, and the line is gone', async () => {
    for (const object of loadAll(readFileSync(ROLE, 'utf8')) as unknown as KubeObject[]) await place.put(object);
    await place.reaches('Kustomization/flux-system/apps', isReady, 60_000);
    expect(await place.get('GitRepository/flux-system/apps')).toBeDefined();
    await until(async () => !(await problems()).includes('not put back yet'), { within: 30_000 });
  });
});
