import { randomUUID } from 'node:crypto';
import {
  Fault,
  type FaultCode,
  type Gvk,
  type Json,
  type JsonObject,
  type KubeObject,
  type Refusal,
  refText,
  textAt,
  type VersionedRef,
} from '../../../src/model/index.ts';
import type { ApiResource } from '../../../src/ports/index.ts';
import { sameJson } from './fields.ts';
import { BUILT_IN, definedBy, established } from './kinds.ts';
import { updateFields } from './ownership.ts';
import { isHeld, type Store } from './store.ts';

const refused = (code: FaultCode, refusal: Refusal): Fault => new Fault(code, refusal.said, { refusal });

/** What is refused says what was asked, and the reason of its cause. */
export function answered<T>(asked: Refusal['asked'], act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Fault) || error.refusal !== undefined) throw error;
    const { code, message: said, cause } = error;
    const reason = textAt(cause as Json | undefined, 'reason') ?? '';
    throw new Fault(code, said, { cause, refusal: { asked, reason, said } });
  }
}

export const NAMESPACE: Gvk = { group: '', version: 'v1', kind: 'Namespace' };

export interface Write {
  readonly manager: string;
  readonly subresource?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** The little that this fake does as a server does it. */
export interface Engine {
  readonly resources: readonly ApiResource[];
  find(gvk: Gvk): ApiResource | undefined;
  mustServe(gvk: Gvk): ApiResource;
  /** Refuses an object in a namespace that does not exist. */
  wantPlace(ref: VersionedRef): void;
  liveOf(ref: VersionedRef): KubeObject;
  commit(ref: VersionedRef, next: KubeObject, dryRun: boolean | undefined): KubeObject;
  /** A write that is not an apply. */
  update(ref: VersionedRef, next: KubeObject, write: Write): KubeObject;
  /** Removes an object and what lives in it. */
  destroy(ref: VersionedRef): void;
  addResources(more: readonly ApiResource[]): void;
  reset(): void;
  /** Resolves when further kinds are served, or the signal aborts. */
  served(signal: AbortSignal): Promise<void>;
}

export function createEngine(store: Store, time: () => string): Engine {
  const resources: ApiResource[] = [...BUILT_IN];
  const served = new Set<() => void>();

  const find = (gvk: Gvk): ApiResource | undefined =>
    resources.find((r) => r.gvk.group === gvk.group && r.gvk.kind === gvk.kind && r.gvk.version === gvk.version);
  const mustServe = (gvk: Gvk): ApiResource => {
    const found = find(gvk);
    if (found === undefined)
      throw refused('kind-unknown', { asked: 'kind', reason: '', said: `no such kind: ${gvk.kind}` });
    return found;
  };
  const wantPlace = (ref: VersionedRef): void => {
    const kind = mustServe(ref);
    if (kind.namespaced && ref.namespace === '')
      throw refused('apply-refused', { asked: 'place', reason: '', said: `${ref.kind}/${ref.version} is namespaced` });
    if (/^\.{0,2}$|[/?]/.test(ref.name) || kind.namespaced !== (ref.namespace !== ''))
      throw new Fault('apply-refused', `${refText(ref)}: wrong or missing name or namespace`);
    if (kind.namespaced && store.get({ ...NAMESPACE, namespace: '', name: ref.namespace }) === undefined)
      throw new Fault('apply-refused', `namespaces "${ref.namespace}" not found`, { cause: { reason: 'NotFound' } });
  };

  /** Stores an object and does the little that a server does about it. */
  const commit = (ref: VersionedRef, next: KubeObject, dryRun: boolean | undefined): KubeObject => {
    const before = store.get(ref)?.object;
    checkImmutable(before, next);
    if (dryRun === true)
      return before === undefined ? { ...next, metadata: { ...next.metadata, uid: randomUUID() } } : next;
    if (textAt(next, 'metadata', 'deletionTimestamp') !== undefined && !isHeld(next)) {
      destroy(ref);
      return next;
    }
    const whole = ref.kind === 'CustomResourceDefinition' ? established(next) : next;
    const stored = store.put(ref, whole);
    if (ref.kind === 'CustomResourceDefinition') addResources(definedBy(stored));
    return stored;
  };
  const addResources = (more: readonly ApiResource[]): void => {
    for (const r of more) if (find(r.gvk) === undefined) resources.push(r);
    for (const wake of [...served]) wake();
  };
  const destroy = (ref: VersionedRef): void => {
    const object = store.get(ref)?.object;
    if (object === undefined) return;
    const inside = (other: VersionedRef): boolean =>
      ref.kind === 'Namespace'
        ? other.namespace === ref.name
        : ref.kind === 'CustomResourceDefinition' &&
          other.group === textAt(object, 'spec', 'group') &&
          other.kind === textAt(object, 'spec', 'names', 'kind');
    for (const other of store.all()) if (inside(other.ref)) store.drop(other.ref);
    if (ref.kind === 'CustomResourceDefinition')
      for (const r of definedBy(object)) {
        const i = resources.findIndex((known) =>
          sameJson(known.gvk as unknown as JsonObject, r.gvk as unknown as JsonObject),
        );
        if (i >= 0) resources.splice(i, 1);
      }
    store.drop(ref);
  };
  const liveOf = (ref: VersionedRef): KubeObject => {
    mustServe(ref);
    const live = store.get(ref)?.object;
    if (live === undefined) throw new Fault('apply-conflict', `${refText(ref)} not found`);
    return live;
  };
  const update = (ref: VersionedRef, next: KubeObject, o: Write): KubeObject => {
    const live = store.get(ref)?.object;
    const version = textAt(next, 'metadata', 'resourceVersion');
    if (live !== undefined && version !== undefined && version !== live.metadata['resourceVersion'])
      throw new Fault('apply-conflict', `${refText(ref)}: the object has been modified`);
    const writer = { manager: o.manager, subresource: o.subresource, time: time() };
    const based = next.metadata['managedFields'] === undefined && live !== undefined;
    const kept: KubeObject = based
      ? { ...next, metadata: { ...next.metadata, managedFields: live.metadata['managedFields'] ?? [] } }
      : next;
    const same = live !== undefined && sameJson(live, kept);
    return commit(ref, same ? live : updateFields(live, kept, writer), o.dryRun);
  };

  return {
    resources,
    find,
    mustServe,
    wantPlace,
    liveOf,
    commit,
    update,
    destroy,
    addResources,
    reset: () => void resources.splice(0, resources.length, ...BUILT_IN),
    served: (signal) => nextServed(served, signal),
  };
}

function nextServed(served: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      served.delete(done);
      resolve();
    };
    served.add(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function checkImmutable(before: KubeObject | undefined, next: KubeObject): void {
  if (before?.['immutable'] !== true) return;
  if (sameJson(before['data'], next['data']) && next['immutable'] === true) return;
  throw new Fault(
    'apply-immutable',
    `${next.kind}/${next.metadata.name}: field is immutable when \`immutable\` is set`,
    { cause: { reason: 'Invalid' } },
  );
}
