import { expect, it } from 'vitest';
import { clusterData } from '../../../agent/objects/data.ts';
import type { DataRef } from '../../../src/flux/index.ts';
import type { Cluster } from '../../../src/ports/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

const REF: DataRef = { kind: 'ConfigMap', namespace: 'team', name: 'values' };

/** What the cluster says of a ConfigMap that is another one each time, and how often it was asked. */
function world() {
  const clock = manualClock();
  let asked = 0;
  const read = async () => {
    asked += 1;
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'values', namespace: 'team' },
      data: { v: `${asked}` },
    };
  };
  const data = clusterData({ cluster: { read } as unknown as Cluster, clock, namespaces: [] });
  const value = async (since: number): Promise<string> => {
    const [found] = await data.read([REF], since);
    return Buffer.from(found?.data.get('v') ?? []).toString('utf8');
  };
  return { clock, value };
}

it('an answer is shared by those who were woken before it was asked for, for a moment', async () => {
  const { clock, value } = world();
  const woken = clock.monotonic();
  expect([await value(woken), await value(woken)]).toEqual(['1', '1']);
  await clock.advance(40);
  expect(await value(woken)).toBe('1');
  await clock.advance(20);
  expect(await value(woken)).toBe('2');
});

it('who was woken after it was asked for may mean something newer', async () => {
  const { clock, value } = world();
  expect(await value(clock.monotonic())).toBe('1');
  await clock.advance(1);
  const woken = clock.monotonic();
  expect([await value(woken), await value(woken)]).toEqual(['2', '2']);
});
