import { describe, expect, it } from 'vitest';
import { checkDependencies } from '../../../agent/loop/dependencies.ts';
import type { LoopEnv } from '../../../agent/loop/env.ts';
import { EMPTY, type KustomizationRun, newKustomizationRun } from '../../../agent/loop/kustomization-state.ts';
import type { Site } from '../../../agent/loop/site.ts';
import type { Condition } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';

const OLD = 'main@sha1:1';
const NEW = 'main@sha1:2';
const ready = (status: Condition['status']): Condition => ({
  type: 'Ready',
  status,
  reason: 'R',
  message: '',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

/** `app` depends on `base`, which has applied a revision of its source; the newest there is NEW. */
function site(base: { readonly status?: Condition['status']; readonly applied: string; readonly sourceRef?: string }) {
  const source = '{ kind: GitRepository, name: src }';
  const text = (name: string, sourceRef: string, more = ''): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: team }
spec: { interval: 1h, prune: true, sourceRef: ${sourceRef}${more} }
`;
  const texts = [text('base', base.sourceRef ?? source), text('app', source, ', dependsOn: [{ name: base }]')];
  const { kustomizations } = objectsOf(texts.join('---\n'));
  const good = { revision: base.applied, rendered: `sha256:${'0'.repeat(64)}`, at: 1 } as const;
  const records = {
    kustomization: () => undefined,
    source: (key: string) =>
      key === 'GitRepository/team/src' ? { current: { revision: NEW }, fetchedAt: 1, identity: '' } : undefined,
  };
  const env = { records } as unknown as LoopEnv;
  const runs = kustomizations.map((object): [string, KustomizationRun] => {
    const key = `Kustomization/team/${object.meta.name}`;
    const run = newKustomizationRun(key, object, env);
    run.record = {
      ...EMPTY,
      good,
      conditions: [ready(base.status ?? 'True')],
      observedGeneration: object.meta.generation,
    };
    return [key, run];
  });
  return { env, kustomizations: new Map(runs) } as unknown as Site;
}

function waitsFor(base: Parameters<typeof site>[0]): string {
  const made = site(base);
  const run = made.kustomizations.get('Kustomization/team/app') as KustomizationRun;
  try {
    checkDependencies(made, run);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a dependency of the same source', () => {
  it('is waited for until it has the newest revision', () => {
    expect(waitsFor({ applied: NEW })).toBe('');
    expect(waitsFor({ applied: OLD })).toBe("dependency 'team/base' revision is not up to date");
    expect(waitsFor({ applied: NEW, status: 'False' })).toBe("dependency 'team/base' is not ready");
  });

  it('is one however it names the source, and no other', () => {
    const api = 'apiVersion: source.toolkit.fluxcd.io/v1';
    const named = `{ ${api}, kind: GitRepository, name: src, namespace: team }`;
    expect(waitsFor({ applied: OLD, sourceRef: named })).toContain('revision is not up to date');
    expect(waitsFor({ applied: OLD, sourceRef: '{ kind: GitRepository, name: other }' })).toBe('');
    expect(waitsFor({ applied: OLD, sourceRef: '{ kind: OCIRepository, name: src }' })).toBe('');
  });
});
