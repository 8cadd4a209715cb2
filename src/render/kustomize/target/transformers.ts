import type { Json } from '../../../model/index.ts';
import { BuildError, withPrefix } from '../errors.ts';
import { mergeSpecs, type TransformerConfig } from '../load/config.ts';
import type { Loader } from '../load/loader.ts';
import type { FieldSpec, Kustomization, Label } from '../load/types.ts';
import type { ResMap } from '../resource/resmap.ts';
import { imageTransformer } from '../transform/images.ts';
import { mapTransformer } from '../transform/labels.ts';
import { namespaceTransformer } from '../transform/namespace.ts';
import { json6902Transformer, patchTransformer, strategicMergeTransformer } from '../transform/patch.ts';
import { prefixTransformer, suffixTransformer } from '../transform/prefix-suffix.ts';
import { replacementTransformer } from '../transform/replacement.ts';
import { replicaTransformer } from '../transform/replicas.ts';
import { emitYaml } from '../yaml/emit.ts';
import { loadReplacements } from './replacements.ts';

/** What one transformer is made from. */
export interface Context {
  readonly kustomization: Kustomization;
  readonly config: TransformerConfig;
  readonly loader: Loader;
}

type Run = (map: ResMap) => void;
type Maker = (context: Context) => readonly Run[];

/** Runs what configures a transformer; a failure shows what it was configured with. */
function configured<T>(kind: string, config: unknown, make: () => T): T {
  return withPrefix(() => `trouble configuring builtin ${kind} with config: \`\n${plain(config)}\``, make);
}

function plain(config: unknown): string {
  const value = (input: unknown): Json => {
    if (input instanceof Map) return Object.fromEntries([...input].map(([k, v]) => [String(k), value(v)]));
    if (Array.isArray(input)) return input.map(value);
    if (typeof input !== 'object' || input === null) return input as Json;
    return Object.fromEntries(
      Object.entries(input)
        .filter(([, v]) => v !== undefined && v !== '')
        .map(([k, v]) => [k, value(v)]),
    );
  };
  try {
    return emitYaml(value(config));
  } catch (error) {
    if (error instanceof BuildError) return '';
    throw error;
  }
}

/**
 * Every transformer that a field of a kustomization configures, in the order in which kustomize runs them. To add one:
 * write it in `transform/`, and add its row where it belongs.
 */
export const TRANSFORMERS: readonly (readonly [name: string, make: Maker])[] = [
  ['PatchStrategicMergeTransformer', strategicMerges],
  ['PatchTransformer', patches],
  ['NamespaceTransformer', namespace],
  ['PrefixTransformer', prefix],
  ['SuffixTransformer', suffix],
  ['LabelTransformer', labels],
  ['AnnotationsTransformer', annotations],
  ['PatchJson6902Transformer', json6902],
  ['ReplicaCountTransformer', replicas],
  ['ImageTagTransformer', images],
  ['ReplacementTransformer', replacements],
];

function strategicMerges({ kustomization, loader }: Context): readonly Run[] {
  const paths = kustomization.patchesStrategicMerge ?? [];
  if (paths.length === 0) return [];
  return [configured('PatchStrategicMergeTransformer', { paths }, () => strategicMergeTransformer(paths, '', loader))];
}

function patches({ kustomization, loader }: Context): readonly Run[] {
  return (kustomization.patches ?? []).map((patch) =>
    configured('PatchTransformer', patch, () => patchTransformer(patch, loader)),
  );
}

function namespace({ kustomization, config }: Context): readonly Run[] {
  const name = kustomization.namespace ?? '';
  if (name === '') return [];
  return [
    namespaceTransformer({ namespace: name, specs: config.namespace ?? [], unsetOnly: false, subjects: 'defaultOnly' }),
  ];
}

function prefix({ kustomization, config }: Context): readonly Run[] {
  const text = kustomization.namePrefix ?? '';
  return text === '' ? [] : [prefixTransformer(text, config.namePrefix ?? [])];
}

function suffix({ kustomization, config }: Context): readonly Run[] {
  const text = kustomization.nameSuffix ?? '';
  return text === '' ? [] : [suffixTransformer(text, config.nameSuffix ?? [])];
}

/** The paths that an entry of `labels` reaches. */
function labelSpecs(label: Label, config: TransformerConfig): readonly FieldSpec[] {
  return withPrefix(
    () => 'failed to merge labels',
    () => {
      const specs = mergeSpecs(label.fields, config.labels);
      if (label.includeSelectors === true) return mergeSpecs(specs, config.commonLabels);
      const more = label.includeTemplates === true ? mergeTemplates(specs, config) : specs;
      return mergeSpecs(more, [{ path: 'metadata/labels', create: true }]);
    },
  );
}

function mergeTemplates(specs: readonly FieldSpec[], config: TransformerConfig): readonly FieldSpec[] {
  return withPrefix(
    () => 'failed to merge template fieldSpec',
    () => mergeSpecs(specs, config.templateLabels),
  );
}

function labels({ kustomization, config }: Context): readonly Run[] {
  const runs = (kustomization.labels ?? []).map((label) =>
    mapTransformer(label.pairs ?? new Map(), labelSpecs(label, config)),
  );
  const common = kustomization.commonLabels ?? new Map<string, string>();
  if (runs.length === 0 && common.size === 0) return [];
  return [...runs, mapTransformer(common, config.commonLabels ?? [])];
}

function annotations({ kustomization, config }: Context): readonly Run[] {
  const values = kustomization.commonAnnotations ?? new Map<string, string>();
  return values.size === 0 ? [] : [mapTransformer(values, config.commonAnnotations ?? [])];
}

function json6902({ kustomization, loader }: Context): readonly Run[] {
  return (kustomization.patchesJson6902 ?? []).map(({ target, path, patch }) => {
    const own = {
      ...(target === undefined ? {} : { target }),
      ...(path === undefined ? {} : { path }),
      ...(patch === undefined ? {} : { jsonOp: patch }),
    };
    return configured('PatchJson6902Transformer', own, () => json6902Transformer(own, loader));
  });
}

function replicas({ kustomization, config }: Context): readonly Run[] {
  return (kustomization.replicas ?? []).map(({ name, count }) =>
    replicaTransformer(name ?? '', count ?? 0, config.replicas ?? []),
  );
}

function images({ kustomization, config }: Context): readonly Run[] {
  return (kustomization.images ?? []).map((image) => imageTransformer(image, config.images ?? []));
}

function replacements({ kustomization, loader }: Context): readonly Run[] {
  const list = kustomization.replacements ?? [];
  if (list.length === 0) return [];
  return [
    configured('ReplacementTransformer', { replacements: list }, () =>
      replacementTransformer(loadReplacements(list, loader)),
    ),
  ];
}
