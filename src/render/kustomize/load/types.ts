import type { Selector } from '../resource/resmap.ts';
import { ANY, BOOL, INT, listOf, nullableListOf, STRING, STRING_MAP, STRINGS, struct } from './struct.ts';

/** Where a transformer works: a path in objects of some kinds. */
export interface FieldSpec {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly path?: string;
  readonly create?: boolean;
}

export interface GeneratorOptions {
  readonly labels?: ReadonlyMap<string, string>;
  readonly annotations?: ReadonlyMap<string, string>;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}

/** One entry of configMapGenerator or secretGenerator. */
export interface GeneratorArgs {
  readonly name?: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
  readonly envs?: readonly string[];
  readonly env?: string;
  readonly type?: string;
  readonly options?: GeneratorOptions;
}

export interface Patch {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: Selector;
  readonly options?: { readonly allowNameChange?: boolean; readonly allowKindChange?: boolean };
}

export interface Image {
  readonly name?: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly tagSuffix?: string;
  readonly digest?: string;
}

export interface Label {
  readonly pairs?: ReadonlyMap<string, string>;
  readonly includeSelectors?: boolean;
  readonly includeTemplates?: boolean;
  readonly fields?: readonly FieldSpec[];
}

export interface FieldOptions {
  readonly delimiter?: string;
  readonly index?: number;
  readonly create?: boolean;
}

export interface Replacement {
  readonly path?: string;
  readonly source?: Omit<Selector, 'labelSelector' | 'annotationSelector'> & {
    readonly fieldPath?: string;
    readonly options?: FieldOptions;
  };
  readonly sourceValue?: string;
  readonly targets?: readonly {
    readonly select?: Selector;
    readonly reject?: readonly (Selector | null)[];
    readonly fieldPaths?: readonly string[];
    readonly options?: FieldOptions;
  }[];
}

export interface Var {
  readonly name?: string;
  readonly objref?: Selector & { readonly apiVersion?: string };
  readonly fieldref?: { readonly fieldPath?: string };
}

export interface SortOptions {
  readonly order?: string;
  readonly legacySortOptions?: { readonly orderFirst?: readonly string[]; readonly orderLast?: readonly string[] };
}

/** A kustomization file (types.Kustomization). Absent and null fields are left out. */
export interface Kustomization {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: unknown;
  readonly openapi?: ReadonlyMap<string, string>;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly namespace?: string;
  readonly commonLabels?: ReadonlyMap<string, string>;
  readonly labels?: readonly Label[];
  readonly commonAnnotations?: ReadonlyMap<string, string>;
  readonly patchesStrategicMerge?: readonly string[];
  readonly patchesJson6902?: readonly Patch[];
  readonly patches?: readonly Patch[];
  readonly images?: readonly Image[];
  readonly imageTags?: readonly Image[];
  readonly replacements?: readonly Replacement[];
  readonly replicas?: readonly { readonly name?: string; readonly count?: number | bigint }[];
  readonly vars?: readonly Var[];
  readonly sortOptions?: SortOptions;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly crds?: readonly string[];
  readonly bases?: readonly string[];
  readonly configMapGenerator?: readonly GeneratorArgs[];
  readonly secretGenerator?: readonly GeneratorArgs[];
  readonly helmGlobals?: unknown;
  readonly helmCharts?: readonly unknown[];
  readonly helmChartInflationGenerator?: readonly unknown[];
  readonly generatorOptions?: GeneratorOptions;
  readonly configurations?: readonly string[];
  readonly generators?: readonly string[];
  readonly transformers?: readonly string[];
  readonly validators?: readonly string[];
  readonly buildMetadata?: readonly string[];
}

