import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../test/parts/index.ts';
import { type Engine, run } from './tools.ts';

/*
 * The two base images of the Dockerfile, for a machine that reaches Debian's packages and npm but no image registry. They
 * stand in for the published ones: the same distribution and Node, not the same bytes.
 */

export type Arch = 'amd64' | 'arm64';

const DEBIAN = 'localhost/debian:bookworm-slim';
const NODE = 'localhost/node:24-bookworm-slim';
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the slim variant leaves out. */
const LEFT_OUT = ['man', 'doc', 'info', 'locale', 'groff', 'lintian', 'linda'];

/** The npm that comes with Node 24. */
const NPM = 'npm@11';

const NATIVE: Arch = 'amd64';

const INSTALLED = [
  '--variant=minbase',
  ...LEFT_OUT.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*',
];

/** For another processor packages are unpacked only: their scripts would take many minutes in emulation. */
const UNPACKED = [
  '--variant=extract',
  '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
  '--include=?essential',
  '--include=libstdc++6',
  // What a script of base-files would make.
  '--extract-hook=mkdir -p "$1"/usr/local/bin',
];

function cacheDir(): string {
  const dir = join(cacheFolder(), 'image');
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** A minimal Debian as a tar, made once and kept; a minute. */
async function debianTar(arch: Arch): Promise<string> {
  const path = join(cacheDir(), `bookworm-slim-${arch}.tar`);
  if (existsSync(path)) return path;
  const fresh = `${path}.${process.pid}.tar`;
  const options = arch === NATIVE ? INSTALLED : UNPACKED;
  try {
    await run('mmdebstrap', ['-q', '--mode=root', `--architectures=${arch}`, ...options, 'bookworm', fresh]);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
  return path;
}

/** The Node of this repository's packages, for a processor. */
async function nodeFolder(root: string, arch: Arch, dir: string): Promise<string> {
  const name = `node-linux-${arch === 'amd64' ? 'x64' : 'arm64'}`;
  const installed = join(root, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  return unpacked(`${name}@${optionalDependencies[name]}`, join(dir, name));
}

/** A package of npm's registry, unpacked into a folder. */
async function unpacked(name: string, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const said = await run('npm', ['pack', '--silent', '--pack-destination', folder, name]);
  const archive = join(folder, said.split('\n').at(-1) ?? '');
  await run('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
  rmSync(archive);
  return folder;
}

async function debian(engine: Engine, arch: Arch, tag: string): Promise<void> {
  const work = await engine.buildah('from', 'scratch');
  await engine.buildah('add', '--quiet', work, await debianTar(arch), '/');
  await engine.buildah('config', '--os', 'linux', '--arch', arch, '--env', PATH, '--cmd', 'bash', work);
  await engine.buildah('commit', '--quiet', '--rm', work, tag);
}

async function node(engine: Engine, root: string, names: { arch: Arch; base: string; tag: string }): Promise<void> {
  const { arch, base, tag } = names;
  const work = await engine.buildah('from', '--pull-never', '--arch', arch, base);
  const folder = await nodeFolder(root, arch, engine.dir);
  await engine.buildah('copy', '--quiet', work, join(folder, 'bin', 'node'), '/usr/local/bin/node');
  const npm = await unpacked(NPM, join(engine.dir, 'npm'));
  await engine.buildah('copy', '--quiet', work, npm, '/usr/local/lib/node_modules/npm');
  const link = 'ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm';
  await engine.buildah('run', '--isolation', 'chroot', work, '--', 'sh', '-c', link);
  await trustAsHere(engine, work);
  await engine.buildah('config', '--cmd', 'node', work);
  await engine.buildah('commit', '--quiet', '--rm', work, tag);
}

/** Where this machine reaches npm through an authority of its own, the build has to know it, too. */
async function trustAsHere(engine: Engine, work: string): Promise<void> {
  const authorities = process.env['NODE_EXTRA_CA_CERTS'] ?? '';
  if (authorities === '') return;
  await engine.buildah('copy', '--quiet', work, authorities, '/etc/ssl/extra-ca.pem');
  await engine.buildah('config', '--env', 'NODE_EXTRA_CA_CERTS=/etc/ssl/extra-ca.pem', work);
}

/** Makes both, for each processor, under the names that those of the Dockerfile stand for here (`openEngine`). */
export async function makeBases(engine: Engine, root: string, arches: readonly Arch[]): Promise<void> {
  if (arches.length === 1) {
    await debian(engine, 'amd64', DEBIAN);
    await node(engine, root, { arch: 'amd64', base: DEBIAN, tag: NODE });
    return;
  }
  await engine.buildah('manifest', 'create', DEBIAN);
  await engine.buildah('manifest', 'create', NODE);
  for (const arch of arches) {
    const [base, tag] = [`localhost/debian-${arch}`, `localhost/node-${arch}`];
    await debian(engine, arch, base);
    await node(engine, root, { arch, base, tag });
    await engine.buildah('manifest', 'add', DEBIAN, base);
    await engine.buildah('manifest', 'add', NODE, tag);
  }
}
