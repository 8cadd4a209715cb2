import fc from 'fast-check';
import { dump } from 'js-yaml';
import FIELD_SPECS from '../../../src/render/kustomize/data/fieldspecs.json' with { type: 'json' };
import type { Repository } from './generate.ts';
import { maybe, pick } from './wide-parts.ts';

/* Repositories of vars: of every type of field, in every field that takes one, over bases that rename what they point at. */

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

const PLACES = FIELD_SPECS.varReference as readonly { readonly path: string; readonly kind?: string }[];
const LISTS = new Set(['ports', 'containers', 'initContainers', 'env', 'volumeMounts', 'volumes', 'rules', 'tls']);
const GROUPS: Readonly<Record<string, string>> = {
  Service: 'v1',
  Pod: 'v1',
  PersistentVolume: 'v1',
  Ingress: 'networking.k8s.io/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
};

const NAMES = pick('V', 'V', 'W', 'X_1', 'a.b', 'V V', '', '$V');

/** What stands where a var may stand. */
const texts: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: NAMES.map((name) => `$(${name})`) },
  fc
    .array(pick('$(V)', '$(W)', '$(X_1)', '$$(V)', '$$', '$', '$(', '$(V', ')', 'text', ' ', ':', '$(NO)', 'é', '\n'), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => parts.join('')),
  { weight: 1, arbitrary: pick<Value>(5, 1.5, true, null, 'plain', '', '8080') },
);
const ends: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: texts },
  fc.array(texts, { maxLength: 3 }),
  fc.dictionary(pick('a', 'b', 'c.d/e', '$(V)'), texts, { maxKeys: 2 }),
);

function holder(path: string, kind: string | undefined, end: Value, name: string): Value {
  let value: Value = end;
  for (const part of path.split('/').reverse()) value = { [part]: LISTS.has(part) && value !== end ? [value] : value };
  const top = value as { readonly [key: string]: Value };
  const metadata = (top['metadata'] as object | undefined) ?? {};
  const made = kind ?? 'Thing';
  const apiVersion = GROUPS[made] ?? (made === 'Thing' ? 'example.com/v1' : 'apps/v1');
  return { apiVersion, kind: made, ...top, metadata: { ...metadata, name } };
}

const holders = fc.array(fc.tuple(pick(...PLACES), ends), { minLength: 1, maxLength: 4 }).map((list) =>
  list
    .map(([{ path, kind }, end], i) =>
      dump(holder(path, kind, path.startsWith('metadata') && typeof end !== 'object' ? { t: end } : end, `h${i}`), {
        lineWidth: -1,
      }),
    )
    .join('---\n'),
);

/** What vars point at. */
const SOURCES = `apiVersion: v1
kind: Service
metadata: {name: svc, labels: {app: one, "n.dot": d}, annotations: {a.b/c: note}}
spec:
  ports: [{port: 80, name: http}, {port: 0x50, name: 1e3}]
  clusterIP: None
  ratio: 1.50
  exp: 1e21
  tiny: 1e-7
  big: 9223372036854775808
  neg: -5
  plus: +5
  oct: 0o17
  old: 017
  hex: 0x1F
  under: 1_000
  on: true
  yes: yes
  nil: null
  tilde: ~
  empty: ""
  date: 2020-01-01
  quoted: "007"
  multi: "a\\nb"
  dollar: $(W)
  map: {k: v}
  list: [a, b]
  tagged: !!str 5
  float: !!float 5
---
apiVersion: v1
kind: ConfigMap
metadata: {name: svc, namespace: other}
data: {a: one}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: src}
data: {a: two}
---
apiVersion: example.com/v2
kind: Thing
metadata: {name: src2, namespace: other}
data: {a: three}
`;

