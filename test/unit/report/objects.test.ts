import { describe, expect, it } from 'vitest';
import { FAULTS, type Json, type JsonObject, type KubeObject, toJson } from '../../../src/model/index.ts';
import { painter, table } from '../../../src/report/index.ts';
import {
  byLastSeen,
  changesText,
  eventRow,
  explainFlux,
  explainObject,
  explanationText,
  fieldChanges,
  fluxHeader,
  fluxRow,
  helpFor,
  type ObjectFacts,
  pathText,
  writersOf,
} from '../../../src/report/objects/index.ts';

const SHA = '6c1f4a0e6c1f4a0e6c1f4a0e6c1f4a0e6c1f4a0e';
const OTHER = `b${SHA.slice(1)}`;
const ready = (status: string, reason: string, message: string, observedGeneration = 1): JsonObject => ({
  conditions: [{ type: 'Ready', status, reason, message, observedGeneration }],
});

function kustomization(status: JsonObject = {}, spec: JsonObject = {}, meta: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'store', namespace: 'flux-system', generation: 1, ...meta },
    spec: { sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec },
    status,
  };
}

const source = (revision: string, more: JsonObject = {}): KubeObject => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'fleet', namespace: 'flux-system', generation: 1 },
  spec: { url: 'https://u:p@git.example.com/fleet' },
  status: { artifact: { revision }, ...ready('True', 'Succeeded', 'stored'), ...more },
});

const applied = { lastAppliedRevision: `main@sha1:${SHA}`, ...ready('True', 'ReconciliationSucceeded', 'Applied') };
const COLUMNS = { namespace: false, kind: false, source: false };
const cells = (row: readonly { readonly text: string }[]): readonly string[] => row.map(({ text }) => text);

describe('a row of get', () => {
  it('is what flux get shows, with short digests and nothing that steers a terminal', () => {
    const status = { ...applied, ...ready('True', 'x', `Applied revision: main@sha1:${SHA}\u001b[31m`) };
    expect(cells(fluxRow(kustomization(status), COLUMNS))).toEqual([
      'store',
      'main@sha1:6c1f4a0e',
      'False',
      'True',
      'Applied revision: main@sha1:6c1f4a0e [31m',
    ]);
    const all = { namespace: true, kind: true, source: true };
    expect(cells(fluxHeader(all))).toEqual([
      'NAMESPACE',
      'NAME',
      'SOURCE',
      'REVISION',
      'SUSPENDED',
      'READY',
      'MESSAGE',
    ]);
    expect(cells(fluxRow(kustomization({}, { suspend: true }), all))).toEqual([
      'flux-system',
      'kustomization/store',
      'GitRepository/flux-system/fleet',
      '',
      'True',
      'False',
      'waiting to be reconciled',
    ]);
    expect(cells(fluxRow(source(`main@sha1:${SHA}`), COLUMNS)).slice(0, 2)).toEqual(['fleet', 'main@sha1:6c1f4a0e']);
  });

  it('keeps the columns of the rows before it', () => {
    const widths: number[] = [];
    const paint = painter(false);
    expect(table([[{ text: 'wide-name' }, { text: 'b' }]], paint, widths)).toEqual(['wide-name  b']);
    expect(table([[{ text: 'x' }, { text: 'c' }]], paint, widths)).toEqual(['x          c']);
  });
});

