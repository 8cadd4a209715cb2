import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { pick } from './wide-parts.ts';

/* Every built-in plugin, with every field that configures it, as a generator, a transformer or a validator. */

type Field = readonly [name: string, value: fc.Arbitrary<string>];

const specs = fc
  .array(
    fc
      .tuple(
        pick(
          ...['metadata/name', 'metadata/labels', 'metadata/annotations', 'metadata/namespace', 'spec/image', 'spec/n'],
          ...[
            'spec/list[]/image',
            'spec/replicas',
            'spec/new/deep',
            'spec/labels',
            'data/a',
            'spec/template/spec/containers[]/image',
          ],
          ...['subjects', 'spec/template/spec/containers', 'spec/nil', ''],
        ),
        pick('', '', ', kind: Thing', ', kind: ConfigMap', ', group: apps', ', version: v1', ', kind: Deployment'),
        pick('', '', ', create: true', ', create: false'),
      )
      .map(([path, gvk, create]) => `{path: '${path}'${gvk}${create}}`),
    { maxLength: 3 },
  )
  .map((list) => `[${list.join(', ')}]`);
const selector = pick(
  ...['{kind: Thing}', '{kind: ConfigMap, name: cm}', '{kind: Deployment}', '{name: "t.*"}', '{}', '{namespace: one}'],
  ...[
    '{labelSelector: app=x}',
    '{annotationSelector: note}',
    '{group: apps, version: v1}',
    '{kind: No}',
    '{name: "("}',
  ],
);
const texts = pick('p-', '-s', '"1"', 'x', '""', 'a/b', 'null', '5', 'true', 'é');
const map = pick(
  '{a: b}',
  '{a: "1", c: d}',
  '{}',
  '{app: y}',
  'null',
  '{a: 1}',
  '{x.y/z: ""}',
  '[a]',
  '{a: true, b: 1.0}',
);
const files = pick(
  '[f.txt]',
  '[k=f.txt, b.bin]',
  '[b.bin]',
  '[none.txt]',
  '["=f.txt"]',
  '[dir/f.txt]',
  '[k=f.txt, k=f.txt]',
  '[]',
);
const envs = pick('[e.env]', '[e.env, f.env]', '[]', '[none.env]');
const literals = pick(
  '[a=1]',
  '["b=x=y", c=]',
  '["d=\'q\'", "e=\\"r\\""]',
  '[a]',
  '[]',
  '["=x"]',
  '[a=1, a=2]',
  '[a=é]',
);
const options = pick(
  ...['{disableNameSuffixHash: true}', '{labels: {l: x}, annotations: {n: y}}', '{immutable: true}', '{}', 'null'],
  ...['{immutable: false, disableNameSuffixHash: false}', '{labels: {l: 1}}', '{odd: x}'],
);
const generator: readonly Field[] = [
  ['name', pick('gen', 'cm', '""', 'g2')],
  ['namespace', pick('one', '""', 'default')],
  ['behavior', pick('create', 'merge', 'replace', 'odd', '""')],
  ['literals', literals],
  ['files', files],
  ['envs', envs],
  ['env', pick('e.env', '""')],
  ['options', options],
  ['type', pick('t/x', 'Opaque', '""')],
];
const smp = pick(
  ...['"{kind: ConfigMap, apiVersion: v1, metadata: {name: cm}, data: {p: q}}"', '"kind: No"', '""', '"- x"', '"["'],
  ...['"{kind: Thing, apiVersion: example.com/v1, metadata: {name: thing}, spec: {n: 6, list: null}}"'],
  ...['"{kind: Thing, apiVersion: example.com/v1, metadata: {name: thing}, $patch: delete}"'],
);
const ops = pick(
  ...[
    '\'[{op: add, path: /data/j, value: "1"}]\'',
    "'[{op: replace, path: /metadata/name, value: ren}]'",
    "'[]'",
    "''",
  ],
  ...['\'[{"op": "add", "path": "/spec/j", "value": {"a": 1.0}}]\'', "'{op: add}'", "'[{op: remove, path: /spec/n}]'"],
);
const replacement = pick(
  ...[
    '{source: {kind: ConfigMap, name: cm, fieldPath: data.a}, targets: [{select: {kind: Thing}, fieldPaths: [spec.n]}]}',
  ],
  ...[
    '{sourceValue: s, targets: [{select: {kind: Thing}, fieldPaths: [spec.new], options: {create: true}}]}',
    '{path: r.yaml}',
  ],
  ...[
    '{path: r.yaml, sourceValue: x}',
    '{source: {name: none}, targets: [{select: {}, fieldPaths: [a]}]}',
    '{targets: []}',
    '{}',
  ],
);
const image: fc.Arbitrary<string> = pick(
  ...[
    '{name: nginx, newTag: v2}',
    '{name: nginx, newName: n, digest: "sha256:1"}',
    '{name: "r.io/x", tagSuffix: -t}',
    '{}',
  ],
  ...[
    '{name: nginx}',
    '{name: nginx, newTag: 5}',
    '{newTag: x}',
    '{name: ".*", newTag: x}',
    '{name: nginx, newTag: v, tagSuffix: -t}',
  ],
);
const target = pick(
  ...[
    '{selector: {kind: Thing}, fieldPath: spec/n}',
    '{selector: {kind: Thing}, fieldPath: spec/image, filePathPosition: 1}',
  ],
  ...[
    '{fieldPath: data/a}',
    '{selector: {kind: Thing}, fieldPath: spec/new/x, filePathPosition: 2}',
    '{selector: {}}',
    '{}',
  ],
  ...[
    '{selector: {kind: ConfigMap}, fieldPath: data/a, filePathPosition: 9}',
    '{fieldPath: spec/n, filePathPosition: -1}',
  ],
);
const many = (part: fc.Arbitrary<string>, max: number): fc.Arbitrary<string> =>
  fc.array(part, { maxLength: max }).map((list) => `[${list.join(', ')}]`);

