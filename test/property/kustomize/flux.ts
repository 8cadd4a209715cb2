import fc from 'fast-check';
import { goodVars } from './templates.ts';
import { pick } from './wide-parts.ts';

/* Sources and Flux Kustomizations: what Flux's layer adds to a build, and substitution over what comes out. */

/** A source, the fields of a Flux Kustomization that builds it, and whether variables must be set. */
export interface FluxCase {
  readonly files: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly strict: boolean;
}

const simple = pick(
  ...[
    '${A}',
    '${B}',
    'x-${A}',
    '${A}-${B}',
    '${C:-def}',
    '${NONE:=d}',
    '${A^^}',
    '${A/l/L}',
    '$${A}',
    '${NONE:-"8"}',
    '"${A}"',
    "'${A}'",
    '${A:0:2}',
  ],
  ...[
    '${A}: ${B}',
    '# ${A}',
    '[${A}]',
    '{a: ${A}}',
    '${A} # ${B}',
    '|${A}',
    '${NONE}',
    '$A',
    '${#A}',
    '${A//[0-9]/}',
    '${B}${B}',
    '${A}é',
    ' ${A}',
    '${A} ',
  ],
);
const quoted = (text: string): string => JSON.stringify(text);
const field = fc.oneof(
  { weight: 5, arbitrary: simple.map(quoted) },
  { weight: 2, arbitrary: fc.tuple(simple, simple).map(([a, b]) => `|\n    ${a}\n    ${b}`) },
  fc.tuple(simple, simple).map(([a, b]) => `>-\n    ${a}\n    ${b}`),
  pick(
    '8080',
    '"8080"',
    'true',
    '"true"',
    'null',
    '1.0',
    '12345678901234567890',
    '2020-01-01',
    '"${A}": x',
    '{k: "${A}"}',
    '["${A}", "${B}"]',
    'plain',
    '1e3',
    '9007199254740993',
  ),
);
const NAMES = pick('a', 'b', '${A}', 'c-${B}', '"${NONE:-d}"', 'a', 'b');
const object = fc
  .record({
    name: NAMES,
    kind: pick('ConfigMap', 'Secret', 'Thing', 'ConfigMap'),
    data: fc.array(field, { maxLength: 3 }),
    note: pick('', '', '', 'labels', 'annotations'),
    key: pick('k', 'k', 'k', '"${A}"'),
    namespace: pick('', '', '', 'ns', '${B}'),
  })
  .map(({ name, kind, data, note, key, namespace }) => {
    const meta =
      note === ''
        ? ''
        : `\n  ${note}: {kustomize.toolkit.fluxcd.io/substitute: ${note === 'labels' ? 'disabled' : 'Disabled'}}`;
    const body = data
      .map((text, i) => `  ${i === 0 ? key : `k${i}`}: ${text.startsWith('"${A}": x') ? '{"${A}": x}' : text}\n`)
      .join('');
    return `apiVersion: ${kind === 'Thing' ? 'example.com/v1' : 'v1'}\nkind: ${kind}\nmetadata:\n  name: ${name}${namespace === '' ? '' : `\n  namespace: ${namespace}`}${meta}\n${body === '' ? '' : `data:\n${body}`}`;
  });
const objects = fc.array(object, { minLength: 1, maxLength: 2 }).map((list) => list.join('---\n'));

const FILES = [
  'a.yaml',
  'a/b.yaml',
  'a-b/c.yaml',
  'B.yml',
  'z.yaml',
  '.hidden.yaml',
  'a/z/deep.yaml',
  'x.YAML',
  'notes.txt',
  'a.b.yaml',
  'é.yaml',
  'a/.git/x.yaml',
  '10.yaml',
  '9.yaml',
  'a b.yaml',
  'a/a.yml',
];
const CONTENTS = pick(
  '',
  '# only a comment\n',
  '---\n',
  'a: b\n',
  'kind: X\n',
  '- a\n',
  'apiVersion: v1\nkind: List\nitems: []\n',
  '\t',
  'null\n',
  'apiVersion: v1\nkind: ConfigMap\n',
  '{',
  'apiVersion: v1\nkind: ConfigMapList\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: in-list}}\n',
);
const PLACE = pick('kustomization.yaml', 'kustomization.yml', 'Kustomization');

const kustomization = fc
  .array(
    pick(
      ...[
        'resources: [r.yaml]',
        'resources: [r.yaml]',
        'resources: [r.yaml]',
        'resources: [r.yaml, sub]',
        'namespace: own',
        'namePrefix: own-',
        'nameSuffix: 5',
        'commonLabels: {l: "1"}',
      ],
      ...[
        'images: [{name: nginx, newTag: "1"}]',
        'images: [{name: nginx, newTag: 1.0, digest: x}]',
        'images: [{name: other, newName: y}]',
        'bases: [sub]',
        'patchesStrategicMerge: [p.yaml]',
        'unknown: [1]',
      ],
      ...[
        'patches: [{path: p.yaml}]',
        'patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: fixed}, patch: "- {op: add, path: /data/x, value: y}"}]',
        'kind: Component',
        'apiVersion: v1',
        'kind: null',
      ],
      ...[
        'vars: [{name: V, objref: {kind: ConfigMap, name: fixed, apiVersion: v1}}]',
        'configMapGenerator: [{name: gen, literals: [a=b]}]',
        'generatorOptions: {disableNameSuffixHash: true}',
        'buildMetadata: [managedByLabel]',
      ],
      ...[
        'sortOptions: {order: legacy}',
        'components: [part]',
        'replicas: [{name: web, count: 3}]',
        'openapi: {path: s.json}',
        'metadata: {name: k, labels: {a: b}}',
        'labels: [{pairs: {x: y}, includeSelectors: true}]',
      ],
      ...[
        'commonAnnotations: {n: "1", num: 5}',
        'replacements: [{source: {kind: ConfigMap, name: fixed, fieldPath: metadata.name}, targets: [{select: {kind: Thing}, fieldPaths: [data.k]}]}]',
        'resources: null',
        'imageTags: [{name: nginx, newTag: z}]',
        'helmGlobals: {chartHome: x}',
      ],
    ),
    { maxLength: 4 },
  )
  .map((list) =>
    [...new Map(list.map((one) => [one.slice(0, one.indexOf(':')), one])).values()].map((one) => `${one}\n`).join(''),
  );

