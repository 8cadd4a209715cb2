import { describe, expect, it } from 'vitest';
import { createRival, type Rival } from '../../../agent/objects/rival.ts';
import type { KubeObject } from '../../../src/model/index.ts';
import type { Cluster, Log, WatchEvent, WatchOptions } from '../../../src/ports/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

interface World {
  readonly clock: ManualClock;
  readonly rival: Rival;
  /** What was told, in order. */
  readonly told: (string | undefined)[];
  readonly lines: string[];
  readonly watches: WatchOptions[];
  /** Sends an event on the watch of one controller's lease. */
  send(controller: 'kustomize-controller' | 'source-controller', event: WatchEvent): void;
  synced(): void;
}

function world(options: { namespaces?: readonly string[]; start?: number } = {}): World {
  const clock = manualClock(options.start);
  const told: (string | undefined)[] = [];
  const lines: string[] = [];
  const watches: WatchOptions[] = [];
  const line = (message: string): void => void lines.push(message);
  const log = { debug: line, info: line, warn: line, error: line } as unknown as Log;
  const cluster = {
    watch: (_: unknown, watch: WatchOptions) => {
      watches.push(watch);
      return new Promise<void>(() => undefined);
    },
  } as unknown as Cluster;
  const { namespaces = [] } = options;
  const rival = createRival({ cluster, clock, log, namespaces, onChange: (why) => void told.push(why) });
  rival.begin(new AbortController().signal);
  const send: World['send'] = (controller, event) => {
    for (const watch of watches)
      if (watch.fieldSelector === `metadata.name=${controller}-leader-election`) watch.onEvent(event);
  };
  const synced = (): void => {
    for (const watch of watches) watch.onEvent({ type: 'synced' });
  };
  return { clock, rival, told, lines, watches, send, synced };
}

const iso = (ms: number): string => new Date(ms).toISOString();

function lease(version: number, renewed: number, holder = 'kustomize-controller-7d_uid'): WatchEvent {
  const object = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'flux-system', name: 'kustomize-controller-leader-election', resourceVersion: `${version}` },
    spec: { holderIdentity: holder, leaseDurationSeconds: 35, renewTime: iso(renewed) },
  };
  return { type: 'put', object: object as unknown as Extract<WatchEvent, { type: 'put' }>['object'] };
}

function written(time: number, manager = 'gotk-kustomize-controller'): KubeObject {
  const managedFields = [
    { manager: 'flux', operation: 'Apply', time: iso(0) },
    { manager, operation: 'Apply', subresource: 'status', time: iso(time) },
  ];
  return { apiVersion: 'x', kind: 'Kustomization', metadata: { name: 'a', managedFields } } as unknown as KubeObject;
}

const objectOf = (event: WatchEvent): never => (event as unknown as { object: never }).object;

const AT_WORK =
  /^Flux is at work: its kustomize-controller holds the lease flux-system\/.* \(kustomize-controller-7d\)$/;

