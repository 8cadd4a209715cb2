import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, fromJson, type Json } from '../../../src/model/index.ts';
import { decodeMemo, encodeMemo, type PlainOptions, renderPlain } from '../../../src/render/plain/index.ts';
import { textTree } from '../../support/text-tree.ts';

const options: PlainOptions = { owner: { name: 'apps', namespace: 'flux-system' }, limits: DEFAULT_LIMITS };

const render = (files: Readonly<Record<string, string>>, more: Partial<PlainOptions> = {}) => {
  const result = renderPlain(textTree(files), 'app', { ...options, ...more });
  if ('needsKustomize' in result) throw new Error(result.needsKustomize);
  return result;
};
const objects = (files: Readonly<Record<string, string>>, more: Partial<PlainOptions> = {}): Json[] => {
  const { set, bodies } = render(files, more);
  return set.objects.map(({ digest }) => fromJson(Buffer.from(bodies.get(digest) ?? '').toString()));
};
const ids = (files: Readonly<Record<string, string>>): string[] => render(files).set.objects.map(({ id }) => id);
const message = (files: Readonly<Record<string, string>>, more: Partial<PlainOptions> = {}): string => {
  try {
    render(files, more);
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    return `${(error as Fault).code} ${(error as Fault).message}`;
  }
  return 'no error';
};
const map = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: x}\n${more}`;

describe('annotations that are no text', () => {
  const noted = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x, annotations: {note: ${value}}}\n`;

  it.each(['true', '1', '1.50', 'null', '{a: b}', '2020-01-02'])(
    '%s is left to kustomize, which takes it as written',
    (value) => {
      const files = { 'app/a.yaml': noted(value), 'app/b.yaml': map('b') };
      expect(renderPlain(textTree(files), 'app', options)).toEqual({
        needsKustomize: expect.stringMatching(/^app\/a\.yaml:1: an annotation is no text$/),
      });
    },
  );

  it.each(['"true"', 'word', "'1'", '2020-01-02x'])('%s is text', (value) => {
    expect(ids({ 'app/a.yaml': noted(value) })).toEqual(['x_a__ConfigMap']);
  });
});

describe('the files of a plain folder', () => {
  it('are all *.yaml and *.yml below it, hidden ones too, and no others', () => {
    const found = ids({
      'app/a.yaml': map('a'),
      'app/sub/deep/b.yml': map('b'),
      'app/.hidden.yaml': map('h'),
      'app/c.json': '{"not": "read"}',
      'app/README.md': '# no',
      'app/.sops.yaml': 'creation_rules: []',
      'other/d.yaml': map('d'),
    });
    expect(found).toEqual(['x_a__ConfigMap', 'x_b__ConfigMap', 'x_h__ConfigMap']);
  });

  it.each(['app/kustomization.yaml', 'app/kustomization.yml', 'app/Kustomization', 'app/x/y/kustomization.yaml'])(
    'are left to kustomize when there is %s',
    (path) => {
      const tree = textTree({ 'app/a.yaml': map('a'), 'app/x/y/z.yaml': map('z'), [path]: 'resources: []' });
      expect(renderPlain(tree, 'app', options)).toEqual({ needsKustomize: path });
    },
  );

  it('may be none', () => {
    expect(render({ 'app/README.md': '' }).set.objects).toEqual([]);
    expect(message({ 'other/a.yaml': map('a') })).toBe(
      'path-missing kustomization path not found: app is no folder of the source',
    );
  });

  it.each([
    [{ renderFiles: 1 }, 'limits.renderFiles = 1'],
    [{ renderObjects: 1 }, 'limits.renderObjects = 1'],
    [{ renderBytes: 100 }, 'limits.renderBytes = 100'],
    [{ manifestBytes: 40 }, 'limits.manifestBytes = 40'],
    [{ treeDepth: 1 }, 'limits.treeDepth = 1'],
  ])('keep the limits %j', (limits, said) => {
    const files = { 'app/a.yaml': map('a'), 'app/b/c/d.yaml': map('b') };
    expect(message(files, { limits: { ...DEFAULT_LIMITS, ...limits } })).toContain(said);
  });
});

