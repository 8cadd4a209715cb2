import { describe, expect, it } from 'vitest';
import { hasHealth, health, summarize } from '../../../src/health/index.ts';
import type { Health, HealthStatus, JsonObject, KubeObject } from '../../../src/model/index.ts';

type Row = readonly [title: string, object: JsonObject, status: HealthStatus, message: RegExp];

const cond = (type: string, status: string, reason = '', message = ''): JsonObject => ({
  type,
  status,
  reason,
  message,
});
const make = (apiVersion: string, kind: string, rest: JsonObject): KubeObject => ({
  apiVersion,
  kind,
  ...rest,
  metadata: { name: 'x', ...(rest['metadata'] as JsonObject | undefined) },
});
const check = (apiVersion: string, kind: string, rows: readonly Row[]): void => {
  describe(kind, () => {
    it.each(rows)('%s', (_title, rest, status, message) => {
      const got = health(make(apiVersion, kind, rest), NOW);
      expect(got.status).toBe(status);
      expect(got.message).toMatch(message);
    });
  });
};
const NOW = Date.parse('2026-01-01T00:01:00Z');
const AVAILABLE = cond('Available', 'True');
const ROLLED_OUT = cond('Progressing', 'True', 'NewReplicaSetAvailable');
const full = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };

check('example.com/v1', 'Widget', [
  ['without a status is current', {}, 'Current', /current/],
  ['being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'Terminating', /deletion/],
  ['not observed yet', { metadata: { generation: 2 }, status: { observedGeneration: 1 } }, 'InProgress', /is 2.*is 1/],
  ['observed ahead', { metadata: { generation: 1 }, status: { observedGeneration: 2 } }, 'InProgress', /observed/],
  ['observed -1', { metadata: { generation: 1 }, status: { observedGeneration: -1 } }, 'InProgress', /-1/],
  ['ready', { status: { conditions: [cond('Ready', 'True')] } }, 'Current', /Ready/],
  ['not ready', { status: { conditions: [cond('Ready', 'False', 'R', 'why')] } }, 'InProgress', /why/],
  ['ready unknown', { status: { conditions: [cond('Ready', 'Unknown', 'R')] } }, 'InProgress', /R/],
  ['ready odd', { status: { conditions: [cond('Ready', 'Maybe')] } }, 'Current', /current/],
  [
    'reconciling wins over ready',
    { status: { conditions: [cond('Ready', 'True'), cond('Reconciling', 'True', 'R', 'm')] } },
    'InProgress',
    /m/,
  ],
  ['stalled', { status: { conditions: [cond('Stalled', 'True', 'S', 'stuck')] } }, 'Failed', /stuck/],
  ['not stalled', { status: { conditions: [cond('Stalled', 'False'), cond('Ready', 'True')] } }, 'Current', /Ready/],
  ['conditions that say little', { status: { conditions: [null, {}, { status: 'True' }] } }, 'Current', /current/],
  ['no conditions', { status: { conditions: null } }, 'Current', /current/],
  ['a status that is null', { status: null }, 'Current', /current/],
  ['a status that is none', { status: 'fine' }, 'Unknown', /status is no object/],
  ['conditions by name', { status: { conditions: { Ready: 'True' } } }, 'Unknown', /conditions is no list/],
  ['a condition that is none', { status: { conditions: ['Ready'] } }, 'Unknown', /conditions\[0\] is no object/],
  [
    'a status that is a bool',
    { status: { conditions: [{ type: 'Ready', status: true }] } },
    'Unknown',
    /\.status is no text/,
  ],
  [
    'a generation that is a text',
    { metadata: { generation: 1 }, status: { observedGeneration: '1', conditions: [cond('Ready', 'True')] } },
    'Unknown',
    /observedGeneration is no integer/,
  ],
  [
    'a generation that is a text, where there is none to compare with',
    { status: { observedGeneration: '1', conditions: [cond('Ready', 'True')] } },
    'Current',
    /Ready/,
  ],
]);

check('apps/v1', 'Deployment', [
  ['just created', { spec: { replicas: 3 } }, 'InProgress', /Replicas: 0\/3/],
  ['one replica by default', {}, 'InProgress', /Replicas: 0\/1/],
  ['updating', { spec: { replicas: 3 }, status: { ...full, updatedReplicas: 1 } }, 'InProgress', /Updated: 1\/3/],
  ['old Pods left', { spec: { replicas: 3 }, status: { ...full, replicas: 5 } }, 'InProgress', /termination: 2/],
  [
    'not available',
    { spec: { replicas: 3 }, status: { ...full, availableReplicas: 2 } },
    'InProgress',
    /Available: 2\/3/,
  ],
  ['not ready', { spec: { replicas: 3 }, status: { ...full, readyReplicas: 2 } }, 'InProgress', /Ready: 2\/3/],
  [
    'without the condition Available',
    { spec: { replicas: 3 }, status: full },
    'InProgress',
    /Deployment not Available/,
  ],
  ['available', { spec: { replicas: 3 }, status: { ...full, conditions: [AVAILABLE] } }, 'Current', /Replicas: 3/],
  [
    'deadline, not rolled out',
    { spec: { replicas: 3, progressDeadlineSeconds: 600 }, status: { ...full, conditions: [AVAILABLE] } },
    'InProgress',
    /ReplicaSet/,
  ],
  [
    'deadline, rolled out',
    { spec: { replicas: 3, progressDeadlineSeconds: 600 }, status: { ...full, conditions: [AVAILABLE, ROLLED_OUT] } },
    'Current',
    /available/,
  ],
  [
    'deadline exceeded',
    { spec: { replicas: 3 }, status: { conditions: [cond('Progressing', 'False', 'ProgressDeadlineExceeded')] } },
    'Failed',
    /deadline/,
  ],
  ['scaled to none', { spec: { replicas: 0 }, status: { conditions: [AVAILABLE] } }, 'Current', /Replicas: 0/],
]);

const sts = {
  replicas: 2,
  readyReplicas: 2,
  currentReplicas: 2,
  updatedReplicas: 2,
  currentRevision: 'a',
  updateRevision: 'a',
};
check('apps/v1', 'StatefulSet', [
  ['updated by hand', { spec: { replicas: 2, updateStrategy: { type: 'OnDelete' } } }, 'Current', /OnDelete/],
  ['just created', { spec: { replicas: 2 } }, 'InProgress', /Replicas: 0\/2/],
  ['not ready', { spec: { replicas: 2 }, status: { ...sts, readyReplicas: 1 } }, 'InProgress', /Ready: 1\/2/],
  ['too many', { spec: { replicas: 1 }, status: sts }, 'InProgress', /termination: 1/],
  [
    'partition not reached',
    {
      spec: { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } },
      status: { ...sts, updatedReplicas: 0 },
    },
    'InProgress',
    /Updated: 0\/1/,
  ],
  [
    'partition reached',
    {
      spec: { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } },
      status: { ...sts, updatedReplicas: 1, updateRevision: 'b' },
    },
    'Current',
    /Partition/,
  ],
  [
    'too few of the current revision',
    { spec: { replicas: 2 }, status: { ...sts, currentReplicas: 1 } },
    'InProgress',
    /Current: 1\/2/,
  ],
  ['rolling', { spec: { replicas: 2 }, status: { ...sts, updateRevision: 'b' } }, 'InProgress', /revision/],
  ['done', { spec: { replicas: 2 }, status: sts }, 'Current', /Replicas: 2/],
]);

