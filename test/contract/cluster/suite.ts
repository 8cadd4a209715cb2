import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { markOf, seenOf, takeoverPatch } from '../../../src/apply/managed-fields.ts';
import {
  asFault,
  at,
  Fault,
  type FaultCode,
  type KubeObject,
  listAt,
  type Refusal,
  textAt,
  type VersionedRef,
} from '../../../src/model/index.ts';
import type { Cluster } from '../../../src/ports/index.ts';
import { until } from '../../support/until.ts';
import { APPLY, applyData, bytes, CONFIG_MAP, configMap, configMapRef, MANAGER, startWatch } from './objects.ts';

export interface Subject {
  readonly cluster: Cluster;
  /** A new namespace. */
  namespace(): Promise<string>;
  /** Serves `Widget.example.com/v1`, namespaced, from now on. */
  serveWidgets(): Promise<void>;
  stop(): Promise<void>;
}

const code = async (promise: Promise<unknown>): Promise<FaultCode | 'none'> =>
  promise.then(
    () => 'none' as const,
    (error: unknown) => (error instanceof Fault ? error.code : Promise.reject(error)),
  );

/** What every Cluster must do. */
export function clusterSuite(name: string, make: () => Promise<Subject>): void {
  describe(`the cluster port: ${name}`, () => {
    let subject: Subject;
    let cluster: Cluster;
    let space = '';
    beforeAll(async () => {
      subject = await make();
      cluster = subject.cluster;
      space = await subject.namespace();
    });
    afterAll(() => subject?.stop());
    const ref = (object: string): VersionedRef => configMapRef(space, object);

    surfaceTests(() => cluster);
    applyTests(() => cluster, ref);
    refusalTests(() => cluster, ref);
    writeTests(() => cluster, ref);
    removeTests(() => cluster, ref);
    fieldTests(() => cluster, ref);
    watchTests(() => ({ cluster, subject, space }), ref);
  });
}

type Use = () => Cluster;
type Ref = (name: string) => VersionedRef;

function surfaceTests(use: Use): void {
  it('has an identity that stays', async () => {
    const one = await use().identity();
    expect(one.uid).not.toBe('');
    expect(one.version).toMatch(/^v1\./);
    expect(await use().identity()).toEqual(one);
  });

  it('says how kinds are served', async () => {
    const surface = await use().surface();
    expect(surface.find(CONFIG_MAP)).toMatchObject({ plural: 'configmaps', namespaced: true });
    expect(surface.find({ group: '', version: 'v1', kind: 'Namespace' })?.namespaced).toBe(false);
    expect(surface.find(CONFIG_MAP)?.verbs).toContain('watch');
    expect(surface.versions('apps', 'Deployment').map((r) => r.gvk.version)).toContain('v1');
    expect(surface.find({ group: 'none.example.com', version: 'v1', kind: 'Nothing' })).toBeUndefined();
    expect(surface.versions('none.example.com', 'Nothing')).toEqual([]);
  });

  it('names an unknown kind as such', async () => {
    const nothing = { group: 'none.example.com', version: 'v1', kind: 'Nothing', namespace: 'default', name: 'x' };
    expect(await code(use().read(nothing))).toBe('kind-unknown');
    expect(await code(use().remove(nothing, { propagation: 'Background' }))).toBe('kind-unknown');
  });
}

