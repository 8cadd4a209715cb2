import fc from 'fast-check';
import { dump } from 'js-yaml';
import FIELD_SPECS from '../../../src/render/kustomize/data/fieldspecs.json' with { type: 'json' };
import MERGE_KEYS from '../../../src/render/kustomize/data/mergekeys.json' with { type: 'json' };
import type { Repository } from './generate.ts';

/*
 * Repositories made from kustomize's own tables: a strategic merge patch for every list that has a strategy, a name reference
 * for every field that may hold one, and every field that a transformer knows.
 */

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
type Entry = readonly (string | number)[];

interface Step {
  readonly name: string;
  readonly keys: readonly string[];
  readonly strategy: string;
  readonly isList: boolean;
}

interface MergePath {
  readonly gvk: string;
  /** Field names from the top; a list on the way is marked with its merge keys. */
  readonly steps: readonly Step[];
}

const MAX_STEPS = 10;
/** Every field with a strategy, of every kind; a type is not entered twice on one way. */
function mergePaths(): MergePath[] {
  const types = MERGE_KEYS.types as unknown as readonly Readonly<Record<string, Entry>>[];
  const out: MergePath[] = [];
  const walk = (gvk: string, type: number, steps: MergePath['steps'], seen: ReadonlySet<number>): void => {
    if (steps.length > MAX_STEPS || seen.has(type)) return;
    for (const [name, entry] of Object.entries(types[type] ?? {})) {
      const [next, strategy = '', ...keys] = entry;
      const isList = entry.length > 1 && (strategy === '' || keys.length > 0);
      const path = [...steps, { name, keys: keys.map(String), strategy: String(strategy), isList }];
      if (strategy !== '') out.push({ gvk, steps: path });
      if (typeof next === 'number' && next >= 0) walk(gvk, next, path, new Set([...seen, type]));
    }
  };
  for (const [gvk, type] of Object.entries(MERGE_KEYS.gvk)) walk(gvk, type as number, [], new Set());
  return out;
}

const PATHS = mergePaths();

function head(gvk: string): { apiVersion: string; kind: string; metadata: { name: string } } {
  const parts = gvk.split('/');
  const kind = parts.at(-1) ?? '';
  return { apiVersion: parts.slice(0, -1).filter(Boolean).join('/'), kind, metadata: { name: 'x' } };
}

/** Puts a value at the end of a path; lists on the way have one item, named by its first key, but where one is left out. */
function placed(path: MergePath, end: Value, leftOut = -1): Value {
  const { steps, gvk } = path;
  let value = end;
  for (const [i, step] of [...steps.entries()].reverse()) {
    const isList = i < steps.length - 1 && step.isList && i !== leftOut;
    value = { [step.name]: isList ? [{ ...(item(step.keys, 1, {}) as object), ...(value as object) }] : value };
  }
  const top = value as { [key: string]: Value };
  const { metadata, ...rest } = head(gvk);
  return { ...rest, ...top, metadata: { ...((top['metadata'] as object | undefined) ?? {}), ...metadata } };
}

const item = (keys: readonly string[], n: number, more: { [key: string]: Value }, leaveOut = 0): Value =>
  Object.fromEntries([
    ...keys
      .slice(0, keys.length - leaveOut)
      .map((key): [string, Value] => [
        key,
        key.endsWith('ort') ? 8000 + n : key === 'protocol' ? 'TCP' : `${key}-${n}`,
      ]),
    ...Object.entries(more),
  ]);

const MODES = ['merge', 'delete', 'replace', 'null', 'onekey', 'retain', 'prim', 'deleteprim', 'order', 'odd'] as const;

function patchValue(mode: (typeof MODES)[number], keys: readonly string[]): Value {
  const one = (n: number, more: { [key: string]: Value }, leave = 0): Value => item(keys, n, more, leave);
  switch (mode) {
    case 'merge':
      return [one(2, { x: 'changed', keep: null }), one(4, { x: 'four' })];
    case 'delete':
      return [one(2, { $patch: 'delete' }), one(9, { $patch: 'delete' })];
    case 'replace':
      return [{ $patch: 'replace' }, one(5, { x: 'only' })];
    case 'null':
      return null;
    case 'onekey':
      return [one(2, { x: 'partial' }, keys.length > 1 ? 1 : 0), { x: 'none' }];
    case 'retain':
      return { $retainKeys: ['type'], type: 'Recreate' };
    case 'prim':
      return ['b', 'd'];
    case 'deleteprim':
      return ['e'];
    case 'order':
      return [one(3, { x: 'c' }), one(7, { x: 'g' }), one(1, { x: 'a' })];
    case 'odd':
      return { $patch: 'replace', type: 'x' };
  }
}

