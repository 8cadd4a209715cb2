import { expect, it } from 'vitest';
import { firstLists } from '../../../agent/objects/listing.ts';
import { manualClock } from '../../support/manual-clock.ts';

function world(namespaces: readonly string[] = ['']) {
  const clock = manualClock();
  const told: string[] = [];
  const stop = new AbortController();
  const loop = {
    listing: (kind: string) => void told.push(`listing ${kind}`),
    listed: (kind: string) => void told.push(`listed ${kind}`),
  };
  const tell = firstLists({ clock, loop, namespaces }, stop.signal);
  const begun = told.splice(0);
  return { clock, told, stop, tell, begun };
}

it('kinds are being listed until their first list is there, once', () => {
  const { tell, told, begun } = world();
  expect(begun).toContain('listing GitRepository');
  tell('GitRepository', '', { type: 'restart' });
  expect(told).toEqual([]);
  tell('GitRepository', '', { type: 'synced' });
  tell('GitRepository', '', { type: 'synced' });
  expect(told).toEqual(['listed GitRepository']);
});

it('in all namespaces that are watched', () => {
  const { tell, told } = world(['a', 'b']);
  tell('Kustomization', 'a', { type: 'synced' });
  tell('Kustomization', 'a', { type: 'synced' });
  expect(told).toEqual([]);
  tell('Kustomization', 'b', { type: 'synced' });
  expect(told).toEqual(['listed Kustomization']);
});

it('no longer when that is denied, or takes too long because the kind is not served', async () => {
  const { clock, tell, told, begun } = world();
  tell('Bucket', '', { type: 'lost', message: 'no link' });
  expect(told).toEqual([]);
  tell('Bucket', '', { type: 'lost', message: 'no', code: 'cluster-denied' });
  expect(told).toEqual(['listed Bucket']);
  await clock.advance(10_000);
  expect(told).toHaveLength(begun.length);
});

it('and nothing is told when another cluster is watched by then', async () => {
  const { clock, stop, tell, told } = world();
  stop.abort();
  tell('Bucket', '', { type: 'synced' });
  await clock.advance(60_000);
  expect(told).toEqual([]);
  expect(clock.waiting()).toBe(0);
});
