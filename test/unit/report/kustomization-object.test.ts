import { describe, expect, it } from 'vitest';
import type { Kustomization } from '../../../src/flux/index.ts';
import { kustomizationObject } from '../../../src/report/index.ts';
import { objectsOf } from '../../support/agent.ts';

const parsed = (yaml: string): Kustomization => {
  const [found] = objectsOf(yaml).kustomizations;
  if (found === undefined) throw new Error('not read');
  return found;
};
describe('a Kustomization as Flux shows it', () => {
  const object = parsed(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: apps, labels: {version: v1}, generation: 4}
spec:
  interval: 90m
  retryInterval: 30s
  prune: false
  wait: false
  force: true
  path: ""
  patches: []
  commonMetadata: {labels: {}}
  sourceRef: {kind: GitRepository, name: app}
  dependsOn: [{name: base}]
`);

  it('has its spec as it is written, durations as Go writes them, without what says nothing', () => {
    expect(kustomizationObject(object, { observedGeneration: -1, conditions: [] })).toEqual({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace: 'apps', generation: 4, labels: { version: 'v1' }, creationTimestamp: null },
      spec: {
        interval: '1h30m0s',
        retryInterval: '30s',
        prune: false,
        force: true,
        commonMetadata: { labels: {} },
        sourceRef: { kind: 'GitRepository', name: 'app' },
        dependsOn: [{ name: 'base' }],
      },
      status: { observedGeneration: -1 },
    });
  });

  it('has the status that is shown, without what says nothing', () => {
    const ready = { type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded' };
    const status = { observedGeneration: 4, conditions: [ready], lastAppliedRevision: 'main@sha1:1', inventory: {} };
    expect(kustomizationObject(object, status)['status']).toEqual({
      observedGeneration: 4,
      conditions: [ready],
      lastAppliedRevision: 'main@sha1:1',
    });
  });
});
