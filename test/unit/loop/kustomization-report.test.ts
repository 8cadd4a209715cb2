import { describe, expect, it } from 'vitest';
import { type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { reportRun } from '../../../agent/loop/kustomization-report.ts';
import { EMPTY, type KustomizationPorts, newKustomizationRun } from '../../../agent/loop/kustomization-state.ts';
import { type Condition, DEFAULT_LIMITS, Fault, type FaultCode } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';

const condition = (type: string, status: Condition['status'], reason: string): Condition => ({
  type,
  status,
  reason,
  message: `of before: ${reason}`,
  lastTransitionTime: '2025-01-01T00:00:00Z',
  observedGeneration: 1,
});
const READY = condition('Ready', 'True', 'ReconciliationSucceeded');
const FAILED = condition('Ready', 'False', 'BuildFailed');
const RETRIED = condition('Reconciling', 'True', 'ProgressingWithRetry');
const WAITING = condition('Reconciling', 'True', 'Progressing');

/** The conditions, as `type=status/reason: message`, after a run that ended with a fault. */
async function conditionsAfter(before: readonly Condition[], code: FaultCode): Promise<readonly string[]> {
  const records = {
    kustomization: () => ({ ...EMPTY, conditions: before }),
    writeKustomization: async () => undefined,
  };
  const settings = { clusterName: 'test', limits: DEFAULT_LIMITS };
  const env = { clock: manualClock(), log: silentLog, news: NO_NEWS, records, settings } as unknown as LoopEnv;
  const [object] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: app, namespace: team }
spec: { interval: 1h, prune: true, sourceRef: { kind: GitRepository, name: app } }
`).kustomizations;
  if (object === undefined) throw new Error('not read');
  const run = newKustomizationRun('Kustomization/team/app', object, env);
  const nothing = (): void => undefined;
  const ports = { env, wake: nothing, onStatus: nothing, onReady: nothing } as unknown as KustomizationPorts;
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
