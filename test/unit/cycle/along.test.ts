import { expect, it } from 'vitest';
import { countAlong } from '../../../src/cycle/along.ts';
import { Fault, type KubeObject, objectId, type Step } from '../../../src/model/index.ts';
import type { Cluster } from '../../../src/ports/index.ts';

const NEVER = new AbortController().signal;
const ref = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  namespace: '',
  name: 'widgets.example.com',
};
const step = { do: 'delete', id: objectId(ref), ref, why: 'gone' } as const satisfies Step;
const definition = (established: string): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: ref.name },
  spec: {
    group: 'example.com',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [
      { name: 'v1alpha1', served: false },
      { name: 'v1', served: true },
    ],
  },
  status: { conditions: [{ type: 'Established', status: established }] },
});
const widget: KubeObject = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' } };

/** Discovery of this one never knows the kind, as it may for a while after a definition was made. */
function counted(object: KubeObject, list: Cluster['list']): Promise<ReadonlyMap<string, number>> {
  const cluster = { read: async () => object, list } as unknown as Cluster;
  return countAlong([step], { cluster }, NEVER);
}

it('what goes along with a definition is counted in a version that it serves', async () => {
  const listed: string[] = [];
  const counts = await counted(definition('True'), async (gvk, _options, each) => {
    listed.push(`${gvk.group}/${gvk.version} ${gvk.kind}`);
    for (let i = 0; i < 3; i++) each(widget);
  });
  expect([...counts]).toEqual([[step.id, 3]]);
  expect(listed).toEqual(['example.com/v1 Widget']);
});

it('nothing is deleted where nobody can count', async () => {
  const unknown = async (): Promise<never> => {
    throw new Fault('kind-unknown', 'the API server does not serve Widget.example.com/v1');
  };
  await expect(counted(definition('True'), unknown)).rejects.toMatchObject({
    code: 'prune-failed',
    message: expect.stringMatching(
      /^cannot count what would go along with CustomResourceDefinition\/widgets.*changed$/,
    ),
  });
});

it('a definition that is not established has no objects, and what may not be seen does not count', async () => {
  const denied = async (): Promise<never> => {
    throw new Fault('cluster-denied', 'no');
  };
  for (const established of ['False', 'True'])
    expect([...(await counted(definition(established), denied)).values()]).toEqual([0]);
});