function applyTests(use: Use, ref: Ref): void {
  it('creates by apply and tells that it did', async () => {
    const first = await use().apply(ref('a'), bytes(configMap(ref('a'), { k: '1' })), APPLY);
    expect(first.created).toBe(true);
    expect(first.object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { k: '1' } });
    const again = await use().apply(ref('a'), bytes(configMap(ref('a'), { k: '1' })), APPLY);
    expect(again.created).toBe(false);
    expect(again.object.metadata['resourceVersion']).toBe(first.object.metadata['resourceVersion']);
    expect(again.object.metadata['uid']).toBe(first.object.metadata['uid']);
  });

  it('answers metadata only where no more is wanted', async () => {
    const { object } = await use().apply(ref('meta'), bytes(configMap(ref('meta'), { k: '1' })), {
      ...APPLY,
      answer: 'metadata',
    });
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'meta' } });
    expect(object['data']).toBeUndefined();
    expect(markOf(object.metadata)).not.toBe('');
    const read = await use().read(ref('meta'), { metadataOnly: true });
    expect(read).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(read?.['data']).toBeUndefined();
  });

  it('applies to a version alone where one is named', async () => {
    const at = (name: string, version: string, k: string): Uint8Array => {
      const object = configMap(ref(name), { k });
      return bytes({ ...object, metadata: { ...object.metadata, resourceVersion: version } });
    };
    const first = await applyData(use(), ref('version'), { k: '1' });
    const version = String(first.metadata['resourceVersion']);
    const second = await use().apply(ref('version'), at('version', version, '2'), APPLY);
    expect(second).toMatchObject({ created: false, object: { data: { k: '2' } } });
    expect(JSON.stringify(second.object.metadata['managedFields'])).not.toContain('resourceVersion');
    expect(await code(use().apply(ref('version'), at('version', version, '3'), APPLY))).toBe('apply-conflict');
    expect((await use().read(ref('version')))?.['data']).toEqual({ k: '2' });
    // What is gone is made anew.
    expect(await use().apply(ref('no-version'), at('no-version', version, '1'), APPLY)).toMatchObject({
      created: true,
    });
  });

  it('removes a field that is applied no more', async () => {
    await applyData(use(), ref('fields'), { a: '1', b: '2' });
    expect((await applyData(use(), ref('fields'), { b: '2' }))['data']).toEqual({ b: '2' });
  });

  it('changes nothing in a dry run, and tells what would be', async () => {
    const dry = { ...APPLY, dryRun: true };
    const answer = await use().apply(ref('dry'), bytes(configMap(ref('dry'), { k: '1' })), dry);
    expect(answer).toMatchObject({ created: true, object: { data: { k: '1' } } });
    expect(await use().read(ref('dry'))).toBeUndefined();
    await applyData(use(), ref('dry'), { k: '1' });
    const change = await use().apply(ref('dry'), bytes(configMap(ref('dry'), { k: '2' })), dry);
    expect(change).toMatchObject({ created: false, object: { data: { k: '2' } } });
    expect((await use().read(ref('dry')))?.['data']).toEqual({ k: '1' });
  });

  it('refuses what is wrong with the object, and only that', async () => {
    const nowhere = configMapRef('no-such-namespace', 'x');
    expect(await code(applyData(use(), nowhere, {}))).toBe('apply-refused');
    const other = use().apply(ref('one'), bytes(configMap(ref('other'), {})), APPLY);
    expect(await code(other)).toBe('apply-refused');
  });

  it('never takes an empty or a crooked name for a collection', async () => {
    for (const name of ['', '.', '..', 'a/b', 'a?b'])
      expect(await code(applyData(use(), ref(name), {}))).toBe('apply-refused');
  });

  it('knows an immutable field', async () => {
    const frozen = { ...configMap(ref('frozen'), { k: '1' }), immutable: true };
    await use().apply(ref('frozen'), bytes(frozen), APPLY);
    const changed = use().apply(ref('frozen'), bytes({ ...frozen, data: { k: '2' } }), APPLY);
    expect(await code(changed)).toBe('apply-immutable');
  });
}

const refusalOf = (promise: Promise<unknown>): Promise<Refusal | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => asFault(error).refusal,
  );

function refusalTests(use: Use, ref: Ref): void {
  it('says of what it refuses what was asked, and why', async () => {
    const nowhere = configMapRef('no-such-namespace', 'x');
    const missing = { reason: 'NotFound', said: 'namespaces "no-such-namespace" not found' };
    expect(await refusalOf(applyData(use(), nowhere, {}))).toEqual({ asked: 'apply', ...missing });
    const dry = use().apply(nowhere, bytes(configMap(nowhere, {})), { ...APPLY, dryRun: true });
    expect(await refusalOf(dry)).toEqual({ asked: 'dry-run', ...missing });
    await use().create(ref('twice'), configMap(ref('twice'), {}), { manager: 'm' });
    const twice = use().create(ref('twice'), configMap(ref('twice'), {}), { manager: 'm' });
    expect(await refusalOf(twice)).toMatchObject({ asked: 'other', said: expect.stringMatching(/already exists/) });
  });

  it('says what could not be asked for want of a kind or a namespace', async () => {
    const nothing = { ...ref('x'), group: 'nowhere.example.com', kind: 'Nothing' };
    expect(await refusalOf(applyData(use(), nothing, {}))).toMatchObject({
      asked: 'kind',
      said: expect.stringContaining('Nothing'),
    });
    const bare = use().apply(configMapRef('', 'x'), bytes(configMap(ref('x'), {})), APPLY);
    expect(await refusalOf(bare)).toEqual({ asked: 'place', reason: '', said: 'ConfigMap/v1 is namespaced' });
  });
}

