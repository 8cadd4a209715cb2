import fc from 'fast-check';

/** A made-up repository: files by path, and the folder to build. */
export interface Repository {
  readonly files: Readonly<Record<string, string>>;
  /** More files, whose content is no text. */
  readonly bytes?: Readonly<Record<string, Uint8Array>>;
  readonly root: string;
  /** How the output is ordered; first in, first out where it is not said. */
  readonly reorder?: 'none' | 'legacy';
}

const NAMES = ['web', 'api', 'db', 'cache', 'default', 'web-1', 'true', '007', 'x.y'];
const IMAGES = ['nginx', 'nginx:1.2', 'r.io/a/b:v1', 'r.io:5000/app@sha256:abc', 'busybox:latest', 'x:1@sha256:def'];
const TEXTS = [
  'plain',
  '"8080"',
  '8080',
  '"yes"',
  'true',
  'null',
  '""',
  '1.50',
  '0x1F',
  '"a: b"',
  "'it''s'",
  '2020-01-01',
  '"tab\\there"',
  '1e3',
  '9007199254740993',
  '{}',
  '[]',
  '[1, "2", {a: b}]',
  '|\n  line one\n    deeper\n  last',
  '>-\n  folded\n  text',
  '~',
  '"\\u00e9 \\U0001F600"',
  'a text that is long enough to be folded somewhere because it passes the width of eighty columns by far',
];

const name = fc.constantFrom(...NAMES);
const target = fc.constantFrom('web', 'web', 'web', 'web', 'web', 'api');
const word = fc.constantFrom('app', 'tier', 'team', 'a.b/c', 'env');
const text = fc.constantFrom(...TEXTS);
const plainText = fc.constantFrom('v1', '"1"', 'blue', '"true"', 'x-y');

function indent(value: string, by: number): string {
  return value.split('\n').join(`\n${' '.repeat(by)}`);
}

function labelsBlock(labels: readonly (readonly [string, string])[], by: number): string {
  const unique = new Map(labels);
  if (unique.size === 0) return ' {}';
  return [...unique].map(([key, value]) => `\n${' '.repeat(by)}${key}: ${value}`).join('');
}

const labels = fc.array(fc.tuple(word, plainText), { maxLength: 2 });

const deployment = fc.record({ name, image: fc.constantFrom(...IMAGES), labels, cm: name, secret: name, sa: name }).map(
  (d) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: "${d.name}"
  labels:${labelsBlock(d.labels, 4)}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: "${d.name}"
  template:
    metadata:
      labels:
        app: "${d.name}"
    spec:
      serviceAccountName: "${d.sa}"
      containers:
      - name: main
        image: ${d.image}
        ports:
        - containerPort: 80
          protocol: TCP
        env:
        - name: A
          valueFrom:
            configMapKeyRef:
              name: "${d.cm}"
              key: a
        envFrom:
        - secretRef:
            name: "${d.secret}"
      initContainers:
      - name: init
        image: busybox
      volumes:
      - name: v
        configMap:
          name: "${d.cm}"
`,
);

const service = fc.record({ name, port: fc.constantFrom(80, 443), selector: name }).map(
  (s) => `apiVersion: v1
kind: Service
metadata:
  name: "${s.name}"
spec:
  selector:
    app: "${s.selector}"
  ports:
  - name: http
    port: ${s.port}
    protocol: TCP
  - port: 9090
`,
);

const configMap = fc.record({ name, value: text }).map(
  (c) => `apiVersion: v1
kind: ConfigMap
metadata:
  name: "${c.name}"
data:
  a: ${indent(c.value, 2)}
`,
);

const account = name.map((n) => `apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: "${n}"\n`);

const binding = fc
  .record({ name, role: name, subject: name, cluster: fc.boolean(), ns: fc.constantFrom('', 'other') })
  .map(
    (b) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ${b.cluster ? 'ClusterRoleBinding' : 'RoleBinding'}
metadata:
  name: "${b.name}"
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${b.cluster ? 'ClusterRole' : 'Role'}
  name: "${b.role}"
subjects:
- kind: ServiceAccount
  name: "${b.subject}"${b.ns === '' ? '' : `\n  namespace: ${b.ns}`}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ${b.cluster ? 'ClusterRole' : 'Role'}
metadata:
  name: "${b.role}"
rules: []
`,
  );

const custom = fc.record({ name, value: text, kind: fc.constantFrom('Thing', 'ClusterIssuer', 'Namespace') }).map(
  (c) => `apiVersion: ${c.kind === 'Namespace' ? 'v1' : 'example.com/v1'}
kind: ${c.kind}
metadata:
  name: "${c.name}"
  annotations:
    note: ${indent(c.value.includes('\n') ? 'short' : c.value, 4)}
spec:
  items:
  - name: one
    value: ${indent(c.value, 4)}
  - name: two
  list: [a, b]
`,
);

