import { beforeEach, describe, expect, it } from 'vitest';
import type { Loop } from '../../../agent/loop/index.ts';
import { claim, claimUnseen, release } from '../../../agent/objects/finalizer.ts';
import { FINALIZER, FLUX_KINDS, refOf } from '../../../agent/objects/kinds.ts';
import type { Parts } from '../../../agent/objects/parts.ts';
import { onEvent } from '../../../agent/objects/seen.ts';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { Fault, type JsonObject, type KubeObject, listAt, type VersionedRef } from '../../../src/model/index.ts';
import { createFakeCluster, type FakeCluster } from '../../support/fake-cluster/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const OTHER = 'others.example/hold';
const APP: KubeObject = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'app', namespace: 'team' },
  spec: { url: 'https://git.test/app', interval: '1h' },
};
const KEY = 'GitRepository/team/app';
const kindOf = ({ kind }: KubeObject) => {
  const found = FLUX_KINDS.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no kind ${kind}`);
  return found;
};
const REF = refOf(kindOf(APP), APP);

interface World {
  readonly cluster: FakeCluster;
  readonly clock: ManualClock;
  readonly parts: Parts;
  /** What the loop was told, in order. */
  readonly told: string[];
  /** What is on the disk. */
  readonly disk: Set<string>;
  /** The loop knows its last state. */
  known: boolean;
  make(object: KubeObject, finalizers?: readonly string[]): Promise<VersionedRef>;
  /** A process that begins anew, with what is on the disk. */
  restart(): void;
  finalizers(): Promise<readonly unknown[] | undefined>;
}

async function world(): Promise<World> {
  const cluster = createFakeCluster();
  const clock = manualClock();
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log = { ...silent, with: () => log };
  const told: string[] = [];
  const disk = new Set<string>();
  const loop = {
    leads: () => true,
    put: ({ meta }: { meta: { name: string; deleting?: true } }) => {
      told.push(`put ${meta.name}${meta.deleting === true ? ' deleting' : ''}`);
      return '';
    },
    remove: async (key: string, meant: boolean) => void told.push(`remove ${key}${meant ? ' meant' : ''}`),
    refuse: () => undefined,
    settle: (key: string) => {
      if (made.known) told.push(`settle ${key}`);
      return made.known;
    },
  } as unknown as Loop;
  let watching = new AbortController();
  const parts = {
    cluster,
    clock,
    log,
    tracked: new Map(),
    refused: new Map(),
    awaited: new Map(),
    publisher: { changed: () => undefined },
    rival: { saw: () => undefined, forget: () => undefined, why: () => 'not our turn' },
    keeper: { keep: (key: string) => void disk.add(key), forget: (key: string) => void disk.delete(key) },
    loop: () => loop,
    uid: () => 'uid',
    signal: () => watching.signal,
  } as unknown as Parts;
  const watch = (): void => {
    for (const kind of FLUX_KINDS) {
      const scope = { kind, namespace: '', stale: new Set<string>() };
      const signal = watching.signal;
      const see = (event: Parameters<typeof onEvent>[2]): void => void (signal.aborted || onEvent(parts, scope, event));
      void cluster.watch(kind, { metadataOnly: false, signal, onEvent: see });
    }
  };
  const made: World = {
    cluster,
    clock,
    parts,
    told,
    disk,
    known: false,
    make: async (object, finalizers = []) => {
      const ref = refOf(kindOf(object), object);
      const metadata = { ...object.metadata, finalizers: [...finalizers] };
      await cluster.create(ref, { ...object, metadata }, { manager: 'somebody' });
      return ref;
    },
    restart: () => {
      watching.abort();
      watching = new AbortController();
      parts.tracked.clear();
      told.splice(0);
      watch();
    },
    finalizers: async () => {
      const live = await cluster.read(REF);
      return live && listAt(live.metadata, 'finalizers');
    },
  };
  for (const one of fluxDefinitions())
    await cluster.create(refOf({ group: 'apiextensions.k8s.io', version: 'v1', kind: one.kind }, one), one, {
      manager: 'somebody',
    });
  cluster.namespaces('team');
  watch();
  await clock.advance(0);
  return made;
}

let made: World;
beforeEach(async () => {
  made = await world();
});
const remove = (ref = REF): Promise<boolean> => made.cluster.remove(ref, { propagation: 'Background' });
/** Another controller puts its finalizer on, or takes it off. */
const others = (finalizers: readonly string[]): void =>
  made.cluster.edit(
    REF,
    'others',
    (object): JsonObject => ({
      ...object,
      metadata: { ...object.metadata, finalizers: [...finalizers] },
    }),
  );

describe('a deleted object that others hold as well', () => {
  it('is let go of, and theirs stay', async () => {
    await made.make(APP, [FINALIZER, OTHER]);
    await remove();
    await release(KEY, made.parts);
    expect(await made.finalizers()).toEqual([OTHER]);
    others([]);
    await made.clock.advance(0);
    expect(await made.finalizers()).toBeUndefined();
    expect(made.told.at(-1)).toBe(`remove ${KEY} meant`);
  });

  it('is let go of while others write to it, again and again', async () => {
    await made.make(APP, [FINALIZER, OTHER]);
    await remove();
    const { patch } = made.cluster;
    let writes = 0;
    const parts = { ...made.parts, tracked: new Map(made.parts.tracked) };
    made.cluster.patch = (...args) => {
      if (writes++ < 3) others([FINALIZER, OTHER, `${OTHER}-${writes}`]);
      return patch(...args);
    };
    await release(KEY, parts);
    expect(await made.finalizers()).toEqual([OTHER, `${OTHER}-3`]);
  });

  it('is let go of when it, or its name, is another one’s meanwhile', async () => {
    await made.make(APP, [FINALIZER]);
    await remove();
    const parts = { ...made.parts, tracked: new Map(made.parts.tracked) };
    others([]);
    await release(KEY, parts);
    await made.make(APP, [FINALIZER]);
    await release(KEY, parts);
    expect(await made.finalizers()).toEqual([FINALIZER]);
  });

  it('does not come back to life with a process that begins anew', async () => {
    await made.make(APP, [FINALIZER, OTHER]);
    expect([...made.disk]).toEqual([KEY]);
    await remove();
    expect([...made.disk]).toEqual([]);
    await release(KEY, made.parts);
    made.disk.add(KEY);
    made.restart();
    await made.clock.advance(0);
    expect(made.told).toEqual([`remove ${KEY} meant`]);
    expect([...made.disk]).toEqual([]);
  });

  it('gets no finalizer any more', async () => {
    await made.make(APP, [OTHER]);
    const parts = { ...made.parts, tracked: new Map(made.parts.tracked) };
    await remove();
    expect(await claim(KEY, parts)).toBe(false);
    expect(await made.finalizers()).toEqual([OTHER]);
  });
});

describe('before anything is done for an object', () => {
  it('that is gone, or is another one now, that is found out, whatever the watch has shown', async () => {
    await made.make(APP);
    const parts = { ...made.parts, tracked: new Map(made.parts.tracked) };
    await remove();
    expect(await claim(KEY, parts)).toBe(false);
    await made.make(APP);
    expect(await claim(KEY, parts)).toBe(false);
    expect(await made.finalizers()).toEqual([]);
    expect(await claim(KEY, made.parts)).toBe(true);
    expect(await made.finalizers()).toEqual([FINALIZER]);
  });

  it('that only the disk knows, it is held, or found to be gone', async () => {
    await made.make(APP);
    const object = await made.cluster.read(REF);
    if (object === undefined) throw new Error('not made');
    const kept = { key: KEY, clusterUid: 'uid', object };
    const unheld = made.cluster.fail(({ verb }) => verb === 'read', new Fault('cluster-unreachable', 'no'));
    expect(await claimUnseen(kept, made.parts)).toBe(true);
    unheld();
    expect(await made.finalizers()).toEqual([]);
    expect(await claimUnseen(kept, made.parts)).toBe(true);
    expect(await made.finalizers()).toEqual([FINALIZER]);
    others([OTHER]);
    await remove();
    expect(await claimUnseen(kept, made.parts)).toBe(false);
    others([]);
    expect(await claimUnseen(kept, made.parts)).toBe(false);
    await made.make(APP);
    expect(await claimUnseen(kept, made.parts)).toBe(false);
    expect(await made.finalizers()).toEqual([]);
  });

  it('nothing is known that keeps it from being done where the finalizer may not be set', async () => {
    await made.make(APP);
    made.cluster.fail(({ verb }) => verb === 'patch', new Fault('cluster-denied', 'no'));
    expect(await claim(KEY, made.parts)).toBe(true);
  });
});

describe('the finalizer', () => {
  it('is put on again at the next run where somebody has taken it off', async () => {
    await made.make(APP);
    await claim(KEY, made.parts);
    expect(await made.finalizers()).toEqual([FINALIZER]);
    others([OTHER]);
    await made.clock.advance(0);
    await claim(KEY, made.parts);
    expect(await made.finalizers()).toEqual([OTHER, FINALIZER]);
  });
});

describe('a deleted object that cannot be read', () => {
  const BROKEN: KubeObject = { ...APP, spec: { url: 'https://git.test/app', interval: 'often' } };

  it('is let go of though that fails at first, since nobody works for it', async () => {
    await made.make(BROKEN, [FINALIZER, OTHER]);
    const answers = made.cluster.fail(({ verb }) => verb === 'patch', new Fault('cluster-denied', 'no'));
    await remove();
    await made.clock.advance(5_000);
    expect(await made.finalizers()).toEqual([FINALIZER, OTHER]);
    // What changes nothing for this agent starts it anew, and does not end it.
    made.cluster.edit(REF, 'others', (object) => ({ ...object, status: { seen: 'yes' } }), 'status');
    await made.clock.advance(5_000);
    answers();
    await made.clock.advance(120_000);
    expect(await made.finalizers()).toEqual([OTHER]);
  });

  it('is settled by its last good state where there is one', async () => {
    await made.make(BROKEN, [FINALIZER]);
    made.known = true;
    await remove();
    await made.clock.advance(120_000);
    expect(made.told).toEqual([`settle ${KEY}`]);
    expect(await made.finalizers()).toEqual([FINALIZER]);
  });
});

describe('an object that is gone', () => {
  it('without a finalizer was not settled, and one that others made was never to be', async () => {
    const artifact: KubeObject = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'ExternalArtifact',
      metadata: { name: 'made', namespace: 'team' },
      spec: {},
    };
    const ref = await made.make(artifact);
    await made.make(APP);
    made.told.splice(0);
    await remove();
    await remove(ref);
    expect(made.told).toEqual([`remove ${KEY}`, 'remove ExternalArtifact/team/made meant']);
  });
});
