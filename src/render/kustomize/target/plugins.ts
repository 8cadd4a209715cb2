import { BuildError, fail, withPrefix, wrapped } from '../errors.ts';
import { generate } from '../generate/generators.ts';
import { addHashes } from '../generate/hash.ts';
import { type Loader, loadText, shown } from '../load/loader.ts';
import {
  ANY,
  BOOL,
  decodeStruct,
  INT,
  listOf,
  type Shape,
  STRING,
  STRING_MAP,
  STRINGS,
  struct,
  wholeFloat,
} from '../load/struct.ts';
import {
  FIELD_SPEC,
  type FieldSpec,
  GENERATOR_FIELDS,
  type GeneratorArgs,
  IMAGE,
  type Image,
  OBJECT_META,
  PATCH_FIELDS,
  type Patch,
  REPLACEMENT,
  REPLICA,
  type Replacement,
  SELECTOR,
} from '../load/types.ts';
import { gvkText, idText } from '../resource/ident.ts';
import { kindOf } from '../resource/meta.ts';
import { type Origin, pluginOrigin } from '../resource/origin.ts';
import type { ResMap } from '../resource/resmap.ts';
import { curId, orgId, type Resource } from '../resource/resource.ts';
import { imageTransformer } from '../transform/images.ts';
import { mapTransformer } from '../transform/labels.ts';
import { namespaceTransformer, type SubjectMode } from '../transform/namespace.ts';
import { json6902Transformer, patchTransformer, strategicMergeTransformer } from '../transform/patch.ts';
import { prefixTransformer, suffixTransformer } from '../transform/prefix-suffix.ts';
import { replacementTransformer } from '../transform/replacement.ts';
import { replicaTransformer } from '../transform/replicas.ts';
import { type ValueAddTarget, valueAddTransformer } from '../transform/value-add.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import { iamPolicy } from './iam-policy.ts';
import { type Config, LENIENT, readConfig, textOf } from './plugin-config.ts';
import { loadReplacements } from './replacements.ts';

/** Something that changes the resources, and what `transformerAnnotations` say of it. */
export interface Step {
  readonly run: (map: ResMap) => void;
  readonly origin?: Origin;
}

/** Something that makes resources. */
export interface Source {
  readonly make: () => readonly Resource[];
  readonly origin?: Origin;
}

const SPECS = listOf(FIELD_SPEC);

/** A built-in plugin that can be configured by a resource of `apiVersion: builtin`. */
type Plugin =
  | {
      readonly shape: Shape;
      /** Its configuration is read by go-yaml v3, not through JSON. */
      readonly direct?: boolean;
      readonly transform: (c: Config, loader: Loader) => (map: ResMap) => void;
    }
  | { readonly shape: Shape; readonly generate: (c: Config, loader: Loader) => readonly Resource[] };

function specsOf(c: Config): readonly FieldSpec[] {
  return (c['fieldSpecs'] as readonly FieldSpec[] | undefined) ?? [];
}

function mapOf(c: Config, name: string): ReadonlyMap<string, string> {
  return (c[name] as ReadonlyMap<string, string> | undefined) ?? new Map();
}

function needSpecs(c: Config): readonly FieldSpec[] {
  return c['fieldSpecs'] === undefined ? fail('fieldSpecs is not expected to be nil') : specsOf(c);
}

function subjectMode(c: Config): SubjectMode {
  const mode = textOf(c, 'setRoleBindingSubjects');
  if (mode === '') return 'defaultOnly';
  if (mode === 'defaultOnly' || mode === 'none' || mode === 'allServiceAccounts') return mode;
  return fail(
    `invalid value ${JSON.stringify(mode)} for setRoleBindingSubjects: must be one of "defaultOnly", "none" or "allServiceAccounts"`,
  );
}

function generatorPlugin(kind: 'ConfigMap' | 'Secret'): Plugin {
  return {
    shape: struct(`${kind}Args`, { metadata: OBJECT_META, ...GENERATOR_FIELDS, type: STRING }, [
      ...Object.keys(GENERATOR_FIELDS),
      'type',
    ]),
    generate(c, loader) {
      const meta = (c['metadata'] ?? {}) as Config;
      const args = c as GeneratorArgs;
      const name = textOf(c, 'name') || textOf(meta, 'name');
      return [
        generate(kind, { ...args, name, namespace: textOf(c, 'namespace') || textOf(meta, 'namespace') }, loader),
      ];
    },
  };
}

