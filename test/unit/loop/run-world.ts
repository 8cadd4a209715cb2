import { type KustomizationRecord, type LoopEnv, NO_NEWS } from '../../../agent/loop/env.ts';
import {
  EMPTY,
  type KustomizationPorts,
  type KustomizationRun,
  newKustomizationRun,
} from '../../../agent/loop/kustomization-state.ts';
import type { Kustomization } from '../../../src/flux/index.ts';
import { BUILT_IN } from '../../../src/health/index.ts';
import { type Condition, DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';

/** `Kind/namespace/name` of the Kustomization of a run world. */
export const KEY = 'Kustomization/team/app';

/** Since when the conditions of `READY` and its like hold. */
export const SINCE = '2025-01-01T00:00:00Z';

/** What a Kustomization says that was applied. */
export const READY: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'ReconciliationSucceeded',
  message: 'Applied revision: main@sha1:1',
  lastTransitionTime: SINCE,
  observedGeneration: 1,
};

/** What a run world begins with. */
export interface RunStart {
  /** Lines of its spec besides interval, prune and source. */
  readonly spec?: string;
  readonly record?: Partial<KustomizationRecord>;
  readonly meta?: Partial<Kustomization['meta']>;
  readonly news?: Partial<LoopEnv['news']>;
}

/** One Kustomization, its clock, and ports that nobody hears. */
export interface RunWorld {
  readonly clock: ManualClock;
  readonly env: LoopEnv;
  readonly run: KustomizationRun;
  readonly ports: KustomizationPorts;
}

/** A Kustomization that is made of a GitRepository, with these lines of its spec besides. */
export function kustomizationOf(spec: string): Kustomization {
  const [object] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: app, namespace: team }
spec:
  interval: 1h
  prune: true
  sourceRef: { kind: GitRepository, name: app }
  ${spec}
`).kustomizations;
  if (object === undefined) throw new Error('not read');
  return object;
}

/** A Kustomization of generation 1 that is made of a GitRepository. */
export function runWorld(
  { spec = '', record = {}, meta = {}, news = {} }: RunStart,
  change: Partial<KustomizationPorts> = {},
): RunWorld {
  const clock = manualClock();
  const records = {
    kustomization: () => ({ ...EMPTY, ...record }),
    source: () => undefined,
    writeKustomization: async () => undefined,
  };
  const settings = { clusterName: 'test', limits: DEFAULT_LIMITS };
  const env = { clock, log: silentLog, news: { ...NO_NEWS, ...news }, records, settings } as unknown as LoopEnv;
  const object = kustomizationOf(spec);
  const run = newKustomizationRun(KEY, { ...object, meta: { ...object.meta, generation: 1, ...meta } }, env);
  const ports = {
    env,
    judgeOf: () => BUILT_IN,
    leads: () => true,
    awaitsSource: () => false,
    signal: new AbortController().signal,
    over: () => false,
    wake: () => undefined,
    onStatus: () => undefined,
    onReady: () => undefined,
    ...change,
  } as unknown as KustomizationPorts;
  return { clock, env, run, ports };
}
