import { expect, it } from 'vitest';
import { seenOf } from '../../../src/apply/index.ts';
import { decide, type SyncPorts } from '../../../src/cycle/index.ts';
import type { RenderedObject } from '../../../src/model/index.ts';
import { sharedSurvey } from '../../../src/observe/index.ts';
import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { firstSync, rendered } from '../../support/plans.ts';

const NEVER = new AbortController().signal;
const once = (name: string): RenderedObject =>
  rendered(name, 'x', { settings: { reconcile: true, ssa: 'IfNotPresent', force: false, prune: true } });

it('an object that is only to be made where none is, is not judged by a list that others share', async () => {
  const cluster = createFakeCluster();
  cluster.namespaces('app');
  const shared = sharedSurvey({ cluster, seenOf, now: () => 1_000 });
  const asked: string[][] = [];
  const ports = {
    cluster,
    seenOf,
    survey: (refs: Parameters<typeof shared.survey>[0], signal: AbortSignal) => {
      asked.push(refs.map(({ ref }) => ref.name));
      return shared.survey(refs, signal);
    },
  } as unknown as SyncPorts;
  const doing = async (...objects: readonly RenderedObject[]): Promise<string[]> => {
    const plan = await decide(firstSync(...objects), ports, NEVER);
    return plan.stages
      .flatMap(({ steps }) => steps)
      .flatMap((step) => (step.do === 'wait' ? [] : [`${step.do} ${step.ref.name}`]))
      .sort();
  };
  // The second of two that follow each other lists for all that come after.
  for (const name of ['first', 'second']) await doing(rendered(name, 'x'));
  const ref = once('seed').ref;
  await cluster.create(
    ref,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seed' } },
    { manager: 'somebody' },
  );
  expect(await doing(once('seed'), rendered('usual', 'x'))).toEqual(['apply usual', 'skip seed']);
  expect(await doing(once('seed'))).toEqual(['skip seed']);
  expect(asked).toEqual([['first'], ['second'], ['usual']]);
});