const PREFIX_SUFFIX = { prefix: STRING, suffix: STRING, fieldSpecs: SPECS };

const PLUGINS: Readonly<Record<string, Plugin>> = {
  AnnotationsTransformer: {
    shape: struct('AnnotationsTransformer', { annotations: STRING_MAP, fieldSpecs: SPECS }),
    transform: (c) => mapTransformer(mapOf(c, 'annotations'), specsOf(c)),
  },
  ConfigMapGenerator: generatorPlugin('ConfigMap'),
  SecretGenerator: generatorPlugin('Secret'),
  HashTransformer: { shape: struct('HashTransformer', {}), transform: () => addHashes },
  HelmChartInflationGenerator: { shape: ANY, generate: () => fail('must specify --enable-helm') },
  IAMPolicyGenerator: {
    shape: struct(
      'IAMPolicyGenerator',
      {
        cloud: STRING,
        kubernetesService: struct('KubernetesService', { name: STRING, namespace: STRING }),
        serviceAccount: struct('ServiceAccount', { name: STRING, projectId: STRING }),
      },
      ['cloud', 'kubernetesService', 'serviceAccount'],
    ),
    generate: iamPolicy,
  },
  ImageTagTransformer: {
    shape: struct('ImageTagTransformer', { imageTag: IMAGE, fieldSpecs: SPECS }),
    transform: (c) => imageTransformer((c['imageTag'] ?? {}) as Image, specsOf(c)),
  },
  LabelTransformer: {
    shape: struct('LabelTransformer', { labels: STRING_MAP, fieldSpecs: SPECS }),
    transform: (c) => mapTransformer(mapOf(c, 'labels'), specsOf(c)),
  },
  NamespaceTransformer: {
    shape: struct('NamespaceTransformer', {
      metadata: OBJECT_META,
      fieldSpecs: SPECS,
      unsetOnly: BOOL,
      setRoleBindingSubjects: STRING,
    }),
    transform: (c) =>
      namespaceTransformer({
        namespace: textOf((c['metadata'] ?? {}) as Config, 'namespace'),
        specs: specsOf(c),
        unsetOnly: c['unsetOnly'] === true,
        subjects: subjectMode(c),
      }),
  },
  PatchJson6902Transformer: {
    shape: struct('PatchJson6902Transformer', { target: SELECTOR, path: STRING, jsonOp: STRING }),
    transform: (c, loader) => json6902Transformer(c as Parameters<typeof json6902Transformer>[0], loader),
  },
  PatchStrategicMergeTransformer: {
    shape: struct('PatchStrategicMergeTransformer', { paths: STRINGS, patches: STRING }),
    transform: (c, loader) =>
      strategicMergeTransformer((c['paths'] ?? []) as readonly string[], textOf(c, 'patches'), loader),
  },
  PatchTransformer: {
    shape: struct('PatchTransformer', PATCH_FIELDS),
    transform: (c, loader) => patchTransformer(c as Patch, loader),
  },
  PrefixTransformer: {
    shape: struct('PrefixTransformer', PREFIX_SUFFIX),
    direct: true,
    transform: (c) => prefixTransformer(textOf(c, 'prefix'), needSpecs(c)),
  },
  SuffixTransformer: {
    shape: struct('SuffixTransformer', PREFIX_SUFFIX),
    direct: true,
    transform: (c) => suffixTransformer(textOf(c, 'suffix'), needSpecs(c)),
  },
  PrefixSuffixTransformer: {
    shape: struct('PrefixSuffixTransformer', PREFIX_SUFFIX),
    direct: true,
    transform(c) {
      const steps = [
        prefixTransformer(textOf(c, 'prefix'), needSpecs(c)),
        suffixTransformer(textOf(c, 'suffix'), needSpecs(c)),
      ];
      return (map) => {
        for (const step of steps) step(map);
      };
    },
  },
  ReplacementTransformer: {
    shape: struct('ReplacementTransformer', { replacements: listOf(REPLACEMENT) }),
    transform: (c, loader) =>
      replacementTransformer(loadReplacements((c['replacements'] ?? []) as readonly Replacement[], loader)),
  },
  ReplicaCountTransformer: {
    shape: struct('ReplicaCountTransformer', { replica: REPLICA, fieldSpecs: SPECS }),
    transform(c) {
      const replica = (c['replica'] ?? {}) as { name?: string; count?: number | bigint };
      return replicaTransformer(replica.name ?? '', replica.count ?? 0, specsOf(c));
    },
  },
  ValueAddTransformer: {
    shape: struct('ValueAddTransformer', {
      value: STRING,
      targets: listOf(struct('Target', { selector: SELECTOR, fieldPath: STRING, filePathPosition: INT })),
      targetFilePath: STRING,
    }),
    transform: valueAdd,
  },
};

