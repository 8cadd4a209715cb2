import { describe, expect, it } from 'vitest';
import {
  durationText,
  type FluxObject,
  findCondition,
  parseDuration,
  parseFluxObjects,
  removeConditions,
  sameConditions,
  setCondition,
  timestamp,
  unsupportedFault,
  unsupportedFields,
} from '../../../src/flux/index.ts';
import type { Json } from '../../../src/model/index.ts';

const meta = { name: 'a', namespace: 'ns' };
const git = (spec: Record<string, Json> = {}): Json => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: meta,
  spec: { url: 'https://e.com/r.git', interval: '1m', ...spec },
});
const ks = (spec: Record<string, Json> = {}): Json => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: meta,
  spec: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 's' }, ...spec },
});
const parse = (value: Json, strict = true) => parseFluxObjects([{ value, file: 'f', line: 1 }], { strict });
const other = (kind: string, spec: Record<string, Json>): Json => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind,
  metadata: { name: 'x', namespace: 'ns' },
  spec: { interval: '1m', ...spec },
});
const one = (value: Json): FluxObject => {
  const { objects, errors } = parse(value);
  expect(errors).toEqual([]);
  const [object] = objects;
  if (object === undefined) throw new Error('nothing read');
  return object;
};
const errors = (value: Json, strict = true): string[] =>
  parse(value, strict).errors.map(({ path, message }) => `${path}: ${message.split(': ').slice(2).join(': ')}`);

