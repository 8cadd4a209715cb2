import { expect, it } from 'vitest';
import { firstLists } from '../../../agent/objects/listing.ts';
import type { Cluster } from '../../../src/ports/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

function world(namespaces: readonly string[] = [''], served: (kind: string) => boolean = () => true) {
  const clock = manualClock();
  const told: string[] = [];
  const known = new Map<string, boolean>();
  const stop = new AbortController();
  const loop = {
    listing: (kind: string) => void told.push(`listing ${kind}`),
    listed: (kind: string) => void told.push(`listed ${kind}`),
    knows: (kind: string, all: boolean) => void known.set(kind, all),
  };
  const find = ({ kind }: { readonly kind: string }) => (served(kind) ? {} : undefined);
  const cluster = { surface: async () => ({ find }) } as unknown as Cluster;
  const tell = firstLists({ clock, cluster, loop, namespaces }, stop.signal);
  const begun = told.splice(0);
  const isKnown = (kind: string): boolean => known.get(kind) === true;
  return { clock, told, stop, tell, begun, isKnown };
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
  const { tell, told, isKnown } = world(['a', 'b']);
  tell('Kustomization', 'a', { type: 'synced' });
  tell('Kustomization', 'a', { type: 'synced' });
  expect(told).toEqual([]);
  expect(isKnown('Kustomization')).toBe(false);
  tell('Kustomization', 'b', { type: 'synced' });
  expect(told).toEqual(['listed Kustomization']);
  expect(isKnown('Kustomization')).toBe(true);
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

it('a kind whose list is slow is waited for no longer, and yet not known before it came', async () => {
  const { clock, tell, told, isKnown } = world();
  await clock.advance(60_000);
  expect(told).toContain('listed GitRepository');
  expect(isKnown('GitRepository')).toBe(false);
  tell('GitRepository', '', { type: 'restart' });
  tell('GitRepository', '', { type: 'lost', message: 'no link', code: 'cluster-unreachable' });
  expect(isKnown('GitRepository')).toBe(false);
  tell('GitRepository', '', { type: 'synced' });
  expect(isKnown('GitRepository')).toBe(true);
});

it('a kind that may not be listed is not known, also where that is found out later', () => {
  const { tell, isKnown } = world(['a', 'b']);
  tell('Bucket', 'a', { type: 'synced' });
  tell('Bucket', 'b', { type: 'lost', message: 'no', code: 'cluster-denied' });
  expect(isKnown('Bucket')).toBe(false);
  tell('Bucket', 'b', { type: 'synced' });
  expect(isKnown('Bucket')).toBe(true);
  tell('Bucket', 'a', { type: 'lost', message: 'no', code: 'cluster-denied' });
  expect(isKnown('Bucket')).toBe(false);
});

it('a kind that the API server does not serve has no objects, once it had time to say so', async () => {
  const { clock, tell, isKnown } = world(['a', 'b'], (kind) => kind !== 'ExternalArtifact' && kind !== 'Bucket');
  tell('Bucket', 'a', { type: 'lost', message: 'no', code: 'cluster-denied' });
  expect(isKnown('ExternalArtifact')).toBe(false);
  await clock.advance(10_000);
  expect(['ExternalArtifact', 'GitRepository'].map(isKnown)).toEqual([true, false]);
});
