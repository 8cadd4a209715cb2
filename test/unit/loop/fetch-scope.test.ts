import { describe, expect, it } from 'vitest';
import { type Around, answers, scopeOf } from '../../../agent/loop/fetch-scope.ts';
import type { SourceObject } from '../../../src/flux/index.ts';
import type { SourceRevision } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';

const source = (name: string, spec = '', annotation = ''): string => `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: ${name}, namespace: ns${annotation === '' ? '' : `, annotations: { holdfast.dev/fetch: ${annotation} }`} }
spec: { interval: 1h, url: "https://git.test/app"${spec === '' ? '' : `, ${spec}`} }
`;
const kustomization = (name: string, path: string, more = ''): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: ns }
spec: { interval: 1h, prune: true, path: ${path}, sourceRef: { kind: GitRepository, name: app }${more === '' ? '' : `, ${more}`} }
`;

function scope(yaml: readonly string[], around: Partial<Around> = {}) {
  const { sources, kustomizations } = objectsOf(yaml.join('---\n'));
  const app = sources.find(({ meta }) => meta.name === 'app') as SourceObject;
  return scopeOf(app, { kustomizations, sources, fetchScope: 'needed', ...around });
}

const two = [kustomization('a', './sites/b/'), kustomization('b', 'sites/a', 'components: [../c]')];

describe('how much of a source is fetched', () => {
  it('is what its Kustomizations name, the same in any order, and nothing of others', () => {
    const other = kustomization('x', 'sites/x').replace('name: app', 'name: other');
    const found = scope([source('app'), ...two, other, kustomization('again', 'sites/a', 'components: [../c]')]);
    expect(found.needs?.paths).toEqual(['sites/a', 'sites/b']);
    expect(found.needs?.builds.map(({ path, components }) => [path, ...components])).toEqual([
      ['sites/a', '../c'],
      ['sites/b'],
    ]);
    expect(scope([source('app'), ...[...two].reverse()])).toEqual(scope([source('app'), ...two]));
    expect(scope([source('app')]).needs).toEqual({ paths: [], builds: [] });
    expect(scope([source('app'), ...two], { asked: ['bases/x'] }).needs?.paths).toContain('bases/x');
  });

  it('is all of it where nothing else is asked for, by setting or annotation', () => {
    const whole = { why: '' };
    expect(scope([source('app'), ...two], { fetchScope: 'whole' })).toEqual(whole);
    expect(scope([source('app', '', 'whole'), ...two])).toEqual(whole);
    expect(scope([source('app', '', 'needed'), ...two], { fetchScope: 'whole' }).needs?.paths).toHaveLength(2);
  });

  it.each([
    ['names the root', [source('app'), kustomization('a', './')], {}],
    ['includes other', [source('app', 'include: [{ repository: { name: b } }]'), source('b')], {}],
    ['GitRepository/ns/b includes it', [source('app'), source('b', 'include: [{ repository: { name: app } }]')], {}],
    ['submodules', [source('app', 'recurseSubmodules: true')], {}],
    ['sparse', [source('app', 'sparseCheckout: [x]')], {}],
    ['ignore files', [source('app')], { asked: [''] }],
    ["neither 'needed' nor 'whole'", [source('app', '', 'some')], {}],
  ])('is all of it, and says that it %s', (why, yaml, around) => {
    const found = scope([...yaml, ...two], around);
    expect(found.needs).toBeUndefined();
    expect(found.why).toContain(why);
  });

  it('is here when every path is, or the whole', () => {
    const revision = { revision: 'main@sha1:x' } as SourceRevision;
    const part = { ...revision, part: { paths: ['sites/a', 'sites/b/c'], asked: '' } };
    const needs = (...paths: string[]) => ({ needs: { paths, builds: [] }, why: '' });
    expect(answers(revision, needs('anything'))).toBe(true);
    expect([needs('sites/a/deep', 'sites/b/c'), needs()].map((one) => answers(part, one))).toEqual([true, true]);
    expect([needs('sites/b'), needs('sites/ab'), { why: '' }].map((one) => answers(part, one))).toEqual(
      Array(3).fill(false),
    );
  });
});