const document = fc.oneof(
  { weight: 3, arbitrary: deployment },
  { weight: 2, arbitrary: service },
  { weight: 3, arbitrary: configMap },
  account,
  binding,
  { weight: 2, arbitrary: custom },
);

const mergePatch = fc
  .record({
    name: target,
    kind: fc.constantFrom('Deployment', 'Service', 'ConfigMap', 'Thing'),
    directive: fc.nat(5),
    value: text,
  })
  .map((p) => {
    const head = { Deployment: 'apps/v1', Service: 'v1', ConfigMap: 'v1', Thing: 'example.com/v1' }[p.kind] ?? 'v1';
    const bodies: Readonly<Record<string, readonly string[]>> = {
      Deployment: [
        `spec:\n  template:\n    spec:\n      containers:\n      - name: main\n        env:\n        - name: A\n          value: ${indent(p.value, 10)}\n        - name: B\n          value: x`,
        'spec:\n  template:\n    spec:\n      containers:\n      - name: side\n        image: nginx:1.2',
        'spec:\n  template:\n    spec:\n      containers:\n      - name: main\n        $patch: delete',
        'spec:\n  replicas: null\n  strategy:\n    $patch: replace\n    type: Recreate',
        'spec:\n  template:\n    spec:\n      containers:\n      - $patch: replace\n      - name: only',
        '$patch: delete',
      ],
      Service: [
        'spec:\n  ports:\n  - port: 80\n    protocol: TCP\n    targetPort: 1',
        'spec:\n  ports:\n  - port: 81',
        'spec:\n  selector: null',
        'spec:\n  ports: []',
        '$patch: delete',
        'spec:\n  type: NodePort',
      ],
      ConfigMap: [
        `data:\n  a: ${indent(p.value, 2)}`,
        'data:\n  a: null',
        'data: null',
        'data:\n  b: c',
        '$patch: delete',
        'metadata:\n  annotations: null',
      ],
      Thing: [
        'spec:\n  items:\n  - name: one\n    value: patched',
        'spec:\n  list: null',
        `spec:\n  extra: ${indent(p.value, 2)}`,
        'spec: {}',
        'spec: null',
        '$patch: delete',
      ],
    };
    return `apiVersion: ${head}\nkind: ${p.kind}\nmetadata:\n  name: "${p.name}"\n${bodies[p.kind]?.[p.directive] ?? ''}\n`;
  });

const jsonOps = fc.constantFrom(
  '- op: add\n  path: /metadata/annotations/x\n  value: "1"',
  '- op: add\n  path: /metadata/labels\n  value: {n: "2"}',
  '- op: replace\n  path: /metadata/name\n  value: renamed',
  '- op: remove\n  path: /spec/replicas',
  '- op: add\n  path: /spec/template/spec/containers/-\n  value: {name: more, image: nginx}',
  '- op: copy\n  from: /metadata/name\n  path: /metadata/annotations/copied',
  '- op: test\n  path: /kind\n  value: Service',
  '- op: add\n  path: /data/n\n  value: 12345678',
);
const kinds = fc.constantFrom('Deployment', 'Service', 'ConfigMap', '.*', 'Deploy|Thing', 'Secret', '(?i)configmap');

const patchEntry = fc.oneof(
  mergePatch.map((patch) => `- patch: |-\n    ${indent(patch.trimEnd(), 4)}`),
  fc
    .tuple(mergePatch, kinds)
    .map(([patch, kind]) => `- target:\n    kind: ${kind}\n  patch: |-\n    ${indent(patch.trimEnd(), 4)}`),
  fc
    .tuple(
      jsonOps,
      kinds,
      fc.constantFrom('', '\n    name: w.*', '\n    labelSelector: app', '\n    namespace: default'),
    )
    .map(([ops, kind, more]) => `- target:\n    kind: ${kind}${more}\n  patch: |-\n    ${indent(ops, 4)}`),
);

