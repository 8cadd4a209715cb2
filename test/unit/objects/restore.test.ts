import { describe, expect, it } from 'vitest';
import type { Kept } from '../../../agent/objects/keeper.ts';
import { type RestorePorts, restoreObjects } from '../../../agent/objects/restore.ts';
import type { Vault } from '../../../agent/objects/vault.ts';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { Fault, type KubeObject, textAt, type VersionedRef } from '../../../src/model/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const refOf = (name: string): VersionedRef => ({ group: '', version: 'v1', kind: 'Secret', namespace: 'apps', name });
const secret = (name: string, value = 'kept'): Kept => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'apps' },
    data: { v: value },
  };
  return { key: `Secret/apps/${name}`, clusterUid: 'lost', object };
};
const SOURCE: KubeObject = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'app', namespace: 'apps', uid: 'old' },
  spec: { url: 'https://git.test/app', interval: '1h' },
};

interface World {
  readonly cluster: FakeCluster;
  readonly clock: ManualClock;
  /** What was kept of the new cluster. */
  readonly kept: string[];
  /** What the vault was asked for. */
  readonly asked: ReadonlySet<string>[];
  named: ReadonlySet<string> | undefined;
  restore(objects: readonly KubeObject[], ...inVault: readonly Kept[]): Promise<void>;
  value(name: string): Promise<string | undefined>;
}

function world(): World {
  const cluster = createFakeCluster();
  const clock = manualClock();
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log: Log = { ...silent, with: () => log };
  const made: World = {
    cluster,
    clock,
    kept: [],
    asked: [],
    named: new Set(['Secret/apps/a']),
    restore: (objects, ...inVault) => {
      const vault = {
        keep: (object: KubeObject, uid: string) => void made.kept.push(`${object.metadata.name} of ${uid}`),
        lost: async (named: ReadonlySet<string>) => {
          made.asked.push(named);
          return inVault;
        },
      } as unknown as Vault;
      const ports: RestorePorts = {
        cluster,
        clock,
        log,
        definitions: async () => fluxDefinitions(),
        speaks: () => true,
        uid: 'new',
        vault,
        named: () => made.named,
        tell: () => undefined,
      };
      const lost = objects.map((object): Kept => ({ key: object.metadata.name, clusterUid: 'lost', object }));
      return restoreObjects(lost, ports, new AbortController().signal);
    },
    value: async (name) => textAt(await cluster.read(refOf(name)), 'data', 'v'),
  };
  return made;
}

describe('what a cluster has lost', () => {
  it('is put back with what the objects name, and kept as the new cluster has it', async () => {
    const made = world();
    const done = made.restore([SOURCE], secret('a'));
    await made.clock.advance(10_000);
    await done;
    expect(await made.value('a')).toBe('kept');
    expect(made.asked).toEqual([made.named]);
    expect(made.kept).toEqual(['a of new']);
    expect(made.cluster.calls.filter(({ verb }) => verb === 'create').map(({ target }) => target)).toContain(
      'GitRepository/apps/app',
    );
  });

  it('stays as it is where it is there already, and is not kept as it was before', async () => {
    const made = world();
    made.cluster.namespaces('apps');
    await made.cluster.create(refOf('a'), secret('a', 'newer').object, { manager: 'somebody' });
    await made.restore([], secret('a'), secret('b'));
    expect(await made.value('a')).toBe('newer');
    expect(await made.value('b')).toBe('kept');
    expect(made.kept).toEqual(['b of new']);
  });

  it('is tried again where it was refused, without the others', async () => {
    const made = world();
    made.cluster.fail(({ target }) => target === 'Secret/apps/a', new Fault('cluster-denied', 'no'), 2);
    const done = made.restore([], secret('a'), secret('b'));
    await made.clock.advance(20_000);
    await done;
    expect(await made.value('a')).toBe('kept');
    expect(made.kept).toEqual(['b of new', 'a of new']);
  });

  it('is not known before all files were read that may name something', async () => {
    const made = world();
    const { named } = made;
    made.named = undefined;
    const done = made.restore([SOURCE], secret('a'));
    await made.clock.advance(60_000);
    expect(made.asked).toEqual([]);
    made.named = named;
    await made.clock.advance(1_000);
    await done;
    expect(await made.value('a')).toBe('kept');
  });
});
