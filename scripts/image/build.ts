import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Engine, run } from './tools.ts';

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export interface BuildOptions {
  readonly root: string;
  readonly tag: string;
  /** Take the base images from a registry. */
  readonly pull: boolean;
  /** Every step anew. */
  readonly anew?: boolean;
  readonly platform?: string;
}

/** Builds the Dockerfile as its head says, with the time of the last commit. */
export async function buildImage(engine: Engine, options: BuildOptions): Promise<void> {
  const { root, tag, pull, anew = false, platform = 'linux/amd64' } = options;
  const git = (...args: readonly string[]): Promise<string> => run('git', ['-C', root, ...args]);
  const epoch = await git('log', '-1', '--format=%ct');
  const settings = {
    DESCRIBE: await git('describe', '--tags', '--always', '--dirty'),
    COMMIT: await git('rev-parse', 'HEAD'),
    SOURCE_DATE_EPOCH: epoch,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const how = ['--isolation', 'chroot', '--network', 'host', pull ? '--pull' : '--pull-never', '--platform', platform];
  // With layers as Docker has them; --timestamp is what BuildKit does with SOURCE_DATE_EPOCH.
  const layers = ['--layers', '--timestamp', epoch, ...(anew ? ['--no-cache'] : [])];
  await engine.buildah('bud', ...how, ...layers, ...args, '-t', tag, root);
}

export interface FileSize {
  readonly path: string;
  readonly bytes: number;
}

/** Regular files and links below a folder, by path. */
export function filesBelow(folder: string): readonly FileSize[] {
  const found: FileSize[] = [];
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push({ path: relative(folder, path), bytes: statSync(path).size });
      else found.push({ path: relative(folder, path), bytes: 0 });
    }
  };
  walk(folder);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The files of an image, looked at in place; `look` gets the folder. */
export async function inside<T>(engine: Engine, tag: string, look: (folder: string) => T): Promise<T> {
  const work = await engine.buildah('from', '--pull-never', tag);
  try {
    const folder = await engine.buildah('mount', work);
    return look(folder);
  } finally {
    await engine.buildah('umount', work);
    await engine.buildah('rm', work);
  }
}

/** What nobody wants in a build: results, history, keys. */
const FOREIGN = /(^|\/)(node_modules|dist|\.git)\/|^(test|docs)\/|(^|\/)\.env|\.(pem|key|log)$/;

/** Sends the build context to a build that keeps it, and looks at what came. */
export async function checkContext(engine: Engine, root: string): Promise<string> {
  const probe = join(engine.dir, 'Dockerfile.context');
  writeFileSync(probe, 'FROM scratch\nCOPY . /\n');
  await engine.buildah('bud', '--isolation', 'chroot', '-f', probe, '-t', 'localhost/context', root);
  const files = await inside(engine, 'localhost/context', filesBelow);
  const foreign = files.filter(({ path, bytes }) => FOREIGN.test(path) || bytes > 1_000_000);
  if (foreign.length > 0) throw new Error(`in the build context: ${foreign.map(({ path }) => path).join(', ')}`);
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const largest = [...files].sort((a, b) => b.bytes - a.bytes)[0];
  return `${files.length} files, ${mb(all)}; the largest ${largest?.path}, ${mb(largest?.bytes ?? 0)}`;
}

const UNWANTED = /(^|\/)(npm|npx|corepack|yarn|git|gcc|g\+\+|cc|c\+\+|make|python3?|curl|wget|ssh)$|node_modules/;

/** What is in the image besides its base. */
export async function checkContents(engine: Engine, tag: string): Promise<string> {
  const files = await inside(engine, tag, filesBelow);
  const unwanted = files.filter(({ path }) => /(^|\/)s?bin\/|node_modules/.test(path) && UNWANTED.test(path));
  if (unwanted.length > 0) throw new Error(`in the image: ${unwanted.map(({ path }) => path).join(', ')}`);
  const ours = files.filter(({ path }) => path.startsWith('opt/'));
  const list = ours.map(({ path, bytes }) => `    ${(bytes / 1e6).toFixed(2).padStart(7)} MB  /${path}`);
  return `no npm, compiler, git; ${files.length} files, of them ours:\n${list.join('\n')}`;
}

/** Digests of what the build made, by name. */
export async function digests(engine: Engine, tag: string): Promise<Readonly<Record<string, string>>> {
  return inside(engine, tag, (folder) => {
    const dir = join(folder, 'opt', 'holdfast');
    const names = readdirSync(dir).filter((name) => name !== 'node');
    return Object.fromEntries(
      names.map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(dir, name)))
          .digest('hex'),
      ]),
    );
  });
}

interface Manifest {
  readonly layers: readonly { readonly size: number; readonly digest: string }[];
}

/** Bytes of each layer, as a registry would have them (gzip) and unpacked, by the step that made it. */
export async function layerSizes(engine: Engine, tag: string): Promise<string> {
  const out = join(engine.dir, 'oci');
  await engine.buildah('push', '--quiet', '--format', 'oci', tag, `oci:${out}`);
  const blob = (digest: string): string => readFileSync(join(out, 'blobs', digest.replace(':', '/')), 'utf8');
  const index = JSON.parse(readFileSync(join(out, 'index.json'), 'utf8')) as {
    manifests: readonly { digest: string }[];
  };
  const manifest = JSON.parse(blob(index.manifests[0]?.digest ?? '')) as Manifest;
  const history = JSON.parse(await engine.podman('history', '--format', 'json', tag)) as readonly {
    size: number;
    CreatedBy: string;
  }[];
  const steps = history.filter(({ size }) => size > 0).reverse();
  const packed = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  const unpacked = steps.reduce((sum, { size }) => sum + size, 0);
  // Empty layers are in the manifest, too; the three largest are the base, Node and the bundle.
  const lines = steps.map(({ size, CreatedBy }) => `    ${mb(size).padStart(9)}  ${said(CreatedBy)}`);
  const sizes = manifest.layers.map(({ size }) => mb(size)).join(', ');
  return `${mb(unpacked)}, to pull ${mb(packed)} (gzip, by layer: ${sizes})\n${lines.join('\n')}`;
}

const said = (step: string): string =>
  step
    .replace(/^.*?#\(nop\)\s*/, '')
    .replace(/\s+/g, ' ')
    .replace(/^\/bin\/sh$/, '(base)')
    .slice(0, 90);
