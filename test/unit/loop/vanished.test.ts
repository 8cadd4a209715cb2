import { expect, it } from 'vitest';
import type { Site } from '../../../agent/loop/site.ts';
import { takeBack } from '../../../agent/loop/vanished.ts';
import { FROM_CLUSTER } from '../../../src/flux/index.ts';
import type { InventoryEntry, ObjectId } from '../../../src/model/index.ts';
import { KEY, runWorld } from './run-world.ts';

const entry = (name: string): InventoryEntry => ({ id: `team_${name}__ConfigMap` as ObjectId, v: 'v1' });
const made = [entry('a'), entry('b')];

/** The world of a first run that has applied two objects, and whose object is gone now. */
function world(news: { isGone: () => Promise<boolean> }) {
  const asked: string[] = [];
  const isGone = (): Promise<boolean> => {
    asked.push('gone?');
    return news.isGone();
  };
  const { run, ports } = runWorld({
    record: { inventory: made, clusterUid: 'uid' },
    meta: { origin: FROM_CLUSTER },
    news: { isGone },
  });
  const site = { sources: new Map(), kustomizations: new Map() } as unknown as Site;
  return { site, run, ports, asked };
}

it('what a first run has made for an object that went is looked after by one of the same name that came meanwhile', async () => {
  const { site, run, ports, asked } = world({ isGone: async () => true });
  const heir = runWorld({ record: { inventory: [entry('b'), entry('c')], clusterUid: '' } }).run;
  site.kustomizations.set(KEY, heir);
  await takeBack(site, run, ports);
  expect(heir.record.inventory).toEqual([entry('b'), entry('c'), entry('a')]);
  expect([heir.record.clusterUid, heir.unsaved, asked]).toEqual(['uid', true, []]);
});

it('stays when the object is still there for others, or that is not known', async () => {
  for (const isGone of [async () => false, () => Promise.reject(new Error('away'))]) {
    const { site, run, ports, asked } = world({ isGone });
    await takeBack(site, run, ports);
    expect([run.record.inventory, asked]).toEqual([made, ['gone?']]);
  }
});

it('stays when a file declared it, it was deleted in order, or it is declared still', async () => {
  const { site, run, ports, asked } = world({ isGone: async () => true });
  const { object } = run;
  for (const meta of [{ origin: 'app.yaml' }, { origin: FROM_CLUSTER, deleting: true as const }]) {
    run.object = { ...object, meta: { ...object.meta, ...meta } };
    await takeBack(site, run, ports);
  }
  run.object = object;
  site.kustomizations.set(KEY, run);
  await takeBack(site, run, ports);
  expect([run.record.inventory, asked]).toEqual([made, []]);
});
