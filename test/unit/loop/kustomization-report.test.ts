import { describe, expect, it } from 'vitest';
import { type KustomizationRecord, type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import { isAsked, reportRun, scheduleRun } from '../../../agent/loop/kustomization-report.ts';
import {
  EMPTY,
  type KustomizationPorts,
  type KustomizationRun,
  newKustomizationRun,
} from '../../../agent/loop/kustomization-state.ts';
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

interface Tried {
  readonly run: KustomizationRun;
  readonly ports: KustomizationPorts;
}

/** A Kustomization with a record, and who it talks to. */
function tried(record: Partial<KustomizationRecord>, meta: Partial<KustomizationRun['object']['meta']> = {}): Tried {
  const records = {
    kustomization: () => ({ ...EMPTY, ...record }),
    source: () => undefined,
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
  const run = newKustomizationRun('Kustomization/team/app', { ...object, meta: { ...object.meta, ...meta } }, env);
  const nothing = (): void => undefined;
  const { signal } = new AbortController();
  const ports = { env, signal, wake: nothing, onStatus: nothing, onReady: nothing } as unknown as KustomizationPorts;
  return { run, ports };
}

/** The conditions, as `type=status/reason: message`, after a run that ended with a fault. */
async function conditionsAfter(
  conditions: readonly Condition[],
  code: FaultCode,
  { attempted = '', message = 'why' } = {},
): Promise<readonly string[]> {
  const { run, ports } = tried({ conditions, attempted });
  await reportRun(run, { fault: new Fault(code, message) }, ports);
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
    const message = 'health check failed after 1m30.5s: timeout waiting for: [x]';
    const told = await conditionsAfter([], 'health-failed', { attempted: 'main@sha1:1', message });
    expect(told.slice(1)).toEqual([
      `Ready=False/HealthCheckFailed: ${message}`,
      'Healthy=False/HealthCheckFailed: timeout waiting for: [x]',
    ]);
  });
});

describe('the next run', () => {
  it('of one that was deleted comes after a backoff, whatever stands in its way', async () => {
    for (const code of ['prune-failed', 'kubeconfig-refused', 'expression-invalid'] as const) {
      const { run, ports } = tried({}, { deleting: true });
      await reportRun(run, { fault: new Fault(code, 'why') }, ports);
      scheduleRun(run, ports);
      const wait = run.nextAt - ports.env.clock.now();
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThan(60_000);
    }
  });

  it('was asked for by an annotation, not by its removal', () => {
    const asked = (requestedAt: string): boolean => isAsked(tried({ handledRequest: 'one' }, { requestedAt }).run);
    expect(['two', 'one', ''].map(asked)).toEqual([true, false, false]);
  });
});
