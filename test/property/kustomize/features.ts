import fc from 'fast-check';
import type { Repository } from './generate.ts';

/*
 * Repositories that use what those of generate.ts do not: many kinds, files of all sorts, transformers and generators that
 * are resources, configurations, YAML in its odder forms.
 */

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const NAME = pick('web', 'web', 'web', 'api', 'db', 'a-1', 'x.y');
const VALUE = pick(
  'v',
  '"8080"',
  '8080',
  'yes',
  '"yes"',
  'true',
  'null',
  '""',
  '0o17',
  '017',
  '1_000',
  '+1',
  '.5',
  '12:30',
  '2020-01-01',
  '2020-01-01 10:00:00',
  '"a b  c"',
  "' lead'",
  '"trail "',
  '"#x"',
  'a#b',
  '"- x"',
  '"a: b"',
  '!!str 5',
  '!!int "5"',
  '"\\u2028x"',
  '"\\x85y"',
  '"é\\U0001F600"',
  '1e3',
  '1e400',
  '0x1F',
  '12345678901234567890',
  '-0',
  '1.10',
  '{a: 1, "b": [x, "y"]}',
  '[1, two, {three: 3}]',
  '"two\\nlines"',
  '"tab\\t\\nline"',
  '"line \\nend"',
  '|\n  text\n   more\n\n  last\n',
  '|+\n  keep\n\n',
  '|2-\n    indented\n',
  '>\n  folded\n  lines\n\n  para\n',
  '"one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"',
  "'one two three four: five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'",
);

/** A value put at an indentation; what has lines is indented. */
const at = (value: string, by: number): string => value.replaceAll('\n', `\n${' '.repeat(by)}`).trimEnd();

const KINDS: readonly (readonly [apiVersion: string, kind: string, body: string])[] = [
  [
    'apps/v1',
    'StatefulSet',
    'spec:\n  serviceName: web\n  replicas: 1\n  volumeClaimTemplates:\n  - metadata:\n      name: data\n    spec:\n      storageClassName: web\n  template:\n    spec:\n      containers:\n      - name: main\n        image: nginx:1\n        envFrom:\n        - configMapRef:\n            name: web\n',
  ],
  [
    'batch/v1',
    'CronJob',
    'spec:\n  schedule: "0 * * * *"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          serviceAccountName: web\n          containers:\n          - name: main\n            image: nginx\n            env:\n            - name: A\n              valueFrom:\n                secretKeyRef:\n                  name: web\n                  key: k\n',
  ],
  [
    'batch/v1',
    'Job',
    'spec:\n  template:\n    spec:\n      volumes:\n      - name: v\n        projected:\n          sources:\n          - configMap:\n              name: web\n          - secret:\n              name: api\n      - name: p\n        persistentVolumeClaim:\n          claimName: web\n      containers:\n      - name: main\n        image: r.io/nginx:1\n',
  ],
  [
    'networking.k8s.io/v1',
    'Ingress',
    'spec:\n  ingressClassName: web\n  tls:\n  - secretName: web\n  rules:\n  - host: a.example\n    http:\n      paths:\n      - path: /\n        backend:\n          service:\n            name: web\n            port:\n              number: 80\n',
  ],
  [
    'autoscaling/v2',
    'HorizontalPodAutoscaler',
    'spec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: web\n  metrics:\n  - type: Resource\n',
  ],
  ['policy/v1', 'PodDisruptionBudget', 'spec:\n  selector:\n    matchLabels:\n      app: web\n'],
  [
    'networking.k8s.io/v1',
    'NetworkPolicy',
    'spec:\n  podSelector:\n    matchLabels:\n      app: web\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          app: api\n  egress:\n  - to:\n    - podSelector: {}\n',
  ],
  ['v1', 'PersistentVolumeClaim', 'spec:\n  volumeName: web\n  storageClassName: web\n'],
  ['v1', 'PersistentVolume', 'spec:\n  storageClassName: web\n  claimRef:\n    name: web\n'],
  ['storage.k8s.io/v1', 'StorageClass', 'provisioner: x\n'],
  ['v1', 'Namespace', 'spec: {}\n'],
  ['v1', 'Secret', 'type: Opaque\nstringData:\n  k: v\ndata:\n  b: YQ==\n'],
  [
    'v1',
    'Pod',
    'spec:\n  containers:\n  - name: main\n    image: nginx:1\n    ports:\n    - containerPort: 80\n    - containerPort: 80\n      protocol: UDP\n  imagePullSecrets:\n  - name: web\n',
  ],
  ['v1', 'ServiceAccount', 'secrets:\n- name: web\nimagePullSecrets:\n- name: api\n'],
  [
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'spec:\n  group: x.y\n  conversion:\n    webhook:\n      clientConfig:\n        service:\n          name: web\n          namespace: old\n',
  ],
  ['apiregistration.k8s.io/v1', 'APIService', 'spec:\n  service:\n    name: web\n    namespace: default\n'],
  [
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'webhooks:\n- name: a.b.c\n  clientConfig:\n    service:\n      name: web\n      namespace: default\n',
  ],
  [
    'example.com/v1',
    'Thing',
    'spec:\n  ref: web\n  items:\n  - {name: a, image: "nginx:1"}\n  template:\n    spec:\n      containers:\n      - image: nginx:2\n        name: c\n',
  ],
  [
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    'roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: web\nsubjects:\n- kind: ServiceAccount\n  name: default\n  namespace: default\n- kind: ServiceAccount\n  name: web\n- kind: User\n  name: web\n',
  ],
  [
    'rbac.authorization.k8s.io/v1',
    'Role',
    'rules:\n- apiGroups: [""]\n  resources: [configmaps]\n  resourceNames: [web]\n  verbs: [get]\n',
  ],
  ['v1', 'Endpoints', 'subsets: []\n'],
  ['scheduling.k8s.io/v1', 'PriorityClass', 'value: 10\n'],
];