const ds = {
  observedGeneration: 1,
  desiredNumberScheduled: 2,
  currentNumberScheduled: 2,
  updatedNumberScheduled: 2,
  numberAvailable: 2,
  numberReady: 2,
};
const gen = { metadata: { generation: 1 } };
check('apps/v1', 'DaemonSet', [
  ['no generation', { status: ds }, 'InProgress', /generation/],
  ['never observed', { ...gen }, 'InProgress', /observedGeneration/],
  ['no number yet', { ...gen, status: { observedGeneration: 1 } }, 'InProgress', /desiredNumberScheduled/],
  ['scheduling', { ...gen, status: { ...ds, currentNumberScheduled: 1 } }, 'InProgress', /Current: 1\/2/],
  ['updating', { ...gen, status: { ...ds, updatedNumberScheduled: 1 } }, 'InProgress', /Updated: 1\/2/],
  ['not available', { ...gen, status: { ...ds, numberAvailable: 1 } }, 'InProgress', /Available: 1\/2/],
  ['not ready', { ...gen, status: { ...ds, numberReady: 1 } }, 'InProgress', /Ready: 1\/2/],
  ['done', { ...gen, status: ds }, 'Current', /Replicas: 2/],
  ['on no node', { ...gen, status: { observedGeneration: 1, desiredNumberScheduled: 0 } }, 'Current', /Replicas: 0/],
]);

