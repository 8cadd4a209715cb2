import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { run } from '../../../agent/cli/build.ts';
import { diskTree } from '../../../agent/cli/disk-tree.ts';
import { Fault, type Tree } from '../../../src/model/index.ts';
import { type BuildOptions, build, toYaml } from '../../../src/render/kustomize/index.ts';

/** The conformance cases lie beside the repository, where there are any. */
export const CORPUS = join(import.meta.dirname, '../../../../shared/conformance/kustomize');

/** False where the cases are not there: tests that need them skip. */
export const hasCorpus = existsSync(join(CORPUS, 'cases'));

/** What became of one case. */
export interface Outcome {
  readonly name: string;
  /** Empty when it is right. */
  readonly problem: string;
  /** An expected failure whose text is kustomize's own. */
  readonly sameText: boolean;
  readonly expected: string;
  readonly actual: string;
}

interface Meta {
  readonly outcome: string;
  readonly quirk?: unknown;
  readonly options: { readonly reorder: string; readonly loadRestrictor: string };
}

function text(path: string): string {
  return readFileSync(path, 'utf8');
}

/** The names of all build cases that begin with a prefix. */
export function caseNames(prefix = ''): string[] {
  return readdirSync(join(CORPUS, 'cases'))
    .filter((name) => name.startsWith(prefix))
    .sort();
}

/** Builds one case and compares. */
export function runCase(name: string, reorder?: 'none' | 'legacy'): Outcome {
  const folder = join(CORPUS, 'cases', name);
  const meta = JSON.parse(text(join(folder, 'meta.json'))) as Meta;
  const input = join(folder, 'input');
  const options: BuildOptions = {
    reorder: reorder ?? (meta.options.reorder === 'none' ? 'none' : 'legacy'),
    loadRestrictor: meta.options.loadRestrictor === 'none' ? 'none' : 'rootonly',
    displayRoot: '${INPUT}',
  };
  const legacy = join(folder, 'expected.legacy.yaml');
  const expectedFile = reorder === 'legacy' && existsSync(legacy) ? legacy : join(folder, 'expected.yaml');
  const fails = meta.outcome === 'error';
  const expected = fails ? text(join(folder, 'error.txt')).trim() : text(expectedFile);
  const root = normalize(text(join(folder, 'root')).trim()).replace(/^\.$|\/$/g, '');
  let actual: string;
  try {
    actual = toYaml(build(existsSync(input) ? diskTree(input) : EMPTY, root, options));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const right = fails ? '' : 'failed';
    return { name, problem: right, sameText: error.message.trim() === expected, expected, actual: error.message };
  }
  const problem = fails && meta.quirk === undefined ? 'should fail' : fails || actual === expected ? '' : 'differs';
  return { name, problem, sameText: true, expected, actual };
}

const EMPTY: Tree = {
  list: () => [],
  stat: (path) =>
    path === '' ? { name: '', type: 'directory', digest: `sha256:${'0'.repeat(64)}`, size: 0 } : undefined,
  read: () => undefined,
};

/** The names of all Flux cases. */
export function fluxCaseNames(prefix = ''): string[] {
  return readdirSync(join(CORPUS, 'flux'))
    .filter((name) => name.startsWith(prefix))
    .sort();
}

/** Runs one Flux case through the command line. */
export async function runFluxCase(name: string): Promise<Outcome> {
  const folder = join(CORPUS, 'flux', name);
  const meta = JSON.parse(text(join(folder, 'meta.json'))) as Meta & { readonly strict: boolean };
  const fails = meta.outcome === 'error';
  const expected = text(join(folder, fails ? 'error.txt' : 'expected.yaml'));
  const work = mkdtempSync(join(tmpdir(), 'holdfast-flux-'));
  try {
    const source = join(work, 'source');
    mkdirSync(source);
    if (existsSync(join(folder, 'source'))) cpSync(join(folder, 'source'), source, { recursive: true });
    const path = /^ {2}path: (.*)$/m.exec(text(join(folder, 'flux-kustomization.yaml')))?.[1] ?? '';
    if (!fails) mkdirSync(join(source, path.replace(/^['"]|['"]$/g, '')), { recursive: true });
    const out: string[] = [];
    const err: string[] = [];
    const argv = ['--kustomization', join(folder, 'flux-kustomization.yaml'), '--source', source];
    if (existsSync(join(folder, 'objects.yaml'))) argv.push('--objects', join(folder, 'objects.yaml'));
    if (meta.strict) argv.push('--strict');
    const code = await run(argv, { stdout: (part) => out.push(part), stderr: (part) => err.push(part) });
    const actual =
      code === 0
        ? out.join('')
        : err
            .join('')
            .replaceAll(source, '${SOURCE}')
            .replace(/^Error: /, '');
    const right = fails ? code !== 0 : code === 0 && actual === expected;
    const problem = right ? '' : fails ? 'should fail' : code === 0 ? 'differs' : 'failed';
    return { name, problem, sameText: actual.trim() === expected.trim(), expected, actual };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** One vector of the substitution grammar. */
export interface Vector {
  readonly text: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly strict: boolean;
  readonly out?: string;
  readonly error?: string;
  readonly panic?: string;
}

export function vectors(): Vector[] {
  return JSON.parse(text(join(CORPUS, 'unit/envsubst.json'))) as Vector[];
}
