import { describe, expect, it } from 'vitest';
import { statusSelector } from '../../../agent/cli/get.ts';
import { fluxKind, readTarget, resourceNamed } from '../../../agent/cli/kube/kinds.ts';
import type { KubeObject } from '../../../src/model/index.ts';
import type { ApiResource, ApiSurface } from '../../../src/ports/index.ts';
import { holdfast as run } from '../../support/cli.ts';

/** Nobody is reached by these: the kubeconfig is not there. */
const holdfast = (...argv: readonly string[]) => run(argv, { env: { KUBECONFIG: '/nowhere/kubeconfig' } });

describe('commands on objects of the cluster', () => {
  it.each([
    [['get'], 'kustomizations, sources git'],
    [['get', 'pods'], 'kustomizations, sources git'],
    [['get', 'ks', 'a', 'b'], 'one name at a time'],
    [['get', 'ks', '-o', 'wide'], '"wide"'],
    [['get', 'all', '--watch'], '--watch takes one kind'],
    [['get', 'ks', '--status-selector', 'ready'], 'ready=false'],
    [['get', 'ks', '--timeout', 'soon'], '--timeout soon'],
    [['get', 'ks', '--nope'], '--nope'],
    [['suspend'], 'KIND is'],
    [['suspend', 'ks'], '--all'],
    [['suspend', 'all'], 'KIND is'],
    [['suspend', 'ks', 'a', '--all'], 'either names or --all'],
    [['suspend', 'ks', 'a', '--wait'], 'nothing to wait for'],
    [['resume', 'source', 'git'], 'a name of a source git'],
    [['events', 'ks'], '--for KIND/NAME'],
    [['events', '--for', 'Pod/x'], 'Kustomization'],
    [['events', '--types', 'Bad'], '"bad"'],
    [['why'], 'KIND/NAME'],
    [['why', 'ks'], 'KIND/NAME'],
    [['why', 'a/b/c'], 'KIND/NAME'],
    [['diff', 'ks', 'a'], '--path DIR'],
    [['diff', 'source', 'git', 'a', '--path', '.'], 'kustomization NAME'],
    [['diff', 'ks', 'a', '--path', '/nowhere'], 'is not a folder'],
    [['diff', 'ks', 'a', '--kustomization-file', 'x', '--config', 'y'], 'without --config'],
    [['reconcile', 'source', 'git', 'a', '--with-source'], '--with-source'],
    [['reconcile', 'store', '-n', 'x'], '--namespace goes with KIND NAME'],
  ])('%j is wrong, with 2 and a line that says how', async (argv, words) => {
    const { code, out, err } = await holdfast(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(words);
    expect(err).toContain(`holdfast help ${argv[0]}`);
  });

  it.each([
    [['get', 'ks'], 1],
    [['events'], 1],
    [['why', 'ks/a'], 1],
    [['suspend', 'ks', 'a'], 1],
    [['reconcile', 'ks', 'a'], 1],
    [['diff', 'ks', 'a', '--path', '.'], 2],
    [['diff', 'ks', 'a', '--config', '/nowhere/config.yaml'], 2],
  ] as const)('%j fails with %i when what it needs cannot be read', async (argv, code) => {
    const found = await holdfast(...argv);
    expect([found.code, found.out]).toEqual([code, '']);
    expect(found.err).toContain('/nowhere/');
  });

  it('reads kinds as flux and kubectl do', () => {
    const kinds = (...words: string[]): unknown => {
      const target = readTarget(words);
      return target === undefined ? undefined : [target.kinds.map(({ kind }) => kind), target.names, target.all];
    };
    expect(kinds('ks', 'a')).toEqual([['Kustomization'], ['a'], false]);
    expect(kinds('ks/a')).toEqual([['Kustomization'], ['a'], false]);
    expect(kinds('Kustomizations')).toEqual([['Kustomization'], [], false]);
    expect(kinds('source', 'git', 'a', 'b')).toEqual([['GitRepository'], ['a', 'b'], false]);
    expect(kinds('sources', 'oci')).toEqual([['OCIRepository'], [], false]);
    expect(kinds('gitrepo', 'a')).toEqual([['GitRepository'], ['a'], false]);
    expect(kinds('sources', 'all')).toEqual([['GitRepository', 'OCIRepository', 'Bucket'], [], true]);
    expect(kinds('all')).toEqual([['GitRepository', 'OCIRepository', 'Bucket', 'Kustomization'], [], true]);
    for (const words of [[], ['source'], ['source', 'ks'], ['store'], ['a/b'], ['ks/a/b']])
      expect(kinds(...words)).toBeUndefined();
    expect(fluxKind('constructor')).toBeUndefined();
  });

  it('finds other kinds by any of their names', () => {
    const resource = (group: string, kind: string, plural: string): ApiResource => ({
      gvk: { group, version: 'v1', kind },
      plural,
      namespaced: true,
      verbs: [],
    });
    const all = [
      resource('apps', 'Deployment', 'deployments'),
      resource('events.k8s.io', 'Event', 'events'),
      resource('', 'Event', 'events'),
      resource('cert-manager.io', 'Certificate', 'certificates'),
    ];
    const surface: ApiSurface = { find: () => undefined, versions: () => [], all: () => all, isDown: () => false };
    const named = (word: string): string => resourceNamed(surface, word)?.gvk.group ?? 'none';
    expect(['deploy', 'Deployment', 'deployments', 'deployments.apps'].map(named)).toEqual(Array(4).fill('apps'));
    expect([named('event'), named('events.events.k8s.io')]).toEqual(['', 'events.k8s.io']);
    expect([named('certificate.cert-manager.io'), named('certificate.other.io'), named('toString')]).toEqual([
      'cert-manager.io',
      'none',
      'none',
    ]);
  });

  it('selects by condition', () => {
    const object = { status: { conditions: [{ type: 'Ready', status: 'False' }] } } as unknown as KubeObject;
    expect(statusSelector('ready=false')?.(object)).toBe(true);
    expect(statusSelector('Ready!=False')?.(object)).toBe(false);
    expect(statusSelector('Healthy!=true')?.(object)).toBe(true);
    expect(statusSelector(undefined)?.(object)).toBe(true);
    expect(statusSelector('ready')).toBeUndefined();
  });
});