const PLUGINS: Readonly<Record<string, readonly Field[]>> = {
  AnnotationsTransformer: [
    ['annotations', map],
    ['fieldSpecs', specs],
  ],
  LabelTransformer: [
    ['labels', map],
    ['fieldSpecs', specs],
  ],
  ConfigMapGenerator: generator,
  SecretGenerator: generator,
  HashTransformer: [],
  IAMPolicyGenerator: [
    ['cloud', pick('gke', 'aws', '""')],
    ['kubernetesService', pick('{name: ks}', '{name: ks, namespace: kn}', '{}')],
    ['serviceAccount', pick('{name: sa, projectId: proj}', '{name: sa}', '{}')],
  ],
  ImageTagTransformer: [
    ['imageTag', image],
    ['fieldSpecs', specs],
  ],
  NamespaceTransformer: [
    ['fieldSpecs', specs],
    ['unsetOnly', pick('true', 'false', '"x"', 'null')],
    ['setRoleBindingSubjects', pick('none', 'defaultOnly', 'allServiceAccounts', '""', 'odd')],
  ],
  PatchJson6902Transformer: [
    ['target', selector],
    ['path', pick('j.yaml', 'none.yaml', '""')],
    ['jsonOp', ops],
  ],
  PatchStrategicMergeTransformer: [
    ['paths', pick('[p.yaml]', '[none.yaml]', '[]', '["kind: X"]')],
    ['patches', smp],
  ],
  PatchTransformer: [
    ['path', pick('p.yaml', 'j.yaml', '""')],
    ['patch', fc.oneof(smp, ops)],
    ['target', selector],
    ['options', pick('{allowNameChange: true}', '{allowKindChange: true}', '{}', '{odd: true}')],
  ],
  PrefixTransformer: [
    ['prefix', texts],
    ['fieldSpecs', specs],
  ],
  SuffixTransformer: [
    ['suffix', texts],
    ['fieldSpecs', specs],
  ],
  PrefixSuffixTransformer: [
    ['prefix', texts],
    ['suffix', texts],
    ['fieldSpecs', specs],
  ],
  ReplacementTransformer: [['replacements', many(replacement, 2)]],
  ReplicaCountTransformer: [
    ['replica', pick('{name: dep, count: 3}', '{name: thing, count: 0}', '{}', '{name: dep, count: "4"}')],
    ['fieldSpecs', specs],
  ],
  ValueAddTransformer: [
    ['value', pick('added', '""', '" a "', '5')],
    ['targets', many(target, 2)],
    ['targetFilePath', pick('""', 't.yaml', 'none.yaml')],
  ],
  NoSuchTransformer: [['x', texts]],
};