describe('documents that are no objects', () => {
  it.each([
    ['a: 1\n', 'app/a.yaml:1: missing Resource metadata'],
    ['# c\n- 1\n', 'app/a.yaml:2: missing Resource metadata: the document is not a Kubernetes object'],
    [`${map('a')}---\napiVersion: v1\nmetadata: {name: b}\n`, 'app/a.yaml:5: missing kind in object'],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n',
      'app/a.yaml:3: missing metadata.name in object of kind Pod: generateName is not enough',
    ],
    [
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: 5\n',
      'app/a.yaml:4: missing metadata.name in object of kind Pod: it must be text, put it in quotes',
    ],
    ['kind: Pod\nmetadata: {name: p}\n', 'missing apiVersion in Pod/p'],
    [
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n    -\n',
      'empty item at spec.containers.0 in Pod/p',
    ],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: [a]}\n', 'metadata.labels of Pod/p must be a map'],
    ['apiVersion: v1\nkind: List\nitems: [null]\n', 'item 0 of the List is empty'],
    ['apiVersion: v1\nkind: List\nitems: 5\n', 'items of a List must be a list'],
    ['apiVersion: v1\nkind: List\nitems:\n- {kind: Pod}\n', 'app/a.yaml:4: item 0: missing metadata.name'],
    ['a: b: c\n', 'app/a.yaml:1:5: '],
  ])('%j fail the render, named by file and line', (text, said) => {
    expect(message({ 'app/a.yaml': text })).toContain(`build-failed ${said.startsWith('app/') ? said : 'app/a.yaml:'}`);
    expect(message({ 'app/a.yaml': text })).toContain(said);
  });

  it('are passed over when empty', () => {
    expect(ids({ 'app/a.yaml': '# nothing\n---\n{}\n---\n', 'app/b.yaml': '', 'app/c.yaml': '[]' })).toEqual([]);
  });

  it('of one id in two files name both', () => {
    expect(message({ 'app/a.yaml': map('a'), 'app/b.yaml': `\n${map('a')}` })).toBe(
      'build-failed app/b.yaml:2: ConfigMap/x/a is already declared in app/a.yaml:1',
    );
  });
});

