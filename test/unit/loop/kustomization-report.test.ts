import { describe, expect, it } from 'vitest';
import { isAsked, reportRun, scheduleRun } from '../../../agent/loop/kustomization-report.ts';
import { type Condition, Fault, type FaultCode } from '../../../src/model/index.ts';
import { READY as APPLIED, runWorld } from './run-world.ts';

const condition = (type: string, status: Condition['status'], reason: string): Condition => ({
  ...APPLIED,
  type,
  status,
  reason,
  message: `of before: ${reason}`,
});
const READY = condition('Ready', 'True', 'ReconciliationSucceeded');
const FAILED = condition('Ready', 'False', 'BuildFailed');
const RETRIED = condition('Reconciling', 'True', 'ProgressingWithRetry');
const WAITING = condition('Reconciling', 'True', 'Progressing');

/** The conditions, as `type=status/reason: message`, after a run that ended with a fault. */
async function conditionsAfter(
  conditions: readonly Condition[],
  code: FaultCode,
  { attempted = '', message = 'why', ...more }: { attempted?: string; message?: string; unhealthy?: string } = {},
): Promise<readonly string[]> {
  const { run, ports } = runWorld({ record: { conditions, attempted } });
  await reportRun(run, { fault: new Fault(code, message), ...more }, ports);
  return run.record.conditions.map(({ type, status, reason, message }) => `${type}=${status}/${reason}: ${message}`);
}

describe('what Flux finds before it begins a run', () => {
  it.each([
    ['source-missing', 'ArtifactFailed'],
    ['source-not-ready', 'ArtifactFailed'],
    ['dependency-not-ready', 'DependencyNotReady'],
  ] as const)('%s says that nothing is in progress', async (code, reason) => {
    expect(await conditionsAfter([READY], code)).toEqual([`Ready=False/${reason}: why`]);
    expect(await conditionsAfter([], code)).toEqual([`Ready=False/${reason}: why`]);
  });

  it.each([
    ['that is tried again', [RETRIED, FAILED], 'ProgressingWithRetry'],
    ['that waited for health', [WAITING, FAILED], 'Progressing'],
  ])('a run before %s stays as one that is', async (_what, before, reason) => {
    expect(await conditionsAfter(before, 'source-not-ready')).toEqual([
      `Reconciling=True/ProgressingWithRetry: of before: ${reason}`,
      'Ready=False/ArtifactFailed: why',
    ]);
  });

  it('any other failure is tried again', async () => {
    expect(await conditionsAfter([READY], 'build-failed')).toEqual([
      'Reconciling=True/ProgressingWithRetry: why',
      'Ready=False/BuildFailed: why',
    ]);
  });

  it.each([
    ['path-missing', 'ArtifactFailed', 'Fetching manifests'],
    ['build-failed', 'BuildFailed', 'Building manifests'],
    ['kubeconfig-refused', 'ReconciliationFailed', 'Building manifests'],
    ['apply-refused', 'ReconciliationFailed', 'Detecting drift'],
    ['prune-failed', 'PruneFailed', 'Detecting drift'],
  ] as const)('%s says what is tried again as Flux does', async (code, reason, phase) => {
    expect(await conditionsAfter([], code, { attempted: 'main@sha1:1' })).toEqual([
      `Reconciling=True/ProgressingWithRetry: ${phase} for revision main@sha1:1 with a timeout of 59m30s`,
      `Ready=False/${reason}: why`,
    ]);
  });

  it('only Ready says how long a health check took', async () => {
    const unhealthy = 'timeout waiting for: [x]';
    const message = `health check failed after 1m30.5s: ${unhealthy}`;
    const told = await conditionsAfter([], 'health-failed', { attempted: 'main@sha1:1', message, unhealthy });
    expect(told.slice(1)).toEqual([
      `Ready=False/HealthCheckFailed: ${message}`,
      'Healthy=False/HealthCheckFailed: timeout waiting for: [x]',
    ]);
  });
});

describe('what waits for a dependency', () => {
  it('is told of once a revision, whatever it waits for in turn', async () => {
    const events: string[] = [];
    let newest = 'main@sha1:1';
    const { run, ports } = runWorld({
      news: {
        event: ({ type, reason, revision, message }) => events.push([type, reason, revision, message].join(' ')),
      },
    });
    const source = (): unknown => ({ current: { revision: newest } });
    Object.assign(ports.env.records, { source });
    const ends = (code: FaultCode, message: string): Promise<void> =>
      reportRun(run, { fault: new Fault(code, message) }, ports);
    const waits = "Normal DependencyNotReady main@sha1:1 Dependencies do not meet ready condition: dependency 'a/b'";
    await ends('dependency-not-ready', "dependency 'a/b' not found");
    await ends('dependency-not-ready', "dependency 'a/b' is not ready");
    await ends('dependency-not-ready', "dependency 'a/b' revision is not up to date");
    expect(events).toEqual([`${waits} not found`]);
    expect(run.record.conditions[0]?.message).toBe("dependency 'a/b' revision is not up to date");
    newest = 'main@sha1:2';
    await ends('dependency-not-ready', "dependency 'a/b' is not ready");
    await ends('dependency-not-ready', "dependency 'c/d' is not ready");
    expect(events.slice(1)).toEqual([`${waits.replace(':1', ':2')} is not ready`]);
    await ends('build-failed', 'one');
    await ends('build-failed', 'two');
    await ends('dependency-not-ready', "dependency 'a/b' is not ready");
    expect(events.slice(2).map((event) => event.split(' ')[1])).toEqual([
      'BuildFailed',
      'BuildFailed',
      'DependencyNotReady',
    ]);
  });
});

describe('the next run', () => {
  it('of one that was deleted comes after a backoff, whatever stands in its way', async () => {
    for (const code of ['prune-failed', 'kubeconfig-refused', 'expression-invalid'] as const) {
      const { run, ports } = runWorld({ meta: { deleting: true } });
      await reportRun(run, { fault: new Fault(code, 'why') }, ports);
      scheduleRun(run, ports);
      const wait = run.nextAt - ports.env.clock.now();
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThan(60_000);
    }
  });

  it('was asked for by an annotation, not by its removal', () => {
    const asked = (requestedAt: string): boolean =>
      isAsked(runWorld({ record: { handledRequest: 'one' }, meta: { requestedAt } }).run);
    expect(['two', 'one', ''].map(asked)).toEqual([true, false, false]);
  });
});

it('what is said of a run says nothing of a spec that came while it was under way', async () => {
  const { run, ports } = runWorld({ record: { conditions: [READY] } });
  run.object = { ...run.object, meta: { ...run.object.meta, generation: 2 } };
  await reportRun(run, {}, ports);
  const [ready] = run.record.conditions;
  expect([run.record.observedGeneration, ready?.status, ready?.observedGeneration]).toEqual([1, 'True', 1]);
});