const META = pick(
  '',
  '',
  '',
  '\n  namespace: default',
  '\n  namespace: ns-a',
  '\n  labels: {app: web}',
  '\n  annotations: {config.kubernetes.io/local-config: "true"}',
  '\n  annotations: {config.kubernetes.io/local-config: "false", x: "1"}',
  '\n  annotations: {note: 5}',
  '\n  annotations: null',
  '\n  labels:\n    tier: "1"\n    app: api',
  '\n  finalizers: [a/b]',
  '\n  creationTimestamp: null',
);

const document: fc.Arbitrary<string> = fc
  .tuple(pick(...KINDS), NAME, META, pick('', '', '# a note\n', 'status: {}\n'))
  .map(([[apiVersion, kind, body], name, meta, more]) => {
    return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}${meta}\n${body}${more}`;
  });

const dataMap: fc.Arbitrary<string> = fc
  .tuple(NAME, VALUE, VALUE, pick('a', '"1"', 'y', 'A b', 'k.yaml', '? x\n  '), META)
  .map(
    ([name, a, b, key, meta]) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}${meta}\ndata:\n  ${key.startsWith('?') ? 'q' : key}: ${at(a, 2)}\n  b: ${at(b, 2)}\n`,
  );

const odd: fc.Arbitrary<string> = pick(
  'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: l1}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: l2}\n',
  'apiVersion: v1\nkind: ConfigMapList\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: l3}\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: anchors}\ndata: &d {a: "1", b: "2"}\nmore: *d\nmerged:\n  <<: *d\n  a: "3"\n',
  '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json"}, "data": {"a": "1\\u00e9\\n"}}\n',
  '# only a comment\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nulls}\ndata: {a: null, b: ~, c: }\n',
  'kind: Bare\nmetadata:\n  name: bare\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: generated\n  annotations:\n    internal.config.kubernetes.io/needsHashSuffix: enabled\ndata: {a: b}\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: embedded}\ndata:\n  conf.json: \'{"a": {"b": "c"}, "n": [1, 2]}\'\n  conf.yaml: |\n    a:\n      b: c\n    list: [x, y]\n',
);

/** Documents of different ids. */
const documents = (max: number): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ weight: 5, arbitrary: document }, { weight: 3, arbitrary: dataMap }, odd), {
      minLength: 1,
      maxLength: max,
    })
    .map((list) => {
      const seen = new Set<string>();
      const own = (text: string): boolean => {
        const key = `${/kind"?: "?(\w+)/.exec(text)?.[1]} ${/name"?: "?([\w.-]+)/.exec(text)?.[1]}`;
        return seen.has(key) ? false : seen.add(key) !== undefined;
      };
      return list.filter(own).join('---\n');
    });

