import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DataObject, Kustomization, parseFluxObjects } from '../../src/flux/index.ts';
import { asFault, DEFAULT_LIMITS, Fault, isObject, type Json } from '../../src/model/index.ts';
import { build, objectsToYaml, readDocuments, toYaml } from '../../src/render/kustomize/index.ts';
import { diskTree } from './disk-tree.ts';

/** Where a command writes. */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export const help = `Usage: holdfast build [DIR] [OPTIONS]
       holdfast build --kustomization FILE --source DIR [OPTIONS]

Prints what kustomize makes of the folder DIR, or, with a Kustomization of the Flux API, what Flux makes of a source.

      --reorder ORDER        legacy (default) or none
      --load-restrictor NAME LoadRestrictionsRootOnly (default) or LoadRestrictionsNone
      --kustomization FILE   the Kustomization of the Flux API
      --source DIR           the folder that stands for its source
      --objects FILE         Secrets and ConfigMaps that its substituteFrom names
      --strict               variables that are not set are errors
  -o, --output FILE          write there instead of to stdout

Exit code 0 when it is built, 1 when it does not build, 2 when used wrongly.
`;

interface Flags {
  readonly values: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

const WITH_VALUE = new Set([
  '--reorder',
  '--load-restrictor',
  '-o',
  '--output',
  '--kustomization',
  '--source',
  '--objects',
]);

class UsageError extends Error {}

const SWITCHES = new Set(['--strict', '--help', '-h']);

function parseFlags(argv: readonly string[]): Flags {
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    if (!arg.startsWith('-') || arg === '-') {
      rest.push(arg);
      continue;
    }
    const [, name = arg, given] = /^([^=]*)=(.*)$/s.exec(arg) ?? [];
    if (SWITCHES.has(name)) values.set(name, given ?? 'true');
    else if (WITH_VALUE.has(name)) values.set(name === '--output' ? '-o' : name, given ?? needValue(name, argv[++i]));
    else throw new UsageError(`unknown flag: ${name}`);
  }
  return { values, rest };
}

function needValue(name: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`flag ${name} needs a value`);
  return value;
}

function oneOf<T extends string>(flags: Flags, name: string, allowed: readonly T[], fallback: T): T {
  const value = flags.values.get(name) ?? fallback;
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw new UsageError(`illegal flag value ${name} ${value}; legal values: ${allowed.join(', ')}`);
  return found;
}

/** `holdfast build DIR`: what `kustomize build DIR` prints. */
function buildFolder(flags: Flags, io: CliIo): string {
  const [folder = '.', ...more] = flags.rest;
  if (more.length > 0) throw new UsageError('specify one path to a folder with a kustomization');
  const reorder = oneOf(flags, '--reorder', ['legacy', 'none', 'unspecified'], 'unspecified');
  const restrictor = oneOf(
    flags,
    '--load-restrictor',
    ['LoadRestrictionsRootOnly', 'LoadRestrictionsNone'],
    'LoadRestrictionsRootOnly',
  );
  const path = resolve(folder);
  const tree = diskTree('/');
  const result = build(tree, path.slice(1), {
    reorder: reorder === 'none' ? 'none' : 'legacy',
    loadRestrictor: restrictor === 'LoadRestrictionsNone' ? 'none' : 'rootonly',
    realPath: tree.realPath,
    warn: (text) => io.stderr(`${text}\n`),
  });
  return toYaml(result);
}

function readObjects(file: string): Json[] {
  const text = readFileSync(file, 'utf8');
  return readDocuments(text, DEFAULT_LIMITS).flatMap((value) => {
    if (Array.isArray(value)) return value as Json[];
    if (isObject(value) && value['kind'] === 'List' && Array.isArray(value['items'])) return value['items'] as Json[];
    return value === null ? [] : [value];
  });
}

/** The reader of Flux objects, which is loaded only when it is needed. */
type Parse = typeof parseFluxObjects;

function readKustomization(file: string, parse: Parse): Kustomization {
  const documents = readObjects(file).map((value) => ({ value, file, line: 0 }));
  const parsed = parse(documents, { strict: false });
  const found = parsed.objects.find((object): object is Kustomization => object.kind === 'Kustomization');
  if (found !== undefined) return found;
  const [problem] = parsed.errors;
  throw new Fault(
    'object-invalid',
    problem?.message ?? `${file}: no Kustomization of kustomize.toolkit.fluxcd.io in it`,
  );
}

function readData(file: string | undefined, namespace: string, parse: Parse): readonly DataObject[] {
  if (file === undefined || !existsSync(file)) return [];
  const documents = readObjects(file).map((value) => ({ value: withApiVersion(value), file, line: 0 }));
  return parse(documents, { strict: false, defaultNamespace: namespace }).data;
}

/** ConfigMaps and Secrets may be given without their apiVersion. */
function withApiVersion(value: Json): Json {
  return isObject(value) && value['apiVersion'] === undefined ? { apiVersion: 'v1', ...value } : value;
}

/** `holdfast build --kustomization FILE --source DIR`: what `flux build kustomization --dry-run` prints. */
async function buildFlux(flags: Flags, io: CliIo): Promise<string> {
  const [file, source] = [flags.values.get('--kustomization'), flags.values.get('--source')];
  if (file === undefined || source === undefined) throw new UsageError('--kustomization and --source go together');
  if (!existsSync(source) || !statSync(source).isDirectory())
    throw new UsageError(`--source ${source} is not a folder`);
  const { parseFluxObjects: parse } = await import('../../src/flux/index.ts');
  const { fluxObjects } = await import('../../src/render/flux-build/index.ts');
  const { spec, meta } = readKustomization(file, parse);
  const data = readData(flags.values.get('--objects'), meta.namespace, parse);
  const tree = diskTree(source);
  const objects = fluxObjects(tree, spec, {
    displayRoot: resolve(source),
    strict: flags.values.get('--strict') === 'true',
    find: (kind, name) =>
      data.find((one) => one.kind === kind && one.name === name && one.namespace === meta.namespace),
    warn: (text) => io.stderr(`${text}\n`),
  });
  return objectsToYaml(objects, DEFAULT_LIMITS);
}

/**
 * The command `holdfast build`. Exit codes: 0 built; 1 the build failed, with `Error: …` on stderr; 2 wrong flags, with the
 * usage on stderr.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    const flags = parseFlags(argv);
    if (flags.values.has('--help') || flags.values.has('-h')) {
      io.stdout(help);
      return 0;
    }
    const isFlux = flags.values.has('--kustomization') || flags.values.has('--source');
    const text = isFlux ? await buildFlux(flags, io) : buildFolder(flags, io);
    const out = flags.values.get('-o');
    if (out === undefined) io.stdout(text);
    else writeOut(out, text);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr(`Error: ${error.message}\n${help}`);
      return 2;
    }
    io.stderr(`Error: ${asFault(error).message}\n`);
    return 1;
  }
}

function writeOut(out: string, text: string): void {
  if (!existsSync(dirname(resolve(out)))) throw new UsageError(`-o ${out}: its folder does not exist`);
  writeFileSync(out, text);
}
