import { describe, expect, it } from 'vitest';
import { seenOf } from '../../../src/apply/index.ts';
import type { KubeObject } from '../../../src/model/index.ts';
import { createObserver } from '../../../src/observe/index.ts';
import type { Cluster, WatchEvent, WatchOptions } from '../../../src/ports/index.ts';
import { silentLog } from '../../support/quiet.ts';

const JOB = { group: 'batch', version: 'v1', kind: 'Job', namespace: 'n' };
const ID = 'n_a_batch_Job';

/** An observer whose only watch is driven by hand. */
function watched() {
  let options: WatchOptions | undefined;
  const watch = (_gvk: unknown, given: WatchOptions): Promise<void> => {
    options = given;
    return new Promise(() => undefined);
  };
  const told: string[] = [];
  const observer = createObserver({
    cluster: { watch } as unknown as Cluster,
    log: silentLog,
    now: () => 0,
    seenOf,
    onChange: ({ type, id }) => void told.push(`${type} ${id}`),
    onSynced: () => undefined,
    onLink: () => undefined,
  });
  observer.want([JOB]);
  const tell = (event: WatchEvent): void => options?.onEvent(event);
  return {
    observer,
    tell,
    put: (object: KubeObject) => tell({ type: 'put', object }),
    note: (version: string) => observer.note(ID, seenOf(job(version).metadata), undefined),
    /** What those who applied were told since the last look. */
    told: () => told.splice(0),
  };
}

function job(resourceVersion: string, condition?: string): KubeObject {
  const conditions = condition === undefined ? [] : [{ type: condition, status: 'True' }];
  const metadata = { name: 'a', namespace: 'n', uid: 'u', resourceVersion };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: {}, status: { conditions, startTime: 'x' } };
}

describe('an observer', () => {
  it('does not unlearn what a watch showed when the answer of an own apply comes later', () => {
    const { observer, put } = watched();
    put(job('12', 'Complete'));
    observer.note(ID, seenOf(job('10').metadata), { status: 'InProgress', message: 'Job not started' });
    expect(observer.health.get(ID)?.status).toBe('Current');
    expect(observer.seen.get(ID)?.resourceVersion).toBe('12');
  });

  it('takes the answer of an own apply that is newer', () => {
    const { observer, put } = watched();
    put(job('9', 'Complete'));
    observer.note(ID, seenOf(job('10').metadata), { status: 'InProgress', message: 'Job not started' });
    expect(observer.health.get(ID)?.status).toBe('InProgress');
  });

  it('tells whoever applied, when the answer comes, of what a watch showed before it', () => {
    const { put, note, told } = watched();
    put(job('12', 'Complete'));
    told();
    note('10');
    expect(told()).toEqual([`put ${ID}`]);
    note('13');
    expect(told()).toEqual([]);
  });

  it('an object that was deleted before the answer of its apply came does not exist', () => {
    const { observer, tell, put, note, told } = watched();
    put(job('10'));
    tell({ type: 'delete', object: job('12') });
    told();
    note('10');
    expect([observer.seen.has(ID), told()]).toEqual([false, [`delete ${ID}`]]);
  });

  it('an object whose label was taken, and put back by an apply, does exist', () => {
    const { observer, tell, put, note, told } = watched();
    put(job('10'));
    tell({ type: 'delete', object: job('12') });
    told();
    note('13');
    expect([observer.seen.has(ID), told()]).toEqual([true, []]);
  });

  it('remembers some hundreds of deletions', () => {
    const { observer, tell, note } = watched();
    const other = (n: number): KubeObject => ({ ...job('12'), metadata: { ...job('12').metadata, name: `b${n}` } });
    tell({ type: 'delete', object: job('12') });
    for (let n = 0; n < 255; n++) tell({ type: 'delete', object: other(n) });
    note('10');
    expect(observer.seen.has(ID)).toBe(false);
    tell({ type: 'delete', object: other(255) });
    note('10');
    expect(observer.seen.has(ID)).toBe(true);
  });

  it.each([
    ['older than the list is gone, when the list has not shown it', '10', false],
    ['newer than the list stays', '12', true],
  ])('an own apply that is answered while a list is read, and is %s', (_what, version, there) => {
    const { observer, tell, note, told } = watched();
    tell({ type: 'restart' });
    note(version);
    tell({ type: 'synced', version: '11' });
    expect([observer.seen.has(ID), told()]).toEqual([there, there ? [] : [`delete ${ID}`]]);
  });

  it('what a list has shown stays, also where an own apply of before is answered after it', () => {
    const { observer, tell, put, note } = watched();
    tell({ type: 'restart' });
    put(job('10'));
    note('10');
    tell({ type: 'synced', version: '11' });
    expect(observer.seen.has(ID)).toBe(true);
  });

  it('where versions cannot be compared, what was applied while a list is read stays', () => {
    const { observer, tell, note } = watched();
    tell({ type: 'restart' });
    note('v10');
    tell({ type: 'synced', version: 'v11' });
    expect(observer.seen.has(ID)).toBe(true);
  });
});
