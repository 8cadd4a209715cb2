import type { AgentStatus, KustomizationStatus, SourceStatus } from '../../src/model/index.ts';

const NOW = '2026-01-01T00:00:00Z';

/** A source that is well; parts can be replaced. */
export function sampleSource(change: Partial<SourceStatus> = {}): SourceStatus {
  return {
    kind: 'GitRepository',
    namespace: 'flux-system',
    name: 'fleet',
    url: 'https://git.example/fleet.git',
    suspended: false,
    ready: 'True',
    revision: 'main@sha1:6c1f4a0e3b1d6c1f4a0e3b1d6c1f4a0e3b1d6c1f',
    fetchedAt: NOW,
    confirmedAt: NOW,
    ageSeconds: 42,
    nextFetchAt: '2026-01-01T00:01:00Z',
    link: { state: 'up', since: NOW, message: '' },
    failures: 0,
    wire: { requests: 3, up: 900, down: 12_345 },
    expectedBytes: 0,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Succeeded',
        message: 'stored artifact',
        lastTransitionTime: NOW,
        observedGeneration: 1,
      },
    ],
    ...change,
  };
}

/** A Kustomization that is well; parts can be replaced. */
export function sampleKustomization(change: Partial<KustomizationStatus> = {}): KustomizationStatus {
  return {
    namespace: 'flux-system',
    name: 'store',
    source: 'GitRepository/flux-system/fleet',
    path: 'store',
    suspended: false,
    ready: 'True',
    converged: true,
    lastAttemptedRevision: 'main@sha1:6c1f4a0e3b1d6c1f4a0e3b1d6c1f4a0e3b1d6c1f',
    lastAppliedRevision: 'main@sha1:6c1f4a0e3b1d6c1f4a0e3b1d6c1f4a0e3b1d6c1f',
    lastGoodRevision: 'main@sha1:6c1f4a0e3b1d6c1f4a0e3b1d6c1f4a0e3b1d6c1f',
    lastAppliedAt: NOW,
    nextRunAt: '2026-01-01T00:10:00Z',
    objects: { total: 2, byHealth: { Current: 2 }, held: [], unhealthy: [] },
    drift: { healed: 1, lastAt: NOW, lastObject: 'Deployment/apps/web' },
    conditions: [],
    inventory: [
      { id: '_apps__Namespace', v: 'v1' },
      { id: 'apps_web_apps_Deployment', v: 'v1' },
    ],
    ...change,
  };
}

/** A whole document of a site that is well; parts can be replaced. */
export function sampleStatus(change: Partial<AgentStatus> = {}): AgentStatus {
  return {
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'AgentStatus',
    agent: { version: '0.1.0', startedAt: '2025-12-31T00:00:00Z', ready: true, leader: true },
    cluster: {
      name: 'store-0417',
      labels: { region: 'eu', ring: '2' },
      uid: '5b0a8b3e-0000-4000-8000-000000000001',
      version: 'v1.36.0',
      api: { state: 'up', since: '2025-12-31T00:00:00Z', message: '' },
    },
    link: { state: 'up', since: '2025-12-31T00:00:00Z', message: '' },
    clock: { now: NOW, trusted: true, message: '' },
    cache: { bytes: 1_234_567, limitBytes: 2_147_483_648, freeBytes: 5_368_709_120, damaged: [] },
    sources: [sampleSource()],
    kustomizations: [sampleKustomization()],
    inbox: [],
    problems: [],
    ...change,
  };
}