describe('durations', () => {
  it.each([
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['250ms', 250],
    ['0s', 0],
    ['2562047h', 9_223_369_200_000],
    ['1d', undefined],
    ['', undefined],
    ['5', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['9999999h', undefined],
    ['1h ', undefined],
  ])('%j are %j milliseconds', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    [5_400_000, '1h30m0s'],
    [90_000, '1m30s'],
    [1_500, '1.5s'],
    [250, '250ms'],
    [0, '0s'],
  ])('%j are printed as %j', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe('defaults', () => {
  it.each([
    [{}, 600_000 - 30_000],
    [{ interval: '45s' }, 30_000],
    [{ timeout: '5s' }, 30_000],
    [{ timeout: '2m' }, 120_000],
  ])('of the timeout of a Kustomization with %j are Flux’s', (spec, timeout) => {
    expect(one(ks(spec)).spec).toMatchObject({ timeout });
  });

  it('are filled in', () => {
    expect(one(ks())).toMatchObject({
      spec: {
        retryInterval: 600_000,
        path: '',
        deletionPolicy: 'MirrorPrune',
        wait: false,
        sourceRef: { namespace: 'ns' },
        patches: [],
      },
    });
    expect(one(ks({ dependsOn: [{ name: 'b' }], healthChecks: [{ kind: 'Deployment', name: 'd' }] }))).toMatchObject({
      spec: { dependsOn: [{ name: 'b', namespace: 'ns' }], healthChecks: [{ apiVersion: 'apps/v1', namespace: '' }] },
    });
    expect(one(git())).toMatchObject({
      spec: { timeout: 60_000, ref: { branch: 'master' }, provider: 'generic', suspend: false },
    });
    expect(one(git({ ref: { tag: 'v1', branch: '' } }))).toMatchObject({ spec: { ref: { tag: 'v1' } } });
    for (const mode of [{}, { mode: 'head' }, { mode: 'HEAD' }])
      expect(one(git({ verify: { ...mode, secretRef: { name: 'k' } } }))).toMatchObject({
        spec: { verify: { mode: 'HEAD' } },
      });
  });

  it.each([
    [git, { url: 'http://h/x' }],
    [(spec: Record<string, Json>) => other('OCIRepository', spec), { url: 'oci://h/x' }],
    [(spec: Record<string, Json>) => other('Bucket', spec), { endpoint: 'h', bucketName: 'b' }],
  ])('of a timeout of a source are a day at most, which a timer takes (%#)', (of, spec) => {
    const times = ['120m', '1440m', '100000m', '0s'].map((timeout) => {
      const found = one(of({ ...spec, timeout })).spec;
      return 'timeout' in found ? found.timeout : 0;
    });
    expect(times).toEqual([7_200_000, 86_400_000, 86_400_000, 60_000]);
  });

  it('of a path clean it', () => {
    const paths = ['', '.', './', '/', './a/../b//c/.', '/x/', 'a/../../../y'];
    expect(paths.map((path) => one(ks({ path })).spec).map((spec) => ('path' in spec ? spec.path : ''))).toEqual([
      '',
      '',
      '',
      '',
      'b/c',
      'x',
      'y',
    ]);
  });

  it('make a generation that moves with the spec alone', () => {
    const generation = (value: Json): number => one(value).meta.generation;
    expect(generation(ks())).toBe(
      generation({ ...(ks() as object), metadata: { ...meta, labels: { a: 'b' } } } as Json),
    );
    expect(generation(ks())).not.toBe(generation(ks({ wait: true })));
    expect(Number.isSafeInteger(generation(ks())) && generation(ks()) > 0).toBe(true);
    expect(generation({ ...(ks() as object), metadata: { ...meta, generation: 7 } } as Json)).toBe(7);
  });
});

it('a user in an address is no secret, and servers show such addresses', () => {
  for (const url of ['https://org@dev.e.com/org/_git/r', 'ssh://git@e.com/r', 'ssh://git:x@e.com/r'])
    expect(errors(git({ url }))).toEqual([]);
});

it('includes stay inside of both sources, as Flux joins paths', () => {
  const include = [{ repository: { name: 'b' }, fromPath: '../x/./y', toPath: '/../z/../k' }];
  const object = one(git({ include }));
  expect(object.kind === 'GitRepository' && object.spec.include).toEqual([
    { repository: { name: 'b' }, fromPath: 'x/y', toPath: 'k' },
  ]);
});

describe('mistakes', () => {
  it.each([
    [ks({ intervall: '1m' }), ['spec.intervall: unknown field: is interval meant?']],
    [ks({ prune: 'yes' }), ['spec.prune: must be true or false']],
    [ks({ path: 'a\0b' }), ['spec.path: holds a zero byte']],
    [
      ks({ sourceRef: { kind: 'HelmRepository', name: 's' } }),
      ['spec.sourceRef.kind: must be one of OCIRepository, GitRepository, Bucket, ExternalArtifact'],
    ],
    [ks({ interval: '0s' }), ['spec.interval: must be more than zero']],
    [ks({ targetNamespace: '' }), ['spec.targetNamespace: must have at least 1 characters']],
    [git({ interval: '1d' }), ['spec.interval: must be a duration such as 30s, 5m or 1h30m (units ms, s, m, h)']],
    [git({ timeout: '1h' }), ['spec.timeout: must be a duration such as 30s or 5m (units ms, s, m)']],
    [git({ url: 'git@e.com:r' }), ['spec.url: must begin with http://, https:// or ssh://']],
    [
      git({ url: 'https://u:secret@e.com/r' }),
      ['spec.url: must not hold credentials: put them into a Secret and name it in secretRef'],
    ],
    [
      git({ url: 'https://u:sec/r@t@e.com/r' }),
      ['spec.url: must not hold credentials: put them into a Secret and name it in secretRef'],
    ],
    [git({ sparseCheckout: ['../x'] }), ['spec.sparseCheckout[0]: leads out of the source']],
    [git({ secretRef: {} }), ['spec.secretRef.name: is required']],
    [{ ...(git() as object), extra: 1 } as Json, ['extra: unknown field']],
  ])('in %j are named by path', (value, said) => {
    expect(errors(value)).toEqual(said);
  });

  it('that are only unknown fields are passed over in objects of the cluster', () => {
    expect(parse(ks({ newInFlux3: true }), false)).toMatchObject({
      errors: [],
      objects: [{ spec: { interval: 600_000 } }],
    });
    expect(errors(ks({ newInFlux3: true, prune: 1 }), false)).toEqual(['spec.prune: must be true or false']);
  });

  it('do not include fields that are null', () => {
    expect(one(ks({ wait: null, dependsOn: null, targetNamespace: null })).spec).toMatchObject({
      wait: false,
      dependsOn: [],
    });
  });

  it('are told up to a number', () => {
    const data = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, 1]));
    const said = parse({ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta, data }).errors;
    expect([said.length, said.at(-1)?.message]).toEqual([21, 'f:1: ConfigMap/ns/a: has 480 more problems']);
  });

  it('never throw, whatever the value', () => {
    const values: Json[] = [
      null,
      5,
      'x',
      [],
      {},
      { apiVersion: 1, kind: [] },
      { apiVersion: 'v1', kind: 'List', items: [null, [], { kind: 'x' }] },
      { apiVersion: 'v1', kind: 'Secret' },
      { apiVersion: 'v1', kind: 'Secret', metadata: [], data: [1] },
      { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: null, spec: 7 },
    ];
    for (const value of values) expect(parse(value).errors.length).toBeGreaterThan(0);
  });
});