function writeTests(use: Use, ref: Ref): void {
  it('creates, and tells what exists already', async () => {
    const made = await use().create(ref('made'), configMap(ref('made'), { k: '1' }), { manager: 'm' });
    expect(textAt(made, 'metadata', 'uid')).toBeTruthy();
    const twice = use().create(ref('made'), configMap(ref('made'), {}), { manager: 'm' });
    expect(await code(twice)).toBe('apply-conflict');
    const dry = { manager: 'm', dryRun: true };
    await use().create(ref('dry-made'), configMap(ref('dry-made'), {}), dry);
    expect(await use().read(ref('dry-made'))).toBeUndefined();
  });

  it('merges an object and runs a list of operations', async () => {
    await applyData(use(), ref('patched'), { a: '1', b: '2' });
    const merged = await use().patch(ref('patched'), { data: { a: null, c: '3' } }, { manager: 'm' });
    expect(merged['data']).toEqual({ b: '2', c: '3' });
    const version = merged.metadata['resourceVersion'];
    const steps = [
      { op: 'test', path: '/metadata/resourceVersion', value: version },
      { op: 'add', path: '/data/d', value: '4' },
      { op: 'remove', path: '/data/b' },
    ];
    expect((await use().patch(ref('patched'), steps, { manager: 'm' }))['data']).toEqual({ c: '3', d: '4' });
    expect(await code(use().patch(ref('patched'), steps, { manager: 'm' }))).toBe('apply-conflict');
    expect(await code(use().patch(ref('absent'), steps, { manager: 'm' }))).toBe('apply-conflict');
  });

  it('replaces the version it read and no other', async () => {
    const one = await applyData(use(), ref('replaced'), { a: '1' });
    const next = { ...one, data: { a: '2' } };
    expect((await use().replace(ref('replaced'), next, { manager: 'm' }))['data']).toEqual({ a: '2' });
    expect(await code(use().replace(ref('replaced'), next, { manager: 'm' }))).toBe('apply-conflict');
    expect(await code(use().replace(ref('absent'), configMap(ref('absent'), {}), { manager: 'm' }))).toBe(
      'apply-conflict',
    );
  });

  it('keeps integers that no double holds', async () => {
    const target = { group: 'apps', version: 'v1', kind: 'Deployment', namespace: ref('').namespace, name: 'big' };
    const json = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"big","namespace":"${target.namespace}"},
      "spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"terminationGracePeriodSeconds":9007199254740993,"containers":[{"name":"c","image":"i"}]}}}}`;
    await use().apply(target, Buffer.from(json), APPLY);
    const read = await use().read(target);
    const path = ['spec', 'template', 'spec', 'terminationGracePeriodSeconds'] as const;
    expect(at(read, ...path)).toBe(9007199254740993n);
    // Its controller writes to it, too: then the version that was read is not the newest any more.
    await until(async () => {
      const newest = (await use().read(target)) as KubeObject;
      return await use()
        .replace(target, newest, { manager: 'm' })
        .catch((error: unknown) => {
          if (asFault(error).code !== 'apply-conflict') throw error;
        });
    });
    expect(at(await use().read(target), ...path)).toBe(9007199254740993n);
  });

  it('lists a namespace by label, whole or by metadata', async () => {
    await applyData(use(), ref('l1'), { k: '1' }, { list: 'x' });
    await applyData(use(), ref('l2'), { k: '1' }, { list: 'x' });
    await applyData(use(), ref('l3'), { k: '1' }, { list: 'y' });
    const names: string[] = [];
    const options = { namespace: ref('l1').namespace, labelSelector: 'list=x' };
    await use().list(CONFIG_MAP, { ...options, metadataOnly: false }, (object) => {
      expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { k: '1' } });
      names.push(object.metadata.name);
    });
    expect(names).toEqual(['l1', 'l2']);
    await use().list(CONFIG_MAP, { ...options, metadataOnly: true }, (object) => {
      expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      expect(object['data']).toBeUndefined();
    });
  });

  it('ends with the reason of a signal that aborts', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(use().read(ref('x'), { signal: stop.signal })).rejects.toThrow('enough');
    await expect(use().identity(stop.signal)).rejects.toThrow('enough');
  });
}

