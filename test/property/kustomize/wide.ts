import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { join, maybe, patch, pick, RESOURCES, replacement, some } from './wide-parts.ts';

/* Repositories that turn every option of replacements, targets, JSON patches, images, generators and transformers. */

const image: fc.Arbitrary<string> = join(
  pick('nginx', 'r.io/app', 'r.io:5000/side', 'busybox', '.*nginx', 'n(ginx)?', 'NGINX', 'r.io/.*', '').map(
    (name) => `name: "${name}"`,
  ),
  maybe('newName: new', 'newName: "r.io:1/x"', 'newName: a@sha256:1', 'newName: a:1'),
  maybe('newTag: v2', 'newTag: "1"', 'newTag: ""', 'newTag: v@x'),
  maybe('digest: sha256:99', 'digest: "x"'),
  pick('', '', '', 'tagSuffix: -s'),
).map((text) => `{${text}}`);

const generator: fc.Arbitrary<string> = join(
  pick('name: src', 'name: gen', 'name: sec', 'name: gen, namespace: one', 'name: g2'),
  maybe('behavior: create', 'behavior: merge', 'behavior: replace'),
  maybe(
    'literals: [a=1, "b=x=y"]',
    'literals: ["q=\'x\'", "r=\\"y\\"", "s=\\"z", "t=\'"]',
    'literals: [host=new]',
    'literals: ["e="]',
    'literals: ["n=a\\nb", "tab=\\tx"]',
  ),
  maybe('files: [f.txt]', 'files: [k=f.txt, sub/g.bin]', 'files: [sub/g.bin]'),
  maybe('envs: [e.env]', 'envs: [crlf.env]', 'env: e.env'),
  maybe(
    'options: {disableNameSuffixHash: true}',
    'options: {labels: {l: "1"}, annotations: {a: b}}',
    'options: {immutable: true}',
  ),
).map((text) => `{${text}}`);

const TRANSFORMER_SPECS = pick(
  '{path: metadata/labels, create: true}',
  '{path: spec/value}',
  '{path: spec/new/deep, create: true}',
  '{path: "spec/ports[]/port"}',
  '{path: spec/ports/port}',
  '{path: spec/nested/image}',
  '{path: "spec/template/spec/containers[]/image"}',
  '{path: spec/template/metadata/labels, create: true, kind: Deployment}',
  '{path: metadata/name}',
  '{path: metadata/namespace, create: true}',
  '{path: spec/replicas, kind: Deployment}',
  '{path: spec/replicas, create: true, group: apps}',
  '{path: spec/none, create: true}',
  '{path: spec/a\\.b}',
  '{path: "spec/x\\\\/y"}',
  '{path: data/host, version: v1}',
  '{path: "spec/objs[]/image"}',
  '{path: spec/map, create: true}',
  '{path: ""}',
  '{path: spec/seq}',
  '{path: "spec/*"}',
);
const transformer: fc.Arbitrary<string> = fc
  .tuple(
    pick(
      'kind: PrefixTransformer\nprefix: t-',
      'kind: SuffixTransformer\nsuffix: -t',
      'kind: NamespaceTransformer\nunsetOnly: true',
      'kind: NamespaceTransformer\nsetRoleBindingSubjects: none',
      'kind: LabelTransformer\nlabels: {t: "1", u: "yes"}',
      'kind: AnnotationsTransformer\nannotations: {t: "1"}',
      'kind: ImageTagTransformer\nimageTag: {name: nginx, newTag: t}',
      'kind: ReplicaCountTransformer\nreplica: {name: dep, count: 7}',
      'kind: PrefixSuffixTransformer\nprefix: a-\nsuffix: -z',
      'kind: ValueAddTransformer\nvalue: added\ntargetFilePath: ""\ntargets: [{fieldPath: spec/value, filePathPosition: 0, selector: {kind: Thing}}]',
      'kind: HashTransformer',
      'kind: PatchTransformer\npatch: "{kind: ConfigMap, metadata: {name: src, labels: {pt: a}}}"',
      'kind: ReplacementTransformer\nreplacements: [{source: {name: src, fieldPath: data.host}, targets: [{select: {kind: Thing}, fieldPaths: [spec.value]}]}]',
    ),
    fc.array(TRANSFORMER_SPECS, { maxLength: 2 }),
    pick('name: t', 'name: t, namespace: tns'),
  )
  .map(
    ([body, specs, meta]) =>
      `- |-\n  apiVersion: builtin\n  metadata: {${meta}}\n  ${body.replaceAll('\n', '\n  ')}${specs.length === 0 ? '' : `\n  fieldSpecs: [${specs.join(', ')}]`}`,
  );