const rs = { replicas: 1, fullyLabeledReplicas: 1, availableReplicas: 1, readyReplicas: 1 };
check('apps/v1', 'ReplicaSet', [
  ['failing', { status: { ...rs, conditions: [cond('ReplicaFailure', 'True')] } }, 'InProgress', /Failure/],
  ['not labelled', { status: { ...rs, fullyLabeledReplicas: 0 } }, 'InProgress', /Labelled/],
  ['not available', { status: { ...rs, availableReplicas: 0 } }, 'InProgress', /Available/],
  ['not ready', { status: { ...rs, readyReplicas: 0 } }, 'InProgress', /Ready/],
  ['too many', { status: { ...rs, replicas: 2 } }, 'InProgress', /termination/],
  ['done', { status: rs }, 'Current', /available/],
]);

check('batch/v1', 'Job', [
  [
    'complete, and going',
    { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { conditions: [cond('Complete', 'True')] } },
    'Current',
    /Completed/,
  ],
  [
    'stalled is no word of its',
    { status: { conditions: [cond('Stalled', 'True', 'S', 'm')] } },
    'InProgress',
    /not started/,
  ],
  ['conditions that are none', { status: { conditions: ['Complete'] } }, 'Unknown', /no object/],
  ['not started', {}, 'InProgress', /not started/],
  ['running is not enough', { status: { startTime: 't', active: 1 } }, 'InProgress', /in progress.*active: 1/],
  ['suspended', { spec: { suspend: true } }, 'Current', /suspended/],
  [
    'complete',
    { spec: { completions: 2 }, status: { succeeded: 2, conditions: [cond('Complete', 'True')] } },
    'Current',
    /2\/2/,
  ],
  [
    'failed',
    { status: { failed: 4, conditions: [cond('Complete', 'False'), cond('Failed', 'True')] } },
    'Failed',
    /4\/1/,
  ],
]);

