import { BuildError, fail, withPrefix, wrapped } from '../errors.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import type { ParseBounds } from '../yaml/parse.ts';
import { type Loader, loadText, shown } from './loader.ts';
import { decodeStruct, wholeFloat } from './struct.ts';
import { type GeneratorArgs, KUSTOMIZATION, type Kustomization } from './types.ts';

/** The names a kustomization file may have. */
export const KUSTOMIZATION_FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

/** A kustomization file that was found and read. */
export interface LoadedKustomization {
  readonly file: string;
  readonly content: Kustomization;
}

const WARNINGS: readonly (readonly [keyof Kustomization, string, string])[] = [
  ['bases', 'resources', ''],
  ['commonLabels', 'labels', ''],
  ['imageTags', 'images', ''],
  ['patchesJson6902', 'patches', ''],
  ['patchesStrategicMerge', 'patches', ''],
  ['vars', 'replacements', '[EXPERIMENTAL] '],
];

/** Reads and checks the kustomization file of a folder (KustTarget.Load). */
export function loadKustomization(loader: Loader): LoadedKustomization {
  const { file, text } = findFile(loader);
  const raw = parseKustomization(text, loader.build.limits);
  for (const [old, fresh, note] of WARNINGS)
    if (raw[old] !== undefined)
      loader.build.warn(
        `# Warning: '${old}' is deprecated. Please use '${fresh}' instead. ${note}Run 'kustomize edit fix' to update your Kustomization automatically.`,
      );
  const content = fixed(raw);
  if (isEmpty(content)) fail('kustomization.yaml is empty');
  const errors = kindErrors(content);
  if (errors.length > 0)
    fail(`Failed to read kustomization file under ${shown(loader, loader.root)}:\n${errors.join('\n')}`);
  return { file, content };
}

function findFile(loader: Loader): { file: string; text: string } {
  const found: { file: string; text: string }[] = [];
  for (const file of KUSTOMIZATION_FILES) {
    const path = loader.root === '' ? file : `${loader.root}/${file}`;
    if (loader.tree.stat(path)?.type === 'file') found.push({ file, text: loadText(loader, file) });
  }
  const [first] = found;
  if (found.length > 1) fail(`Found multiple kustomization files under: ${shown(loader, loader.root)}\n`);
  if (first === undefined)
    return fail(
      `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${shown(loader, loader.root)}'`,
    );
  return first;
}

/** Reads a kustomization strictly: an unknown field is an error. */
export function parseKustomization(text: string, bounds: ParseBounds): Kustomization {
  try {
    const json = yamlToJson(text, bounds);
    return decodeStruct(json, KUSTOMIZATION, { strict: true, coerce: false }) as Kustomization;
  } catch (error) {
    throw wrapped(error instanceof BuildError ? new BuildError(error.message) : error, 'invalid Kustomization');
  }
}

/** Reads a kustomization as Flux does: unknown fields are dropped, numbers and booleans become text where text is wanted. */
export function parseLenient(text: string, bounds: ParseBounds): Kustomization {
  return withPrefix(
    () => 'error converting YAML to JSON',
    () =>
      decodeStruct(yamlToJson(text, bounds, { wholeFloat }), KUSTOMIZATION, {
        strict: false,
        coerce: true,
      }) as Kustomization,
  );
}

function withEnv(args: GeneratorArgs): GeneratorArgs {
  if (args.env === undefined || args.env === '') return args;
  const { env, ...rest } = args;
  return { ...rest, envs: [...(args.envs ?? []), env] };
}

/** Fills in kind and version and folds deprecated fields into those that took their place (FixKustomization). */
function fixed(k: Kustomization): Kustomization {
  const { bases, imageTags, helmChartInflationGenerator, ...rest } = k;
  const kind = k.kind === undefined || k.kind === '' ? 'Kustomization' : k.kind;
  const version = kind === 'Component' ? 'v1alpha1' : 'v1beta1';
  const both = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined): readonly T[] | undefined =>
    b === undefined || b.length === 0 ? a : [...(a ?? []), ...b];
  const resources = both(k.resources, bases);
  const images = both(k.images, imageTags);
  const helmCharts = both(k.helmCharts, helmChartInflationGenerator);
  return {
    ...rest,
    kind,
    apiVersion: k.apiVersion === undefined || k.apiVersion === '' ? `kustomize.config.k8s.io/${version}` : k.apiVersion,
    ...(resources === undefined ? {} : { resources }),
    ...(images === undefined ? {} : { images }),
    ...(helmCharts === undefined ? {} : { helmCharts }),
    ...(k.configMapGenerator === undefined ? {} : { configMapGenerator: k.configMapGenerator.map(withEnv) }),
    ...(k.secretGenerator === undefined ? {} : { secretGenerator: k.secretGenerator.map(withEnv) }),
  };
}

function isEmpty(k: Kustomization): boolean {
  return Object.entries(k).every(([name, value]) => name === 'kind' || name === 'apiVersion' || value === '');
}

function kindErrors(k: Kustomization): string[] {
  const errors: string[] = [];
  if (k.kind !== 'Kustomization' && k.kind !== 'Component') errors.push('kind should be Kustomization or Component');
  const wanted = `kustomize.config.k8s.io/${k.kind === 'Component' ? 'v1alpha1' : 'v1beta1'}`;
  if (k.apiVersion !== wanted) errors.push(`apiVersion for ${k.kind} should be ${wanted}`);
  return errors;
}