function baseValue(shape: number, keys: readonly string[]): Value {
  if (shape === 0) return [1, 2, 3].map((n) => item(keys, n, { x: `v${n}`, ...(n === 1 ? { keep: 1 } : {}) }));
  if (shape === 1) return ['a', 'b', 'c'];
  if (shape === 2) return { matchLabels: { a: 'b' }, type: 'Old' };
  if (shape === 3) return [];
  return shape === 4 ? null : [item(keys, 1, {}, 1), item(keys, 2, { x: 'y' })];
}

/** A patch on a list or map that has a strategy. */
export const mergeRepositories: fc.Arbitrary<Repository> = fc
  .record({
    path: fc.constantFrom(...PATHS),
    mode: fc.constantFrom(...MODES),
    shape: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5),
    leftOut: fc.constantFrom(-1, -1, -1, -1, -1, 0, 1, 2, 3),
    directive: fc.constantFrom('', '', '', '$setElementOrder', '$deleteFromPrimitiveList', '$patch'),
  })
  .map(({ path, mode, shape, directive, leftOut }) => {
    const last = path.steps.at(-1) ?? { name: 'x', keys: [], strategy: '', isList: false };
    const base = placed(path, baseValue(shape, last.keys), leftOut);
    const patch = placed(path, patchValue(mode, last.keys), leftOut);
    const holder = { ...path, steps: [...path.steps.slice(0, -1), { ...last, name: `${directive}/${last.name}` }] };
    const more: Value =
      directive === '$deleteFromPrimitiveList'
        ? placed(holder, ['b'], leftOut)
        : placed(holder, [item(last.keys, 2, {})], leftOut);
    const patches: Value[] = directive === '$patch' || directive === '' ? [patch] : [patch, more];
    return {
      root: '.',
      files: {
        'kustomization.yaml': 'resources: [r.yaml]\npatches:\n- path: p.yaml\n',
        'r.yaml': dump(base),
        'p.yaml': patches.map((one) => dump(one)).join('---\n'),
      },
    };
  });

interface Spec {
  readonly path?: string;
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly create?: boolean;
}

/** A resource that has a field at a path of a field spec. */
function holding(spec: Spec, end: Value, name: string, group: string): Value {
  let value = end;
  for (const part of (spec.path ?? '').split('/').reverse()) {
    if (part.endsWith('[]')) value = { [part.slice(0, -2)]: [value] };
    else value = { [part]: value };
  }
  const top = value as { [key: string]: Value };
  const meta = (top['metadata'] as { [key: string]: Value } | undefined) ?? {};
  const version = spec.version ?? 'v1';
  const own = spec.group ?? group;
  return {
    apiVersion: own === '' ? version : `${own}/${version}`,
    kind: spec.kind ?? 'Thing',
    ...top,
    metadata: { ...meta, name },
  };
}

const REFERENCES = (FIELD_SPECS.nameReference as readonly (Spec & { readonly fieldSpecs: readonly Spec[] })[]).flatMap(
  (target) => target.fieldSpecs.map((referrer) => ({ target, referrer })),
);

const FIELDS = ['namePrefix: o-', 'nameSuffix: -s', 'namespace: prod', 'namespace: default', 'commonLabels: {l: "1"}'];
const layer = fc.subarray(FIELDS).map((list) => list.filter((one, i) => list.findIndex((x) => x[4] === one[4]) === i));
const GROUPS = ['', 'apps', 'networking.k8s.io', 'rbac.authorization.k8s.io', 'example.com'];