describe('an object', () => {
  it('gets owner labels and common metadata over its own, but not in its pods', () => {
    const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: x, labels: {a: own, team: own}, annotations: {note: own}, creationTimestamp: null}
spec: {template: {metadata: {labels: {team: own}}, spec: {containers: [{name: c, ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]}]}}}
status: {}
`;
    const commonMetadata = { labels: { team: 'edge' }, annotations: { note: 'all' } };
    expect(objects({ 'app/d.yaml': text }, { commonMetadata })).toEqual([
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          name: 'd',
          namespace: 'x',
          labels: {
            a: 'own',
            team: 'edge',
            'kustomize.toolkit.fluxcd.io/name': 'apps',
            'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
          },
          annotations: { note: 'all' },
        },
        spec: {
          template: {
            metadata: { labels: { team: 'own' } },
            spec: {
              containers: [
                {
                  name: 'c',
                  ports: [
                    { containerPort: 80, protocol: 'TCP' },
                    { containerPort: 53, protocol: 'UDP' },
                  ],
                },
              ],
            },
          },
        },
      },
    ]);
  });

  it('of kind Secret has its stringData in data, which it overrides', () => {
    const text =
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: }\ndata: {a: "b2xk\\n", b: b2xk}\nstringData: {b: new, c: ü}\n';
    expect(objects({ 'app/s.yaml': text })).toMatchObject([{ data: { a: 'b2xk', b: 'bmV3', c: 'w7w=' } }]);
    expect(objects({ 'app/s.yaml': text })[0]).not.toHaveProperty('stringData');
    expect(objects({ 'app/s.yaml': text })[0]).not.toHaveProperty('metadata.namespace');
    const odd = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: "%"}\nstringData: {b: new}\n';
    expect(objects({ 'app/s.yaml': odd })).toMatchObject([{ data: { a: '%' }, stringData: { b: 'new' } }]);
  });

  it('keeps its status when it is a CRD', () => {
    const text =
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\nstatus: {x: 1}\n';
    expect(objects({ 'app/c.yaml': text })).toMatchObject([{ status: { x: 1 } }]);
  });

  it('that is encrypted is refused, unless it says that this is meant', () => {
    const text = (note: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x, annotations: {n: n${note}}}\nsops: {mac: m}\n`;
    expect(message({ 'app/s.yaml': text('') })).toBe(
      'build-failed app/s.yaml:1: Secret/x/s is SOPS encrypted, configuring decryption is required for this secret to be reconciled',
    );
    expect(ids({ 'app/s.yaml': text(', kustomize.toolkit.fluxcd.io/decrypt: Disabled') })).toEqual(['x_s__Secret']);
  });

  it('is left out when it is of Flux, of kustomize or local, each with the reason', () => {
    const { set, leftOut } = render({
      'app/a.yaml': `${map('a')}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system, labels: {app.kubernetes.io/part-of: flux}}\n`,
      'app/b.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nmetadata: {name: k}\n',
      // The agent that the flux command finds is not Flux.
      'app/d.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: own, labels: {app.kubernetes.io/part-of: flux, app.kubernetes.io/name: holdfast}}\n',
      'app/c.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {config.kubernetes.io/local-config: "true"}}\n',
    });
    expect(set.objects.map(({ ref }) => ref.name).sort()).toEqual(['a', 'own']);
    expect(leftOut.map(({ id, origin }) => [id, origin])).toEqual([
      ['_flux-system__Namespace', 'app/a.yaml:5'],
      ['_k_kustomize.config.k8s.io_Component', 'app/b.yaml:1'],
      ['_p__Pod', 'app/c.yaml:1'],
    ]);
    expect(leftOut.map(({ reason }) => reason).join()).toMatch(
      /part of Flux itself.*configuration of kustomize.*keeps it local/,
    );
  });

  it.each([
    ['', { reconcile: true, ssa: 'Override', force: false, prune: true }],
    ['reconcile: DISABLED', { reconcile: false }],
    ['ssa: ignore', { ssa: 'Ignore' }],
    ['ssa: IFNOTPRESENT', { ssa: 'IfNotPresent' }],
    ['ssa: merge', { ssa: 'Merge' }],
    ['force: Enabled', { force: true }],
    ['prune: Disabled', { prune: false }],
    ['prune: no', { prune: true }],
  ])('may ask for %j by label or annotation, in any case', (ask, settings) => {
    for (const place of ['labels', 'annotations']) {
      const meta = ask === '' ? '' : `, ${place}: {kustomize.toolkit.fluxcd.io/${ask}}`;
      const { set } = render({ 'app/a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a${meta}}\n` });
      expect(set.objects[0]?.settings).toMatchObject(settings);
    }
  });

  it('may have a kind that is called like a method', () => {
    for (const kind of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      expect(ids({ 'app/a.yaml': `apiVersion: e.com/v1\nkind: ${kind}\nmetadata: {name: a}\n` })).toEqual([
        `_a_e.com_${kind}`,
      ]);
    }
  });
});