function removeTests(use: Use, ref: Ref): void {
  it('removes, and tells what was gone already', async () => {
    await applyData(use(), ref('gone'), {});
    expect(await use().remove(ref('gone'), { propagation: 'Background', dryRun: true })).toBe(true);
    expect(await use().remove(ref('gone'), { propagation: 'Background' })).toBe(true);
    expect(await use().remove(ref('gone'), { propagation: 'Background' })).toBe(false);
    expect(await use().read(ref('gone'))).toBeUndefined();
  });

  it('does not remove a namesake', async () => {
    const first = await applyData(use(), ref('name'), {});
    const uid = textAt(first, 'metadata', 'uid') ?? '';
    await use().remove(ref('name'), { propagation: 'Background' });
    await applyData(use(), ref('name'), {});
    expect(await use().remove(ref('name'), { propagation: 'Background', uid })).toBe(false);
    expect(await use().read(ref('name'))).toBeDefined();
  });

  it('leaves an object that a finalizer holds, and says that it is being deleted', async () => {
    const held = configMap(ref('held'), {});
    const metadata = { ...held.metadata, finalizers: ['example.com/hold'] };
    await use().apply(ref('held'), bytes({ ...held, metadata }), APPLY);
    expect(await use().remove(ref('held'), { propagation: 'Background' })).toBe(true);
    const live = await use().read(ref('held'), { metadataOnly: true });
    expect(seenOf((live as KubeObject).metadata).deleting).toBe(true);
    await use().patch(ref('held'), { metadata: { finalizers: null } }, { manager: 'm' });
    expect(await use().read(ref('held'))).toBeUndefined();
  });
}

function fieldTests(use: Use, ref: Ref): void {
  const mark = (object: KubeObject | undefined): string => markOf(object?.metadata ?? {});

  it('keeps the mark while nobody touches a field of ours', async () => {
    const one = await applyData(use(), ref('mark'), { a: '1' });
    expect(mark(await applyData(use(), ref('mark'), { a: '1' }))).toBe(mark(one));
    const beside = await use().patch(ref('mark'), { data: { other: 'x' } }, { manager: 'hpa' });
    expect(mark(beside)).toBe(mark(one));
    expect(seenOf(beside.metadata)).toMatchObject({ lastOther: 'hpa', takeover: [] });
  });

  it('changes the mark when another writer changes or removes a field of ours', async () => {
    const one = await applyData(use(), ref('drift'), { a: '1', b: '1' });
    const changed = await use().patch(ref('drift'), { data: { a: '2' } }, { manager: 'editor' });
    expect(mark(changed)).not.toBe(mark(one));
    const removed = await use().patch(ref('drift'), { data: { b: null } }, { manager: 'editor' });
    expect(mark(removed)).not.toBe(mark(changed));
  });

  it('refuses to take fields of others unless forced', async () => {
    await use().create(ref('taken'), configMap(ref('taken'), { a: 'theirs' }), { manager: 'editor' });
    const ours = bytes(configMap(ref('taken'), { a: 'ours' }));
    expect(await code(use().apply(ref('taken'), ours, { ...APPLY, force: false }))).toBe('apply-conflict');
    expect((await use().apply(ref('taken'), ours, APPLY)).object['data']).toEqual({ a: 'ours' });
  });

  it('takes over what kubectl wrote, so that it goes with the next apply', async () => {
    const target = ref('kubectl');
    const mine = configMap(target, { a: '1', extra: 'x' });
    await use().create(target, mine, { manager: 'kubectl-client-side-apply' });
    const { object } = await use().apply(target, bytes(configMap(target, { a: '1' })), APPLY);
    expect(object['data']).toEqual({ a: '1', extra: 'x' });
    expect(seenOf(object.metadata).takeover).toEqual(['kubectl-client-side-apply']);
    await use().patch(target, takeoverPatch(object), { manager: MANAGER });
    const after = await applyData(use(), target, { a: '1' });
    expect(after['data']).toEqual({ a: '1' });
    expect(listAt(after, 'metadata', 'managedFields')).toHaveLength(1);
    expect(seenOf(after.metadata).takeover).toEqual([]);
    expect(takeoverPatch(after)).toEqual([]);
  });
}

