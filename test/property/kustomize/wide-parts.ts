import fc from 'fast-check';

/* Parts of kustomizations: selectors, paths, replacements and patches, and the resources that they are about. */

export const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
export const maybe = (...values: readonly string[]): fc.Arbitrary<string> => pick('', '', ...values);
export const join = (...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((list) => list.filter((part) => part !== '').join(', '));
export const some = (part: fc.Arbitrary<string>, max: number): fc.Arbitrary<string> =>
  fc.array(part, { minLength: 1, maxLength: max }).map((list) => list.join(', '));

/** What every repository has, so that selectors and paths find something. */
export const RESOURCES = `apiVersion: v1
kind: ConfigMap
metadata:
  name: src
  labels: {app: one, tier: front}
  annotations: {note: "1", a.b/c: x}
data:
  host: example.com
  url: https://user@host:8080/path?x=y
  "n.dot": dotted
  num: "8080"
  empty: ""
  list: a,b,c
  json: '{"a": {"b": [1, "two", {"c": 1.50}]}, "z": null, "u": "\\u00e9<>&"}'
  pretty: |
    {
      "a": {
        "b": "c"
      },
      "n": 12345678901234567890
    }
  yaml: |
    a:
      b: text
      "q": 'single'
      l:
      - one
      - name: n
        value: "8080"
    f: {x: 1, y: [2, 3]}
    t: "yes"
    block: |
      line
      line
spec:
  int: 5
  float: 1.50
  big: 12345678901234567890
  bool: true
  nil: null
  date: 2020-01-01
  map: {k: v, l: {m: n}}
  seq: [a, b, c]
  objs:
  - {name: first, image: "nginx:1.2", v: 1}
  - name: second
    image: r.io/app@sha256:abc
    v: 2
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: dep
  namespace: one
  labels: {app: one}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: one}}
    spec:
      initContainers:
      - {name: init, image: "busybox:1"}
      containers:
      - name: main
        image: nginx:1.2
        args: ["--host=HOST", --port=1]
        env:
        - {name: HOST, value: localhost}
        - {name: PORT, value: "80"}
        - name: REF
          valueFrom: {configMapKeyRef: {name: src, key: host}}
      - name: side
        image: r.io:5000/side
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: dep2
  labels: {app: two, tier: back}
  annotations: {note: "2"}
spec:
  template:
    spec:
      containers:
      - {name: main, image: "nginx@sha256:123"}
---
apiVersion: example.com/v1
kind: Thing
metadata:
  name: thing
  namespace: two
spec:
  value: old
  "x/y": 1
  a.b: 2
  ports: [{port: 80}, {port: 81, name: m}]
  empty: {}
  none: []
  nested: {image: "nginx:1", list: [[1, 2], [3]]}
---
apiVersion: v1
kind: Secret
metadata: {name: sec}
data: {k: djE=}
---
apiVersion: v1
kind: Service
metadata:
  name: svc
  labels: {app: one}
spec:
  ports: [{name: http, port: 80}]
`;

const NAMES = pick(
  'src',
  'dep',
  'dep2',
  'thing',
  'svc',
  'd.*',
  'dep|svc',
  '.*',
  '^dep$',
  'x',
  'p-dep',
  '[a-s].*',
  'dep2?',
);
const KINDS = pick(
  'ConfigMap',
  'Deployment',
  'Thing',
  'Service',
  '.*',
  'Deployment|Thing',
  'deployment',
  'Secret',
  'X',
);
const LABELS = pick(
  'app',
  '!app',
  'app=one',
  'app==one',
  'app!=one',
  'app in (one, two)',
  'app notin (two)',
  'app=one,tier',
  'tier=front,app',
  'tier in (front),!x',
  'app in ()',
  'app=',
  'app = one',
  '!tier , app',
);
const NOTES = pick('note', 'note=1', 'note!=1', 'note in (1,2)', 'a.b/c=x', '!note');

const selector: fc.Arbitrary<string> = join(
  maybe('version: v1', 'version: v.*', 'version: v2'),
  maybe('group: apps', 'group: ""', 'group: .*', 'group: example.com'),
  KINDS.chain((kind) => maybe(`kind: ${kind}`)),
  NAMES.chain((name) => maybe(`name: "${name}"`)),
  maybe('namespace: one', 'namespace: two', 'namespace: default', 'namespace: .*', 'namespace: o.*'),
  LABELS.chain((text) => pick('', '', '', '', '', '', `labelSelector: "${text}"`)),
  NOTES.chain((text) => pick('', '', '', '', '', `annotationSelector: "${text}"`)),
).map((text) => `{${text}}`);

const SOURCE_PATHS = pick(
  'data.host',
  'data.url',
  'data.n\\.dot',
  'data.[n.dot]',
  'data.num',
  'data.list',
  'data.json',
  'data.empty',
  'data.none',
  'metadata.name',
  'metadata.labels.app',
  'metadata.annotations.a\\.b/c',
  'metadata.annotations.[a.b/c]',
  'spec.int',
  'spec.float',
  'spec.big',
  'spec.bool',
  'spec.nil',
  'spec.date',
  'spec.map',
  'spec.seq',
  'spec.objs',
  'spec.objs.0.image',
  'spec.objs.[name=second].v',
  'spec.objs.[name=second]',
  'spec.seq.1',
  'spec.seq.-',
  'spec.seq.[=b]',
  'spec.*',
  'spec.map.l',
  'data.json.a.b',
  'kind',
  'apiVersion',
  '',
);
const TARGET_PATHS = pick(
  'data.host',
  'data.new',
  'data.n\\.dot',
  'data.json.a.b',
  'data.json.a.b.1',
  'data.json.new',
  'data.json.z',
  'data.pretty.a.b',
  'data.pretty.n',
  'data.yaml.a.b',
  'data.yaml.a.q',
  'data.yaml.a.l.0',
  'data.yaml.a.l.[name=n].value',
  'data.yaml.f.x',
  'data.yaml.t',
  'data.yaml.new',
  'data.host.x',
  'data.num.a',
  'metadata.name',
  'metadata.namespace',
  'metadata.labels.app',
  'metadata.labels.new',
  'metadata.annotations.[x.y/z]',
  'metadata.annotations.x\\.y/z',
  'spec.value',
  'spec.x/y',
  'spec.a\\.b',
  'spec.new',
  'spec.new.deep.er',
  'spec.ports.0.port',
  'spec.ports.*.port',
  'spec.ports.[port=81].name',
  'spec.ports.[name=new].port',
  'spec.ports.-',
  'spec.ports.5',
  'spec.empty.x',
  'spec.none.0',
  'spec.none.[name=x].y',
  'spec.nested.image',
  'spec.nested.list.0.1',
  'spec.int',
  'spec.float',
  'spec.bool',
  'spec.map',
  'spec.seq.1',
  'spec.seq.*',
  'spec.seq.[=b]',
  'spec.objs.*.image',
  'spec.objs.[name=first].image',
  'spec.objs.[image=nginx:1.2].v',
  'spec.replicas',
  'spec.template.spec.containers.*.image',
  'spec.template.spec.containers.[name=main].image',
  'spec.template.spec.containers.[name=.*].image',
  'spec.template.spec.containers.[name=m.*].env.[name=HOST].value',
  'spec.template.spec.containers.[name=main].env.[name=NEW].value',
  'spec.template.spec.containers.0.args.0',
  'spec.template.spec.*.[name=init].image',
  'spec.template.metadata.labels.new',
  'kind',
  '*.name',
  '',
);
const OPTIONS = join(
  maybe('delimiter: ":"', 'delimiter: ","', 'delimiter: /', 'delimiter: .', 'delimiter: x'),
  maybe('index: 0', 'index: 1', 'index: 2', 'index: -1', 'index: 99'),
  pick('', 'create: true', 'create: true', 'create: false'),
).map((text) => (text === '' ? '' : `options: {${text}}`));

export const replacement: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc
          .tuple(
            pick(
              'kind: ConfigMap, name: src',
              'kind: ConfigMap',
              'name: src',
              'kind: Deployment, name: dep',
              'kind: Thing',
              'kind: Deployment',
              'kind: Service, name: svc, version: v1',
              'name: dep, namespace: one',
              'group: apps, kind: Deployment, name: dep2',
            ),
            SOURCE_PATHS,
            OPTIONS,
          )
          .map(
            ([who, path, options]) => `source: {${[who, `fieldPath: '${path}'`, options].filter(Boolean).join(', ')}}`,
          ),
      },
      {
        weight: 2,
        arbitrary: pick(
          'plain',
          '"8080"',
          '"true"',
          '"a: b"',
          '""',
          '"two\\nlines"',
          '"é"',
          'x,y',
          '"12345678901234567890"',
          '"1e3"',
          'null',
        ).map((value) => `sourceValue: ${value}`),
      },
    ),
    fc.array(
      fc
        .tuple(
          selector,
          fc.option(some(selector, 2), { freq: 4 }),
          some(
            TARGET_PATHS.map((path) => `'${path}'`),
            1,
          ),
          OPTIONS,
        )
        .map(
          ([select, reject, paths, options]) =>
            `  - select: ${select}${reject === null ? '' : `\n    reject: [${reject}]`}\n    fieldPaths: [${paths}]${options === '' ? '' : `\n    ${options}`}`,
        ),
      { minLength: 1, maxLength: 2 },
    ),
  )
  .map(([source, targets]) => `- ${source === '' ? '' : `${source}\n  `}targets:\n${targets.join('\n')}`);