describe('a row of events', () => {
  const event = (name: string, fields: JsonObject): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'a' },
    involvedObject: { kind: 'Kustomization', name: 'store' },
    type: 'Warning',
    reason: 'BuildFailed',
    message: `line one\nline two ${SHA}`,
    ...fields,
  });
  const now = Date.UTC(2026, 0, 1, 1);

  it('says how long ago, and how often', () => {
    const once = event('a', {
      firstTimestamp: '2026-01-01T00:56:40Z',
      lastTimestamp: '2026-01-01T00:56:40Z',
      count: 1,
    });
    expect(cells(eventRow(once, { namespace: true, now }))).toEqual([
      'a',
      '3m20s',
      'Warning',
      'BuildFailed',
      'Kustomization/store',
      'line one line two 6c1f4a0e',
    ]);
    const often = event('b', {
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:59:55Z',
      count: 4,
    });
    expect(cells(eventRow(often, { namespace: false, now }))[0]).toBe('5s (x4 over 1h)');
    expect(cells(eventRow(event('c', { lastTimestamp: 'x' }), { namespace: false, now }))[0]).toBe('<unknown>');
  });

  it('comes after what was seen earlier', () => {
    const series = event('a', { series: { lastObservedTime: '2026-01-01T00:30:00.000000Z', count: 2 } });
    const last = event('b', { lastTimestamp: '2026-01-01T00:20:00Z' });
    const same = event('c', { eventTime: '2026-01-01T00:20:00.000000Z' });
    expect([series, same, last].sort(byLastSeen)).toEqual([last, same, series]);
  });
});

describe('the difference of two states of an object', () => {
  const of = (kind: string, fields: JsonObject, metadata: JsonObject = {}): KubeObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { name: 'a', ...metadata },
    ...fields,
  });
  const changes = (a: KubeObject, b: KubeObject): readonly (readonly unknown[])[] =>
    fieldChanges(a, b).map((one) => [pathText(one.path), one.before, one.after]);

  it('names fields, and items of lists by their names, and leaves status and other metadata out', () => {
    const before = of('X', {
      spec: { replicas: 2, containers: [{ name: 'a', image: 'x:1' }, { name: 'b' }], ports: [1, 2] },
      status: { a: 1 },
    });
    const after = of(
      'X',
      {
        spec: { replicas: 3, containers: [{ name: 'b' }, { name: 'a', image: 'x:2' }], ports: [1], more: { on: true } },
      },
      { resourceVersion: '2', labels: { 'app.kubernetes.io/name': 'x' } },
    );
    expect(changes(before, after)).toEqual([
      ['metadata.labels', undefined, { 'app.kubernetes.io/name': 'x' }],
      ['spec.containers.a.image', 'x:1', 'x:2'],
      ['spec.more', undefined, { on: true }],
      ['spec.ports.1', 2, undefined],
      ['spec.replicas', 2, 3],
    ]);
    expect(pathText(['metadata', 'labels', 'app.kubernetes.io/name'])).toBe('metadata.labels[app.kubernetes.io/name]');
  });

  it('never shows a value of a Secret, only that it changed', () => {
    const applied = { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"c2VjcmV0"}}' };
    const before = of(
      'Secret',
      { data: { a: 'c2VjcmV0', same: 'c2VjcmV0', gone: 'c2VjcmV0' } },
      { annotations: applied },
    );
    const after = of('Secret', {
      data: { a: 'b3RoZXI=', same: 'c2VjcmV0', fresh: 'c2VjcmV0' },
      stringData: { x: 'secret' },
    });
    const found = fieldChanges(before, after);
    const text = changesText(found, painter(false), (value) => toJson(value));
    expect(text).not.toMatch(/c2VjcmV0|b3RoZXI=|secret$/m);
    expect(changes(before, after)).toEqual([
      ['data.a', '***** (before)', '***** (after)'],
      ['data.fresh', undefined, '***** (after)'],
      ['data.gone', '***** (before)', undefined],
      ['metadata.annotations', { 'kubectl.kubernetes.io/last-applied-configuration': '*****' }, undefined],
      ['stringData', undefined, { x: '***** (after)' }],
    ]);
  });

  it('is shown with what changed in long texts alone, and never steers a terminal', () => {
    const lines = (middle: string): string => `1\n2\n3\n4\n${middle}\n6\n7\n8\n9\n`;
    const text = (before: Json | undefined, after: Json | undefined): string =>
      changesText([{ path: ['data', 'x'], before, after }], painter(false), (value) => `${toJson(value)}\n`);
    expect(text(lines('old'), lines('new'))).toBe(
      '  data.x\n      …\n      3\n      4\n    - old\n    + new\n      6\n      7\n      …\n',
    );
    expect(text('2', 2)).toBe('  data.x\n    - "2"\n    + 2\n');
    expect(text('a\n', 'a')).toBe('  data.x\n    - "a\\n"\n    + "a"\n');
    expect(text(undefined, { a: 1 })).toBe('  data.x\n    + {"a":1}\n');
    expect(text('a', '\u001b[2Jb')).toBe('  data.x\n    - a\n    + \ufffd[2Jb\n');
  });
});

