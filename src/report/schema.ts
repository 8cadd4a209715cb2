import * as z from 'zod/mini';
import { FAULTS, type FaultCode } from '../model/index.ts';

// Not exported from the room's door: only tests and the documentation need it, and zod costs memory.

const text = z.string();
const time = (description: string) =>
  z.string().check(z.regex(/^$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), z.describe(description));
const count = z.int().check(z.minimum(0));
const codes = Object.keys(FAULTS) as [FaultCode, ...FaultCode[]];
const truth = z.enum(['True', 'False', 'Unknown']);
const health = z.enum(['Current', 'InProgress', 'Failed', 'Terminating', 'NotFound', 'Unknown']);

const condition = z.strictObject({
  type: text,
  status: truth,
  reason: text,
  message: text,
  lastTransitionTime: time('RFC 3339, UTC, whole seconds'),
  observedGeneration: z.int(),
});

const notConverged = z.strictObject({
  code: z.enum(codes).check(z.describe('Stable; docs/operations.md has a section for each')),
  reason: text,
  message: text,
  help: text.check(z.describe('What to do about it')),
  since: time('When this reason began'),
});

const reachability = z.strictObject({
  state: z.enum(['up', 'down', 'unknown']),
  since: time('When this state began'),
  message: text,
});

const source = z.strictObject({
  kind: text,
  namespace: text,
  name: text,
  url: text.check(z.describe('Without credentials')),
  suspended: z.boolean(),
  ready: truth,
  revision: text.check(z.describe('Newest admitted revision; empty before the first')),
  fetchedAt: time('When that revision was admitted; empty when never'),
  confirmedAt: time('When the server last confirmed that it is the newest; empty when never'),
  ageSeconds: z.number().check(z.describe('Since confirmedAt; -1 when never')),
  nextFetchAt: time('When it is asked next'),
  link: reachability,
  failures: count.check(z.describe('In a row')),
  wire: z.strictObject({ requests: count, up: count, down: count }),
  expectedBytes: count.check(z.describe('Of the fetch under way; 0 when none is, or its protocol does not tell')),
  paths: z.exactOptional(
    z.array(text).check(z.describe('Only these folders and files of it are here; absent where it is whole')),
  ),
  conditions: z.array(condition),
  notConverged: z.exactOptional(notConverged),
});

const objects = z.strictObject({
  total: count,
  byHealth: z.partialRecord(health, count),
  held: z.array(z.strictObject({ object: text, reason: text })).check(z.maxLength(20)),
  unhealthy: z.array(z.strictObject({ object: text, status: health, message: text })).check(z.maxLength(20)),
});

const kustomization = z.strictObject({
  namespace: text,
  name: text,
  source: text.check(z.describe('Kind/namespace/name')),
  path: text,
  suspended: z.boolean(),
  ready: truth,
  converged: z.boolean().check(z.describe('The cluster is as the newest revision declares')),
  notConverged: z.exactOptional(notConverged),
  lastAttemptedRevision: text,
  lastAppliedRevision: text,
  lastGoodRevision: text,
  lastAppliedAt: time('Empty when never'),
  nextRunAt: time('Empty when nothing is due'),
  objects,
  drift: z.strictObject({ healed: count, lastAt: time('Empty when never'), lastObject: text }),
  account: z.exactOptional(text.check(z.describe('ServiceAccount that it acts for, namespace/name'))),
  remote: z.exactOptional(
    z
      .strictObject({ uid: text, version: text, api: reachability })
      .check(z.describe('The cluster of its kubeconfig, once it was tried')),
  ),
  conditions: z.array(condition),
  inventory: z.array(z.strictObject({ id: text.check(z.describe('namespace_name_group_Kind')), v: text })),
});

const inbox = z.strictObject({
  file: text.check(z.describe('As it lay there, absolute')),
  state: z.enum(['held', 'taken', 'refused']),
  code: z
    .enum(['', ...codes])
    .check(z.describe('Why it is held or refused; empty while it is being looked at, and when it was taken')),
  message: text,
  since: time('Since when it is so'),
  sources: z.array(z.strictObject({ source: text.check(z.describe('Kind/namespace/name')), revision: text })),
});

/** Schema of AgentStatus (src/model/status.ts); test/unit/report checks that the two are the same type. */
export const statusSchema = z.strictObject({
  apiVersion: z.literal('holdfast.dev/v1alpha1'),
  kind: z.literal('AgentStatus'),
  agent: z.strictObject({
    version: text,
    startedAt: time('Of this process'),
    ready: z.boolean(),
    leader: z.boolean(),
    configuration: z.exactOptional(
      z
        .strictObject({
          state: z.enum(['changed', 'invalid']),
          message: text,
          help: text,
          since: time('When it was seen'),
        })
        .check(z.describe('The AgentConfiguration file is no longer what the agent runs with')),
    ),
  }),
  cluster: z.strictObject({
    name: text,
    labels: z.record(text, text),
    uid: text.check(z.describe('Of the Namespace kube-system; empty before the first contact')),
    version: text,
    api: reachability,
  }),
  link: reachability.check(z.describe('Up when any source was reached at its last attempt')),
  clock: z.strictObject({ now: time('When this document was made'), trusted: z.boolean(), message: text }),
  cache: z.strictObject({
    bytes: count,
    limitBytes: count,
    freeBytes: z.exactOptional(count.check(z.describe('Free on the disk of the state folder'))),
    damaged: z.array(text),
    low: z.exactOptional(
      z
        .strictObject({ needBytes: count.check(z.describe('What should be free')), message: text, help: text })
        .check(z.describe('Less is free on the disk of the state folder than the next revision may need')),
    ),
    notConverged: z.exactOptional(notConverged.check(z.describe('Why the state folder takes no writes'))),
  }),
  sources: z.array(source),
  kustomizations: z.array(kustomization),
  inbox: z.array(inbox).check(z.describe('Files in the inbox, and the last that were taken or refused')),
  problems: z.array(z.strictObject({ where: text, message: text })),
});

/** The JSON Schema published as docs/schemas/status.json. */
export function statusJsonSchema(): object {
  return {
    title: 'AgentStatus',
    description: 'What Holdfast knows of its site: /status, holdfast status -o json, and the source of the metrics.',
    ...z.toJSONSchema(statusSchema, { target: 'draft-2020-12' }),
  };
}
