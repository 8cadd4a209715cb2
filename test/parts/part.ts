import { constants } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startLeash } from '../support/leash.ts';
import { cacheFolder } from './cache.ts';
import { withLock } from './lock.ts';
import { type Run, type Say, toStderr } from './run.ts';

/** A real part for tests that is made when it is not in the cache. */
export interface PartSpec<N extends string> {
  /** Name and version, for people. */
  readonly label: string;
  /** Where it is kept, below the cache: a folder that no other version has. */
  readonly folder: string;
  /** What the making leaves there: programs, or folders. */
  readonly makes: readonly N[];
  /** How long that takes, or how much it brings. */
  readonly cost: string;
  /** Makes them in the folder `draft`. What it holds ends with this process. */
  readonly make: (draft: string, run: Pick<Run, 'env' | 'hold'>) => Promise<void>;
}

export interface PartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Default: standard error. */
  readonly say?: Say;
}

/**
 * Paths of what a part makes. It is made once, one part after another on a machine: two processes do not do the same work,
 * and each name appears whole (made elsewhere, then renamed).
 */
export async function cachedPart<N extends string>(
  spec: PartSpec<N>,
  { env = process.env, say = toStderr }: PartOptions = {},
): Promise<Readonly<Record<N, string>>> {
  const cache = cacheFolder(env);
  const folder = join(cache, spec.folder);
  const paths = Object.fromEntries(spec.makes.map((name) => [name, join(folder, name)])) as Record<N, string>;
  const missing = async (): Promise<readonly N[]> => {
    const found = await Promise.all(spec.makes.map((name) => runs(paths[name])));
    return spec.makes.filter((_, i) => found[i] !== true);
  };
  if ((await missing()).length === 0) return paths;
  await mkdir(folder, { recursive: true });
  const task = async (): Promise<void> => {
    const open = await missing();
    if (open.length > 0) await make(spec, { folder, open, env, say });
  };
  const waiting = (holder: string): void => say(`${spec.label}: waiting for ${holder}, which makes parts ...`);
  await withLock(join(cache, '.parts.lock'), task, { waiting });
  return paths;
}

/** True for a program that can be run, and for a folder. */
const runs = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

interface Making<N> {
  readonly folder: string;
  readonly open: readonly N[];
  readonly env: NodeJS.ProcessEnv;
  readonly say: Say;
}

async function make<N extends string>(spec: PartSpec<N>, { folder, open, env, say }: Making<N>): Promise<void> {
  const draft = join(folder, `.build-${process.pid}-${Date.now()}`);
  await mkdir(draft, { recursive: true });
  const leash = startLeash(draft);
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 1000);
  say(`${spec.label}: not here yet. Making it once takes ${spec.cost}; kept in ${folder}`);
  const ticker = setInterval(() => say(`${spec.label}: ${seconds()} s ...`), 30_000);
  try {
    await spec.make(draft, { env, hold: (pid) => leash.hold(pid === undefined ? [] : [pid]) });
    for (const name of open) {
      await rm(join(folder, name), { recursive: true, force: true });
      await rename(join(draft, name), join(folder, name));
    }
    say(`${spec.label}: made in ${seconds()} s`);
  } finally {
    clearInterval(ticker);
    await leash.release();
  }
}