describe('what to do about a reason', () => {
  it('is known of every reason that a fault has alone', () => {
    const rows = Object.values(FAULTS);
    const alone = rows.filter(({ reason }) => rows.filter((one) => one.reason === reason).length === 1);
    expect(alone.length).toBeGreaterThan(20);
    // Registries give this one for what Git's row says, too.
    for (const row of alone.filter(({ reason }) => reason !== 'OCIArtifactPullFailed'))
      expect(helpFor(row.reason, '')).toBe(row.help);
  });

  it('of an address says what each kind takes', () => {
    for (const word of ['ssh://', 'oci://HOST/NAME', 'HOST:PORT', 'stays in use'])
      expect(helpFor('URLInvalid', "URL validation failed for 'x': no")).toContain(word);
  });

  it.each([
    ['GitOperationFailed', "unable to clone 'x': authentication required: unauthorized", 'source-auth'],
    ['GitOperationFailed', "unable to clone 'x': repository not found", 'source-not-found'],
    ['GitOperationFailed', 'x:443: tls: unknown certificate', 'wire-tls'],
    ['GitOperationFailed', 'x:443: connection refused', 'wire-unreachable'],
    ['GitOperationFailed', 'x: no answer within 5 ms: context deadline exceeded', 'wire-timeout'],
    ['GitOperationFailed', 'x: ssh: handshake failed: knownhosts: key mismatch', 'wire-host-key'],
    ['GitOperationFailed', "unable to clone 'x': the server answers with status code: 429", 'wire-throttled'],
    ['BucketOperationFailed', "failed to confirm existence of 'b' bucket: Access Denied.", 'source-auth'],
    ['BucketOperationFailed', "bucket 'b' not found (NoSuchBucket)", 'source-not-found'],
    ['BucketOperationFailed', 'listing failed: the server answers with status code: 503 (SlowDown)', 'wire-throttled'],
    ['BucketOperationFailed', 'listing failed: the server answers with status code: 500', 'wire-server'],
    ['BucketOperationFailed', 's3.test: ECONNREFUSED', 'wire-unreachable'],
    ['BucketOperationFailed', "'a' is larger than 5 bytes (limits.objectBytes)", 'source-bounds'],
    ['BucketOperationFailed', "the answer is not a storage server's (a login page in between?)", 'wire-protocol'],
    ['BucketOperationFailed', 'spec.region is not the name of a region', 'object-invalid'],
    ['OCIArtifactPullFailed', 'x: DENIED: requested access to the resource is denied (status 403)', 'source-forbidden'],
    ['OCIArtifactPullFailed', 'x: UNAUTHORIZED: authentication required (status 401)', 'source-auth'],
    ['OCIArtifactPullFailed', 'x: TOOMANYREQUESTS: too many requests (status 429)', 'wire-throttled'],
    ['OCIArtifactPullFailed', 'x: MANIFEST_UNKNOWN: manifest unknown (status 404)', 'source-ref-missing'],
    ['ReadOperationFailed', 'x: NAME_UNKNOWN: repository name not known (status 404)', 'source-not-found'],
    ['OCIArtifactLayerOperationFailed', 'x was cut: unexpected EOF', 'wire-cut'],
    ['IncludeCycle', "include 'x' includes this source itself", 'include-unavailable'],
    ['InvalidTagSignature', "signature verification of tag 'v1' failed", 'signature-invalid'],
    ['ArtifactFailed', 'kustomization path not found: nope is no folder of the source', 'path-missing'],
    [
      'ArtifactFailed',
      'Source artifact not found, retrying in 1m0s: GitRepository/a/b has no revision',
      'source-not-ready',
    ],
    ['ArtifactFailed', 'GitRepository.source.toolkit.fluxcd.io "b" not found in namespace a', 'source-missing'],
    ['BuildFailed', 'a.yaml:3: bad', 'build-failed'],
    ['BuildFailed', 'cannot decrypt a.yaml', 'decryption-failed'],
    ['AuthenticationFailed', `failed to get secret 'a/b': secrets "b" not found`, 'secret-missing'],
    ['ReconciliationFailed', 'configmaps is forbidden: User "x" cannot patch', 'cluster-denied'],
    ['ReconciliationFailed', 'A/b/c: waits for Namespace/b, which is being deleted', 'apply-waits'],
    ['ReconciliationFailed', 'Job/a/b: field is immutable', 'apply-immutable'],
    ['ReconciliationFailed', 'Deployment/a/b dry-run failed: is invalid', 'apply-refused'],
  ] as const)('%s: %s', (reason, message, code) => {
    expect(helpFor(reason, message)).toBe(FAULTS[code].help);
  });

  it('of an archive of another controller is that of its transfer', () => {
    expect(helpFor('ArtifactFailed', 'x: connection refused', 'ExternalArtifact')).toBe(
      FAULTS['wire-unreachable'].help,
    );
    expect(helpFor('ArtifactFailed', 'the object: not found')).toBe(FAULTS['source-missing'].help);
  });

  it('of a message that says nothing is where to look', () => {
    expect(helpFor('ReconciliationFailed', '?')).toContain('docs/operations.md');
  });
});