interface World {
  readonly cluster: Cluster;
  readonly subject: Subject;
  readonly space: string;
}

function watchTests(use: () => World, ref: Ref): void {
  it('lists, then follows, in order', async () => {
    const { cluster } = use();
    await applyData(cluster, ref('w1'), { k: '1' }, { watch: 'a' });
    const watched = startWatch(cluster, CONFIG_MAP, { labelSelector: 'watch=a', metadataOnly: false });
    await until(() => watched.lines().includes('synced'));
    expect(watched.lines()).toEqual(['restart', 'put w1', 'synced']);
    await applyData(cluster, ref('w2'), { k: '1' }, { watch: 'a' });
    await applyData(cluster, ref('w2'), { k: '2' }, { watch: 'a' });
    await applyData(cluster, ref('other'), { k: '1' }, { watch: 'b' });
    await cluster.remove(ref('w1'), { propagation: 'Background' });
    await until(() => watched.lines().includes('delete w1'));
    expect(watched.lines().slice(3)).toEqual(['put w2', 'put w2', 'delete w1']);
    const last = watched.events.at(-2);
    expect(last !== undefined && 'object' in last ? at(last.object, 'data', 'k') : '').toBe('2');
    await watched.stop();
  });

  it('shows metadata only, as objects of their kind', async () => {
    const { cluster } = use();
    const watched = startWatch(cluster, CONFIG_MAP, { labelSelector: 'watch=m', metadataOnly: true });
    await until(() => watched.lines().includes('synced'));
    const applied = await applyData(cluster, ref('m1'), { k: '1' }, { watch: 'm' });
    await until(() => watched.lines().includes('put m1'));
    const event = watched.events.at(-1);
    const object = event !== undefined && 'object' in event ? event.object : undefined;
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(object?.['data']).toBeUndefined();
    expect(markOf(object?.metadata ?? {})).toBe(markOf(applied.metadata));
    await watched.stop();
  });

  it('tells an object that loses the label as deleted', async () => {
    const { cluster } = use();
    await applyData(cluster, ref('lose'), {}, { watch: 'l' });
    const watched = startWatch(cluster, CONFIG_MAP, { labelSelector: 'watch', metadataOnly: true });
    await until(() => watched.lines().includes('synced'));
    await applyData(cluster, ref('lose'), {});
    await until(() => watched.lines().includes('delete lose'));
    await watched.stop();
  });

  it('ends when the signal aborts, also before it has begun', async () => {
    const { cluster } = use();
    const watched = startWatch(cluster, CONFIG_MAP, { metadataOnly: true });
    await watched.stop();
    const count = watched.events.length;
    await applyData(cluster, ref('after'), {});
    expect(watched.events).toHaveLength(count);
  });

  it('waits for a kind that is not served yet', async () => {
    const { cluster, subject, space } = use();
    const widget = { group: 'example.com', version: 'v1', kind: 'Widget' };
    const watched = startWatch(cluster, widget, { metadataOnly: true });
    await subject.serveWidgets();
    const patience = { within: 30_000 };
    await until(async () => (await cluster.surface({ fresh: true })).find(widget) !== undefined, patience);
    const one = { ...widget, namespace: space, name: 'one' };
    const json = bytes({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'one', namespace: space } });
    await until(() => cluster.apply(one, json, APPLY).then(() => true), patience);
    await until(() => watched.lines().includes('put one'), patience);
    expect(watched.lines()).toContain('synced');
    await watched.stop();
  });
}