describe('a reference that would read back as another object', () => {
  it.each([
    ['v1', 'ConfigMap', 'a', 'kube_system', '"kube_system" is no name of a namespace'],
    ['v1', 'ConfigMap', 'a/../b', 'x', '"a/../b" is no name of an object'],
    ['v1', 'ConfigMap', '..', 'x', '".." is no name of an object'],
    ['v1', 'ConfigMap', '"a\\nb"', 'x', '"a\\nb" is no name of an object'],
    ['v1', '__proto__', 'a', 'x', '"__proto__" is no kind'],
    ['v1', 'Config_Map', 'a', 'x', '"Config_Map" is no kind'],
    ['a/b/c', 'ConfigMap', 'a', 'x', '"a/b/c" is no apiVersion'],
    ['a_b/v1', 'ConfigMap', 'a', 'x', '"a_b/v1" is no apiVersion'],
  ])('%s %s %s in %s fails the render', (apiVersion, kind, own, namespace, said) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${own}, namespace: ${namespace}}\n`;
    expect(message({ 'app/a.yaml': text })).toBe(`build-failed app/a.yaml:1: ${said}`);
  });

  it('is not one of an RBAC name with colons or underscores', () => {
    const text = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: "system:a_b"}\n';
    expect(ids({ 'app/a.yaml': text })).toEqual(['_system__a_b_rbac.authorization.k8s.io_ClusterRole']);
  });
});

describe('targetNamespace', () => {
  it('leaves an APIService without a service as it is', () => {
    const text = 'apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.y}\nspec: {group: y}\n';
    expect(objects({ 'app/a.yaml': text }, { targetNamespace: 't' })[0]).toMatchObject({ spec: { group: 'y' } });
  });

  it('names both places when two objects move onto each other', () => {
    const files = { 'app/a.yaml': map('a'), 'app/b.yaml': map('a').replace('namespace: x', 'namespace: y') };
    expect(message(files, { targetNamespace: 't' })).toContain('ConfigMap/t/a is already declared in app/a.yaml:1');
  });
});

describe('a memo', () => {
  it('makes a change of one file read one file, and comes through JSON unharmed', () => {
    const files: Record<string, string> = {};
    for (let i = 0; i < 50; i++) files[`app/${i}.yaml`] = map(`m${i}`, `data: {a: "${i}"}\n`);
    const first = render(files);
    const previous = decodeMemo(encodeMemo(first.memo));
    expect(previous).toEqual(first.memo);
    const second = render({ ...files, 'app/7.yaml': map('m7', 'data: {a: new}\n') }, { previous });
    expect([second.filesRead, second.bodies.size]).toEqual([1, 1]);
    expect(second.set.objects).toHaveLength(50);
    expect(
      second.set.objects.filter((one, i) => one.digest !== first.set.objects[i]?.digest).map(({ id }) => id),
    ).toEqual(['x_m7__ConfigMap']);
  });

  it('keeps what was built apart from commonMetadata', () => {
    const files = { 'app/a.yaml': map('a'), 'app/b.yaml': map('b') };
    const commonMetadata = { labels: { team: 'x' }, annotations: {} };
    const first = render(files, { commonMetadata });
    const previous = decodeMemo(encodeMemo(first.memo));
    expect(previous).toEqual(first.memo);
    const second = render({ ...files, 'app/b.yaml': `# moved\n${map('b')}` }, { commonMetadata, previous });
    expect(second.filesRead).toBe(1);
    expect([first.built, second.built]).toEqual([render(files).built, render(files).built]);
  });

  it('is not used for other options, nor for objects that the store has lost', () => {
    const files = { 'app/a.yaml': map('a'), 'app/b.yaml': map('b') };
    const { memo: previous, set } = render(files);
    expect(render(files, { previous }).filesRead).toBe(0);
    expect(render(files, { previous, targetNamespace: 't' }).filesRead).toBe(2);
    expect(render(files, { previous, owner: { name: 'other', namespace: 'x' } }).filesRead).toBe(2);
    expect(render(files, { previous, commonMetadata: { labels: {}, annotations: { a: 'b' } } }).filesRead).toBe(2);
    expect(render(files, { previous, stored: (digest) => digest !== set.objects[0]?.digest }).filesRead).toBe(1);
  });

  it('that is not one is passed over', () => {
    for (const text of ['', 'null', '[]', '[1,"x","",[]]', '{"a":1}', '[1,"sha256:00","",[["a"]]]'])
      expect(decodeMemo(text)).toBeUndefined();
  });
});