const CONFIGURATION = fc
  .array(
    pick(
      'namePrefix: [{path: metadata/name, kind: Thing}]',
      'nameReference: [{kind: ConfigMap, version: v1, fieldSpecs: [{path: spec/value, kind: Thing}]}]',
      'nameReference: [{kind: Thing, group: example.com, fieldSpecs: [{path: data/host, kind: ConfigMap}, {path: spec/new/name, kind: Deployment, create: true}]}]',
      'images: [{path: spec/nested/image, kind: Thing}]',
      'commonLabels: [{path: spec/empty, create: true, kind: Thing}]',
      'commonAnnotations: [{path: spec/new/annotations, create: true}]',
      'namespace: [{path: spec/namespace, create: true, kind: Thing}]',
      'replicas: [{path: spec/int, kind: ConfigMap}]',
      'varReference: [{path: spec/value, kind: Thing}, {path: data, kind: ConfigMap}]',
      'labels: [{path: spec/labels, create: true, kind: Thing}]',
      'templateLabels: [{path: spec/tl, create: true, kind: Thing}]',
      'unknown: []',
      'namespace: [{path: metadata/namespace, create: true}]',
      'nameSuffix: [{path: spec/value, kind: Thing}]',
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) => [...new Map(list.map((one) => [one.slice(0, one.indexOf(':')), one])).values()].join('\n'));

const SCHEMA = pick(
  '{"definitions": {"v1.Thing": {"properties": {"spec": {"properties": {"ports": {"type": "array", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "port", "items": {"type": "object"}}}}}, "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}]}}}',
  '{"definitions": {"x.Thing": {"properties": {"spec": {"$ref": "#/definitions/x.Spec"}}, "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}]}, "x.Spec": {"properties": {"ports": {"type": "array", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-list-map-keys": ["port"], "items": {"$ref": "#/definitions/x.Port"}}}}, "x.Port": {"type": "object"}}}',
  '{"definitions": {}}',
  'definitions:\n  v1.Thing:\n    properties:\n      spec:\n        properties:\n          ports: {type: array, x-kubernetes-patch-strategy: merge, x-kubernetes-patch-merge-key: name}\n    x-kubernetes-group-version-kind: [{group: example.com, kind: Thing, version: v1}]\n',
);

