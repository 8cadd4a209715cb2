import {
  Fault,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  listAt,
  textAt,
} from '../../../src/model/index.ts';
import { fromFields, leavesOf, sameJson, toFields, withLeaf, withoutLeaf } from './fields.ts';

/** One writer of an object. */
export interface Writer {
  readonly manager: string;
  readonly subresource?: string | undefined;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly subresource: string;
  readonly apiVersion: string;
  time: string;
  paths: Set<string>;
}

function entriesOf(object: JsonObject): Entry[] {
  return listAt(object, 'metadata', 'managedFields').flatMap((entry) => {
    if (!isObject(entry) || textAt(entry, 'manager') === undefined) return [];
    return [
      {
        manager: textAt(entry, 'manager') ?? '',
        operation: textAt(entry, 'operation') ?? '',
        subresource: textAt(entry, 'subresource') ?? '',
        apiVersion: textAt(entry, 'apiVersion') ?? '',
        time: textAt(entry, 'time') ?? '',
        paths: fromFields(entry['fieldsV1']),
      },
    ];
  });
}

function withEntries(object: KubeObject, entries: readonly Entry[]): KubeObject {
  const managedFields: Json = entries
    .filter((entry) => entry.paths.size > 0)
    .map((entry) => ({
      manager: entry.manager,
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      time: entry.time,
      fieldsType: 'FieldsV1',
      fieldsV1: toFields(entry.paths),
      ...(entry.subresource === '' ? {} : { subresource: entry.subresource }),
    }));
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** Server-side apply: ours are the desired fields; what we owned and want no more goes unless others own it. */
export function applyFields(live: KubeObject, desired: KubeObject, writer: Writer, force: boolean): KubeObject {
  const entries = entriesOf(live);
  const wanted = leavesOf(desired);
  const isOurs = (e: Entry): boolean => e.manager === writer.manager && e.operation === 'Apply' && e.subresource === '';
  const before = entries.find(isOurs);
  const liveLeaves = leavesOf(live);
  const lost = conflicts(
    entries.filter((e) => !isOurs(e)),
    wanted,
    liveLeaves,
  );
  if (lost.length > 0 && !force) throw conflictFault(lost);
  for (const { entry, path } of lost) entry.paths.delete(path);

  let next: JsonObject = live;
  for (const path of before?.paths ?? []) {
    const held = entries.some((e) => e !== before && e.paths.has(path));
    if (!wanted.has(path) && !held) next = withoutLeaf(next, JSON.parse(path) as string[]);
  }
  for (const [path, value] of wanted) next = withLeaf(next, JSON.parse(path) as string[], value);

  const paths = new Set(wanted.keys());
  const same = sameJson(next, live) && before !== undefined && sameJson(toFields(before.paths), toFields(paths));
  const ours: Entry = {
    manager: writer.manager,
    operation: 'Apply',
    subresource: '',
    apiVersion: desired.apiVersion,
    time: same ? before.time : writer.time,
    paths,
  };
  return withEntries(next as KubeObject, [...entries.filter((e) => e !== before), ours]);
}

interface Lost {
  readonly entry: Entry;
  readonly path: string;
}

function conflicts(
  others: readonly Entry[],
  wanted: ReadonlyMap<string, Json>,
  live: ReadonlyMap<string, Json>,
): Lost[] {
  return others.flatMap((entry) =>
    [...entry.paths]
      .filter((path) => wanted.has(path) && !sameJson(wanted.get(path), live.get(path)))
      .map((path) => ({ entry, path })),
  );
}

function conflictFault(lost: readonly Lost[]): Fault {
  const names = lost.map(({ entry, path }) => `"${entry.manager}": .${(JSON.parse(path) as string[]).join('.')}`);
  return new Fault('apply-conflict', `Apply failed with ${lost.length} conflict: conflict with ${names.join(', ')}`, {
    cause: { kind: 'Status', code: 409, reason: 'Conflict' },
  });
}

/** Any other write: what it changed becomes the writer's, what it removed is nobody's. */
export function updateFields(live: KubeObject | undefined, next: KubeObject, writer: Writer): KubeObject {
  const part = writer.subresource === 'status' ? 'status' : 'main';
  const before = live === undefined ? new Map<string, Json>() : leavesOf(live, part);
  const after = leavesOf(next, part);
  const changed = [...after].filter(([path, value]) => !sameJson(before.get(path), value)).map(([path]) => path);
  const gone = [...before.keys()].filter((path) => !after.has(path));
  const entries = entriesOf(next);
  for (const entry of entries) for (const path of [...changed, ...gone]) entry.paths.delete(path);
  if (changed.length === 0) return withEntries(next, entries);
  const subresource = writer.subresource ?? '';
  const own = entries.find(
    (e) => e.manager === writer.manager && e.operation === 'Update' && e.subresource === subresource,
  );
  if (own === undefined)
    entries.push({
      manager: writer.manager,
      operation: 'Update',
      subresource,
      apiVersion: next.apiVersion,
      time: writer.time,
      paths: new Set(changed),
    });
  else {
    own.time = writer.time;
    for (const path of changed) own.paths.add(path);
  }
  return withEntries(next, entries);
}
