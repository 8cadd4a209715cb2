import { describe, expect, it } from 'vitest';
import { seenOf } from '../../../src/apply/index.ts';
import type { KubeObject } from '../../../src/model/index.ts';
import { createObserver } from '../../../src/observe/index.ts';
import type { Cluster, Log, WatchOptions } from '../../../src/ports/index.ts';

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => SILENT,
};

const JOB = { group: 'batch', version: 'v1', kind: 'Job', namespace: 'n' };
const ID = 'n_a_batch_Job';

/** An observer whose only watch is driven by hand. */
function watched() {
  let options: WatchOptions | undefined;
  const watch = (_gvk: unknown, given: WatchOptions): Promise<void> => {
    options = given;
    return new Promise(() => undefined);
  };
  const observer = createObserver({
    cluster: { watch } as unknown as Cluster,
    log: SILENT,
    now: () => 0,
    seenOf,
    onChange: () => undefined,
    onSynced: () => undefined,
    onLink: () => undefined,
  });
  observer.want([JOB]);
  return { observer, put: (object: KubeObject) => options?.onEvent({ type: 'put', object }) };
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
});
