import { byCodeUnit, type Json } from '../../../model/index.ts';
import { fail, withPrefix } from '../errors.ts';
import { type Gvk, gvkSortText, isSelected, kindRanks } from '../resource/ident.ts';
import { DEFAULT_FIELD_SPECS } from '../schema/builtin.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import { type Loader, loadText } from './loader.ts';
import { decodeStruct, listOf, type Shape, STRING, struct, wholeFloat } from './struct.ts';
import { FIELD_SPEC, type FieldSpec } from './types.ts';

/** Which paths refer to names of one kind. */
export interface NameReference {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly fieldSpecs?: readonly FieldSpec[];
}

/** Field specs of all transformers (builtinconfig.TransformerConfig). */
export interface TransformerConfig {
  readonly namePrefix?: readonly FieldSpec[];
  readonly nameSuffix?: readonly FieldSpec[];
  readonly namespace?: readonly FieldSpec[];
  readonly commonLabels?: readonly FieldSpec[];
  readonly labels?: readonly FieldSpec[];
  readonly templateLabels?: readonly FieldSpec[];
  readonly commonAnnotations?: readonly FieldSpec[];
  readonly varReference?: readonly FieldSpec[];
  readonly images?: readonly FieldSpec[];
  readonly replicas?: readonly FieldSpec[];
  readonly nameReference?: readonly NameReference[];
}

type SpecList = Exclude<keyof TransformerConfig, 'nameReference'>;

/** The lists of plain field specs, in the order in which kustomize merges them, with the names its messages give them. */
const LISTS: readonly (readonly [SpecList, string])[] = [
  ['namePrefix', 'NamePrefix'],
  ['nameSuffix', 'NameSuffix'],
  ['namespace', 'NameSpace'],
  ['commonAnnotations', 'CommonAnnotations'],
  ['commonLabels', 'CommonLabels'],
  ['labels', 'Labels'],
  ['templateLabels', 'TemplateLabels'],
  ['varReference', 'VarReference'],
  ['images', 'Images'],
  ['replicas', 'Replicas'],
];

const SPECS = listOf(FIELD_SPEC);
const CONFIG: Shape = struct('TransformerConfig', {
  ...Object.fromEntries(LISTS.map(([name]) => [name, SPECS])),
  nameReference: listOf(
    struct('NameBackReferences', { group: STRING, version: STRING, kind: STRING, fieldSpecs: SPECS }, [
      'group',
      'version',
      'kind',
    ]),
  ),
});

type PartialGvk = Partial<Gvk>;

/** The same group, version and kind; what is not there is empty. */
function sameGvk(a: PartialGvk, b: PartialGvk): boolean {
  return (
    (a.kind ?? '') === (b.kind ?? '') && (a.group ?? '') === (b.group ?? '') && (a.version ?? '') === (b.version ?? '')
  );
}

/** Adds all specs of a list, each unless it is there; the same path with another `create` is a conflict. */
export function mergeSpecs(specs: readonly FieldSpec[] = [], more: readonly FieldSpec[] = []): readonly FieldSpec[] {
  const out = [...specs];
  for (const spec of more) {
    const path = spec.path ?? '';
    const old = out.find((one) => (one.path ?? '') === path && isSelected(one, spec));
    if (old === undefined) out.push(spec);
    else if ((old.create ?? false) !== (spec.create ?? false)) fail('conflicting fieldspecs');
  }
  return out;
}

const RANKS = kindRanks();

/** Sorted by kind as kustomize sorts them; what is equal stays in its order. */
function sortByGvk<T extends PartialGvk>(list: readonly T[]): readonly T[] {
  const keyed = list.map((one) => ({ one, rank: RANKS.get(one.kind ?? '') ?? 0, text: gvkSortText(one) }));
  return keyed.sort((a, b) => a.rank - b.rank || byCodeUnit(a.text, b.text)).map(({ one }) => one);
}

function mergeReferences(a: readonly NameReference[] = [], b: readonly NameReference[] = []): readonly NameReference[] {
  const out = [...a];
  for (const reference of b) {
    let found = false;
    out.forEach((old, i) => {
      if (!sameGvk(old, reference)) return;
      out[i] = { ...old, fieldSpecs: mergeSpecs(old.fieldSpecs, reference.fieldSpecs) };
      found = true;
    });
    if (!found) out.push(reference);
  }
  return out;
}

/** One configuration over another, sorted as kustomize sorts them. */
export function mergeConfig(a: TransformerConfig, b: TransformerConfig): TransformerConfig {
  if (a === b || b === NO_CONFIG) return a;
  if (a === NO_CONFIG && b === DEFAULT_CONFIG) return b;
  const out: Partial<Record<SpecList, readonly FieldSpec[]>> = {};
  for (const [name, label] of LISTS) {
    const merged = withPrefix(
      () => `failed to merge ${label} fieldSpec`,
      () => mergeSpecs(a[name], b[name]),
    );
    out[name] = sortByGvk(merged);
  }
  const references = withPrefix(
    () => 'failed to merge NameReference fieldSpec',
    () => mergeReferences(a.nameReference, b.nameReference),
  );
  return { ...out, nameReference: sortByGvk(references) };
}

/** No specs at all. */
export const NO_CONFIG: TransformerConfig = {};

/** The specs that kustomize builds in; the file has them sorted. */
export const DEFAULT_CONFIG = DEFAULT_FIELD_SPECS as TransformerConfig;

/** Reads a configuration from JSON; unknown fields are errors. */
function readConfig(json: Json): TransformerConfig {
  return withPrefix(
    () => 'error unmarshaling JSON: while decoding JSON',
    () => decodeStruct(json, CONFIG, { strict: true, coerce: true }) as TransformerConfig,
  );
}

/** The default configuration with the files of `configurations` merged into it. */
export function loadConfig(loader: Loader, paths: readonly string[] = []): TransformerConfig {
  if (paths.length === 0) return DEFAULT_CONFIG;
  let own: TransformerConfig = {};
  for (const path of paths) {
    const text = loadText(loader, path);
    own = mergeConfig(
      own,
      mergeConfig({}, readConfig(yamlToJson(text, loader.build.limits, { uniqueKeys: true, wholeFloat }))),
    );
  }
  return mergeConfig(DEFAULT_CONFIG, own);
}
