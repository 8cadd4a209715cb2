import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, incomplete, type Tree } from '../../../src/model/index.ts';
import { reachedPaths, renderBuilt } from '../../../src/render/built/index.ts';
import { complete, completeNow } from '../../../src/render/complete.ts';
import { renderPlainly } from '../../../src/render/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { textTree } from '../../support/text-tree.ts';

/** A tree of which some folders and files are away. */
function lacking(files: Readonly<Record<string, string>>, away: readonly string[]): Tree {
  const tree = textTree(files);
  const check = <T>(path: string, own: boolean, ask: (path: string) => T): T => {
    if (away.some((one) => path.startsWith(`${one}/`) || (own && path === one))) throw incomplete(path);
    return ask(path);
  };
  return {
    stat: (path) => check(path, false, tree.stat),
    list: (path) => check(path, true, tree.list),
    read: (path) => check(path, true, tree.read),
  };
}

describe('work over a tree that lacks something', () => {
  const tree = lacking({ 'a/x': '1', 'b/y': '2', c: '3' }, ['b', 'c']);

  it('ends with all that it lacked, whatever the work made of it', async () => {
    const ask = (view: Tree): string => {
      for (const path of ['b/y', 'c', 'a/x'])
        try {
          view.read(path);
        } catch {
          // As a build that tries a file and then a folder.
        }
      return 'done';
    };
    const ends = { code: 'source-incomplete', paths: ['b/y', 'c'] };
    const fails = (view: Tree): never => {
      ask(view);
      throw new Fault('build-failed', 'of its own');
    };
    await expect(complete(tree, async (view) => ask(view))).rejects.toMatchObject(ends);
    await expect(complete(tree, async (view) => fails(view))).rejects.toMatchObject(ends);
    expect(() => completeNow(tree, ask)).toThrowError(expect.objectContaining(ends));
    expect(() => completeNow(tree, fails)).toThrowError(expect.objectContaining(ends));
  });

  it('is as it is where nothing was lacking', async () => {
    expect(completeNow(tree, (view) => Buffer.from(view.read('a/x') ?? []).toString())).toBe('1');
    expect(await complete(tree, async (view) => [view.stat('b')?.type, view.list('')?.length])).toEqual([
      'directory',
      3,
    ]);
    await expect(complete(tree, () => Promise.reject(new Fault('build-failed', 'x')))).rejects.toMatchObject({
      code: 'build-failed',
    });
  });
});

describe('a render', () => {
  const [one] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: k, namespace: ns }
spec: { interval: 1h, prune: true, path: site, sourceRef: { kind: GitRepository, name: s } }
`).kustomizations;
  if (one === undefined) throw new Error('not read');
  const options = { limits: DEFAULT_LIMITS, data: [] };
  const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;

  /** The one Fault of all that was away, and not the first of them, which a room in between might have caught. */
  const told = (path: RegExp) => ({
    code: 'source-incomplete',
    paths: expect.arrayContaining([expect.stringMatching(path)]),
    cause: expect.objectContaining({ code: 'source-incomplete' }),
  });

  it('of a plain folder is none without what was only not fetched, whoever calls it', () => {
    const files = { 'site/a.yaml': configMap('a'), 'site/deep/b.yaml': configMap('b') };
    expect(renderPlainly(textTree(files), one, options)?.set.objects).toHaveLength(2);
    expect(() => renderPlainly(lacking(files, ['site/deep']), one, options)).toThrowError(
      expect.objectContaining(told(/^site\/deep/)),
    );
  });

  it('by kustomize is none either', async () => {
    const files = {
      'site/kustomization.yaml': 'resources: [../base, ../more/x.yaml]\n',
      'base/kustomization.yaml': 'resources: [a.yaml]\n',
      'base/a.yaml': configMap('a'),
      'more/x.yaml': configMap('x'),
    };
    expect((await renderBuilt(textTree(files), one, options)).set.objects).toHaveLength(2);
    for (const away of ['base', 'more/x.yaml'])
      await expect(renderBuilt(lacking(files, [away]), one, options)).rejects.toMatchObject(
        told(new RegExp(`^${away}`)),
      );
  });
});

describe('what a build reaches', () => {
  const reach = (files: Readonly<Record<string, string>>, away: readonly string[], more = ''): readonly string[] => {
    const [one] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: k, namespace: ns }
spec: { interval: 1h, prune: true, path: site, sourceRef: { kind: GitRepository, name: s }${more} }
`).kustomizations;
    if (one === undefined) throw new Error('not read');
    return [...reachedPaths(lacking(files, away), one.spec, DEFAULT_LIMITS)].sort();
  };

  it('is everything that its kustomizations name, in one look', () => {
    const site = {
      resources: ['../base', 'own.yaml', 'https://git.test/x', '../none'],
      components: ['../part'],
      crds: ['../d/crd.json'],
      configurations: ['../d/conf.yaml'],
      openapi: { path: '../d/api.json' },
      patches: [{ path: '../d/patch.yaml' }, { patch: 'a: b\nc: ../d/never' }],
      patchesStrategicMerge: ['../d/merge.yaml', 'kind: x\nname: ../d/never'],
      replacements: [{ path: '../d/replace.yaml' }],
      configMapGenerator: [{ name: 'a', files: ['k=../d/file', '../d/plain'], envs: ['../d/env'], env: '../d/one' }],
      secretGenerator: [{ name: 's', files: ['../d/secret'] }],
    };
    const files = {
      'site/kustomization.yaml': JSON.stringify(site),
      'site/own.yaml': '',
      'base/x': '',
      'part/x': '',
      'd/x': '',
    };
    const names = 'api.json conf.yaml crd.json env file merge.yaml one patch.yaml plain replace.yaml secret';
    expect(reach(files, ['base', 'part', 'd'])).toEqual([
      'base',
      ...names.split(' ').map((name) => `d/${name}`),
      'part',
    ]);
  });

  it('is what Flux adds and lists as well, and what is named on the way', () => {
    const files = {
      'site/deep/kustomization.yml': 'resources: [../../base]',
      'site/broken/kustomization.yaml': '{',
      'base/kustomization.yaml': 'resources: [../further, ../base]',
      'further/x': '',
      'part/x': '',
    };
    expect(reach(files, ['further', 'part'], ', components: [../part]')).toEqual(['further', 'part']);
    expect(reach({}, [])).toEqual([]);
  });

  it('is found out by building where plugins name files', () => {
    const files = {
      'site/kustomization.yaml': 'resources: [a.yaml]\ntransformers: [t.yaml]\n',
      'site/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
      'site/t.yaml':
        'apiVersion: builtin\nkind: PatchTransformer\nmetadata: { name: t }\npath: ../away/p.yaml\ntarget: { name: a }\n',
      'away/p.yaml': '',
    };
    expect(reach(files, ['away'])).toEqual(['away/p.yaml']);
  });
});
