import { setTimeout as sleep } from 'node:timers/promises';
import {
  Fault,
  fromJson,
  type Gvk,
  isObject,
  type JsonObject,
  type KubeObject,
  refText,
  textAt,
  type VersionedRef,
} from '../../../src/model/index.ts';
import type { ApiResource, ApiSurface, Cluster, ClusterIdentity } from '../../../src/ports/index.ts';
import { answered, createEngine, NAMESPACE } from './engine.ts';
import { resource } from './kinds.ts';
import { applyFields } from './ownership.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import { createStore, isHeld, selected, shown } from './store.ts';

export type FakeVerb =
  | 'identity'
  | 'surface'
  | 'apply'
  | 'read'
  | 'patch'
  | 'replace'
  | 'create'
  | 'remove'
  | 'list'
  | 'watch';

/** One call as the fake saw it. */
export interface FakeCall {
  readonly verb: FakeVerb;
  /** `Kind/namespace/name`, or the kind alone. */
  readonly target: string;
  readonly dryRun: boolean;
}

export interface FakeOptions {
  readonly version?: string;
  /** Milliseconds since 1970, for managedFields. */
  readonly now?: () => number;
}

/**
 * A Cluster in memory: it stores objects and knows who owns which field, and no more. Lists are atomic; nothing is
 * defaulted, validated or garbage-collected, but that namespaces must exist, that CRDs bring their kinds, and that
 * immutable ConfigMaps and Secrets stay as they are.
 */
export interface FakeCluster extends Cluster {
  readonly calls: readonly FakeCall[];
  /** Calls of a verb; dry runs count as `apply` too. */
  count(verb?: FakeVerb): number;
  forgetCalls(): void;
  /** Serves a further kind. */
  serve(gvk: Gvk, plural: string, namespaced?: boolean): void;
  /** The next (`times`, default for ever) calls that match throw this. Gives the way to stop it. */
  fail(match: (call: FakeCall) => boolean, fault: Fault, times?: number): () => void;
  /** Every call takes this long. */
  latency(ms: number): void;
  /** Writes as another client would: what changes becomes this manager's. `change` gives the new object. */
  edit(ref: VersionedRef, manager: string, change: (object: KubeObject) => JsonObject, subresource?: string): void;
  /** Creates namespaces. */
  namespaces(...names: readonly string[]): void;
  /** Everything is gone, and another kube-system lives; watches list anew. */
  wipe(): void;
  /** Watches are told to be lost, and after `relist` list anew. */
  lose(message: string): void;
  relist(): void;
}