describe('whether Flux is at work', () => {
  it('is not known before the leases were listed, and then at once: nobody holds one', () => {
    const { rival, told, synced } = world();
    expect(rival.why()).toBe('');
    synced();
    expect(rival.why()).toBeUndefined();
    expect(told).toEqual([undefined]);
  });

  it('is asked of the whole cluster, or of the namespaces that are read', () => {
    expect(world().watches.map((one) => [one.fieldSelector, one.namespace])).toEqual([
      ['metadata.name=kustomize-controller-leader-election', undefined],
      ['metadata.name=source-controller-leader-election', undefined],
    ]);
    expect(world({ namespaces: ['a', 'b'] }).watches.map((one) => one.namespace)).toEqual(['a', 'b', 'a', 'b']);
  });

  it('shows by a lease that is renewed, once; it ends when it is renewed no longer', async () => {
    const { clock, rival, told, lines, send, synced } = world();
    send('kustomize-controller', lease(1, clock.now()));
    synced();
    expect(rival.why()).toMatch(AT_WORK);
    for (let version = 2; version < 20; version++) {
      await clock.advance(5_000);
      send('kustomize-controller', lease(version, clock.now()));
    }
    await clock.advance(36_000);
    expect(rival.why()).toMatch(AT_WORK);
    await clock.advance(2_000);
    expect(rival.why()).toBeUndefined();
    expect(told).toEqual([expect.stringMatching(AT_WORK), undefined]);
    expect(lines).toEqual(['stays back', 'Flux is gone: takes over']);
    expect(clock.waiting()).toBe(0);
  });

  it('ends at once with a lease that is given free, or deleted', () => {
    const { clock, rival, send, synced } = world();
    send('kustomize-controller', lease(1, clock.now()));
    synced();
    send('kustomize-controller', lease(2, clock.now(), ''));
    expect(rival.why()).toBeUndefined();
    send('kustomize-controller', lease(3, clock.now()));
    expect(rival.why()).toMatch(AT_WORK);
    send('kustomize-controller', { type: 'delete', object: objectOf(lease(4, 0)) });
    expect(rival.why()).toBeUndefined();
  });

  it('is not shown by a lease of long ago; but by its next renewal, whatever its clock says', () => {
    const { clock, rival, send, synced } = world();
    send('kustomize-controller', lease(1, clock.now() - 3_600_000));
    synced();
    expect(rival.why()).toBeUndefined();
    send('kustomize-controller', lease(1, clock.now() - 3_600_000));
    expect(rival.why()).toBeUndefined();
    send('kustomize-controller', lease(2, clock.now() - 3_595_000));
    expect(rival.why()).toMatch(AT_WORK);
  });

  it('is waited for where the clock of this machine is behind', async () => {
    const { clock, rival, send, synced } = world({ start: 0 });
    send('kustomize-controller', lease(1, Date.UTC(2026, 0, 1)));
    synced();
    expect(rival.why()).toMatch(AT_WORK);
    await clock.advance(38_000);
    expect(rival.why()).toBeUndefined();
  });

  it('goes by both leases', async () => {
    const { clock, rival, send, synced } = world();
    send('kustomize-controller', lease(1, clock.now()));
    synced();
    const other = lease(9, clock.now(), 'source-controller-1') as unknown as { object: { metadata: { name: string } } };
    other.object.metadata.name = 'source-controller-leader-election';
    send('source-controller', other as never);
    send('kustomize-controller', lease(2, clock.now(), ''));
    expect(rival.why()).toMatch(/Flux is at work/);
    await clock.advance(38_000);
    expect(rival.why()).toBeUndefined();
  });

  it('is not known of leases that may not be seen, or do not come: work begins', async () => {
    const { told, lines, send } = world();
    send('kustomize-controller', { type: 'lost', message: 'forbidden', code: 'cluster-denied' });
    send('source-controller', { type: 'lost', message: 'forbidden', code: 'cluster-denied' });
    send('source-controller', { type: 'lost', message: 'forbidden', code: 'cluster-denied' });
    expect(told).toEqual([undefined]);
    expect(lines).toEqual(['leases of Flux not seen', 'leases of Flux not seen']);
    const slow = world();
    slow.send('kustomize-controller', { type: 'lost', message: 'reset', code: 'cluster-unreachable' });
    await slow.clock.advance(10_001);
    expect(slow.told).toEqual([undefined]);
  });

  it('shows by a status that it writes from now on, not by one of before', async () => {
    const { clock, rival, told, synced } = world();
    synced();
    rival.saw('Kustomization/a/b', written(1_000));
    rival.saw('Kustomization/a/b', written(1_000));
    rival.saw('Kustomization/a/b', written(9_000, 'holdfast'));
    expect(rival.why()).toBeUndefined();
    rival.saw('Kustomization/a/b', written(2_000));
    expect(rival.why()).toBe('Flux is at work: its kustomize-controller writes the status of Kustomization/a/b');
    await clock.advance(119_000);
    rival.saw('Kustomization/a/b', written(3_000));
    await clock.advance(119_000);
    expect(rival.why()).not.toBeUndefined();
    await clock.advance(2_000);
    expect(told.length).toBe(3);
    expect(rival.why()).toBeUndefined();
  });

  it('goes by the lease where there is one: what is written under it, or seen a moment later, tells nothing more', async () => {
    const { clock, rival, send, synced } = world();
    send('kustomize-controller', lease(1, 0, ''));
    synced();
    await clock.advance(60_000);
    rival.saw('Kustomization/a/b', written(1_000));
    // The two watches are not in step: the status comes before the lease.
    rival.saw('Kustomization/a/b', written(2_000));
    expect(rival.why()).toMatch(/writes the status/);
    send('kustomize-controller', lease(2, clock.now()));
    rival.saw('Kustomization/a/b', written(3_000));
    send('kustomize-controller', lease(3, clock.now(), ''));
    rival.saw('Kustomization/a/b', written(4_000));
    expect(rival.why()).toBeUndefined();
    await clock.advance(11_000);
    rival.saw('Kustomization/a/b', written(5_000));
    expect(rival.why()).toMatch(/writes the status/);
  });

  it('is asked anew of another cluster', () => {
    const { clock, rival, send, synced } = world();
    send('kustomize-controller', lease(1, clock.now()));
    synced();
    expect(rival.why()).toMatch(AT_WORK);
    rival.begin(new AbortController().signal);
    expect(rival.why()).toBe('');
    synced();
    expect(rival.why()).toBeUndefined();
  });
});