const TARGETS = struct('Targets', {
  targets: listOf(struct('Target', { selector: SELECTOR, fieldPath: STRING, filePathPosition: INT })),
});

function valueAdd(c: Config, loader: Loader): (map: ResMap) => void {
  const value = textOf(c, 'value').trim() || (shown(loader, loader.root).split('/').at(-1) ?? '');
  const targets = [...((c['targets'] ?? []) as readonly ValueAddTarget[])];
  const path = textOf(c, 'targetFilePath');
  if (path !== '') {
    const more = decodeStruct(
      yamlToJson(loadText(loader, path), loader.build.limits, { wholeFloat }),
      TARGETS,
      LENIENT,
    ) as Config;
    targets.push(...((more['targets'] ?? []) as readonly ValueAddTarget[]));
  }
  if (targets.length === 0) fail('must specify at least one target');
  for (const target of targets) {
    if ((target.fieldPath ?? '') === '') fail('fieldPath cannot be empty');
    const position = target.filePathPosition ?? 0;
    if (position < 0) fail(`value of FilePathPosition (${position}) cannot be negative`);
  }
  return valueAddTransformer(value, targets);
}

/** The plugin of a resource, configured by it. Only built-in ones run here. */
function configure(res: Resource, loader: Loader): { plugin: Plugin; config: Config } {
  const id = curId(res);
  if (id.group !== '' || id.version !== 'builtin')
    fail(`external plugins disabled; unable to load external plugin '${orgId(res).kind}'`);
  const plugin = Object.hasOwn(PLUGINS, id.kind) ? PLUGINS[id.kind] : undefined;
  if (plugin === undefined) return fail(`unable to load builtin ${gvkText(id)}`);
  const direct = 'direct' in plugin && plugin.direct === true;
  return { plugin, config: readConfig(res, { shape: plugin.shape, direct }, loader.build.limits) };
}

function failsConfiguration(res: Resource, error: unknown): unknown {
  return error instanceof BuildError ? wrapped(error, `plugin ${idText(orgId(res))} fails configuration`) : error;
}

/** Transformers (or validators) that resources configure. */
export function transformersFrom(list: readonly Resource[], loader: Loader): Step[] {
  return list.map((res) => {
    const { plugin, config } = configure(res, loader);
    if (!('transform' in plugin)) return fail(`plugin ${idText(orgId(res))} not a transformer`);
    let run: (map: ResMap) => void;
    try {
      run = plugin.transform(config, loader);
    } catch (error) {
      throw failsConfiguration(res, error);
    }
    const origin = pluginOrigin(res, loader.build);
    return origin === undefined ? { run } : { run, origin };
  });
}

/** Generators that resources configure. */
export function generatorsFrom(list: readonly Resource[], loader: Loader): Source[] {
  return list.map((res) =>
    withPrefix(
      () => 'failed to load generator',
      () => {
        const { plugin, config } = configure(res, loader);
        if (!('generate' in plugin)) return fail(`plugin ${idText(orgId(res))} not a generator`);
        if (kindOf(res.node) === 'HelmChartInflationGenerator')
          throw failsConfiguration(res, new BuildError('must specify --enable-helm'));
        const make = (): readonly Resource[] => plugin.generate(config, loader);
        const origin = pluginOrigin(res, loader.build);
        return origin === undefined ? { make } : { make, origin };
      },
    ),
  );
}
