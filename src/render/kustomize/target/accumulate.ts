import { BuildError, fail, messageOf, withPrefix, wrapped } from '../errors.ts';
import { absorbAll } from '../generate/absorb.ts';
import { generate, mergeOptions } from '../generate/generators.ts';
import { loadConfig, mergeConfig, NO_CONFIG, type TransformerConfig } from '../load/config.ts';
import { loadKustomization } from '../load/kustomization.ts';
import { folderLoader, joinPath, type Loader, loadText, shown } from '../load/loader.ts';
import { isRepoUrl } from '../load/remote.ts';
import type { Kustomization } from '../load/types.ts';
import { addVars, type FullVar, noteVars } from '../refs/vars.ts';
import { resourcesFromText } from '../resource/documents.ts';
import { ORIGIN, setAnnotation } from '../resource/meta.ts';
import {
  appendOrigin,
  builtinOrigin,
  noteTransformation,
  type Origin,
  originOf,
  originText,
  setOrigin,
} from '../resource/origin.ts';
import { appendAll, dropEmpties, makeResMap, type ResMap, resMapOf, touch } from '../resource/resmap.ts';
import { isGone, nodeOf, type Resource } from '../resource/resource.ts';
import { annotateAll } from '../transform/labels.ts';
import { configFromCrds } from './crds.ts';
import { generatorsFrom, type Source, type Step, transformersFrom } from './plugins.ts';
import { TRANSFORMERS } from './transformers.ts';
import { runValidators } from './validate.ts';

/** What has been gathered so far (ResAccumulator). */
export interface Accumulator {
  readonly map: ResMap;
  config: TransformerConfig;
  readonly vars: Map<string, FullVar>;
}

/** One kustomization that is being built (KustTarget). */
export interface Target {
  readonly kustomization: Kustomization;
  readonly file: string;
  readonly loader: Loader;
  /** Where this folder is, when origins are asked for. */
  readonly origin: Origin | undefined;
  readonly buildMetadata: readonly string[];
}

export function emptyAccumulator(loader: Loader): Accumulator {
  return { map: makeResMap(loader.build), config: NO_CONFIG, vars: new Map() };
}

/** Gathers and transforms everything that a kustomization names, into `ra`: the heart of kustomize. */
export function accumulateTarget(target: Target, ra: Accumulator): Accumulator {
  const { kustomization: k, loader } = target;
  withPrefix(
    () => 'accumulating resources',
    () => accumulateResources(target, ra, k.resources ?? []),
  );
  ra.config = mergeConfig(ra.config, loadConfig(loader, k.configurations));
  const crds = k.crds ?? [];
  if (crds.length > 0)
    ra.config = withPrefix(
      () => `loading CRDs [${crds.join(' ')}]`,
      () => mergeConfig(ra.config, configFromCrds(loader, crds)),
    );
  runGenerators(target, ra);
  const whole = withPrefix(
    () => 'accumulating components',
    () => accumulateComponents(target, ra, k.components ?? []),
  );
  runTransformers(target, whole);
  if (k.validators !== undefined)
    runValidators(transformersFrom(configurations(target, k.validators), loader), whole.map);
  withPrefix(
    () => 'merging vars',
    () => noteVars(whole.map, whole.vars, k.vars ?? []),
  );
  return whole;
}

function accumulateResources(target: Target, ra: Accumulator, paths: readonly string[]): void {
  for (const path of paths) {
    let fileError: BuildError;
    try {
      accumulateFile(target, ra, path);
      continue;
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      fileError = error;
    }
    let loader: Loader;
    try {
      loader = folderLoader(target.loader, path);
    } catch (error) {
      if (fileError.malformed) throw fileError;
      throw wrapped(error, `accumulation err='${fileError.message}'`);
    }
    withPrefix(
      () => `accumulation err='${fileError.message}'`,
      () => accumulateFolder(target, ra, loader, path),
    );
  }
}

function accumulateFile(target: Target, ra: Accumulator, path: string): void {
  const resources = withPrefix(
    () => `accumulating resources from '${path}'`,
    () => resourcesFromFile(target.loader, path),
  );
  if (target.origin !== undefined) {
    const text = originText(appendOrigin(target.origin, path));
    withPrefix(
      () => `cannot add path annotation for '${path}'`,
      () => annotateAll(resources, ORIGIN, text),
    );
  }
  withPrefix(
    () => `merging resources from '${path}'`,
    () => appendAll(ra.map, resources),
  );
}

function resourcesFromFile(loader: Loader, path: string): readonly Resource[] {
  const text = loadText(loader, path);
  try {
    return marked(loader, path, resMapOf(loader.build, resourcesFromText(text, loader.build)).list);
  } catch (error) {
    if (error instanceof BuildError && error.malformed) throw new BuildError(`${error.message} in File: ${path}`, true);
    throw error;
  }
}

/** Resources of a file that the caller wants to know again. */
function marked(loader: Loader, path: string, resources: readonly Resource[]): readonly Resource[] {
  const { mark } = loader.build;
  if (mark?.paths.has(joinPath(loader.root, path) ?? '') !== true) return resources;
  for (const res of resources) setAnnotation(nodeOf(res), mark.annotation, 'true');
  return resources;
}

