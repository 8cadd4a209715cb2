import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../agent/adapters/clock/index.ts';
import { type HttpCluster, openCluster } from '../../../agent/adapters/cluster/index.ts';
import { despiteConflicts } from '../../../src/apply/conflict.ts';
import { healObject } from '../../../src/apply/heal.ts';
import { markOf, seenOf, takeoverPatch } from '../../../src/apply/managed-fields.ts';
import { undeclaredFields, withoutField } from '../../../src/apply/undeclared.ts';
import {
  asFault,
  at,
  type Json,
  type JsonObject,
  type KubeObject,
  listAt,
  type VersionedRef,
} from '../../../src/model/index.ts';
import { APPLY, bytes, MANAGER } from '../../contract/cluster/objects.ts';
import { sharedControlPlane } from '../../controlplane/index.ts';

type Server = Awaited<ReturnType<typeof sharedControlPlane>>;
type Desired = JsonObject & { readonly metadata: { readonly name: string; readonly namespace: string } };

/** Drift, takeover and healing as a real API server keeps and refuses fields. */
describe('fields on a real API server', () => {
  let server: Server;
  let cluster: HttpCluster;
  let namespace = '';
  beforeAll(async () => {
    server = await sharedControlPlane();
    cluster = openCluster({ kubeconfig: await server.kubeconfigFile() });
    namespace = await server.namespace('fields');
  });
  afterAll(async () => {
    cluster?.close();
    await server?.stop();
  });

  const refOf = (kind: string, group: string, name: string): VersionedRef => ({
    kind,
    group,
    version: 'v1',
    namespace,
    name,
  });
  const service = (name: string, ports: readonly Json[]): Desired => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { type: 'NodePort', selector: { app: name }, ports },
  });
  const deployment = (name: string, pod: JsonObject, spec: JsonObject = {}): Desired => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'i' }], ...pod } },
      ...spec,
    },
  });
  const apply = async (ref: VersionedRef, desired: Desired): Promise<KubeObject> =>
    (await cluster.apply(ref, bytes(desired), APPLY)).object;
  const patch = (ref: VersionedRef, steps: readonly Json[]): Promise<KubeObject> =>
    cluster.patch(ref, steps, { manager: 'kubectl-patch' });

  /** Drift that apply refuses to undo is healed, and afterwards nothing is left of it. */
  const heals = async (ref: VersionedRef, desired: Desired): Promise<KubeObject> => {
    const refusal = asFault(await apply(ref, desired).catch((error: unknown) => error));
    expect(refusal.code).toBe('apply-refused');
    // Controllers write status in between.
    await despiteConflicts(systemClock(), async () => {
      const live = await cluster.read(ref);
      const healed = live === undefined ? undefined : healObject(desired, live, refusal.cause as Json);
      expect(healed).toBeDefined();
      await cluster.replace(ref, healed as KubeObject, { manager: MANAGER });
    });
    await despiteConflicts(systemClock(), async () => {
      const steps = takeoverPatch(await apply(ref, desired));
      if (steps.length > 0) await cluster.patch(ref, steps, { manager: MANAGER });
    });
    const last = await apply(ref, desired);
    expect(seenOf(last.metadata).takeover).toEqual([]);
    return last;
  };

  it('a Service port renumbered by hand is set back, with its node port', async () => {
    const ref = refOf('Service', '', 'renumbered');
    const desired = service(ref.name, [{ name: 'http', port: 80, targetPort: 8080 }]);
    const made = await apply(ref, desired);
    await patch(ref, [{ op: 'replace', path: '/spec/ports/0/port', value: 81 }]);
    const healed = await heals(ref, desired);
    expect(listAt(healed, 'spec', 'ports')).toEqual(listAt(made, 'spec', 'ports'));
    expect(at(healed, 'spec', 'clusterIP')).toBe(at(made, 'spec', 'clusterIP'));
  });

  it('one of two ports renumbered, a third added by hand: the two are as desired', async () => {
    const ref = refOf('Service', '', 'two');
    const desired = service(ref.name, [
      { name: 'http', port: 80 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ]);
    const made = await apply(ref, desired);
    await patch(ref, [
      { op: 'replace', path: '/spec/ports/1/port', value: 54 },
      { op: 'add', path: '/spec/ports/-', value: { name: 'extra', port: 99 } },
    ]);
    expect(listAt(await heals(ref, desired), 'spec', 'ports')).toEqual(listAt(made, 'spec', 'ports'));
  });

  it('a strategy changed to one that forbids what stays set is set back', async () => {
    const ref = refOf('Deployment', 'apps', 'strategy');
    const desired = deployment(ref.name, {}, { strategy: { type: 'Recreate' } });
    await apply(ref, desired);
    await patch(ref, [
      { op: 'replace', path: '/spec/strategy', value: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2 } } },
    ]);
    expect(at(await heals(ref, desired), 'spec', 'strategy')).toEqual({ type: 'Recreate' });
  });

  it('a volume given another source by hand gets its own back', async () => {
    const ref = refOf('Deployment', 'apps', 'volume');
    const desired = deployment(ref.name, { volumes: [{ name: 'v', configMap: { name: 'c' } }] });
    await apply(ref, desired);
    await patch(ref, [
      { op: 'replace', path: '/spec/template/spec/volumes/0', value: { name: 'v', hostPath: { path: '/x' } } },
    ]);
    const volumes = listAt(await heals(ref, desired), 'spec', 'template', 'spec', 'volumes');
    expect(volumes).toEqual([{ name: 'v', configMap: { name: 'c', defaultMode: 420 } }]);
  });

  it('a budget given the other of two fields that exclude each other gets its own back', async () => {
    const ref = refOf('PodDisruptionBudget', 'policy', 'budget');
    const desired: Desired = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: ref.name, namespace },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } },
    };
    await apply(ref, desired);
    await patch(ref, [
      { op: 'remove', path: '/spec/minAvailable' },
      { op: 'add', path: '/spec/maxUnavailable', value: 1 },
    ]);
    expect(at(await heals(ref, desired), 'spec')).toEqual({ minAvailable: 1, selector: { matchLabels: { app: 'x' } } });
  });

  it('a field that a built-in kind does not know is named, and the rest goes through without it', async () => {
    const ref = refOf('Deployment', 'apps', 'unknown');
    let desired: JsonObject = deployment(
      ref.name,
      { containers: [{ name: 'main', image: 'i', imagePull: 'x' }] },
      { replica: 3 },
    );
    desired = { ...desired, metadata: { name: ref.name, namespace: ref.namespace, 'app.example.com/part': 'web' } };
    for (let i = 0; i < 5; i++) {
      const fault = await cluster.apply(ref, bytes(desired), APPLY).then(
        () => undefined,
        (error: unknown) => asFault(error),
      );
      if (fault === undefined) break;
      expect(fault.code).toBe('apply-refused');
      for (const field of undeclaredFields(fault.refusal?.said ?? ''))
        desired = withoutField(desired, field) ?? desired;
    }
    expect(at(desired, 'spec', 'replica')).toBeUndefined();
    expect(at(desired, 'metadata', 'app.example.com/part')).toBeUndefined();
    expect((await cluster.read(ref))?.['spec']).toMatchObject({ replicas: 0 });
  });

  describe('the mark', () => {
    const pod = { containers: [{ name: 'main', image: 'i', env: [{ name: 'A', value: '1' }] }] };
    const edits: readonly (readonly [title: string, drift: boolean, patch: unknown, manager: string])[] = [
      ['a changed replica count', true, { spec: { replicas: 1 } }, 'kubectl-scale'],
      [
        'a changed image',
        true,
        [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'j' }],
        'editor',
      ],
      ['a removed variable', true, [{ op: 'remove', path: '/spec/template/spec/containers/0/env' }], 'editor'],
      ['a removed label of ours', true, { metadata: { labels: { mine: null } } }, 'editor'],
      ['the same value written by another', false, { spec: { replicas: 0 } }, 'editor'],
      ['a foreign label', false, { metadata: { labels: { theirs: 'x' } } }, 'editor'],
      [
        'a restart annotation',
        false,
        { spec: { template: { metadata: { annotations: { restarted: 'now' } } } } },
        'editor',
      ],
      ['an undeclared field', false, { spec: { paused: true } }, 'editor'],
    ];
    it.each(edits)('%s: drift %s', async (title, drift, change, manager) => {
      const ref = refOf('Deployment', 'apps', `mark-${edits.findIndex(([t]) => t === title)}`);
      const base = deployment(ref.name, pod);
      const desired: Desired = {
        ...base,
        metadata: { ...base.metadata, labels: { mine: 'x' } } as Desired['metadata'],
      };
      const before = await apply(ref, desired);
      const after = await cluster.patch(ref, change, { manager });
      expect(markOf(after.metadata) !== markOf(before.metadata)).toBe(drift);
      const dry = await cluster.apply(ref, bytes(desired), { ...APPLY, dryRun: true });
      // The judge: would an apply change anything?
      expect(
        JSON.stringify(dry.object['spec']) !== JSON.stringify(after['spec']) || labels(dry.object) !== labels(after),
      ).toBe(drift);
    });
  });

  it('takes over from client-side and server-side kubectl at once', async () => {
    const ref = refOf('ConfigMap', '', 'kubectl');
    const path = `/api/v1/namespaces/${namespace}/configmaps/kubectl`;
    const map = (data: JsonObject): Desired => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: ref.name, namespace },
      data,
    });
    const annotated = {
      metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
      data: { b: '2' },
    };
    await server.api('PATCH', `${path}?fieldManager=kubectl&force=true`, map({ a: '1' }), { type: 'apply' });
    await server.api('PATCH', `${path}?fieldManager=kubectl-client-side-apply`, annotated, { type: 'merge' });
    const first = await apply(ref, map({ c: '3' }));
    expect(first['data']).toEqual({ a: '1', b: '2', c: '3' });
    await cluster.patch(ref, takeoverPatch(first), { manager: MANAGER });
    const last = await apply(ref, map({ c: '3' }));
    expect(last['data']).toEqual({ c: '3' });
    expect(at(last, 'metadata', 'annotations')).toBeUndefined();
    expect(listAt(last, 'metadata', 'managedFields')).toHaveLength(1);
    expect(takeoverPatch(last)).toEqual([]);
  });
});

function labels(object: KubeObject): string {
  return JSON.stringify(object.metadata['labels'] ?? {});
}