describe('why a Kustomization or source', () => {
  const at = `main@sha1:${SHA}`;
  const text = (object: KubeObject, its?: KubeObject): string =>
    explanationText(explainFlux(object, its), { paint: painter(false), width: 100 });

  it('is converged', () => {
    const one = kustomization({ ...applied, inventory: { entries: [{ id: 'a', v: 'v1' }] } });
    expect(text(one, source(at))).toBe(
      `Kustomization flux-system/store is converged: ${at} is applied\n  source: GitRepository/flux-system/fleet at ${at}\n  applied: ${at}\n  objects in its inventory: 1\n`,
    );
    expect(explainFlux(source(at))).toMatchObject({
      state: 'converged',
      facts: ['from https://git.example.com/fleet', `has ${at}`],
    });
  });

  it('is not: one reason, its message, and what to do', () => {
    const one = kustomization({
      ...applied,
      lastAttemptedRevision: `main@sha1:${OTHER}`,
      ...ready('False', 'BuildFailed', 'a.yaml:3: bad'),
    });
    expect(
      text(one, source(`main@sha1:${OTHER}`))
        .split('\n')
        .slice(0, 3),
    ).toEqual([
      'Kustomization flux-system/store is not converged: BuildFailed',
      '  a.yaml:3: bad',
      '  -> The manifests do not build: the message names file and line. The last good state stays applied.',
    ]);
  });

  it.each([
    ['suspended', kustomization(applied, { suspend: true }), 'holdfast resume kustomization store -n flux-system'],
    ['working', kustomization(), 'no agent has looked at it yet'],
    ['working', kustomization(applied, {}, { generation: 2 }), 'generation 2'],
    ['working', kustomization(applied, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'is being deleted'],
    ['working', kustomization(ready('Unknown', 'Progressing', 'applying')), 'applying'],
  ])('is %s', (state, object, words) => {
    expect(explainFlux(object, source(at)).state).toBe(state);
    expect(text(object, source(at))).toContain(words);
  });

  it('waits for what its source has already, and says when that one cannot be fetched or is not there', () => {
    expect(text(kustomization(applied), source(`main@sha1:${OTHER}`))).toContain(
      `its source has main@sha1:${OTHER} now`,
    );
    const offline = source(at, ready('False', 'GitOperationFailed', 'no route'));
    expect(explainFlux(kustomization(applied), offline)).toMatchObject({ state: 'converged' });
    expect(text(kustomization(applied), offline)).toContain('fetching fails: GitOperationFailed: no route');
    expect(text(kustomization(applied))).toContain('which is not in the cluster');
    expect(explainFlux(offline)).toMatchObject({
      state: 'failing',
      facts: [expect.anything(), `has ${at}, which stays in use`],
    });
  });
});

describe('why any other object', () => {
  const object = (metadata: JsonObject = {}): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      managedFields: [
        { manager: 'kustomize-controller', operation: 'Apply', time: '2026-01-01T00:00:00Z' },
        { manager: 'kubectl-edit', operation: 'Update', time: '2026-01-02T00:00:00Z' },
        {
          manager: 'kube-controller-manager',
          operation: 'Update',
          time: '2026-01-03T00:00:00Z',
          subresource: 'status',
        },
      ],
      ...metadata,
    },
  });
  const facts = (more: Partial<ObjectFacts> = {}): ObjectFacts => ({
    object: object(),
    below: [],
    owner: 'flux-system/store',
    kustomization: kustomization(applied),
    inInventory: true,
    health: { status: 'Current', message: '' },
    above: explainFlux(kustomization(applied), source(`main@sha1:${SHA}`)),
    ...more,
  });

  it('is kept by a Kustomization, from a source at a revision, and who wrote to it', () => {
    const found = explainObject(facts());
    expect(found).toMatchObject({ subject: 'Deployment shop/web', state: 'converged' });
    expect(found.summary).toBe(
      `is kept by Kustomization flux-system/store, from GitRepository/flux-system/fleet at main@sha1:${SHA}`,
    );
    expect(found.facts.slice(0, 3)).toEqual([
      'in the inventory of Kustomization/flux-system/store: yes',
      'written last by kubectl-edit (Update) at 2026-01-02T00:00:00Z, in fields that Git leaves to others, or just now',
      'before that by kustomize-controller (Apply) at 2026-01-01T00:00:00Z',
    ]);
    expect(writersOf(object()).map(({ manager }) => manager)).toEqual(['kubectl-edit', 'kustomize-controller']);
  });

  it.each([
    [{ owner: '', kustomization: undefined, above: undefined, inInventory: false }, 'unmanaged', 'carries no labels'],
    [{ kustomization: undefined, above: undefined, inInventory: false }, 'unmanaged', 'not in the API of this cluster'],
    [{ inInventory: false }, 'unmanaged', 'not in its inventory'],
    [
      { object: object({ annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' } }) },
      'excluded',
      'is left alone: annotation kustomize.toolkit.fluxcd.io/reconcile: Disabled',
    ],
    [{ object: object({ labels: { 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' } }) }, 'excluded', 'label kustomize'],
    [{ object: object({ labels: { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' } }) }, 'converged', 'is kept by'],
    [
      { above: explainFlux(kustomization({ ...applied, ...ready('False', 'BuildFailed', 'bad') })) },
      'failing',
      'which is not converged',
    ],
  ] as const)('%#: %s', (more, state, words) => {
    const found = explainObject(facts(more));
    expect(found.state).toBe(state);
    expect(found.summary).toContain(words);
  });

  it('is made by what is kept', () => {
    const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1-x', namespace: 'shop' } };
    const set: KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'web-1', namespace: 'shop' },
    };
    const found = explainObject(
      facts({ below: [pod, set], health: { status: 'InProgress', message: 'Available: 0/2' } }),
    );
    expect(found.subject).toBe('Pod shop/web-1-x');
    expect(found.summary).toMatch(
      /^is made by ReplicaSet\/shop\/web-1, made by Deployment\/shop\/web, which is kept by/,
    );
    expect(found.facts).toContain('Deployment/shop/web is not well: InProgress: Available: 0/2');
  });
});
