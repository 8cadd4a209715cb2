import { describe, expect, it } from 'vitest';
import { named } from '../../../agent/loop/data.ts';
import type { Site } from '../../../agent/loop/site.ts';
import { objectsOf } from '../../support/agent.ts';

const OBJECTS = objectsOf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: team }
spec: { interval: 1h, url: "https://git.test/app", secretRef: { name: login } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: app, namespace: team }
spec:
  interval: 1h
  prune: true
  sourceRef: { kind: GitRepository, name: app }
  kubeConfig: { configMapRef: { name: far } }
  decryption: { provider: sops, secretRef: { name: keys } }
`);
const ALL = ['Secret/team/login', 'Secret/team/keys', 'ConfigMap/team/far'];

function site(changes: { looked?: boolean; complete?: boolean; unknown?: readonly string[] } = {}): Site {
  const [source] = OBJECTS.sources;
  const [kustomization] = OBJECTS.kustomizations;
  return {
    looked: changes.looked ?? true,
    objects: { ...OBJECTS, complete: changes.complete ?? true },
    unknown: new Set(changes.unknown ?? []),
    sources: new Map([['source', { object: source }]]),
    kustomizations: new Map([['kustomization', { object: kustomization }]]),
  } as unknown as Site;
}

describe('what objects name', () => {
  it('is known of all of them once all are read and listed', () => {
    expect([...(named(site(), 'all') ?? [])].sort()).toEqual([...ALL].sort());
  });

  it('may be more while a file cannot be read, or a kind is being listed', () => {
    for (const less of [{ complete: false }, { unknown: ['Kustomization'] }]) {
      expect(named(site(less), 'all')).toBeUndefined();
      expect(named(site(less), 'known')?.size).toBe(ALL.length);
    }
  });

  it('is not known at all before files are looked at', () => {
    expect(named(site({ looked: false }), 'known')).toBeUndefined();
    expect(named(site({ looked: false }), 'all')).toBeUndefined();
  });
});