const VALUES = pick(
  '1',
  '"1"',
  'true',
  'null',
  '{a: b}',
  '[1, two]',
  '"x\\ny"',
  '1.0',
  '1e3',
  '12345678901234567890',
  '0x10',
  '{}',
  '[]',
  '1.5',
  '-0',
  '2020-01-01',
  'yes',
  '"yes"',
  '~',
  '{image: "nginx:3", name: n}',
);
const POINTERS = pick(
  '/metadata/name',
  '/metadata/labels/new',
  '/metadata/labels',
  '/metadata/annotations/a.b~1c',
  '/metadata/annotations',
  '/metadata',
  '/spec',
  '/spec/value',
  '/spec/x~1y',
  '/spec/ports/0',
  '/spec/ports/-',
  '/spec/ports/1/port',
  '/spec/ports/2',
  '/spec/ports/9',
  '/spec/ports/-1',
  '/spec/ports/01',
  '/spec/ports/x',
  '/spec/none/0',
  '/spec/none/-',
  '/spec/empty/k',
  '/spec/a.b',
  '/spec/seq/1',
  '/spec/objs/0/v',
  '/spec/int',
  '/spec/replicas',
  '/spec/template/spec/containers/0/image',
  '/spec/template/spec/containers/0/env/-',
  '/spec/template/spec/containers/0/args/0',
  '/spec/nested/list/0/1',
  '/spec/none/deep/er',
  '/data/host',
  '/data',
  '/data/n.dot',
  '/kind',
  '/apiVersion',
  '',
  '/',
  '/new',
  '/a/b',
  'noslash',
  '/spec/template/spec/containers/-',
);
const operation: fc.Arbitrary<string> = fc
  .tuple(
    pick('add', 'add', 'add', 'replace', 'replace', 'remove', 'test', 'copy', 'move', 'bad'),
    POINTERS,
    POINTERS,
    VALUES,
  )
  .map(([op, path, from, value]) => {
    const more = op === 'copy' || op === 'move' ? `, from: '${from}'` : op === 'remove' ? '' : `, value: ${value}`;
    return `{op: ${op}, path: '${path}'${more}}`;
  });

