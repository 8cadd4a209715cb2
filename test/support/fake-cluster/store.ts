import { randomUUID } from 'node:crypto';
import type { VersionedRef } from '../../../src/model/index.ts';
import {
  apiVersionOf,
  byCodeUnit,
  type Gvk,
  type JsonObject,
  type KubeObject,
  listAt,
  textAt,
} from '../../../src/model/index.ts';
import type { WatchEvent, WatchOptions } from '../../../src/ports/index.ts';
import { sameJson } from './fields.ts';

export interface Stored {
  readonly ref: VersionedRef;
  readonly object: KubeObject;
}

interface Watcher {
  readonly gvk: Gvk;
  readonly options: WatchOptions;
}

/** Objects by kind, namespace and name, whatever the version; every change is told to watchers at once. */
export interface Store {
  get(ref: VersionedRef): Stored | undefined;
  list(gvk: Gvk, namespace: string): readonly Stored[];
  all(): readonly Stored[];
  /** Writes when something changed; gives what is stored now. */
  put(ref: VersionedRef, object: KubeObject): KubeObject;
  drop(ref: VersionedRef): void;
  clear(): void;
  watch(watcher: Watcher): () => void;
  /** Sends an event to the watches of a kind, or to all. */
  tell(event: WatchEvent, gvk?: Gvk): void;
  /** Lists anew to every watch. */
  relist(): void;
}

const keyOf = (ref: { group: string; kind: string; namespace: string; name: string }): string =>
  `${ref.group}/${ref.kind}/${ref.namespace}/${ref.name}`;

export function createStore(): Store {
  const objects = new Map<string, Stored>();
  const watchers = new Set<Watcher>();
  let version = 100;

  const notify = (ref: VersionedRef, before: KubeObject | undefined, after: KubeObject | undefined): void => {
    for (const { gvk, options } of watchers) {
      if (gvk.group !== ref.group || gvk.kind !== ref.kind) continue;
      const was = before !== undefined && selected(before, options);
      const is = after !== undefined && selected(after, options);
      const last = after ?? before;
      if (is) options.onEvent({ type: 'put', object: shown(after, gvk, options.metadataOnly) });
      else if (was && last !== undefined)
        options.onEvent({ type: 'delete', object: shown(last, gvk, options.metadataOnly) });
    }
  };

  const list = (gvk: Gvk, namespace: string): readonly Stored[] =>
    [...objects.values()]
      .filter((s) => s.ref.group === gvk.group && s.ref.kind === gvk.kind)
      .filter((s) => namespace === '' || s.ref.namespace === namespace)
      .sort((a, b) => byCodeUnit(keyOf(a.ref), keyOf(b.ref)));

  const listTo = ({ gvk, options }: Watcher): void => {
    options.onEvent({ type: 'restart' });
    for (const { object } of list(gvk, ''))
      if (selected(object, options)) options.onEvent({ type: 'put', object: shown(object, gvk, options.metadataOnly) });
    options.onEvent({ type: 'synced', version: String(version) });
  };

  return {
    list,
    get: (ref) => objects.get(keyOf(ref)),
    all: () => [...objects.values()],
    put: (ref, object) => {
      const before = objects.get(keyOf(ref))?.object;
      if (before !== undefined && sameJson(before, object)) return before;
      version += 1;
      const specChanged = before !== undefined && !sameJson(before['spec'], object['spec']);
      const generation = before?.metadata['generation'];
      const after: KubeObject = {
        ...object,
        metadata: {
          ...object.metadata,
          uid: before?.metadata['uid'] ?? randomUUID(),
          creationTimestamp: before?.metadata['creationTimestamp'] ?? new Date().toISOString().replace(/\.\d+/, ''),
          generation: (typeof generation === 'number' ? generation : 1) + (specChanged ? 1 : 0),
          resourceVersion: String(version),
        },
      };
      objects.set(keyOf(ref), { ref, object: after });
      notify(ref, before, after);
      return after;
    },
    drop: (ref) => {
      const before = objects.get(keyOf(ref))?.object;
      if (before === undefined) return;
      version += 1;
      objects.delete(keyOf(ref));
      notify(ref, { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } }, undefined);
    },
    clear: () => objects.clear(),
    watch: (watcher) => {
      watchers.add(watcher);
      listTo(watcher);
      return () => watchers.delete(watcher);
    },
    tell: (event, gvk) => {
      for (const w of watchers)
        if (gvk === undefined || (w.gvk.group === gvk.group && w.gvk.kind === gvk.kind)) w.options.onEvent(event);
    },
    relist: () => {
      for (const watcher of watchers) listTo(watcher);
    },
  };
}

/** Whether labels match a selector of `key`, `!key`, `key=value` and `key!=value` terms. */
export function selected(
  object: JsonObject,
  options: { readonly labelSelector?: string | undefined; readonly fieldSelector?: string | undefined },
): boolean {
  const labels = (options.labelSelector ?? '').split(',').filter((term) => term !== '');
  const fields = (options.fieldSelector ?? '').split(',').filter((term) => term !== '');
  return (
    labels.every((term) => matches(term, (key) => textAt(object, 'metadata', 'labels', key))) &&
    fields.every((term) => matches(term, (key) => textAt(object, ...key.split('.'))))
  );
}

function matches(term: string, value: (key: string) => string | undefined): boolean {
  const m = /^(!?)([^!=]+?)(?:(!?=)=?(.*))?$/.exec(term);
  const [, not = '', key = '', operator, wanted] = m ?? [];
  const found = value(key);
  if (operator === undefined) return (found !== undefined) === (not === '');
  return operator === '=' ? found === wanted : found !== wanted;
}

/** An object as an answer shows it: in the version that was asked for, whole or by metadata. */
export function shown(object: KubeObject, gvk: Gvk, metadataOnly: boolean): KubeObject {
  const head = { apiVersion: apiVersionOf(gvk), kind: gvk.kind, metadata: object.metadata };
  return structuredClone(metadataOnly ? head : { ...object, ...head });
}

/** True while finalizers hold a deleted object. */
export function isHeld(object: KubeObject): boolean {
  return listAt(object, 'metadata', 'finalizers').length > 0;
}
