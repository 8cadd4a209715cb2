import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { pick } from './wide-parts.ts';

/*
 * Orders, labels, images, replicas, notes of the build and schemas of one's own, over bases and components in components, with
 * names that many kinds refer to across namespaces.
 */

const KINDS = [
  ...[
    'Namespace',
    'ConfigMap',
    'Secret',
    'Service',
    'Deployment',
    'Thing',
    'ClusterRole',
    'CustomResourceDefinition',
    'ServiceAccount',
  ],
  ...[
    'ValidatingWebhookConfiguration',
    'Role',
    'StorageClass',
    'PersistentVolumeClaim',
    'NoSuchKind',
    'ResourceQuota',
    'CronJob',
  ],
];
const kinds = fc.subarray(KINDS, { maxLength: 4 }).map((list) => `[${list.join(', ')}]`);
const order = fc.oneof(
  pick(
    'sortOptions: {order: fifo}',
    'sortOptions: {order: legacy}',
    'sortOptions: {order: odd}',
    'sortOptions: {}',
    'sortOptions: {order: fifo, legacySortOptions: {orderFirst: [Thing]}}',
  ),
  {
    weight: 4,
    arbitrary: fc.tuple(fc.option(kinds), fc.option(kinds)).map(([first, last]) => {
      const parts = [first === null ? '' : `orderFirst: ${first}`, last === null ? '' : `orderLast: ${last}`].filter(
        Boolean,
      );
      return `sortOptions: {order: legacy, legacySortOptions: {${parts.join(', ')}}}`;
    }),
  },
);