export const patch: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(selector, some(operation, 3)).map(([target, ops]) => `- target: ${target}\n  patch: |-\n    [${ops}]`),
  fc
    .tuple(
      fc.option(selector, { freq: 3 }),
      pick(
        '',
        'options: {allowNameChange: true}',
        'options: {allowKindChange: true}',
        'options: {allowNameChange: true, allowKindChange: true}',
      ),
      pick(
        'kind: Deployment\n    metadata: {name: dep, namespace: one}',
        'kind: Deployment\n    metadata: {name: dep}',
        'kind: ConfigMap\n    metadata: {name: other}',
        'apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: dep2}',
        'apiVersion: example.com/v1\n    kind: Thing\n    metadata: {name: thing, namespace: two}',
        'kind: StatefulSet\n    metadata: {name: st, namespace: new}',
        'metadata: {name: dep2, labels: null}',
        'apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: src, annotations: {note: null, x: "1"}}',
      ),
      pick(
        '',
        'spec: null',
        'spec: {}',
        '$patch: delete',
        '$patch: replace',
        '$patch: merge',
        '$patch: odd',
        'spec: {$patch: replace, a: 1}',
        'spec: {template: {spec: {containers: [{name: main, image: x, env: [{name: HOST, $patch: delete}, {name: N, value: 1}]}]}}}',
        'spec: {template: {spec: {containers: [{$patch: replace}, {name: z}]}}}',
        'spec: {template: {spec: {$setElementOrder/containers: [{name: side}, {name: main}], containers: [{name: side, image: y}]}}}',
        'spec: {template: {spec: {containers: [{image: noname}]}}}',
        'spec: {objs: [{name: first, v: 9}], seq: [z], int: "6", nil: 1, map: {k: null}}',
        'spec: {ports: [{port: 80, x: y}], empty: {a: 1}, none: [1], nested: null}',
        'data: {host: null, more: "1"}',
        'data: null',
        'spec: {replicas: null}',
        'spec: []',
        'spec: text',
      ),
    )
    .map(
      ([target, options, head, body]) =>
        `-${target === null ? '' : ` target: ${target}\n `}${options === '' ? '' : ` ${options}\n `} patch: |-\n    ${head}\n    ${body}`,
    ),
);