/** A name that another resource holds, through two layers that change names. */
export const referenceRepositories: fc.Arbitrary<Repository> = fc
  .record({
    pairs: fc.array(fc.constantFrom(...REFERENCES), { minLength: 1, maxLength: 3 }),
    groups: fc.array(fc.constantFrom(...GROUPS), { minLength: 3, maxLength: 3 }),
    namespaces: fc.array(fc.constantFrom('', '', '', 'a', 'default'), { minLength: 2, maxLength: 2 }),
    base: layer,
    over: layer,
    generated: fc.boolean(),
    asList: fc.constantFrom(false, false, false, true),
    second: fc.constantFrom('', '', 'tgt2'),
    reorder: fc.constantFrom('none' as const, 'legacy' as const),
  })
  .map(({ pairs, groups, namespaces, base, over, generated, asList, second, reorder }) => {
    const documents: Value[] = [];
    const seen = new Set<string>();
    const put = (value: Value, namespace: string): void => {
      const object = value as { apiVersion: string; kind: string; metadata: { name: string } };
      const key = `${object.kind} ${object.metadata.name}`;
      if (seen.has(key)) return;
      seen.add(key);
      documents.push(namespace === '' ? value : { ...object, metadata: { ...object.metadata, namespace } });
    };
    for (const [i, { target, referrer }] of pairs.entries()) {
      const group = groups[i] ?? '';
      const made = generated && (target.kind === 'ConfigMap' || target.kind === 'Secret');
      if (!made) put(holding({ ...target, path: 'spec' }, {}, 'tgt', group), namespaces[0] ?? '');
      if (second !== '') put(holding({ ...target, path: 'spec' }, {}, second, group), namespaces[1] ?? '');
      const end: Value = asList ? ['tgt', second] : 'tgt';
      put(holding(referrer, end, `ref${i}`, group), namespaces[i % 2] ?? '');
    }
    const kinds = new Set(pairs.map(({ target }) => target.kind));
    const generators = [
      ...(kinds.has('ConfigMap') && generated ? ['configMapGenerator: [{name: tgt, literals: [a=b]}]'] : []),
      ...(kinds.has('Secret') && generated ? ['secretGenerator: [{name: tgt, literals: [a=b]}]'] : []),
    ];
    return {
      root: 'over',
      reorder,
      files: {
        'base/kustomization.yaml': ['resources: [r.yaml]', ...generators, ...base].join('\n'),
        'base/r.yaml': documents.map((one) => dump(one)).join('---\n'),
        'over/kustomization.yaml': ['resources: [../base]', ...over].join('\n'),
      },
    };
  });

const LISTS = [
  'namePrefix',
  'nameSuffix',
  'namespace',
  'commonLabels',
  'templateLabels',
  'commonAnnotations',
  'replicas',
  'images',
] as const;
const SPECS = LISTS.flatMap((list) =>
  ((FIELD_SPECS as unknown as Readonly<Record<string, readonly Spec[]>>)[list] ?? []).map((spec) => ({ list, spec })),
);

const CHANGES: readonly string[] = [
  'namePrefix: p-',
  'nameSuffix: -s',
  'namespace: prod',
  'commonLabels: {team: core, rev: "1"}',
  'labels: [{pairs: {team: core}, includeSelectors: true}]',
  'labels: [{pairs: {team: core}, includeTemplates: true}, {pairs: {rev: "2"}}]',
  'commonAnnotations: {note: "5"}',
  'replicas: [{name: x0, count: 3}]',
  'images: [{name: nginx, newTag: v2}]',
  'images: [{name: nginx, newName: r.io/n, digest: "sha256:1"}]',
];

/** Fields that transformers know, there, missing on the way, null, or of another type. */
export const fieldRepositories: fc.Arbitrary<Repository> = fc
  .record({
    specs: fc.array(fc.constantFrom(...SPECS), { minLength: 1, maxLength: 3 }),
    cut: fc.nat(3),
    end: fc.constantFrom<Value>({ app: 'x' }, {}, null, 'nginx:1', 5, ['nginx'], [{ image: 'nginx' }], 'default'),
    changes: fc.array(fc.constantFrom(...CHANGES), { minLength: 1, maxLength: 2 }),
    namespace: fc.constantFrom('', '', 'old', 'default'),
    group: fc.constantFrom(...GROUPS),
  })
  .map(({ specs, cut, end, changes, namespace, group }) => {
    const documents = specs.map(({ spec }, i) => {
      const parts = (spec.path ?? '').split('/');
      const path = parts.slice(0, Math.max(1, parts.length - (cut === 3 ? 1 : 0))).join('/');
      const value = holding({ ...spec, path: path.startsWith('metadata') ? 'spec' : path }, end, `x${i}`, group);
      const object = value as { metadata: { name: string } };
      return namespace === '' ? value : { ...object, metadata: { ...object.metadata, namespace } };
    });
    const unique = changes.filter((one, i) => changes.findIndex((x) => x.slice(0, 6) === one.slice(0, 6)) === i);
    return {
      root: '.',
      files: {
        'kustomization.yaml': ['resources: [r.yaml]', ...unique].join('\n'),
        'r.yaml': documents.map((one) => dump(one)).join('---\n'),
      },
    };
  });