const GENERATORS = pick(
  'configMapGenerator:\n- name: web\n  files: [conf.ini, other=conf.ini]\n',
  'configMapGenerator:\n- name: gen\n  envs: [vars.env]\n',
  'configMapGenerator:\n- name: gen\n  env: vars.env\n  literals: [z=9]\n',
  'configMapGenerator:\n- name: gen\n  files: [bin.dat]\n  options:\n    disableNameSuffixHash: true\n    annotations: {a: "1"}\n',
  'configMapGenerator:\n- name: web\n  namespace: ns-a\n  literals: ["q=\\"x y\\"", "s=\'a\'", u=a=b]\n  options: {immutable: true, labels: {l: v}}\n',
  'secretGenerator:\n- name: web\n  files: [long.txt]\n  type: kubernetes.io/tls\n',
  'secretGenerator:\n- name: gen\n  envs: [vars.env]\n  options: {disableNameSuffixHash: true}\n',
  'configMapGenerator:\n- name: gen\n  literals: [a=1]\n- name: gen2\n  literals: [b=2]\ngeneratorOptions:\n  disableNameSuffixHash: true\n  labels: {g: o}\n',
  'configMapGenerator:\n- name: web\n  behavior: merge\n  literals: [b=new]\n',
  'configMapGenerator:\n- name: gen\n  behavior: replace\n  literals: [b=new]\n  options: {labels: {x: y}}\n',
  'secretGenerator:\n- name: gen\n  behavior: merge\n  literals: [b=new]\n',
  'configMapGenerator:\n- name: a,b\n  literals: []\n',
  'generators: [gen.yaml]\n',
);

const PATCHES = pick(
  'patches:\n- path: patch.yaml\n',
  'patches:\n- path: patch.yaml\n  target: {kind: ConfigMap}\n',
  'patches:\n- path: ops.json\n  target: {kind: .*, name: web}\n',
  'patchesStrategicMerge: [patch.yaml]\n',
  'patchesStrategicMerge:\n- |-\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: web}\n  data: {p: q, b: null}\n',
  'patchesJson6902:\n- target: {version: v1, kind: ConfigMap, name: web}\n  path: ops.json\n',
  'patchesJson6902:\n- target: {group: apps, version: v1, kind: StatefulSet, name: web}\n  patch: "- {op: add, path: /spec/x~1y, value: 1}"\n',
  'patches:\n- target: {kind: ConfigMap, name: web}\n  options: {allowNameChange: true}\n  patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: renamed}\n',
  'patches:\n- target: {kind: ConfigMap}\n  options: {allowKindChange: true, allowNameChange: true}\n  patch: |-\n    apiVersion: example.com/v1\n    kind: Thing\n    metadata: {name: moved}\n',
  'patches:\n- target: {labelSelector: "app in (web, api), tier!=2"}\n  patch: |-\n    - {op: add, path: /metadata/labels/sel, value: "1"}\n',
  'patches:\n- target: {annotationSelector: "x=1"}\n  patch: |-\n    - {op: replace, path: /metadata/annotations/x, value: "2"}\n',
  'patches:\n- target: {kind: Pod|Job|StatefulSet}\n  patch: |-\n    apiVersion: v1\n    kind: Any\n    metadata: {name: any}\n    spec:\n      template:\n        spec:\n          containers:\n          - {name: main, $patch: delete}\n          - {name: more, image: nginx}\n      containers:\n      - name: main\n        ports:\n        - {containerPort: 80, protocol: TCP, name: p}\n',
  'patches:\n- target: {kind: StatefulSet, group: apps}\n  patch: |-\n    kind: StatefulSet\n    metadata: {name: x}\n    spec:\n      template: {$patch: replace, metadata: {labels: {a: b}}}\n      volumeClaimTemplates: []\n',
  'patches:\n- target: {kind: Secret}\n  patch: |-\n    $patch: delete\n    kind: Secret\n    metadata: {name: x}\n',
  'patches:\n- target: {kind: Ingress}\n  patch: |-\n    - op: test\n      path: /spec/rules/0/host\n      value: a.example\n    - op: copy\n      from: /spec/rules/0\n      path: /spec/rules/-\n    - op: move\n      from: /spec/tls\n      path: /spec/moved\n    - op: replace\n      path: /spec/rules/1/host\n      value: b.example\n',
  'patches:\n- target: {kind: ServiceAccount}\n  patch: |-\n    kind: ServiceAccount\n    metadata: {name: x, finalizers: [c/d]}\n    secrets: [{name: other}]\n    imagePullSecrets: [{$patch: replace}, {name: new}]\n',
);

