import { beforeEach, describe, expect, it } from 'vitest';
import { lookAtAll, runEnded, wakeAskedOf, wakeUsers } from '../../../agent/loop/order.ts';
import type { Runner } from '../../../agent/loop/runner.ts';
import type { Site } from '../../../agent/loop/site.ts';

const SOURCE = 'GitRepository/apps/fleet';
let timers: { readonly ms: number; readonly ring: () => void; off: boolean }[] = [];
let woken: string[] = [];
/** Digest of what is at a path, by root. */
let folders: Record<string, Record<string, string>> = {};

const runner = { wake: (key: string, cause: string) => void woken.push(`${key} ${cause}`) } as unknown as Runner;

function siteOf(paths: Readonly<Record<string, string>>): Site {
  const kustomizations = new Map(
    Object.entries(paths).map(([key, path]) => [
      key,
      { key, object: { spec: { path, sourceRef: { kind: 'GitRepository', namespace: 'apps', name: 'fleet' } } } },
    ]),
  );
  return {
    env: {
      clock: {
        after: (ms: number, ring: () => void) => {
          const timer = { ms, ring, off: false };
          timers.push(timer);
          return () => {
            timer.off = true;
          };
        },
      },
      records: { source: () => ({ current: { root: 'new' } }) },
      workshop: {
        folders: (root: string, asked: readonly string[]) => {
          const there = folders[root];
          if (there === undefined) throw new Error('not here');
          return asked.map((path) => there[path] ?? '');
        },
      },
    },
    sources: new Map([[SOURCE, { key: SOURCE, object: { kind: 'GitRepository', spec: { suspend: false } } }]]),
    kustomizations,
    roots: new Map([[SOURCE, 'old']]),
    asked: { keys: new Set(), late: undefined },
    later: new Set(),
    wallClock: { accept: () => undefined },
  } as unknown as Site;
}

beforeEach(() => {
  timers = [];
  woken = [];
  folders = { old: { one: '1', two: '2', three: '3' }, new: { one: '1', two: 'changed', three: '3' } };
});

describe('a new revision', () => {
  const paths = { a: 'one', b: 'two', c: 'three' };

  it('lets those go first whose folder changed, and the others when these have ended', () => {
    const site = siteOf(paths);
    wakeUsers(site, SOURCE, runner);
    expect(woken).toEqual(['b revision']);
    runEnded(site, 'a');
    expect(woken).toHaveLength(1);
    runEnded(site, 'b');
    expect(woken.slice(1)).toEqual(['a revision', 'c revision']);
    expect([site.later.size, timers.every((one) => one.off)]).toEqual([0, true]);
  });

  it('does not let the others wait for long', () => {
    const site = siteOf(paths);
    wakeUsers(site, SOURCE, runner);
    timers[0]?.ring();
    expect([timers[0]?.ms, woken.slice(1)]).toEqual([300, ['a revision', 'c revision']]);
    runEnded(site, 'b');
    expect(woken).toHaveLength(3);
  });

  it('wakes all at once where it is not known what changed, or nothing or everything did', () => {
    for (const old of [undefined, folders['new'], { one: 'x', two: 'x', three: 'x' }]) {
      woken = [];
      folders = { new: folders['new'] ?? {}, ...(old === undefined ? {} : { old }) };
      wakeUsers(siteOf(paths), SOURCE, runner);
      expect(woken).toEqual(['a revision', 'b revision', 'c revision']);
    }
  });
});

describe('a look at everything', () => {
  it('asks sources first, then what is made of them, in one run with a new revision', () => {
    const site = siteOf({ a: 'one', b: 'two' });
    lookAtAll(site, runner);
    expect(woken).toEqual([`${SOURCE} requested`]);
    wakeUsers(site, SOURCE, runner);
    wakeAskedOf(site, SOURCE, runner);
    expect(woken.slice(1)).toEqual(['b revision', 'b requested']);
    runEnded(site, 'b');
    expect(woken.slice(3)).toEqual(['a revision', 'a requested']);
  });

  it('does not wait for a source that does not answer', () => {
    const site = siteOf({ a: 'one', b: 'two' });
    lookAtAll(site, runner);
    lookAtAll(site, runner);
    expect(timers).toHaveLength(1);
    timers[0]?.ring();
    expect(woken.slice(2)).toEqual(['a requested', 'b requested']);
    wakeAskedOf(site, SOURCE, runner);
    expect(woken).toHaveLength(4);
  });
});