describe('several objects', () => {
  it('may come in a List', () => {
    const { objects, errors: wrong } = parse({ apiVersion: 'v1', kind: 'List', items: [git(), ks()] });
    expect([objects.length, wrong]).toEqual([2, []]);
  });

  it('of one name are told with both places; the first is used', () => {
    const first = git({ interval: '1m' });
    const { objects, errors: wrong } = parseFluxObjects([
      { value: first, file: 'a.yaml', line: 3 },
      { value: git({ interval: '2m' }), file: 'b.yaml', line: 7 },
      { value: ks(), file: 'b.yaml', line: 9 },
    ]);
    expect(objects.map(({ kind, spec }) => [kind, Reflect.get(spec, 'interval')])).toEqual([
      ['GitRepository', 60_000],
      ['Kustomization', 600_000],
    ]);
    expect(wrong).toMatchObject([
      {
        code: 'object-duplicate',
        file: 'b.yaml',
        line: 7,
        message: 'b.yaml:7: GitRepository/ns/a: is declared in a.yaml:3 already, which is used; remove one of them',
      },
    ]);
  });
});

describe('fields that are not built yet', () => {
  it('are named together in one fault', () => {
    const object = one(git({ provider: 'aws', serviceAccountName: 'robot' }));
    expect(unsupportedFields(object)).toEqual(['spec.provider (aws, azure)', 'spec.serviceAccountName']);
    expect(unsupportedFault(object)?.message).toBe(
      'f:1: GitRepository/ns/a: spec.provider (aws, azure), spec.serviceAccountName are not built yet',
    );
    expect(unsupportedFault(one(git({ provider: 'azure' })))?.message).toBe(
      'f:1: GitRepository/ns/a: spec.provider (aws, azure) is not built yet',
    );
  });

  it('are none in plain objects', () => {
    expect([
      unsupportedFault(one(ks({ wait: true, targetNamespace: 'x' }))),
      unsupportedFault(one(git({ ref: { semver: '>=1' } }))),
    ]).toEqual([undefined, undefined]);
  });
});

describe('conditions', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Succeeded', message: 'ok', observedGeneration: 1 } as const;
  it('keep their time while the status stays, and a fixed order', () => {
    const first = setCondition([], ready, 0);
    const second = setCondition(first, { ...ready, reason: 'Other', observedGeneration: 2 }, 60_000);
    const third = setCondition(second, { ...ready, status: 'False' }, 90_500);
    expect([first, second, third].map((all) => findCondition(all, 'Ready')?.lastTransitionTime)).toEqual([
      '1970-01-01T00:00:00Z',
      '1970-01-01T00:00:00Z',
      '1970-01-01T00:01:30Z',
    ]);
    const both = setCondition(third, { ...ready, type: 'Reconciling' }, 1);
    expect(both.map(({ type }) => type)).toEqual(['Reconciling', 'Ready']);
    expect(removeConditions(both, 'Reconciling', 'Stalled')).toEqual(third);
  });

  it('are the same when only times differ', () => {
    expect(sameConditions(setCondition([], ready, 0), setCondition([], ready, 99_999))).toBe(true);
    expect(sameConditions(setCondition([], ready, 0), setCondition([], { ...ready, message: 'x' }, 0))).toBe(false);
  });

  it('have times in whole seconds, and messages that the API takes', () => {
    expect(timestamp(1_767_225_599_999)).toBe('2025-12-31T23:59:59Z');
    expect(setCondition([], { ...ready, message: 'x'.repeat(50_000) }, 0)[0]?.message).toHaveLength(32_768);
  });
});