const field = fc.oneof(
  fc.constantFrom('namePrefix: p-', 'namePrefix: "1"', 'nameSuffix: -s', 'namespace: ns-a', 'namespace: default'),
  labels.map((pairs) => `commonLabels:${labelsBlock(pairs, 2)}`),
  fc
    .tuple(labels, fc.constantFrom('', '\n  includeSelectors: true', '\n  includeTemplates: true'))
    .map(([pairs, more]) => `labels:\n- pairs:${labelsBlock(pairs, 4)}${more}`),
  labels.map((pairs) => `commonAnnotations:${labelsBlock(pairs, 2)}`),
  fc
    .constantFrom('newTag: v9', 'newName: r.io/new', 'digest: sha256:123', 'tagSuffix: -x', 'newTag: "1"\n  newName: z')
    .map((change) => `images:\n- name: nginx\n  ${change}`),
  fc.constantFrom('', '', 'replicas:\n- name: web\n  count: 5'),
  fc
    .tuple(
      name,
      fc.constantFrom(
        '',
        '\n  behavior: merge',
        '\n  behavior: replace',
        '\n  options: {disableNameSuffixHash: true, labels: {l: "1"}}',
      ),
    )
    .map(([n, more]) => `configMapGenerator:\n- name: "${n}"\n  literals: [a=1, "b='two'", c=]${more}`),
  name.map((n) => `secretGenerator:\n- name: "${n}"\n  literals: [user=admin, p=ä]\n  type: t/x`),
  fc.constantFrom('generatorOptions:\n  immutable: true\n  annotations: {g: "1"}'),
  fc.array(patchEntry, { minLength: 1, maxLength: 2 }).map((list) => `patches:\n${list.join('\n')}`),
  fc.constantFrom(
    'buildMetadata: [originAnnotations]',
    'buildMetadata: [transformerAnnotations]',
    'sortOptions:\n  order: legacy',
  ),
  fc.tuple(target, fc.boolean()).map(
    ([n, create]) => `replacements:
- source:
    kind: ConfigMap
    name: "${n}"
    fieldPath: ${create ? 'metadata.name' : 'data.a'}
  targets:
  - select:
      kind: Deployment
    fieldPaths:
    - ${create ? 'metadata.annotations.from' : 'spec.template.spec.containers.[name=main].image'}
    options:
      create: ${create}
      ${create ? 'index: 0' : "delimiter: ':'\n      index: 1"}`,
  ),
  fc.constantFrom('', '', 'vars:\n- name: V\n  objref:\n    apiVersion: v1\n    kind: Service\n    name: web'),
);

/** Leaves out documents that declare an object a second time, which kustomize refuses. */
function distinct(documents: readonly string[]): string[] {
  const seen = new Set<string>();
  return documents
    .flatMap((text) => text.split('---\n'))
    .filter((text) => {
      const key = `${/^kind: (.*)$/m.exec(text)?.[1]} ${/^ {2}name: (.*)$/m.exec(text)?.[1]}`;
      return seen.has(key) ? false : seen.add(key);
    });
}

function merged(fields: readonly string[]): string {
  const seen = new Set<string>();
  return fields
    .filter((one) => {
      if (one === '') return false;
      const key = one.slice(0, one.indexOf(':'));
      return seen.has(key) ? false : seen.add(key);
    })
    .join('\n');
}

const fields = (max: number): fc.Arbitrary<string> => fc.array(field, { maxLength: max }).map(merged);

/** Objects that patches, replacements and vars can count on. */
const FIXED = [
  'apiVersion: v1\nkind: Service\nmetadata:\n  name: "web"\nspec:\n  ports:\n  - port: 80\n    protocol: TCP\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: "web"\ndata:\n  a: x:y\n',
  'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: "web"\nspec:\n  template:\n    spec:\n      containers:\n      - name: main\n        image: nginx:1\n        args: [$(V), "--x=$(V)", $$(V)]\n',
  'apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: "web"\nspec:\n  items:\n  - name: one\n',
];

/** Repositories of a base, a component and two overlays, one of which is built. */
export const repositories: fc.Arbitrary<Repository> = fc
  .record({
    base: fc.array(document, { minLength: 1, maxLength: 6 }),
    more: fc.array(document, { maxLength: 2 }),
    baseFields: fields(3),
    component: fc.option(fields(2)),
    overlay: fields(4),
    top: fields(2),
    root: fc.constantFrom('base', 'overlay', 'top', 'top'),
  })
  .map((r) => {
    const base = distinct([...FIXED, ...r.base]);
    const files: Record<string, string> = {
      'base/all.yaml': base.join('---\n'),
      'base/kustomization.yaml': `resources:\n- all.yaml\n${r.baseFields}\n`,
      'overlay/kustomization.yaml': `resources:\n- ../base\n${r.more.length > 0 ? '- more.yaml\n' : ''}${r.component === null ? '' : 'components:\n- ../component\n'}${r.overlay}\n`,
      'top/kustomization.yaml': `resources:\n- ../overlay\n${r.top}\n`,
    };
    if (r.more.length > 0)
      files['overlay/more.yaml'] = distinct(r.more).join('---\n').replaceAll('name: "', 'name: "m-');
    if (r.component !== null)
      files['component/kustomization.yaml'] =
        `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n${r.component === '' ? 'namePrefix: c-' : r.component}\n`;
    return { files, root: r.root };
  });
