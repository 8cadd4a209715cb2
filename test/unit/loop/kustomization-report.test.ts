import { describe, expect, it } from 'vitest';
import { reportRun } from '../../../agent/loop/kustomization-report.ts';
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
async function conditionsAfter(before: readonly Condition[], code: FaultCode): Promise<readonly string[]> {
  const { run, ports } = runWorld({ record: { conditions: before } });
  await reportRun(run, { fault: new Fault(code, 'why') }, ports);
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
});

it('what is said of a run says nothing of a spec that came while it was under way', async () => {
  const { run, ports } = runWorld({ record: { conditions: [READY] } });
  run.object = { ...run.object, meta: { ...run.object.meta, generation: 2 } };
  await reportRun(run, {}, ports);
  const [ready] = run.record.conditions;
  expect([run.record.observedGeneration, ready?.status, ready?.observedGeneration]).toEqual([1, 'True', 1]);
});
