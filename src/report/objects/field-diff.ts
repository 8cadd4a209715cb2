import { byCodeUnit, isObject, type Json, type JsonObject, type KubeObject, toJson } from '../../model/index.ts';
import type { Paint } from '../text.ts';

/** A place where two objects differ; undefined where one has nothing there. */
export interface FieldChange {
  /** Names of fields and places in lists, from the object down. */
  readonly path: readonly string[];
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** What an operator compares: labels, annotations, and all but metadata and status. */
function comparable(object: KubeObject): JsonObject {
  const { labels, annotations } = object.metadata;
  const rest = Object.entries(object).filter(([key]) => key !== 'metadata' && key !== 'status');
  const metadata = {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { metadata, ...Object.fromEntries(rest) };
}

/** Where two states of an object differ, in the order of names. Values of a Secret are never among them. */
export function fieldChanges(before: KubeObject, after: KubeObject): readonly FieldChange[] {
  const [a, b] = before.kind === 'Secret' ? masked(before, after) : [before, after];
  const changes: FieldChange[] = [];
  compare([], comparable(a), comparable(b), changes);
  return changes;
}

function compare(
  path: readonly string[],
  before: Json | undefined,
  after: Json | undefined,
  into: FieldChange[],
): void {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(byCodeUnit);
    for (const key of keys) compare([...path, key], own(before, key), own(after, key), into);
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (const [place, a, b] of paired(before as readonly Json[], after as readonly Json[]))
      compare([...path, place], a, b, into);
  } else if (!equal(before, after)) into.push({ path, before, after });
}

const own = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

function equal(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && toJson(a) === toJson(b));
}

/** Items by their names where all have one, else by their places. */
function paired(
  before: readonly Json[],
  after: readonly Json[],
): readonly (readonly [string, Json | undefined, Json | undefined])[] {
  const [a, b] = [named(before), named(after)];
  if (a !== undefined && b !== undefined)
    return [...new Set([...a.keys(), ...b.keys()])].map((name) => [name, a.get(name), b.get(name)]);
  return Array.from({ length: Math.max(before.length, after.length) }, (_, i) => [String(i), before[i], after[i]]);
}

function named(items: readonly Json[]): ReadonlyMap<string, Json> | undefined {
  const found = new Map<string, Json>();
  for (const item of items) {
    const name = isObject(item) ? item['name'] : undefined;
    if (typeof name !== 'string' || found.has(name)) return undefined;
    found.set(name, item);
  }
  return found;
}

const HIDDEN = '*****';
const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Two states of a Secret in which only whether a value changed can be seen. */
function masked(before: KubeObject, after: KubeObject): readonly [KubeObject, KubeObject] {
  let [a, b]: [KubeObject, KubeObject] = [before, after];
  for (const where of ['data', 'stringData']) {
    const [x, y] = [a[where], b[where]];
    const hide = (one: Json | undefined, other: Json | undefined, state: string): JsonObject =>
      Object.fromEntries(
        Object.entries(isObject(one) ? one : {}).map(([key, value]) => {
          const same = isObject(other) && equal(value, own(other, key));
          return [key, same ? HIDDEN : `${HIDDEN} (${state})`];
        }),
      );
    if (x !== undefined) a = { ...a, [where]: hide(x, y, 'before') };
    if (y !== undefined) b = { ...b, [where]: hide(y, x, 'after') };
  }
  return [withoutApplied(a), withoutApplied(b)];
}

/** kubectl keeps all that it applied in an annotation. */
function withoutApplied(object: KubeObject): KubeObject {
  const annotations = object.metadata['annotations'];
  if (!isObject(annotations) || !Object.hasOwn(annotations, APPLIED)) return object;
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [APPLIED]: HIDDEN } } };
}

/** `spec.template.metadata.labels[app.kubernetes.io/name]`. */
export function pathText(path: readonly string[]): string {
  return path.map((step, i) => (/^[\w-]+$/.test(step) ? `${i === 0 ? '' : '.'}${step}` : `[${step}]`)).join('');
}

/** Changes for a person; `yaml` writes what is not one word. */
export function changesText(changes: readonly FieldChange[], paint: Paint, yaml: (value: Json) => string): string {
  return changes
    .map(({ path, before, after }) => {
      const [a, b] = bothLines(before, after, yaml);
      const { same, end } = before === undefined || after === undefined ? { same: 0, end: 0 } : common(a, b);
      const around = [
        ...kept(a.slice(Math.max(0, same - CONTEXT), same), same > CONTEXT, 'before'),
        ...a.slice(same, a.length - end).map((line) => paint(`    - ${line}`, 'bad')),
        ...b.slice(same, b.length - end).map((line) => paint(`    + ${line}`, 'good')),
        ...kept(a.slice(a.length - end, a.length - end + CONTEXT), end > CONTEXT, 'after'),
      ];
      return `  ${paint(pathText(path), 'bold')}\n${around.join('\n')}\n`;
    })
    .join('');
}

/** Texts that differ in what cannot be seen, such as the end of the last line, are shown in quotes. */
function bothLines(
  before: Json | undefined,
  after: Json | undefined,
  yaml: (value: Json) => string,
): readonly [readonly string[], readonly string[]] {
  const [a, b] = [linesOf(before, yaml), linesOf(after, yaml)];
  const alike = before !== undefined && after !== undefined && a.join('\n') === b.join('\n');
  return alike ? [[readable(toJson(before))], [readable(toJson(after))]] : [a, b];
}

/** Equal lines that are shown around those that differ. */
const CONTEXT = 2;

function kept(lines: readonly string[], more: boolean, side: 'before' | 'after'): readonly string[] {
  const shown = lines.map((line) => `      ${line}`);
  if (!more) return shown;
  return side === 'before' ? ['      …', ...shown] : [...shown, '      …'];
}

/** How many lines are equal at the begin and at the end. */
function common(a: readonly string[], b: readonly string[]): { readonly same: number; readonly end: number } {
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same < most && a[same] === b[same]) same++;
  let end = 0;
  while (end < most - same && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return { same, end };
}

function linesOf(value: Json | undefined, yaml: (value: Json) => string): readonly string[] {
  if (value === undefined) return [];
  const text = typeof value === 'string' ? wordText(value) : isWord(value) ? String(value) : yaml(value);
  return text.replace(/\n$/, '').split('\n').map(readable);
}

const isWord = (value: Json): boolean => typeof value !== 'object' || value === null;

/** A text as it is, in quotes where it would read as something else. */
function wordText(value: string): string {
  const odd = /^(?:|true|false|null|[-+.\d]+|\s.*|.*[^\S\n])$/.test(value);
  return odd ? JSON.stringify(value) : value;
}

/** What the API server says must not steer a terminal. */
const readable = (line: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  line.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd');
