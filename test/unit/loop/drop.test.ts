import { describe, expect, it } from 'vitest';
import { drop } from '../../../agent/loop/declare.ts';
import type { Site } from '../../../agent/loop/site.ts';

describe('an object that is no longer there', () => {
  it('has nothing in memory that was got for it as a source', () => {
    const forgotten: string[] = [];
    const log = { info: () => undefined, warn: () => undefined };
    const run = (key: string) => {
      const [kind = '', namespace = '', name = ''] = key.split('/');
      return { key, timer: undefined, timers: {}, object: { kind, meta: { namespace, name } } };
    };
    const [bucket, app] = [run('Bucket/apps/store'), run('Kustomization/apps/app')];
    const site = {
      env: { log, meter: { forget: () => undefined }, workshop: { forget: (key: string) => void forgotten.push(key) } },
      sources: new Map([[bucket.key, bucket]]),
      kustomizations: new Map([[app.key, app]]),
      places: { settle: () => undefined },
      unread: new Map(),
    } as unknown as Site;
    drop(site, app.key);
    expect(forgotten).toEqual([]);
    drop(site, bucket.key);
    expect(forgotten).toEqual([bucket.key]);
  });
});