/** Builds a folder and adds what it makes: a base on its own, a component on what is there. */
function accumulateFolder(
  target: Target,
  ra: Accumulator,
  loader: Loader,
  path: string,
  component = false,
): Accumulator {
  const where = shown(loader, loader.root);
  const { file, content } = withPrefix(
    () => `couldn't make target for path '${where}'`,
    () => loadKustomization(loader),
  );
  setSchema(content, loader, false);
  if (component && content.kind !== 'Component')
    fail(`expected kind 'Component' for path '${where}' but got '${content.kind}'`);
  if (!component && content.kind === 'Component') fail(`expected kind != 'Component' for path '${where}'`);
  const sub: Target = {
    kustomization: content,
    file,
    loader,
    origin: target.origin === undefined ? undefined : folderOrigin(target.origin, path),
    buildMetadata: target.buildMetadata,
  };
  const into = component ? emptyAccumulator(loader) : ra;
  const made = withPrefix(
    () => `recursed accumulation of path '${where}'`,
    () => accumulateTarget(sub, component ? ra : emptyAccumulator(loader)),
  );
  withPrefix(
    () => `recursed merging from path '${where}'`,
    () => {
      appendAll(into.map, made.map.list);
      into.config = mergeConfig(into.config, made.config);
      addVars(into.vars, made.vars.values());
    },
  );
  return into;
}

function folderOrigin(origin: Origin, path: string): Origin {
  if (!isRepoUrl(path)) return appendOrigin(origin, path);
  const [url = '', query = ''] = path.split('?');
  const [repo = '', inside = ''] = url.replace(/^(https?:\/\/|ssh:\/\/)/, '').split('//');
  const ref = new URLSearchParams(query).get('ref') ?? '';
  const scheme = /^(https?:\/\/|ssh:\/\/)/.exec(url)?.[0] ?? (url.startsWith('github.com') ? 'https://' : '');
  return { repo: scheme + repo, ref, path: inside };
}

/** Reads the `openapi` field of a kustomization into the schema of the build. */
export function setSchema(k: Kustomization, loader: Loader, root: boolean): void {
  const path = k.openapi?.get('path');
  const document = path === undefined ? undefined : loadText(loader, path);
  loader.build.schema.set(Object.fromEntries(k.openapi ?? []), document, root);
}

function accumulateComponents(target: Target, ra: Accumulator, paths: readonly string[]): Accumulator {
  let whole = ra;
  for (const path of paths) {
    let loader: Loader;
    try {
      loader = folderLoader(target.loader, path);
    } catch (error) {
      return fail(`loader.New ${JSON.stringify(messageOf(error))}`);
    }
    try {
      whole = accumulateFolder(target, whole, loader, path, true);
    } catch (error) {
      fail(`accumulateDirectory: ${JSON.stringify(messageOf(error))}`);
    }
  }
  return whole;
}

/** The resources that `generators`, `transformers` or `validators` name: inline, in files or built from folders. */
function configurations(target: Target, entries: readonly string[]): readonly Resource[] {
  const ra = emptyAccumulator(target.loader);
  const paths: string[] = [];
  for (const entry of entries) {
    let inline: readonly Resource[];
    try {
      inline = resMapOf(target.loader.build, resourcesFromText(entry, target.loader.build)).list;
    } catch (error) {
      messageOf(error);
      paths.push(entry);
      continue;
    }
    if (target.origin !== undefined)
      for (const res of inline) setOrigin(res, originText(appendOrigin(target.origin, target.file)));
    appendAll(ra.map, inline);
  }
  accumulateResources(target, ra, paths);
  return ra.map.list;
}

function runGenerators(target: Target, ra: Accumulator): void {
  const { kustomization: k, loader, origin } = target;
  const sources: Source[] = [];
  for (const [kind, entries] of [
    ['ConfigMap', k.configMapGenerator ?? []],
    ['Secret', k.secretGenerator ?? []],
  ] as const)
    for (const args of entries) {
      const options = mergeOptions(args.options, k.generatorOptions);
      const make = (): readonly Resource[] => [
        generate(kind, { ...args, ...(options === undefined ? {} : { options }) }, loader),
      ];
      sources.push(
        origin === undefined ? { make } : { make, origin: builtinOrigin(origin, target.file, `${kind}Generator`) },
      );
    }
  if ((k.helmCharts ?? []).length > 0)
    fail('trouble configuring builtin HelmChartInflationGenerator with config: `\n`: must specify --enable-helm');
  sources.push(
    ...withPrefix(
      () => 'loading generator plugins',
      () => generatorsFrom(configurations(target, k.generators ?? []), loader),
    ),
  );
  for (const source of sources) {
    const made = source.make();
    if (source.origin !== undefined)
      for (const res of made) if (originOf(res) === undefined) setOrigin(res, originText(source.origin));
    withPrefix(
      () => 'merging from generator',
      () => absorbAll(ra.map, made),
    );
  }
}

function runTransformers(target: Target, ra: Accumulator): void {
  const { kustomization, loader, origin } = target;
  const steps: Step[] = [];
  for (const [name, make] of TRANSFORMERS) {
    const from = origin === undefined ? {} : { origin: builtinOrigin(origin, target.file, name) };
    for (const run of make({ kustomization, config: ra.config, loader })) steps.push({ run, ...from });
  }
  steps.push(...transformersFrom(configurations(target, kustomization.transformers ?? []), loader));
  for (const step of steps) {
    step.run(ra.map);
    if (step.origin !== undefined)
      for (const res of ra.map.list) if (!isGone(res)) noteTransformation(res, step.origin, loader.build);
    dropEmpties(ra.map);
    touch(ra.map);
  }
}
