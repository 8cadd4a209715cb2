import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import type { BuildInfo } from '../agent/version.ts';
import { putBeside } from './bundle/beside.ts';
import { launcher } from './bundle/launcher.ts';
import { oneByte, packed, packedData } from './bundle/packed.ts';
import { slim } from './bundle/plugin.ts';
import { writeQuick } from './bundle/quick.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

/** Nothing of this machine and no clock: the same commit gives the same bundle. */
function buildInfo(): BuildInfo {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const commit = process.env['HOLDFAST_COMMIT'] ?? git('rev-parse', 'HEAD');
  // A build without .git, such as in a container, is told.
  const described =
    process.env['HOLDFAST_DESCRIBE'] ?? git('describe', '--tags', '--always', '--dirty', '--match', 'v*');
  const suffix = described === '' || described === `v${version}` ? '' : `+${described.replace(/^(?=[0-9a-f])/, 'g')}`;
  const epoch = process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct');
  const seconds = Number(epoch) || Math.floor(statSync(join(root, 'package.json')).mtimeMs / 1000);
  return {
    version: `${version}${suffix.replaceAll('-', '.')}`,
    commit,
    builtAt: new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'),
  };
}

/** Bytes in the bundle by package (or by our own rooms), largest first. */
function weights(metafile: Metafile): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const output of Object.values(metafile.outputs))
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name =
        /(?:node_modules\/|packed:)((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.split('/').slice(0, 2).join('/');
      sums.set(name, (sums.get(name) ?? 0) + bytesInOutput);
    }
  return [...sums].sort((a, b) => b[1] - a[1]);
}

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(8)} KiB`;

/** Packages that are carried compressed, for sites that need them: as they are they would cost every site a MiB per 100 KB. */
const CARRIED: ReadonlySet<string> = new Set(['ssh2', 'openpgp']);

/** Builds dist/holdfast.cjs, dist/holdfast, and what makes `holdfast build` quick. */
async function main(): Promise<void> {
  const began = performance.now();
  const info = buildInfo();
  const bundle = join(root, 'dist', 'holdfast.cjs');
  mkdirSync(dirname(bundle), { recursive: true });
  const { metafile, outputFiles } = await build({
    write: false,
    absWorkingDir: root,
    entryPoints: ['agent/main.ts'],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    // Below the Node it needs, so that an older one gets as far as saying so.
    target: 'node20',
    minify: true,
    // Names in stack traces are worth their 3 %.
    keepNames: false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    banner: { js: '"use strict";const __holdfastUrl=require("node:url").pathToFileURL(__filename).href;' },
    define: { 'import.meta.url': '__holdfastUrl', HOLDFAST_BUILD: JSON.stringify(info) },
    plugins: [packed([slim]), packedData, slim],
  });
  const [astray] = weights(metafile).filter(([name]) => CARRIED.has(name));
  if (astray !== undefined)
    throw new Error(`${astray[0]} is in the bundle as it is: who imports it is no door of scripts/bundle/packed.ts`);
  writeFileSync(bundle, oneByte(outputFiles[0]?.text ?? ''));
  putBeside(dirname(bundle));
  const quick = await writeQuick(dirname(bundle));
  const script = join(root, 'dist', 'holdfast');
  writeFileSync(
    script,
    launcher({ node: process.execPath, fromDist: relative(dirname(script), process.execPath), root, quick }),
  );
  chmodSync(script, 0o755);

  const bytes = readFileSync(bundle);
  for (const [name, size] of weights(metafile).slice(0, process.argv.includes('--all') ? 999 : 12))
    process.stdout.write(`${kib(size)}  ${name}\n`);
  process.stdout.write(
    `${kib(bytes.length)}  dist/holdfast.cjs (${kib(gzipSync(bytes).length).trim()} gzip), ${info.version}\n`,
  );
  process.stdout.write(`built in ${Math.round(performance.now() - began)} ms: dist/holdfast\n`);
}

await main();