const GVK_NAMES = ['group', 'version', 'kind'];
const ID_NAMES = [...GVK_NAMES, 'name', 'namespace'];
const GVK_FIELDS = { group: STRING, version: STRING, kind: STRING };
const ID_FIELDS = { ...GVK_FIELDS, name: STRING, namespace: STRING };
export const OBJECT_META = struct('ObjectMeta', {
  name: STRING,
  namespace: STRING,
  labels: STRING_MAP,
  annotations: STRING_MAP,
});
export const SELECTOR = struct(
  'Selector',
  { ...ID_FIELDS, annotationSelector: STRING, labelSelector: STRING },
  ID_NAMES,
);
export const FIELD_SPEC = struct('FieldSpec', { ...GVK_FIELDS, path: STRING, create: BOOL }, GVK_NAMES);
const GENERATOR_OPTIONS = struct('GeneratorOptions', {
  labels: STRING_MAP,
  annotations: STRING_MAP,
  disableNameSuffixHash: BOOL,
  immutable: BOOL,
});
export const GENERATOR_FIELDS = {
  name: STRING,
  namespace: STRING,
  behavior: STRING,
  literals: STRINGS,
  files: STRINGS,
  envs: STRINGS,
  env: STRING,
  options: GENERATOR_OPTIONS,
};
export const PATCH_FIELDS = {
  path: STRING,
  patch: STRING,
  target: SELECTOR,
  options: struct('PatchArgs', { allowNameChange: BOOL, allowKindChange: BOOL }),
};
export const IMAGE = struct('Image', {
  name: STRING,
  newName: STRING,
  tagSuffix: STRING,
  newTag: STRING,
  digest: STRING,
});
const FIELD_OPTIONS = struct('FieldOptions', { delimiter: STRING, index: INT, encoding: STRING, create: BOOL });
export const REPLACEMENT = struct(
  'ReplacementField',
  {
    path: STRING,
    source: struct('SourceSelector', { ...ID_FIELDS, fieldPath: STRING, options: FIELD_OPTIONS }, ID_NAMES),
    sourceValue: STRING,
    targets: listOf(
      struct('TargetSelector', {
        select: SELECTOR,
        reject: nullableListOf(SELECTOR),
        fieldPaths: STRINGS,
        options: FIELD_OPTIONS,
      }),
    ),
  },
  ['source', 'sourceValue', 'targets'],
);
export const REPLICA = struct('Replica', { name: STRING, count: INT });
const VAR = struct('Var', {
  name: STRING,
  objref: struct('Target', { apiVersion: STRING, ...ID_FIELDS }, GVK_NAMES),
  fieldref: struct('FieldSelector', { fieldPath: STRING }),
});
const HELM_CHART = struct('HelmChart', {
  name: STRING,
  version: STRING,
  repo: STRING,
  releaseName: STRING,
  namespace: STRING,
  additionalValuesFiles: STRINGS,
  valuesFile: STRING,
  valuesInline: ANY,
  valuesMerge: STRING,
  includeCRDs: BOOL,
  skipHooks: BOOL,
  apiVersions: STRINGS,
  kubeVersion: STRING,
  nameTemplate: STRING,
  skipTests: BOOL,
  debug: BOOL,
  devel: BOOL,
});
const HELM_ARGS = struct('HelmChartArgs', {
  chartName: STRING,
  chartVersion: STRING,
  chartRepoUrl: STRING,
  chartHome: STRING,
  chartRepoName: STRING,
  helmBin: STRING,
  helmHome: STRING,
  values: STRING,
  valuesLocal: ANY,
  valuesMerge: STRING,
  releaseName: STRING,
  releaseNamespace: STRING,
  extraArgs: STRINGS,
});

/** The shape of a kustomization file. */
export const KUSTOMIZATION = struct(
  'Kustomization',
  {
    apiVersion: STRING,
    kind: STRING,
    metadata: OBJECT_META,
    openapi: STRING_MAP,
    namePrefix: STRING,
    nameSuffix: STRING,
    namespace: STRING,
    commonLabels: STRING_MAP,
    labels: listOf(
      struct('Label', {
        pairs: STRING_MAP,
        includeSelectors: BOOL,
        includeTemplates: BOOL,
        fields: listOf(FIELD_SPEC),
      }),
    ),
    commonAnnotations: STRING_MAP,
    patchesStrategicMerge: STRINGS,
    patchesJson6902: listOf(struct('Patch', PATCH_FIELDS)),
    patches: listOf(struct('Patch', PATCH_FIELDS)),
    images: listOf(IMAGE),
    imageTags: listOf(IMAGE),
    replacements: listOf(REPLACEMENT),
    replicas: listOf(REPLICA),
    vars: listOf(VAR),
    sortOptions: struct('SortOptions', {
      order: STRING,
      legacySortOptions: struct('LegacySortOptions', { orderFirst: STRINGS, orderLast: STRINGS }),
    }),
    resources: STRINGS,
    components: STRINGS,
    crds: STRINGS,
    bases: STRINGS,
    configMapGenerator: listOf(struct('ConfigMapArgs', GENERATOR_FIELDS, Object.keys(GENERATOR_FIELDS))),
    secretGenerator: listOf(struct('SecretArgs', { ...GENERATOR_FIELDS, type: STRING }, Object.keys(GENERATOR_FIELDS))),
    helmGlobals: struct('HelmGlobals', { chartHome: STRING, configHome: STRING }),
    helmCharts: listOf(HELM_CHART),
    helmChartInflationGenerator: listOf(HELM_ARGS),
    generatorOptions: GENERATOR_OPTIONS,
    configurations: STRINGS,
    generators: STRINGS,
    transformers: STRINGS,
    validators: STRINGS,
    buildMetadata: STRINGS,
  },
  ['apiVersion', 'kind'],
);