const unschedulable = { phase: 'Pending', conditions: [cond('PodScheduled', 'False', 'Unschedulable')] };
check('v1', 'Pod', [
  ['not seen yet', {}, 'InProgress', /phase/],
  ['pending', { status: { phase: 'Pending' } }, 'InProgress', /Pending/],
  [
    'no node for a moment',
    { metadata: { creationTimestamp: '2026-01-01T00:00:50Z' }, status: unschedulable },
    'InProgress',
    /scheduled/,
  ],
  [
    'no node for long',
    { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' }, status: unschedulable },
    'Failed',
    /scheduled/,
  ],
  ['running, not ready', { status: { phase: 'Running' } }, 'InProgress', /not Ready/],
  ['ready', { status: { phase: 'Running', conditions: [cond('Ready', 'True')] } }, 'Current', /Ready/],
  [
    'in a crash loop',
    {
      status: {
        phase: 'Running',
        containerStatuses: [null, { name: 'm', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
      },
    },
    'Failed',
    /m/,
  ],
  ['done', { status: { phase: 'Succeeded' } }, 'Current', /completed/],
  ['done and failed', { status: { phase: 'Failed' } }, 'Current', /not successfully/],
  ['of an odd phase', { status: { phase: 'Odd' } }, 'Unknown', /Odd/],
]);

check('v1', 'PersistentVolumeClaim', [
  ['new', {}, 'InProgress', /unknown/],
  ['pending', { status: { phase: 'Pending' } }, 'InProgress', /Pending/],
  ['bound', { status: { phase: 'Bound' } }, 'Current', /Bound/],
]);

check('v1', 'Service', [
  ['of any type', { spec: { type: 'ClusterIP' } }, 'Current', /ready/],
  ['load balancer without address', { spec: { type: 'LoadBalancer' } }, 'InProgress', /ClusterIP/],
  ['load balancer', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' } }, 'Current', /ready/],
]);

check('apiextensions.k8s.io/v1', 'CustomResourceDefinition', [
  ['new', {}, 'InProgress', /Install/],
  ['installing', { status: { conditions: [cond('Established', 'False', 'Installing')] } }, 'InProgress', /Install/],
  ['names taken', { status: { conditions: [cond('NamesAccepted', 'False', 'Taken', 'taken by')] } }, 'Failed', /taken/],
  ['not established', { status: { conditions: [cond('Established', 'False', 'NotAccepted', 'no')] } }, 'Failed', /no/],
  [
    'established',
    { status: { conditions: [cond('NamesAccepted', 'True'), cond('Established', 'True')] } },
    'Current',
    /established/,
  ],
]);

for (const [apiVersion, kind] of [
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['batch/v1', 'CronJob'],
  ['policy/v1', 'PodDisruptionBudget'],
] as const)
  check(apiVersion, kind, [
    ['is current', { status: { conditions: [cond('Ready', 'False')] } }, 'Current', /./],
    ['unless it is being deleted', { metadata: { deletionTimestamp: 't' } }, 'Terminating', /deletion/],
  ]);

describe('health of a kind of another group', () => {
  it('does not follow the rule of its namesake', () => {
    expect(health(make('example.com/v1', 'Deployment', {})).status).toBe('Current');
  });

  it('without a clock keeps a Pod without a node in progress', () => {
    expect(health(make('v1', 'Pod', { status: unschedulable })).status).toBe('InProgress');
  });
});

describe('kinds with a health', () => {
  it.each([
    ['', 'ConfigMap', false],
    ['', 'Pod', true],
    ['', 'Namespace', true],
    ['rbac.authorization.k8s.io', 'ClusterRole', false],
    ['batch', 'CronJob', false],
    ['batch', 'Job', true],
    ['example.com', 'ConfigMap', true],
    ['__proto__', 'x', true],
  ])('%s/%s: %s', (group, kind, has) => {
    expect(hasHealth({ group, kind })).toBe(has);
  });
});

describe('the health of many', () => {
  const of = (...rows: readonly (readonly [string, HealthStatus])[]): ReadonlyMap<string, Health> =>
    new Map(rows.map(([name, status]) => [name, { status, message: `m ${name}` }]));

  it('is current when all are, also when there are none', () => {
    expect(summarize(of())).toMatchObject({ status: 'Current', count: {} });
    expect(summarize(of(['a', 'Current'], ['b', 'Current']))).toEqual({
      status: 'Current',
      message: '2 of 2 current',
      count: { Current: 2 },
    });
  });

  it('is the worst, names who has it in order, and counts the rest', () => {
    const got = summarize(of(['b', 'Failed'], ['c', 'InProgress'], ['a', 'Failed'], ['d', 'Current']));
    expect(got.status).toBe('Failed');
    expect(got.message).toBe(
      "failed early due to stalled resources: [a status: 'Failed': m a, b status: 'Failed': m b]",
    );
    expect(got.count).toEqual({ Failed: 2, InProgress: 1, Current: 1 });
    const many = of(...Array.from({ length: 9 }, (_, i): [string, HealthStatus] => [`o${i}`, 'InProgress']));
    expect(summarize(many).message).toContain('and 4 more');
  });

  it('names everything that is not current when time is over', () => {
    expect(summarize(of(['b', 'Failed'], ['a', 'InProgress']), true).message).toMatch(/^timeout waiting for: \[a .*b /);
  });
});