export function createFakeCluster(options: FakeOptions = {}): FakeCluster {
  const store = createStore();
  const calls: FakeCall[] = [];
  const rules: { match: (call: FakeCall) => boolean; fault: Fault; left: number }[] = [];
  let delay = 0;
  const time = (): string => new Date(options.now?.() ?? Date.now()).toISOString().replace(/\.\d+/, '');
  const engine = createEngine(store, time);

  const enter = async (
    verb: FakeVerb,
    target: string,
    o: { dryRun?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<void> => {
    o.signal?.throwIfAborted();
    const call: FakeCall = { verb, target, dryRun: o.dryRun === true };
    calls.push(call);
    if (delay > 0) await sleep(delay, undefined, { ...(o.signal === undefined ? {} : { signal: o.signal }) });
    const rule = rules.find((r) => r.left > 0 && r.match(call));
    if (rule === undefined) return;
    rule.left -= 1;
    throw rule.fault;
  };

  const start = (): ClusterIdentity => {
    const uid = store.get({ ...NAMESPACE, namespace: '', name: 'kube-system' })?.object.metadata['uid'];
    return { uid: typeof uid === 'string' ? uid : '', version: options.version ?? 'v1.36.0' };
  };
  const namespaces = (...names: readonly string[]): void => {
    for (const name of names)
      store.put(
        { ...NAMESPACE, namespace: '', name },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase: 'Active' } },
      );
  };
  namespaces('kube-system', 'default');

  return {
    calls,
    count: (verb) => calls.filter((call) => verb === undefined || call.verb === verb).length,
    forgetCalls: () => void calls.splice(0),
    serve: (gvk, plural, namespaced = true) =>
      engine.addResources([resource(gvk.group, gvk.version, gvk.kind, plural, namespaced)]),
    fail: (match, fault, times = Number.POSITIVE_INFINITY) => {
      const rule = { match, fault, left: times };
      rules.push(rule);
      return () => {
        rule.left = 0;
      };
    },
    latency: (ms) => {
      delay = ms;
    },
    edit: (ref, manager, change, subresource) =>
      void engine.update(ref, change(structuredClone(engine.liveOf(ref))) as KubeObject, { manager, subresource }),
    namespaces,
    wipe: () => {
      store.clear();
      engine.reset();
      namespaces('kube-system', 'default');
      store.relist();
    },
    lose: (message) => store.tell({ type: 'lost', message }),
    relist: () => store.relist(),

    identity: async (signal) => {
      await enter('identity', '', { signal });
      return start();
    },
    surface: async (o = {}) => {
      await enter('surface', '', o);
      return surfaceOf([...engine.resources]);
    },
    apply: async (ref, json, o) => {
      await enter('apply', refText(ref), o);
      return answered(o.dryRun === true ? 'dry-run' : 'apply', () => {
        engine.wantPlace(ref);
        const desired = fromJson(Buffer.from(json).toString('utf8'));
        if (!isObject(desired) || textAt(desired, 'metadata', 'name') !== ref.name)
          throw new Fault('apply-refused', `the name of the object does not match the name on the URL (${ref.name})`);
        const live = store.get(ref)?.object;
        const version = textAt(desired, 'metadata', 'resourceVersion');
        if (version !== undefined && live !== undefined && version !== live.metadata['resourceVersion'])
          throw new Fault('apply-conflict', `${refText(ref)}: the object has been modified`);
        const bare: KubeObject = {
          apiVersion: textAt(desired, 'apiVersion') ?? '',
          kind: ref.kind,
          metadata: bareMeta(ref),
        };
        const writer = { manager: o.manager, time: time() };
        const next = applyFields(live ?? bare, withoutVersion(desired as KubeObject), writer, o.force);
        const stored = engine.commit(ref, next, o.dryRun);
        return { created: live === undefined, object: shown(stored, ref, o.answer === 'metadata') };
      });
    },
    read: async (ref, o = {}) => {
      await enter('read', refText(ref), o);
      engine.mustServe(ref);
      const found = store.get(ref)?.object;
      return found === undefined ? undefined : shown(found, ref, o.metadataOnly === true);
    },
    patch: async (ref, body, o) => {
      await enter('patch', refText(ref), o);
      const live = engine.liveOf(ref);
      const list = Array.isArray(body);
      const next = list ? jsonPatch(live, body) : (mergePatch(live, body as JsonObject) as JsonObject);
      return shown(engine.update(ref, next as KubeObject, o), ref, false);
    },
    replace: async (ref, object, o) => {
      await enter('replace', refText(ref), o);
      const live = engine.liveOf(ref);
      const metadata = {
        ...object.metadata,
        uid: live.metadata['uid'] ?? '',
        creationTimestamp: live.metadata['creationTimestamp'] ?? '',
        generation: live.metadata['generation'] ?? 1,
      };
      return shown(engine.update(ref, { ...object, metadata }, o), ref, false);
    },
    create: async (ref, object, o) => {
      await enter('create', refText(ref), o);
      return answered('other', () => {
        engine.wantPlace(ref);
        if (store.get(ref) !== undefined)
          throw new Fault('apply-conflict', `${refText(ref)} already exists`, { cause: { reason: 'AlreadyExists' } });
        return shown(
          engine.update(ref, { ...object, metadata: { ...object.metadata, ...bareMeta(ref) } }, o),
          ref,
          false,
        );
      });
    },
    remove: async (ref, o) => {
      await enter('remove', refText(ref), o);
      return answered('delete', () => {
        engine.mustServe(ref);
        const live = store.get(ref)?.object;
        if (live === undefined || (o.uid !== undefined && o.uid !== live.metadata['uid'])) return false;
        if (o.dryRun === true) return true;
        if (isHeld(live)) store.put(ref, { ...live, metadata: { ...live.metadata, deletionTimestamp: time() } });
        else engine.destroy(ref);
        return true;
      });
    },
    list: async (gvk, o, each) => {
      await enter('list', gvk.kind, o);
      engine.mustServe(gvk);
      for (const { object } of store.list(gvk, o.namespace ?? ''))
        if (selected(object, o)) each(shown(object, gvk, o.metadataOnly));
    },
    watch: async (gvk, o) => {
      await enter('watch', gvk.kind).catch((error: unknown) =>
        o.onEvent({ type: 'lost', message: error instanceof Error ? error.message : '' }),
      );
      while (engine.find(gvk) === undefined && !o.signal.aborted) await engine.served(o.signal);
      if (o.signal.aborted) return;
      const stop = store.watch({ gvk, options: o });
      await new Promise<void>((resolve) => o.signal.addEventListener('abort', () => resolve(), { once: true }));
      stop();
    },
  };
}

function bareMeta(ref: VersionedRef): { readonly name: string; readonly namespace?: string } {
  return ref.namespace === '' ? { name: ref.name } : { name: ref.name, namespace: ref.namespace };
}

function surfaceOf(resources: readonly ApiResource[]): ApiSurface {
  const versions = (group: string, kind: string): readonly ApiResource[] =>
    resources.filter((r) => r.gvk.group === group && r.gvk.kind === kind);
  const find: ApiSurface['find'] = (gvk) => versions(gvk.group, gvk.kind).find((r) => r.gvk.version === gvk.version);
  const all = (): readonly ApiResource[] => resources.filter((r) => versions(r.gvk.group, r.gvk.kind)[0] === r);
  return { versions, find, all, isDown: () => false };
}

/** A condition of the apply, not a field of it. */
function withoutVersion(object: KubeObject): KubeObject {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, name: object.metadata.name } };
}