const PATHS = pick(
  ...['metadata.name', 'metadata.name', 'metadata.namespace', 'metadata.labels.app', 'metadata.labels.n\\.dot', 'kind'],
  ...['metadata.annotations.a\\.b/c', 'metadata.annotations["a.b/c"]', 'spec.ports[0].port', 'spec.ports[1].port'],
  ...['spec.ports[1].name', 'spec.ports[2].port', 'spec.ports.0.port', 'spec.ports[-1].port', 'spec.ports', 'spec.map'],
  ...['spec.list[0]', 'spec.list[1]', 'spec.list', 'spec.no', 'spec', 'spec.map.k', 'spec.map[k]', 'data.a', '', '.'],
  ...['spec.ratio', 'spec.exp', 'spec.tiny', 'spec.big', 'spec.neg', 'spec.plus', 'spec.oct', 'spec.old', 'spec.hex'],
  ...['spec.under', 'spec.on', 'spec.yes', 'spec.nil', 'spec.tilde', 'spec.empty', 'spec.date'],
  ...['spec.quoted', 'spec.multi', 'spec.dollar', 'spec.tagged', 'spec.float', 'spec.clusterIP', 'apiVersion'],
);
const SVC = 'kind: Service, name: svc, apiVersion: v1';
const REFS = pick(
  ...[SVC, SVC, SVC, SVC, SVC, SVC, 'kind: Thing, name: src, apiVersion: example.com/v1'],
  ...['kind: Service, name: svc, apiVersion: v1', 'kind: Service, name: svc, apiVersion: v1'],
  ...[
    'kind: Service, name: svc',
    'kind: Service, name: svc, version: v1',
    'kind: Service, name: a-svc, apiVersion: v1',
  ],
  ...['kind: ConfigMap, name: svc, apiVersion: v1', 'kind: ConfigMap, name: svc, apiVersion: v1, namespace: other'],
  ...['kind: Thing, name: src, apiVersion: example.com/v1', 'kind: Thing, name: src, group: example.com, version: v1'],
  ...['kind: Thing, name: src2', 'kind: Thing, name: src2, apiVersion: example.com/v2, namespace: other', 'name: svc'],
  ...['kind: Thing, name: src, group: example.com', 'kind: Service, name: none, apiVersion: v1'],
  ...['kind: ConfigMap, name: gen, apiVersion: v1', 'apiVersion: v1, kind: Service, name: svc, namespace: default'],
);

const oneVar = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: pick('V', 'W', 'X_1') }, NAMES),
    REFS,
    fc.oneof({ weight: 1, arbitrary: pick('') }, { weight: 2, arbitrary: PATHS }),
  )
  .map(([name, ref, path]) => {
    const where = path === '' ? '' : `, fieldref: {${path.length % 5 === 0 ? 'fieldpath' : 'fieldPath'}: '${path}'}`;
    return `{name: "${name}", objref: {${ref}}${where}}`;
  });

const vars = (max: number): fc.Arbitrary<string> =>
  fc
    .uniqueArray(oneVar, { maxLength: max, selector: (text) => text.slice(0, 9) })
    .map((list) => (list.length === 0 ? '' : `vars: [${list.join(', ')}]\n`));
const changes = fc
  .tuple(
    maybe('namePrefix: a-'),
    maybe('nameSuffix: -z'),
    maybe('namespace: ns'),
    maybe('commonLabels: {v: "$(V)"}', 'commonAnnotations: {v: "$(V) $(W)"}'),
    pick('', '', '', '', 'configMapGenerator: [{name: gen, literals: ["a=$(V)"]}]'),
    maybe('buildMetadata: [originAnnotations]', 'buildMetadata: [transformerAnnotations]'),
  )
  .map((list) => list.map((one) => (one === '' ? '' : `${one}\n`)).join(''));
const CONFIG = pick(
  'varReference: [{path: data, kind: ConfigMap}]\n',
  'varReference: [{path: spec/ports/name, kind: Service}, {path: data, kind: Thing}]\n',
  'varReference: [{path: metadata/name}, {path: spec/new/x, create: true, kind: Service}]\n',
  'varReference: [{path: spec}, {path: kind}]\n',
  'varReference: [{path: spec/clusterIP, version: v1}, {path: spec/list}]\n',
);

/** A base with vars, a component and a second base beside it, and an overlay over all. */
export const varRepositories: fc.Arbitrary<Repository> = fc
  .record({
    held: holders,
    base: vars(2),
    baseChanges: changes,
    over: vars(3),
    overChanges: changes,
    part: fc.option(vars(1), { freq: 2 }),
    twin: fc.option(pick('namePrefix: b-\n', 'nameSuffix: -b\n', 'namespace: bb\n'), { freq: 1 }),
    config: fc.option(CONFIG, { freq: 1 }),
    top: fc.boolean(),
  })
  .map((r) => {
    const config = r.config === null ? '' : 'configurations: [config.yaml]\n';
    const files: Record<string, string> = {
      'base/r.yaml': `${SOURCES}---\n${r.held}`,
      'base/kustomization.yaml': `resources: [r.yaml]\n${r.baseChanges}${r.twin === null ? r.base : ''}${r.top ? '' : config}`,
      'twin/kustomization.yaml': `resources: [../base]\n${r.twin ?? ''}`,
      'part/kustomization.yaml': `kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n${r.part === '' || r.part === null ? 'namePrefix: q-\n' : r.part}`,
      'over/kustomization.yaml': `resources: [../base${r.twin === null ? '' : ', ../twin'}]\n${r.part === null ? '' : 'components: [../part]\n'}${r.overChanges}${r.over}${r.top ? config : ''}`,
    };
    if (r.config !== null) files[r.top ? 'over/config.yaml' : 'base/config.yaml'] = r.config;
    return { root: 'over', files };
  });