const field: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(replacement, { minLength: 1, maxLength: 1 }).map((list) => `replacements:\n${list.join('\n')}`),
  },
  {
    weight: 5,
    arbitrary: fc.array(patch, { minLength: 1, maxLength: 2 }).map((list) => `patches:\n${list.join('\n')}`),
  },
  { weight: 2, arbitrary: some(image, 2).map((list) => `images: [${list}]`) },
  { weight: 2, arbitrary: some(generator, 2).map((list) => `configMapGenerator: [${list}]`) },
  some(generator, 2).map((list) => `secretGenerator: [${list}]`),
  {
    weight: 2,
    arbitrary: fc.array(transformer, { minLength: 1, maxLength: 2 }).map((list) => `transformers:\n${list.join('\n')}`),
  },
  pick('generatorOptions: {disableNameSuffixHash: true}', 'generatorOptions: {immutable: true, labels: {o: "1"}}'),
  pick(
    'namePrefix: p-',
    'nameSuffix: -s',
    'namespace: one',
    'namespace: three',
    'commonLabels: {app: all}',
    'commonAnnotations: {note: all}',
  ),
  pick(
    'labels: [{pairs: {x: yy}, fields: [{path: spec/new/labels, create: true, kind: Thing}]}]',
    'labels: [{pairs: {x: yy}, includeSelectors: true, includeTemplates: true}]',
    'labels: [{pairs: {x: yy}, includeTemplates: true, fields: [{path: spec/empty, kind: Thing, create: false}]}]',
    'labels: [{pairs: {x: yy}}, {pairs: {x: zz}}]',
  ),
  pick('replicas: [{name: dep, count: 5}]', 'replicas: [{name: dep2, count: 0}]'),
  pick('configurations: [config.yaml]', 'openapi: {path: schema.json}', 'openapi: {path: schema.json}'),
  pick(
    'buildMetadata: [originAnnotations]',
    'buildMetadata: [transformerAnnotations, originAnnotations]',
    'buildMetadata: [managedByLabel]',
    'sortOptions: {order: legacy}',
    'sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Thing], orderLast: [ConfigMap]}}',
  ),
  pick(
    'vars: [{name: V, objref: {kind: ConfigMap, name: src, apiVersion: v1}, fieldref: {fieldpath: spec.float}}]',
    'vars: [{name: V, objref: {kind: ConfigMap, name: src, apiVersion: v1}, fieldref: {fieldpath: spec.big}}]',
    'vars: [{name: V, objref: {kind: Deployment, name: dep}, fieldref: {fieldpath: "spec.template.spec.containers[0].image"}}]',
    'vars: [{name: V, objref: {kind: Thing, name: thing}, fieldref: {fieldpath: spec.ports}}]',
    'vars: [{name: V, objref: {kind: Thing, name: thing, namespace: two}}]',
    'vars: [{name: V, objref: {kind: ConfigMap, name: src, apiVersion: v1}, fieldref: {fieldpath: spec.nil}}]',
    'vars: [{name: V, objref: {kind: ConfigMap, name: src, apiVersion: v1}, fieldref: {fieldpath: spec.date}}]',
    'vars: [{name: V, objref: {kind: ConfigMap, name: src, apiVersion: v1}, fieldref: {fieldpath: data.nothing}}]',
  ).map((text) => `${text}\ncommonAnnotations: {v: $(V), w: "a $(V) $$(V) $(W)"}`),
);

const fields = (max: number): fc.Arbitrary<string> =>
  fc
    .array(field, { minLength: 1, maxLength: max })
    .map((list) =>
      [
        ...new Map(
          list.flatMap((one) => one.split(/\n(?=[a-zA-Z])/)).map((one) => [one.slice(0, one.indexOf(':')), one]),
        ).values(),
      ].join('\n'),
    );

/** One base with much in it, a component and an overlay. */
export const wideRepositories: fc.Arbitrary<Repository> = fc
  .record({
    base: fields(1),
    part: fc.option(fields(1), { freq: 1 }),
    over: fields(2),
    layers: pick('none', 'none', 'none', 'base', 'over'),
    config: CONFIGURATION,
    schema: SCHEMA,
    reorder: pick('none' as const, 'none' as const, 'legacy' as const),
  })
  .map(({ base, part, over, layers, config, schema, reorder }) => {
    const files: Record<string, string> = {};
    for (const folder of ['base', 'over', 'part'])
      Object.assign(files, {
        [`${folder}/config.yaml`]: config,
        [`${folder}/schema.json`]: schema,
        [`${folder}/f.txt`]: 'text\n',
        [`${folder}/sub/g.bin`]: 'x',
        [`${folder}/e.env`]: 'A=1\n# c\nB = two \n',
        [`${folder}/crlf.env`]: '\ufeffA=1\r\nC=3\r\n\r\nD\r\n',
        [`${folder}/bad.env`]: '=x\n',
      });
    files['base/r.yaml'] = RESOURCES;
    files['base/kustomization.yaml'] = `resources: [r.yaml]\n${layers === 'none' ? '' : base}\n`;
    files['part/kustomization.yaml'] =
      `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n${part ?? 'namePrefix: part-'}\n`;
    files['over/kustomization.yaml'] =
      `resources: [../base]\n${part === null ? '' : 'components: [../part]\n'}${over}\n`;
    return { root: layers === 'base' ? 'base' : 'over', files, reorder };
  });
