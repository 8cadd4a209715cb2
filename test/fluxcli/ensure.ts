import { chmod, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textAt } from '../../src/model/index.ts';
import { goTool, type PartOptions, type Run, run } from '../parts/index.ts';

/** Pinned here and in flux2/go.mod. */
export const FLUX_VERSION = 'v2.9.4';
const MODULE = 'github.com/fluxcd/flux2/v2';

/** Path of the flux command, built with Go from its published module when it is not in the cache. */
export async function ensureFlux(options: PartOptions = {}): Promise<string> {
  const { flux } = await goTool(
    {
      kept: 'fluxcli/flux-',
      name: 'flux',
      version: FLUX_VERSION,
      module: join(import.meta.dirname, 'flux2'),
      packages: { flux: './cmd/flux' },
      minutes: 4,
      link: `-X main.VERSION=${FLUX_VERSION.slice(1)}`,
      prepare,
    },
    options,
  );
  return flux;
}

/** The module comes without the manifests of Flux's controllers that a release embeds; no test installs Flux. */
async function prepare(draft: string, go: Run): Promise<string> {
  const source = join(draft, 'source');
  const answer = await run('go', ['mod', 'download', '-json', MODULE], go);
  await copyModule(textAt(JSON.parse(answer), 'Dir') ?? '', source);
  await mkdir(join(source, 'cmd', 'flux', 'manifests'));
  await writeFile(join(source, 'cmd', 'flux', 'manifests', 'none.yaml'), '# none\n');
  return source;
}

/** Go keeps modules read-only. */
async function copyModule(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}