const FIXED =
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fixed\ndata:\n  image: nginx\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - {name: c, image: "nginx:0"}\n';

const tree = fc
  .record({
    files: fc.subarray(FILES, { maxLength: 6 }),
    texts: fc.array(fc.oneof({ weight: 30, arbitrary: objects }, CONTENTS), { minLength: 8, maxLength: 8 }),
    own: fc.option(fc.tuple(PLACE, kustomization), { freq: 2 }),
    nested: fc.option(
      fc.tuple(
        PLACE,
        fc.oneof(
          { weight: 6, arbitrary: pick('configMapGenerator: [{name: inner, literals: [a=b]}]\n') },
          pick('resources: [b.yaml]\n', 'resources: []\n', '', 'kind: Component\n', 'odd: x\n'),
        ),
      ),
      { freq: 1 },
    ),
    resources: objects,
    path: fc.oneof({ weight: 20, arbitrary: pick('app') }, pick('', './app', 'app/a', 'none', 'app/../app')),
  })
  .map(({ files, texts, own, nested, resources, path }) => {
    const out: Record<string, string> = {
      'app/readme.md': 'x',
      'app/r.yaml': own === null ? resources : `${FIXED}---\n${resources}`,
    };
    for (const [i, name] of files.entries()) if (own === null) out[`app/${name}`] = texts[i] ?? '';
    if (nested !== null && own === null) out[`app/a/${nested[0]}`] = nested[1];
    if (own !== null)
      Object.assign(out, {
        [`app/${own[0]}`]: own[1],
        'app/p.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed}\ndata: {p: q}\n',
        'app/sub/kustomization.yaml': 'resources: [s.yaml]\n',
        'app/sub/s.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\n',
        'app/s.json': '{"definitions": {}}',
      });
    for (const folder of ['app/part', 'part'])
      if (own !== null)
        Object.assign(out, {
          [`${folder}/kustomization.yaml`]:
            'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -part\n',
        });
    return { files: out, path };
  });

const patch = fc
  .tuple(
    pick<object | undefined>(
      undefined,
      undefined,
      { kind: 'ConfigMap' },
      { name: 'fixed' },
      { kind: 'Deployment', labelSelector: 'a=b' },
      {},
      { group: 'apps', version: 'v1' },
    ),
    pick(
      ...[
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fixed\ndata:\n  flux: "1"\n',
        '- op: add\n  path: /metadata/labels\n  value: {x: y}\n',
        'kind: X\nmetadata: {name: x, annotations: {p: ${A}}}\n',
        '[{"op": "remove", "path": "/data"}]',
        '$patch: delete\nkind: ConfigMap\nmetadata: {name: x}\n',
        '',
      ],
    ),
  )
  .map(([target, text]) => ({ patch: text, ...(target === undefined ? {} : { target }) }));

const optional = <T>(name: string, arbitrary: fc.Arbitrary<T>, freq = 3): fc.Arbitrary<object> =>
  fc
    .option(arbitrary, { freq: 1 })
    .chain((found) => fc.nat(freq).map((left) => (found === null || left > 0 ? {} : { [name]: found })));

/** Flux Kustomizations with every field of the build, over sources with and without a kustomization. */
export const fluxCases: fc.Arbitrary<FluxCase> = fc
  .record({
    tree,
    fields: fc.tuple(
      optional('targetNamespace', pick('target', 'default', ''), 1),
      optional('namePrefix', pick('f-', '', '5')),
      optional('nameSuffix', pick('-f')),
      optional('patches', fc.array(patch, { maxLength: 2 }), 1),
      optional(
        'images',
        fc.array(
          pick<object>(
            { name: 'nginx', newTag: 'f' },
            { name: 'nginx', digest: 'sha256:9' },
            { name: 'nginx', newName: 'n' },
            { name: 'new', newTag: '1' },
            { name: 'nginx' },
          ),
          { maxLength: 2 },
        ),
        1,
      ),
      optional(
        'components',
        pick<string[]>(
          ['part'],
          ['../part'],
          ['part'],
          ['../part'],
          ['none'],
          ['https://x/y'],
          ['/abs'],
          ['../../out'],
          ['part', 'none'],
        ),
      ),
      optional('ignoreMissingComponents', fc.boolean(), 1),
      optional(
        'buildMetadata',
        pick<string[]>([], ['originAnnotations'], ['transformerAnnotations', 'originAnnotations']),
      ),
      optional(
        'postBuild',
        fc
          .tuple(goodVars, fc.boolean())
          .map(([substitute, always]) => ({ substitute, ...(always ? { substituteStrategy: 'Always' } : {}) })),
        0,
      ),
    ),
    strict: fc.boolean(),
  })
  .map(({ tree: { files, path }, fields, strict }) => ({
    files,
    spec: Object.assign({ path }, ...fields) as Record<string, unknown>,
    strict,
  }));