const REPLACEMENTS = pick(
  'replacements:\n- source: {kind: ConfigMap, name: web, fieldPath: data.b}\n  targets:\n  - select: {kind: ConfigMap}\n    reject: [{name: web}]\n    fieldPaths: [data.new, metadata.annotations.x]\n    options: {create: true}\n',
  'replacements:\n- sourceValue: fixed\n  targets:\n  - select: {name: web}\n    fieldPaths: ["metadata.labels.[app.kubernetes.io/x]"]\n    options: {create: true}\n',
  'replacements:\n- source: {kind: ConfigMap, name: embedded, fieldPath: "data.conf\\\\.json.a.b"}\n  targets:\n  - select: {kind: ConfigMap, name: embedded}\n    fieldPaths: ["data.conf\\\\.yaml.a.b"]\n',
  'replacements:\n- sourceValue: x\n  targets:\n  - select: {kind: ConfigMap, name: embedded}\n    fieldPaths: ["data.conf\\\\.json.a.b", "data.conf\\\\.yaml.list.0"]\n',
  'replacements:\n- source: {kind: StatefulSet, name: web, fieldPath: "spec.template.spec.containers.0.image", options: {delimiter: ":", index: 0}}\n  targets:\n  - select: {kind: StatefulSet|CronJob|Job}\n    fieldPaths: ["spec.template.spec.containers.*.image", "spec.jobTemplate.spec.template.spec.containers.[name=main].image"]\n    options: {delimiter: ":", index: 0}\n',
  'replacements:\n- path: replace.yaml\n',
  'replacements:\n- source: {kind: Ingress, name: web, fieldPath: spec.tls}\n  targets:\n  - select: {kind: Thing}\n    fieldPaths: [spec.copied]\n    options: {create: true}\n',
  'replacements:\n- sourceValue: "7"\n  targets:\n  - select: {kind: StatefulSet}\n    fieldPaths: [spec.replicas]\n',
);

