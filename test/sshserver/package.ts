import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedPart, type PartOptions, platform, type Run, run } from '../parts/index.ts';

/** An sshd, and the folders of libraries that it needs beside the system's. */
export interface SshdProgram {
  readonly program: string;
  readonly libraries: readonly string[];
}

/** Where packages of the distribution put what is needed. */
const SSHD = join('usr', 'sbin', 'sshd');

const APT = 'apt-get';

/** A network without an answer is left soon: these tests are worth no minute of waiting. */
const PATIENCE = ['Retries=0', 'http::Timeout=10', 'https::Timeout=10'].flatMap((one) => ['-o', `Acquire::${one}`]);

/**
 * The distribution's own sshd, downloaded with apt's settings and proofs and unpacked into the cache, never installed.
 * Whatever version apt offers, once for each release of the distribution: its libraries are those of that release.
 */
export async function ensureSshdPackage(options: PartOptions = {}): Promise<SshdProgram> {
  const release = await releaseName();
  const { tree } = await cachedPart(
    {
      label: `openssh-server of ${release}`,
      folder: join('sshserver', `openssh-server-${release}_${platform()}`),
      makes: ['tree'],
      cost: 'some seconds, 1 to 30 MB',
      make: (draft, { env, hold }) => download(draft, { cwd: draft, env: { ...env, LC_ALL: 'C' }, hold }),
    },
    options,
  );
  return { program: join(tree, SSHD), libraries: await librariesIn(tree) };
}

/** Such as `debian-12`; an Error where packages are not Debian's. */
async function releaseName(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string): string => new RegExp(`^${key}="?([a-z0-9._-]+)"?$`, 'm').exec(text)?.[1] ?? '';
  const [id, version] = [value('ID'), value('VERSION_ID') || value('VERSION_CODENAME')];
  if (id === '') throw new Error('/etc/os-release does not say which distribution this is');
  return version === '' ? id : `${id}-${version}`;
}

/** By the lists of packages that are here, or, where there are none or old ones, by fresh ones of its own. */
async function download(draft: string, how: Run): Promise<void> {
  try {
    await unpack(draft, how, []);
  } catch (first) {
    if ((first as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`${APT} is not here`);
    const own = [`Dir::State::lists=${join(draft, 'lists')}`, `Dir::Cache=${join(draft, 'cache')}`];
    const settings = own.flatMap((one) => ['-o', one]);
    await mkdir(join(draft, 'lists', 'partial'), { recursive: true });
    await mkdir(join(draft, 'cache', 'archives', 'partial'), { recursive: true });
    await run(APT, [...settings, ...PATIENCE, '--error-on=any', 'update'], how).catch((error: unknown) => {
      throw new Error(`${textOf(first)}; and with fresh lists: ${textOf(error)}`);
    });
    await unpack(draft, how, settings);
  }
}

/** Of anything thrown. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function unpack(draft: string, how: Run, settings: readonly string[]): Promise<void> {
  const plan = await run(APT, [...settings, '-s', '--no-install-recommends', 'install', 'openssh-server'], how);
  const packages = wanted(plan);
  const folder = join(draft, 'packages');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await run(APT, [...settings, ...PATIENCE, 'download', ...packages], { ...how, cwd: folder });
  const tree = join(draft, 'unpacked');
  for (const file of await readdir(folder)) await run('dpkg-deb', ['-x', join(folder, file), tree], how);
  await writeFile(join(tree, 'packages'), `${packages.join('\n')}\n`);
  await rename(tree, join(draft, 'tree'));
}

/** Of what apt would install, the server and libraries; those of C belong to the system's loader. */
export function wanted(plan: string): readonly string[] {
  const found = [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm)].flatMap(([, name = '', version = '']) =>
    name === 'openssh-server' || (name.startsWith('lib') && !/^libc6|^libc-/.test(name)) ? [`${name}=${version}`] : [],
  );
  if (!found.some((one) => one.startsWith('openssh-server='))) throw new Error('apt offers no openssh-server');
  return found;
}

/** Folders with shared libraries: `usr/lib/TRIPLET` and `lib/TRIPLET`. */
async function librariesIn(tree: string): Promise<readonly string[]> {
  const folders = await Promise.all(
    ['usr/lib', 'lib'].map(async (base) => {
      const entries = await readdir(join(tree, base)).catch(() => []);
      return entries.filter((name) => name.includes('-linux-')).map((name) => join(tree, base, name));
    }),
  );
  return folders.flat();
}