const METADATA = [
  ...['name: t', 'name: t', 'name: t, namespace: one', 'name: t, namespace: one', 'name: u, labels: {a: b}'],
  ...['name: v, annotations: {note: "1"}', 'name: v', 'name: w', 'name: w, namespace: one', '{}'],
];
const plugin: fc.Arbitrary<string> = pick(...Object.keys(PLUGINS)).chain((kind) => {
  const fields = PLUGINS[kind] ?? [];
  return fc
    .tuple(
      pick(...METADATA),
      fc.oneof(
        { weight: 40, arbitrary: pick('builtin') },
        { weight: 1, arbitrary: pick('example.com/v1', 'builtin/v1') },
      ),
      ...fields.map(([name, value]) =>
        fc.tuple(value, fc.nat(6)).map(([text, left]) => (left === 0 ? '' : `${name}: ${text}\n`)),
      ),
      pick('', '', '', '', '', '', '', '', '', 'odd: field\n'),
    )
    .map(
      ([meta, api, ...lines]) =>
        `apiVersion: ${api}\nkind: ${kind}\nmetadata: ${meta.startsWith('{') ? meta : `{${meta}}`}\n${lines.join('')}`,
    );
});

const HASHED =
  '  annotations: {internal.config.kubernetes.io/needsHashUpdate: "true", kustomize.config.k8s.io/needs-hash: "true"}\n';
const RESOURCES = `apiVersion: v1
kind: ConfigMap
metadata:
  name: cm
${HASHED}data: {a: cm}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing, labels: {app: x}, annotations: {note: "1"}}
spec: {image: "nginx:1", n: 5, list: [{image: nginx}, {image: "r.io/x:1"}], replicas: 1, labels: {app: x}, nil: null}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: dep, namespace: one}
spec: {replicas: 1, template: {spec: {containers: [{name: c, image: "nginx@sha256:1", envFrom: [{configMapRef: {name: cm}}]}]}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
subjects: [{kind: ServiceAccount, name: default}, {kind: ServiceAccount, name: other, namespace: n}, {kind: User, name: u}]
`;

interface Use {
  readonly how: 'inline' | 'file' | 'folder';
  readonly text: string;
}

const use: fc.Arbitrary<Use> = fc.record({ how: pick('inline', 'inline', 'file', 'folder'), text: plugin });

/** Up to three plugins, told inline, in a file or in a folder of their own, under up to three fields. */
export const pluginRepositories: fc.Arbitrary<Repository> = fc
  .record({
    uses: fc.array(
      fc.tuple(
        pick('right', 'right', 'right', 'right', 'right', 'right', 'right', 'validators', 'generators', 'transformers'),
        use,
      ),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    more: pick(
      '',
      '',
      'namePrefix: k-\n',
      'buildMetadata: [transformerAnnotations, originAnnotations]\n',
      'namespace: two\n',
    ),
    folder: pick('', '', 'namePrefix: f-\n', 'commonLabels: {from: folder}\n'),
  })
  .map(({ uses, more, folder }) => {
    const files: Record<string, string> = {
      'r.yaml': 'sourceValue: file\ntargets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]\n',
      'all.yaml': RESOURCES,
      'p.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: patched}\n',
      'j.yaml': '- {op: add, path: /metadata/annotations/j, value: "1"}\n',
      't.yaml': 'targets: [{selector: {kind: ConfigMap}, fieldPath: data/a}]\n',
      'f.txt': 'text\n',
      'b.bin': 'a\u0000b',
      'dir/f.txt': 'deep',
      'e.env': 'A=1\n',
      'f.env': 'A=2\nB\n',
    };
    const lists = new Map<string, string[]>();
    for (const [i, [where, { how, text }]] of uses.entries()) {
      const field = where === 'right' ? (/^kind: .*Generator$/m.test(text) ? 'generators' : 'transformers') : where;
      const entry =
        how === 'inline'
          ? `|-\n  ${text.trimEnd().replaceAll('\n', '\n  ')}`
          : `${how}${i}${how === 'file' ? '.yaml' : ''}`;
      if (how === 'file') files[entry] = text;
      if (how === 'folder') {
        files[`${entry}/x.yaml`] = text;
        files[`${entry}/kustomization.yaml`] = `resources: [x.yaml]\n${folder}`;
      }
      lists.set(field, [...(lists.get(field) ?? []), `- ${entry}\n`]);
    }
    files['kustomization.yaml'] =
      `resources: [all.yaml]\n${more}${[...lists].map(([field, list]) => `${field}:\n${list.join('')}`).join('')}`;
    return {
      root: 'app',
      files: Object.fromEntries(Object.entries(files).map(([path, text]) => [`app/${path}`, text])),
    };
  });
