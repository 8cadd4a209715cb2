import { hash } from 'node:crypto';
import {
  byCodeUnit,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  listAt,
  type ObjectMeta,
  type SeenObject,
  textAt,
  toJson,
} from '../model/index.ts';
import { uniteFields } from './fields.ts';
import { FIELD_MANAGER } from './ports.ts';

const PREFIX = 'kustomize.toolkit.fluxcd.io/';

/** Removed from every applied object, as Flux does (kustomize-controller, cleanup options of an apply). */
const REMOVED_ANNOTATIONS = [
  'kubectl.kubernetes.io/last-applied-configuration',
  `${PREFIX}checksum`,
  'fluxcd.io/sync-checksum',
];
const REMOVED_LABELS = ['fluxcd.io/sync-gc-mark'];

/** Managers whose fields Flux makes its own, by the beginning of their names, and the operations this holds for. */
const TAKEN_OVER: readonly { readonly prefix: string; readonly operations: readonly string[] }[] = [
  { prefix: 'kubectl', operations: ['Apply', 'Update'] },
  { prefix: 'before-first-apply', operations: ['Update'] },
  { prefix: FIELD_MANAGER, operations: ['Update'] },
];

function entriesOf(meta: JsonObject): readonly JsonObject[] {
  return listAt(meta, 'managedFields').filter(isObject);
}

function isOurs(entry: JsonObject): boolean {
  return entry['manager'] === FIELD_MANAGER && entry['operation'] === 'Apply' && !hasSubresource(entry);
}

function hasSubresource(entry: JsonObject): boolean {
  return (textAt(entry, 'subresource') ?? '') !== '';
}

function isTakenOver(entry: JsonObject): boolean {
  const manager = textAt(entry, 'manager') ?? '';
  const operation = textAt(entry, 'operation') ?? '';
  return (
    !hasSubresource(entry) &&
    TAKEN_OVER.some((rule) => manager.startsWith(rule.prefix) && rule.operations.includes(operation))
  );
}

/**
 * A short digest of our managedFields entry, its fields and its time: it changes when anyone changes or removes a field
 * of ours. '' when there is no such entry.
 */
export function markOf(meta: JsonObject): string {
  const ours = entriesOf(meta).filter(isOurs);
  if (ours.length === 0) return '';
  const text = ours.map((entry) => `${textAt(entry, 'time') ?? ''} ${toJson(entry['fieldsV1'] ?? null)}`).join('\n');
  const mark = hash('sha256', text, 'base64url').slice(0, 22);
  // A copy: a slice would keep the whole of which it is a part.
  return Buffer.from(mark, 'latin1').toString('latin1');
}

/** What nearly all objects say, once for all of them: it is remembered of every one. */
const USUAL: SeenObject['settings'] = { reconcile: true, prune: true, ignore: false, force: false };
const NOBODY: readonly string[] = [];

/** Metadata of a live object, reduced to what decides about drift and pruning. */
export function seenOf(meta: ObjectMeta): SeenObject {
  const entries = entriesOf(meta);
  const name = textAt(meta, 'labels', `${PREFIX}name`) ?? '';
  const namespace = textAt(meta, 'labels', `${PREFIX}namespace`) ?? '';
  return {
    uid: textAt(meta, 'uid') ?? '',
    resourceVersion: textAt(meta, 'resourceVersion') ?? '',
    mark: markOf(meta),
    takeover: asks(meta, 'ssa', 'merge') ? NOBODY : managersOf(entries.filter(isTakenOver)),
    lastOther: lastOther(entries),
    owner: name === '' ? '' : `${namespace}/${name}`,
    deleting: (textAt(meta, 'deletionTimestamp') ?? '') !== '',
    settings: settingsOf(meta),
  };
}