const TRANSFORMERS = pick(
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: PrefixTransformer\n  metadata: {name: p}\n  prefix: t-\n  fieldSpecs: [{path: metadata/name}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: NamespaceTransformer\n  metadata: {name: n, namespace: t-ns}\n  unsetOnly: true\n  setRoleBindingSubjects: allServiceAccounts\n  fieldSpecs: [{path: metadata/namespace, create: true}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata: {name: l}\n  labels: {t: "1"}\n  fieldSpecs: [{path: metadata/labels, create: true}, {path: spec/template/metadata/labels, create: true, kind: StatefulSet}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  metadata: {name: i}\n  imageTag: {name: nginx, newTag: v3}\n  fieldSpecs: [{path: "spec/items[]/image"}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: ReplicaCountTransformer\n  metadata: {name: r}\n  replica: {name: web, count: 4}\n  fieldSpecs: [{path: spec/replicas, kind: StatefulSet, create: true}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  patch: "[{op: add, path: /metadata/annotations/pt, value: a}]"\n  target: {kind: ConfigMap}\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: AnnotationsTransformer\n  metadata: {name: a}\n  annotations: {t: "yes"}\n  fieldSpecs: [{path: metadata/annotations, create: true}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: ValueAddTransformer\n  metadata: {name: v}\n  value: added\n  targets: [{fieldPath: spec/a, selector: {kind: Thing}}]\n',
  'transformers:\n- |-\n  apiVersion: builtin\n  kind: HashTransformer\n  metadata: {name: h}\n',
  'transformers: [suffix.yaml]\n',
  'validators:\n- |-\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata: {name: l}\n  labels: {validated-by: me}\n  fieldSpecs: [{path: metadata/labels, create: true}]\n',
);

const PLAIN = pick(
  'namePrefix: p-\n',
  'nameSuffix: -s\n',
  'namespace: ns-b\n',
  'namespace: default\n',
  'images:\n- {name: nginx, newName: r.io/n, newTag: "2"}\n',
  'images:\n- {name: "(r.io/)?nginx", newTag: v7}\n',
  'images:\n- {name: nginx, digest: "sha256:abc", tagSuffix: -x}\n',
  'replicas:\n- {name: web, count: 3}\n',
  'labels:\n- pairs: {l: "1"}\n  fields:\n  - {path: spec/labels, create: true, kind: Thing}\n  includeTemplates: true\n- pairs: {m: x}\n  includeSelectors: true\n',
  'commonLabels: {app: all, n: "5"}\n',
  'commonAnnotations: {note: "a: b", empty: ""}\n',
  'configurations: [config.yaml]\nnamePrefix: c-\n',
  'crds: [crd.json]\nnamePrefix: d-\n',
  'buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]\n',
  'buildMetadata: [managedByLabel]\n',
  'sortOptions:\n  order: legacy\n  legacySortOptions: {orderFirst: [Secret, Job], orderLast: [Namespace]}\n',
  'sortOptions: {order: fifo}\n',
  'vars:\n- name: WEB\n  objref: {apiVersion: v1, kind: ConfigMap, name: web}\n  fieldref: {fieldpath: data.b}\ncommonAnnotations: {v: $(WEB), w: "x-$(WEB)-$$(WEB)"}\n',
  'openapi: {path: schema.json}\n',
  'namePrefix: p-\nnameSuffix: -s\nnamespace: ns-c\n',
  '',
);

/** Fields of one kustomization; a name that comes twice is left out the second time. */
const fields = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.oneof(GENERATORS, PATCHES, REPLACEMENTS, TRANSFORMERS, PLAIN, PLAIN), { maxLength: max }).map((list) => {
    const seen = new Set<string>();
    return list
      .flatMap((text) => text.split(/^(?=[a-zA-Z])/m))
      .filter((text) => {
        const name = text.slice(0, text.indexOf(':'));
        return text === '' || seen.has(name) ? false : seen.add(name) !== undefined;
      })
      .join('');
  });

const PATCH_FILE = pick(
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  patched: "1"\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n$patch: delete\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: base\ndata: {z: z}\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  annotations: {x: null, p: "1"}\n  labels: null\ndata:\n  $patch: replace\n  only: this\n',
  '- op: add\n  path: /data/ops\n  value: "1"\n',
);

/** Files that the fields above name. */
function sideFiles(folder: string, patch: string): Record<string, string> {
  const files: Record<string, string> = {
    'conf.ini': '[a]\nb = c\n',
    'vars.env': '# note\nA=1\n  B=two words \nC\nD="q"\n\nE=x=y\n',
    'bin.dat': 'a\u0000b',
    'long.txt': 'a long text that makes more than seventy characters of base64 when it is put into a secret\n',
    'patch.yaml': patch,
    'ops.json': '[{"op": "add", "path": "/metadata/annotations/ops", "value": "1"}]',
    'gen.yaml':
      'apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: made}\nliterals: [a=1]\n---\napiVersion: builtin\nkind: SecretGenerator\nmetadata: {name: made}\nliterals: [b=2]\ntype: x/y\n',
    'suffix.yaml':
      'apiVersion: builtin\nkind: SuffixTransformer\nmetadata: {name: s}\nsuffix: -t\nfieldSpecs: [{path: metadata/name, kind: ConfigMap}]\n',
    'replace.yaml':
      'source: {kind: ConfigMap, name: web}\ntargets:\n- select: {kind: Thing}\n  fieldPaths: [spec.ref, "spec.items.[name=a].image"]\n',
    'config.yaml':
      'namePrefix:\n- {path: spec/ref, kind: Thing}\nnameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - {path: spec/ref, kind: Thing}\ncommonAnnotations:\n- {path: spec/annotations, create: true, kind: Thing}\nvarReference:\n- {path: spec/ref, kind: Thing}\nimages:\n- {path: "spec/items[]/image", kind: Thing}\n',
    'crd.json':
      '{"x.v1.Thing": {"Schema": {"properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": {"properties": {"ref": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap", "type": "string"}}}}}}}',
    'schema.json':
      '{"definitions": {"v1.Thing": {"properties": {"spec": {"properties": {"items": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}}}}, "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}]}}}',
  };
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}

const BASE =
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: base\n  labels: {app: web}\ndata:\n  b: old\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - name: main\n        image: nginx:1\n        args: [--x=$(WEB)]\n';

/** Repositories of a base, two components and two overlays, one of which is built. */
export const featureRepositories: fc.Arbitrary<Repository> = fc
  .record({
    base: documents(6),
    more: documents(3),
    baseFields: fields(2),
    part: fc.option(fields(2)),
    overlay: fields(4),
    top: fields(2),
    patches: fc.tuple(PATCH_FILE, PATCH_FILE),
    root: pick('base', 'overlay', 'overlay', 'top'),
    kind: pick('', 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'),
  })
  .map((r) => {
    const files: Record<string, string> = {
      ...sideFiles('base', r.patches[0]),
      ...sideFiles('overlay', r.patches[1]),
      ...sideFiles('part', r.patches[0]),
      ...sideFiles('top', r.patches[1]),
      'base/all.yaml': `${BASE}---\n${r.base}`,
      'base/kustomization.yaml': `${r.kind}resources: [all.yaml]\n${r.baseFields}`,
      'overlay/more.yaml': r.more.replaceAll(/name: (web|api|db|a-1|x\.y)$/gm, 'name: m-$1'),
      'overlay/kustomization.yaml': `resources: [../base, more.yaml]\n${r.part === null ? '' : 'components: [../part]\n'}${r.overlay}`,
      'top/kustomization.yaml': `resources:\n- ../overlay\n${r.top}`,
    };
    if (r.part !== null)
      files['part/kustomization.yaml'] =
        `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n${r.part === '' ? 'nameSuffix: -part\n' : r.part}`;
    return { files, root: r.root };
  });
