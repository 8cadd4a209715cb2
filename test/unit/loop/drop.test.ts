import { describe, expect, it } from 'vitest';
import { remove } from '../../../agent/loop/declare.ts';
import type { Runner } from '../../../agent/loop/runner.ts';
import type { Site } from '../../../agent/loop/site.ts';

describe('an object that is no longer there', () => {
  it('has nothing in memory that was got for it as a source', async () => {
    const forgotten: string[] = [];
    const log = { info: () => undefined, warn: () => undefined };
    const run = (key: string) => {
      const [kind = '', namespace = '', name = ''] = key.split('/');
      return {
        key,
        timer: undefined,
        timers: {},
        object: { kind, meta: { namespace, name, origin: 'cluster' }, spec: { dependsOn: [] } },
      };
    };
    const [bucket, app] = [run('Bucket/apps/store'), run('Kustomization/apps/app')];
    const site = {
      env: { log, meter: { forget: () => undefined }, workshop: { forget: (key: string) => void forgotten.push(key) } },
      sources: new Map([[bucket.key, bucket]]),
      kustomizations: new Map([[app.key, app]]),
      places: { settle: () => undefined },
      unread: new Map(),
      roots: new Map(),
    } as unknown as Site;
    const runner = { wake: () => undefined } as unknown as Runner;
    await remove(site, app.key, false, runner);
    expect(forgotten).toEqual([]);
    await remove(site, bucket.key, false, runner);
    expect(forgotten).toEqual([bucket.key]);
  });
});
