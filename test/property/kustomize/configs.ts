import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { pick } from './wide-parts.ts';

/* Repositories whose `configurations` say where every transformer works, in one file or two, in either order, over layers. */

const GOOD = pick(
  ...['metadata/name', 'metadata/labels', 'metadata/annotations', 'metadata/namespace', 'spec/name', 'spec/ref/name'],
  ...[
    'spec/refs',
    'spec/items[]/image',
    'spec/image',
    'spec/images',
    'spec/new/deep',
    'spec/labels',
    'spec/n',
    'data/a',
  ],
  ...[
    'spec/sel/matchLabels',
    'spec/template/metadata/labels',
    'spec/replicas',
    'spec/a\\/b',
    'spec/list[]',
    'spec/list',
  ],
  ...['subjects', 'spec/items', 'spec/empty/k', 'spec/containers[]/image', 'spec/containers', 'data/b.c', 'spec/text'],
);
const ODD = pick(
  ...['spec/refs[]/name', 'spec/items/name', 'data', 'spec/nil', 'spec/nil/x', 'spec/text/x', 'spec/*', 'spec/list/x'],
  ...['/spec/name', 'spec/', '', 'spec//name', 'subjects/name', 'kind', 'spec/items[name=a]/image', 'spec/new[]/x'],
  ...['spec/emptylist[]/x', 'spec', 'apiVersion'],
);
const PATHS = fc.oneof({ weight: 6, arbitrary: GOOD }, { weight: 1, arbitrary: ODD });
const GVK = pick(
  ...['', '', '', 'kind: Thing', 'kind: Thing', 'kind: ConfigMap', 'kind: Thing, group: example.com', 'version: v1'],
  ...['kind: Thing, version: v1', 'group: apps', 'kind: Other', 'kind: RoleBinding', 'group: "", kind: ConfigMap'],
);
const spec = fc
  .tuple(PATHS, GVK, pick('', '', 'create: true', 'create: true', 'create: false'))
  .map(([path, gvk, create]) => `{${[`path: '${path}'`, gvk, create].filter(Boolean).join(', ')}}`);
const specs = (max: number): fc.Arbitrary<string> =>
  fc.array(spec, { minLength: 1, maxLength: max }).map((list) => `[${list.join(', ')}]`);
const reference = fc
  .tuple(
    pick(
      ...['kind: ConfigMap, version: v1', 'kind: ConfigMap', 'kind: Thing, group: example.com', 'kind: Thing'],
      ...['kind: Secret, version: v1', 'version: v1', 'kind: Other, group: example.com, version: v1', 'kind: Service'],
    ),
    specs(3),
  )
  .map(([target, list]) => `{${target}, fieldSpecs: ${list}}`);

const FIELDS = [
  'namePrefix',
  'nameSuffix',
  'namespace',
  'commonLabels',
  'labels',
  'templateLabels',
  'commonAnnotations',
  'images',
  'replicas',
  'varReference',
] as const;
const line = fc.oneof(
  { weight: 30, arbitrary: fc.tuple(pick(...FIELDS), specs(3)).map(([name, list]) => `${name}: ${list}`) },
  {
    weight: 12,
    arbitrary: fc.array(reference, { minLength: 1, maxLength: 2 }).map((list) => `nameReference: [${list.join(', ')}]`),
  },
  { weight: 1, arbitrary: pick('odd: []', 'images: {}', 'namePrefix: null', 'labels: []', 'images: [{}]') },
);
const byField = (lines: readonly string[]): string =>
  [...new Map(lines.map((one) => [one.slice(0, one.indexOf(':')), one])).values()].map((one) => `${one}\n`).join('');
const config = fc.array(line, { minLength: 1, maxLength: 4 }).map(byField);

const change = pick(
  ...['namePrefix: p-', 'nameSuffix: -s', 'namespace: ns', 'namespace: default', 'commonLabels: {l: one, m: "2"}'],
  ...[
    'commonAnnotations: {n: "1", o: x}',
    'labels: [{pairs: {l: one}}]',
    'labels: [{pairs: {l: q}, includeSelectors: true}]',
  ],
  ...[
    'labels: [{pairs: {l: one}, includeTemplates: true}, {pairs: {z: "1"}, fields: [{path: spec/labels, create: true}]}]',
  ],
  ...['images: [{name: nginx, newTag: v2}]', 'images: [{name: "r.io/x", newName: q, tagSuffix: -t}]'],
  ...['images: [{name: nginx, digest: "sha256:1"}, {name: nginx, newName: ng}]'],
  ...[
    'vars: [{name: V, objref: {kind: ConfigMap, name: cm, apiVersion: v1}}]',
    'configMapGenerator: [{name: gen, literals: [a=b]}]',
  ],
);
const changes = fc.array(change, { minLength: 1, maxLength: 3 }).map(byField);

const RESOURCES = `apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {a: cm, b.c: thing, v: "$(V)"}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing, annotations: {x: cm}}
spec:
  name: cm
  ref: {name: cm, namespace: ns}
  refs: [cm, gen, thing, other]
  items: [{name: cm, image: "nginx:1"}, {name: a, image: "r.io/x@sha256:1"}, text]
  image: nginx
  images: ["nginx:1", nginx]
  n: 5
  labels: {own: x}
  sel: {matchLabels: {own: x}}
  template: {metadata: {labels: {own: x}}}
  replicas: 1
  a/b: cm
  nil: null
  text: $(V)
  list: [{x: cm}, {x: thing}, {y: 1}]
  empty: {}
  emptylist: []
  containers: [{name: c, image: "nginx:1"}, {image: null}]
---
apiVersion: example.com/v1
kind: Other
metadata: {name: other, namespace: two, labels: {app: x}}
spec: {name: thing, ref: {name: other}, items: {name: cm, image: nginx}, list: [cm], image: "r.io/x:1", text: a $(V)}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: dep}
spec: {replicas: 1, template: {spec: {containers: [{name: c, image: nginx, args: [$(V)]}]}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
subjects: [{kind: ServiceAccount, name: default}, {kind: User, name: cm}]
spec: {name: other}
`;

/** Two configurations in a base or over it, with changes there that follow them. */
export const configRepositories: fc.Arbitrary<Repository> = fc
  .record({
    one: config,
    two: config,
    order: pick('one.yaml', 'one.yaml, two.yaml', 'two.yaml, one.yaml', 'one.yaml, one.yaml'),
    inBase: pick('none', 'none', 'one', 'two'),
    base: changes,
    over: changes,
    replicas: pick('', '', '', '', 'replicas: [{name: thing, count: 4}]\n', 'replicas: [{name: dep, count: 2}]\n'),
    layered: fc.boolean(),
    reorder: pick('none' as const, 'legacy' as const),
  })
  .map((r) => ({
    root: 'over',
    reorder: r.reorder,
    files: {
      'base/r.yaml': RESOURCES,
      'base/c.yaml': r.inBase === 'one' ? r.one : r.two,
      'base/kustomization.yaml': `resources: [r.yaml]\n${r.inBase === 'none' ? '' : 'configurations: [c.yaml]\n'}${r.layered ? r.base : ''}`,
      'over/one.yaml': r.one,
      'over/two.yaml': r.two,
      'over/kustomization.yaml': `resources: [../base]\nconfigurations: [${r.order}]\n${r.over}${r.replicas}`,
    },
  }));