const pairs = pick('{l: one}', '{l: "1", m: two}', '{app: web}', '{}', '{a.b/c: ""}', '{team: é}', '{app: web}');
const labelSpecs = fc
  .array(
    pick(
      ...[
        '{path: spec/labels, create: true}',
        '{path: spec/labels}',
        '{path: spec/selector, create: true, kind: Thing}',
        '{path: metadata/labels}',
      ],
      ...[
        '{path: metadata/labels, create: true}',
        '{path: spec/list[]/labels, create: true}',
        '{path: metadata/annotations, kind: ConfigMap, create: true}',
      ],
      ...[
        '{path: spec/selector/matchLabels, group: apps, create: true}',
        '{path: spec/template/metadata/labels, version: v1}',
        '{path: spec/none/deep, create: true}',
      ],
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((list) => `, fields: [${list.join(', ')}]`);
const label = fc
  .tuple(
    pairs,
    pick(
      '',
      '',
      ', includeSelectors: true',
      ', includeSelectors: false',
      ', includeTemplates: true',
      ', includeSelectors: true, includeTemplates: true',
    ),
    fc.oneof({ weight: 2, arbitrary: pick('') }, labelSpecs),
  )
  .map((parts) => `{pairs: ${parts.join('')}}`);

const image = fc
  .tuple(
    pick(
      'nginx',
      'nginx',
      'r.io/team/app',
      'r.io:5000/app',
      'app',
      'localhost/x',
      'r.io/team/app-extra',
      'ngin.',
      '.*',
      'a/b@c',
      'nginx:1',
      '"*"',
      'r.io/(team|x)/app',
    ),
    pick('', '', ', newName: other', ', newName: "r.io:1/n"', ', newName: ""', ', newName: "n@x"', ', newName: "$1"'),
    pick('', '', ', newTag: v2', ', newTag: "1"', ', newTag: ""', ', newTag: "v@x"', ', newTag: "1.10"'),
    pick('', '', '', ', digest: "sha256:abc"', ', digest: abc', ', digest: ""'),
    pick('', '', '', ', tagSuffix: -t', ', tagSuffix: ""'),
  )
  .map(([name, ...rest]) => `{name: ${name}${rest.join('')}}`);
const many = (part: fc.Arbitrary<string>, max: number): fc.Arbitrary<string> =>
  fc.array(part, { minLength: 1, maxLength: max }).map((list) => `[${list.join(', ')}]`);

const meta = fc
  .subarray(['managedByLabel', 'originAnnotations', 'transformerAnnotations'], { minLength: 1 })
  .map((list) => `buildMetadata: [${list.join(', ')}]`);
const replacement = pick(
  ...[
    '{source: {kind: ConfigMap, name: cm, fieldPath: data.a}, targets: [{select: {kind: Thing}, fieldPaths: [spec.text]}]}',
  ],
  ...[
    '{source: {kind: Deployment, name: web, fieldPath: "spec.template.spec.containers.[name=main].image", options: {delimiter: ":", index: 0}}, targets: [{select: {kind: CronJob}, fieldPaths: [spec.jobTemplate.spec.template.spec.containers.0.image], options: {delimiter: ":"}}]}',
  ],
  ...[
    '{source: {kind: Service, fieldPath: metadata.name}, targets: [{select: {kind: Deployment}, fieldPaths: [metadata.labels.svc, spec.template.metadata.labels.svc], options: {create: true}}]}',
  ],
  ...[
    '{source: {name: thing, fieldPath: spec.objs.1}, targets: [{select: {name: cm}, reject: [{namespace: two}], fieldPaths: [data.obj], options: {create: true}}]}',
  ],
);
const patch = pick(
  ...[
    '{target: {kind: Thing}, patch: "[{op: add, path: /spec/p, value: 1}]"}',
    '{patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 9}}"}',
  ],
  ...[
    '{target: {kind: Deployment}, patch: "- {op: replace, path: /spec/replicas, value: 7}"}',
    '{target: {labelSelector: app=web}, patch: "- {op: add, path: /metadata/annotations, value: {p: q}}"}',
  ],
  ...[
    '{patch: "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {objs: [{name: two, v: 9}], ports: [{port: 80, x: y}], tags: [c]}}"}',
  ],
  ...[
    '{patch: "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {objs: [{name: one, $patch: delete}], map: {$patch: replace, z: 1}}}"}',
  ],
  ...[
    '{patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, $patch: delete}"}',
    '{patch: "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {tags: null, $setElementOrder/objs: [{name: two}, {name: one}], objs: [{name: three}]}}"}',
  ],
  ...[
    '{target: {name: thing}, options: {allowNameChange: true}, patch: "{apiVersion: example.com/v1, kind: Thing, metadata: {name: renamed}}"}',
  ],
  ...[
    '{target: {kind: ConfigMap, name: cm}, options: {allowKindChange: true}, patch: "{apiVersion: v1, kind: Secret, metadata: {name: cm}}"}',
  ],
);

const field = fc.oneof(
  { weight: 2, arbitrary: order },
  { weight: 2, arbitrary: many(label, 2).map((list) => `labels: ${list}`) },
  { weight: 2, arbitrary: many(image, 3).map((list) => `images: ${list}`) },
  { weight: 2, arbitrary: meta },
  { weight: 2, arbitrary: many(patch, 2).map((list) => `patches: ${list}`) },
  many(replacement, 2).map((list) => `replacements: ${list}`),
  pick('namePrefix: p-', 'namePrefix: q-', 'nameSuffix: -s', 'namespace: one', 'namespace: two', 'namespace: default'),
  pick('commonLabels: {app: all}', 'commonAnnotations: {note: "all"}', 'commonLabels: {l: x}'),
  pick(
    'replicas: [{name: web, count: 3}]',
    'replicas: [{name: web, count: 0}, {name: web, count: 2}]',
    'replicas: [{name: none, count: 1}]',
  ),
  pick(
    'configMapGenerator: [{name: gen, literals: [a=b]}]',
    'secretGenerator: [{name: gen, literals: [a=b], options: {disableNameSuffixHash: true}}]',
  ),
  pick(
    'openapi: {path: schema.json}',
    'openapi: {path: schema.json}',
    'crds: [crd.json]',
    'configurations: [conf.yaml]',
  ),
);
const fields = (max: number): fc.Arbitrary<string> =>
  fc
    .array(field, { maxLength: max })
    .map((list) =>
      [...new Map(list.map((one) => [one.slice(0, one.indexOf(':')), one])).values()].map((one) => `${one}\n`).join(''),
    );

const property = pick(
  ...[
    '"objs": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}',
  ],
  ...[
    '"ports": {"type": "array", "items": {"$ref": "#/definitions/port"}, "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "port"}',
  ],
  ...[
    '"tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-patch-strategy": "merge"}',
    '"map": {"type": "object", "x-kubernetes-patch-strategy": "replace"}',
  ],
  ...[
    '"objs": {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "v"]}',
  ],
  ...[
    '"objs": {"type": "array", "x-kubernetes-patch-strategy": "replace"}',
    '"objs": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-strategy": "merge", "x-kubernetes-list-map-keys": ["name", "v"]}',
  ],
  ...[
    '"tags": {"type": "array", "x-kubernetes-list-type": "set"}',
    '"map": {"$ref": "#/definitions/none"}',
    '"objs": {"$ref": "#/definitions/list"}',
    '"objs": {"x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "v"}',
  ],
);
const schema = fc
  .tuple(
    fc.array(property, { minLength: 1, maxLength: 3 }),
    pick(
      '"x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}]',
      '"x-kubernetes-group-version-kind": [{"group": "", "kind": "Thing", "version": "v1"}, {"group": "example.com", "kind": "Thing", "version": "v1"}]',
      '"x-kubernetes-group-version-kind": []',
      '"type": "object"',
    ),
    fc.boolean(),
  )
  .map(
    ([list, gvk, byRef]) =>
      `{"definitions": {"thing": {"properties": {"spec": ${byRef ? '{"$ref": "#/definitions/spec"}' : `{"properties": {${list.join(', ')}}}`}}, ${gvk}}, "spec": {"properties": {${list.join(', ')}}}, "port": {"type": "object", "properties": {"x": {"type": "string"}}}, "list": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}}}`,
  );

const NAMESPACED = (namespace: string): string => (namespace === '' ? '' : `, namespace: ${namespace}`);
const resources = fc
  .record({ first: pick('', '', 'one'), second: pick('', 'two', 'default'), twin: fc.boolean(), shuffle: fc.nat(5) })
  .map(({ first, second, twin, shuffle }) => {
    const [a, b] = [NAMESPACED(first), NAMESPACED(second)];
    const list = [
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm${a}}\ndata: {a: text}\n`,
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web${a}, labels: {app: web}}\nspec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: sa, imagePullSecrets: [{name: gen}], containers: [{name: main, image: "nginx:1", envFrom: [{configMapRef: {name: cm}}, {configMapRef: {name: gen}}]}, {name: side, image: "r.io:5000/app@sha256:1"}], volumes: [{name: v, persistentVolumeClaim: {claimName: pvc}}]}}}\n`,
      `apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: thing${b}}\nspec:\n  text: old\n  image: "r.io/team/app:1@sha256:2"\n  objs: [{name: one, v: 1}, {name: two, v: 2, keep: x}]\n  ports: [{port: 80, x: a}, {port: 81}]\n  tags: [a, b]\n  map: {k: v}\n  labels: {own: x}\n  list: [{labels: {q: r}}, {}]\n  containers: [{name: c, image: "localhost/x"}, {image: nginx}]\n`,
      `apiVersion: v1\nkind: Service\nmetadata: {name: svc${a}}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n`,
      `apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa${a}}\nsecrets: [{name: gen}]\n`,
      `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: pvc${a}}\n`,
      `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: cj${b}}\nspec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: i, image: "nginx@sha256:9"}], containers: [{name: c, image: "app:2"}]}}}}}\n`,
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: crb}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cr}\nsubjects: [{kind: ServiceAccount, name: sa${a === '' ? ', namespace: default' : a}}, {kind: ServiceAccount, name: default, namespace: x}]\n`,
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: cr}\nrules: [{apiGroups: [""], resources: [configmaps], resourceNames: [cm, gen]}]\n`,
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n`,
      `apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: hook}\nwebhooks: [{name: a.b.c, clientConfig: {service: {name: svc${a === '' ? ', namespace: default' : a}}}}]\n`,
      ...(twin ? [`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, namespace: three}\ndata: {a: twin}\n`] : []),
    ];
    return [...list.slice(shuffle), ...list.slice(0, shuffle)].join('---\n');
  });

const COMPONENT = 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n';

/** A base, a component with a component of its own, an overlay and one over that. */
export const layerRepositories: fc.Arbitrary<Repository> = fc
  .record({
    all: resources,
    base: fields(1),
    inner: fields(1),
    outer: fields(1),
    over: fields(3),
    top: fields(2),
    schema,
    root: pick('over', 'over', 'top'),
    parts: pick('', '', 'components: [../outer]\n', 'components: [../inner, ../outer]\n', 'components: [../inner]\n'),
    reorder: pick('none' as const, 'legacy' as const),
  })
  .map((r) => {
    const files: Record<string, string> = {
      'base/all.yaml': r.all,
      'base/kustomization.yaml': `resources: [all.yaml]\n${r.base}`,
      'inner/kustomization.yaml': `${COMPONENT}${r.inner === '' ? 'nameSuffix: -i\n' : r.inner}`,
      'outer/more.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: more}\ndata: {a: YQ==}\n',
      'outer/kustomization.yaml': `${COMPONENT}resources: [more.yaml]\n${r.parts.includes('inner') ? '' : 'components: [../inner]\n'}${r.outer}`,
      'over/kustomization.yaml': `resources: [../base]\n${r.parts}${r.over}`,
      'top/kustomization.yaml': `resources: [../over]\n${r.top}`,
    };
    for (const folder of ['base', 'inner', 'outer', 'over', 'top'])
      Object.assign(files, {
        [`${folder}/schema.json`]: r.schema,
        [`${folder}/crd.json`]:
          '{"x.Thing": {"Schema": {"properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {"properties": {"text": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap"}, "labels": {"x-kubernetes-label-selector": ""}}}}}}}',
        [`${folder}/conf.yaml`]:
          'images: [{path: spec/image, kind: Thing}]\nnameReference: [{kind: ConfigMap, fieldSpecs: [{path: spec/text, kind: Thing}]}]\n',
      });
    return { root: r.root, files, reorder: r.reorder };
  });
