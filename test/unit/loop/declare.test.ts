import { describe, expect, it } from 'vitest';
import { declare, put, remove, settle } from '../../../agent/loop/declare.ts';
import { type LoopEnv, NO_NEWS, type Objects } from '../../../agent/loop/env.ts';
import type { Runner } from '../../../agent/loop/runner.ts';
import type { Site } from '../../../agent/loop/site.ts';
import { FROM_CLUSTER, type SourceObject } from '../../../src/flux/index.ts';
import { NO_TRAFFIC } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { manualClock } from '../../support/manual-clock.ts';

const KEY = 'GitRepository/team/app';
const FILE = objectsOf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: team }
spec: { interval: 1h, url: "https://git.test/app" }
`);
const NO_FILE = { ...FILE, sources: [] };

function ofCluster(): SourceObject {
  const [one] = FILE.sources;
  if (one === undefined) throw new Error('not read');
  return { ...one, meta: { ...one.meta, origin: FROM_CLUSTER } } as SourceObject;
}

function world(objects: Objects = NO_FILE) {
  const forgotten: string[] = [];
  const woken: string[] = [];
  /** Whose keys and tokens the workshop has let go of. */
  const loggedOut: string[] = [];
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log = { ...silent, with: () => log };
  const env = {
    clock: manualClock(),
    log,
    news: NO_NEWS,
    meter: { ran: () => undefined, forget: () => undefined },
    workshop: { forget: (key: string) => void loggedOut.push(key) },
    settings: { fetchScope: 'whole' },
    records: {
      traffic: () => NO_TRAFFIC,
      source: () => undefined,
      forget: async (key: string) => void forgotten.push(key),
    },
  } as unknown as LoopEnv;
  const runner = { wake: (key: string, cause: string) => void woken.push(`${key} ${cause}`) } as unknown as Runner;
  const site = {
    env,
    sources: new Map(),
    kustomizations: new Map(),
    objects: NO_FILE,
    unread: new Map(),
    unlisted: new Map(),
    unknown: new Set(),
    roots: new Map(),
    later: new Set(),
    asked: { keys: new Set(), late: undefined },
    presence: { identity: () => undefined },
    places: { settle: () => undefined },
  } as unknown as Site;
  declare(site, objects, runner);
  woken.splice(0);
  return { site, runner, forgotten, woken, loggedOut };
}

describe('an object of the cluster', () => {
  it('that is gone is let go of, and forgotten when that was meant', async () => {
    const { site, runner, forgotten, loggedOut } = world();
    expect(put(site, ofCluster(), {}, runner)).toBe('');
    await remove(site, KEY, false, runner);
    expect([site.sources.size, forgotten, loggedOut]).toEqual([0, [], [KEY]]);
    put(site, ofCluster(), {}, runner);
    await remove(site, KEY, true, runner);
    expect([site.sources.size, forgotten]).toEqual([0, [KEY]]);
  });

  it('takes nothing with it that a file declares', async () => {
    const { site, runner, forgotten } = world(FILE);
    expect(put(site, ofCluster(), {}, runner)).toContain('is declared in test.yaml');
    expect(site.unread.size).toBe(1);
    expect(settle(site, KEY, {}, runner)).toBe(false);
    for (const meant of [true, false]) await remove(site, KEY, meant, runner);
    expect([site.sources.has(KEY), site.unread.size, forgotten]).toEqual([true, 0, []]);
  });

  it('that cannot be read any more is settled by its last good state, where there is one', () => {
    const { site, runner, woken } = world();
    expect(settle(site, KEY, {}, runner)).toBe(false);
    put(site, ofCluster(), {}, runner);
    woken.splice(0);
    expect(settle(site, KEY, {}, runner)).toBe(true);
    expect(site.sources.get(KEY)?.object.meta.deleting).toBe(true);
    expect(woken).toEqual([`${KEY} requested`]);
  });
});