function settingsOf(meta: JsonObject): SeenObject['settings'] {
  const settings = {
    reconcile: !asks(meta, 'reconcile', 'disabled'),
    prune: !asks(meta, 'prune', 'disabled'),
    ignore: asks(meta, 'ssa', 'ignore'),
    force: asks(meta, 'force', 'enabled'),
  };
  return settings.reconcile && settings.prune && !settings.ignore && !settings.force ? USUAL : settings;
}

/** True when an annotation or a label of Flux has this value, in any case of letters. */
function asks(meta: JsonObject, key: string, value: string): boolean {
  const name = PREFIX + key;
  const found = [textAt(meta, 'annotations', name), textAt(meta, 'labels', name)];
  return found.some((text) => text?.toLowerCase() === value);
}

function managersOf(entries: readonly JsonObject[]): readonly string[] {
  if (entries.length === 0) return NOBODY;
  const names = new Set(entries.map((entry) => textAt(entry, 'manager') ?? ''));
  return [...names].filter((name) => name !== '').sort(byCodeUnit);
}

/** The manager of the newest entry that is not ours; of equally new ones the first by name. */
function lastOther(entries: readonly JsonObject[]): string {
  let best = { time: '', manager: '' };
  for (const entry of entries) {
    const manager = textAt(entry, 'manager') ?? '';
    // A status is not ours to correct; a scale is (autoscalers write there).
    if (manager === '' || manager === FIELD_MANAGER || entry['subresource'] === 'status') continue;
    const time = textAt(entry, 'time') ?? '';
    const newer = byCodeUnit(time, best.time);
    if (best.manager === '' || newer > 0 || (newer === 0 && byCodeUnit(manager, best.manager) < 0))
      best = { time, manager };
  }
  return best.manager;
}

/** One operation of a JSON patch (RFC 6902). */
export interface PatchStep {
  readonly op: 'test' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: Json;
}

/**
 * The patch that makes fields of kubectl and of older Flux ours, as Flux does before it compares: entries of their
 * managers are merged into our Apply entry (or the first becomes it), so that what is not desired goes with the next
 * apply. It holds for this resourceVersion only. Empty when there is nothing to take over, or the object says `ssa: Merge`,
 * where it lives. The object is a live one, with its metadata.
 */
export function takeoverPatch(object: KubeObject): readonly PatchStep[] {
  const meta = object.metadata;
  if (asks(meta, 'ssa', 'merge')) return [];
  const steps: PatchStep[] = [
    ...removals(meta, 'annotations', REMOVED_ANNOTATIONS),
    ...removals(meta, 'labels', REMOVED_LABELS),
  ];
  const entries = mergedEntries(entriesOf(meta));
  if (entries !== undefined) steps.push({ op: 'replace', path: '/metadata/managedFields', value: entries });
  const version = textAt(meta, 'resourceVersion');
  if (steps.length === 0 || version === undefined) return steps;
  return [{ op: 'test', path: '/metadata/resourceVersion', value: version }, ...steps];
}

function removals(meta: JsonObject, where: 'annotations' | 'labels', keys: readonly string[]): readonly PatchStep[] {
  return keys
    .filter((key) => textAt(meta, where, key) !== undefined)
    .map((key) => ({ op: 'remove', path: `/metadata/${where}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}` }));
}

/** The entries after the takeover; undefined when there is nothing to take over. */
function mergedEntries(entries: readonly JsonObject[]): readonly JsonObject[] | undefined {
  if (!entries.some(isTakenOver)) return undefined;
  let ours = entries.findLast(isOurs);
  const others: JsonObject[] = [];
  for (const entry of entries) {
    if (isOurs(entry)) continue;
    if (!isTakenOver(entry)) others.push(entry);
    else if (ours === undefined) ours = { ...entry, manager: FIELD_MANAGER, operation: 'Apply' };
    else ours = { ...ours, fieldsV1: uniteFields(ours['fieldsV1'], entry['fieldsV1']) };
  }
  return ours === undefined ? others : [...others, ours];
}
