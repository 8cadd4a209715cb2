import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goVersion, type Say, toStderr, withLock } from '../parts/index.ts';
import { buildWithGo } from './build.ts';
import { downloadEnvtest, ENVTEST_BINARIES } from './envtest.ts';
import { type Binary, builtFolder, cacheRoot, envtestFolder, KUBERNETES_VERSION } from './versions.ts';

export interface EnsureOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Gets progress lines; default: standard error. */
  readonly say?: Say;
  /** Address of the envtest index, for tests. */
  readonly envtestIndex?: string;
}

/** Paths of the binaries that were asked for. */
export type Binaries<B extends Binary = Binary> = Readonly<Record<B, string>>;

/**
 * Finds each binary, or makes it: `KUBEBUILDER_ASSETS`, the cache, a build with Go, the envtest download. Only what is
 * asked for is built. Fails with one error that names all four ways and why each did not do.
 */
export async function ensure<B extends Binary>(
  wanted: readonly B[],
  options: EnsureOptions = {},
): Promise<Binaries<B>> {
  const env = options.env ?? process.env;
  const say = options.say ?? toStderr;
  const root = cacheRoot(env);
  const built = join(root, builtFolder());
  const envtest = join(root, envtestFolder());
  const assets = env['KUBEBUILDER_ASSETS'] ?? '';
  const folders = [...(assets === '' ? [] : [assets]), built, envtest];
  const missing = async () => {
    const found = await Promise.all(wanted.map((name) => find(folders, name)));
    return wanted.filter((_, index) => found[index] === undefined);
  };
  if ((await missing()).length > 0) {
    await mkdir(built, { recursive: true });
    const waiting = (holder: string) => say(`waiting for ${holder}, which makes the same binaries ...`);
    await withLock(join(root, '.lock'), () => make({ missing, built, envtest, env, say, options, assets }), {
      waiting,
    });
  }
  const paths = await Promise.all(wanted.map(async (name) => [name, await find(folders, name)] as const));
  return Object.fromEntries(paths) as Binaries<B>;
}

interface Making {
  readonly missing: () => Promise<Binary[]>;
  readonly built: string;
  readonly envtest: string;
  readonly assets: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: Say;
  readonly options: EnsureOptions;
}

async function make(making: Making): Promise<void> {
  const { built, envtest, env, say } = making;
  let left = await making.missing();
  if (left.length === 0) return;
  const what = left.join(', ');
  say(`${what} ${KUBERNETES_VERSION}: not here yet. Building once takes about 5 minutes on 2 cores; kept in ${built}`);
  const reasons: string[] = [];
  await buildWithGo(left, built, { say, env }).catch((error: unknown) => reasons.push(messageOf(error)));
  left = await making.missing();
  if (left.length === 0) return;
  const index = making.options.envtestIndex;
  if (left.some((name) => !ENVTEST_BINARIES.includes(name)))
    reasons.push(`it has no ${left.filter((name) => !ENVTEST_BINARIES.includes(name)).join(', ')}`);
  else {
    say('downloading the envtest binaries instead ...');
    await mkdir(envtest, { recursive: true });
    const from = index === undefined ? { say } : { say, index };
    await downloadEnvtest(envtest, from).catch((error: unknown) => reasons.push(messageOf(error)));
  }
  left = await making.missing();
  if (left.length > 0) throw new Error(explain(making, left, reasons));
}

function explain(making: Making, left: readonly Binary[], reasons: readonly string[]): string {
  const assets = making.assets === '' ? 'is not set' : `is ${making.assets}, which does not have all of them`;
  return [
    `cannot get ${left.join(', ')} ${KUBERNETES_VERSION}. One of these four ways is needed:`,
    `  1. KUBEBUILDER_ASSETS, a folder with the binaries: ${assets}`,
    `  2. the cache ${making.built}: put them there`,
    `  3. a build with Go (${goVersion(making.env) ?? 'not in PATH'}; needs a Go module proxy): ${reasons[0] ?? 'not tried'}`,
    `  4. the envtest download: ${reasons[1] ?? 'not tried'}`,
  ].join('\n');
}

async function find(folders: readonly string[], name: Binary): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
