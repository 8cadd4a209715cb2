import { existsSync, statSync } from 'node:fs';
import { asFault, refText } from '../../src/model/index.ts';
import { type Paint, painter, plain } from '../../src/report/index.ts';
import { changesText } from '../../src/report/objects/index.ts';
import { type CliIo, usageError, wantsColor } from './io.ts';
import type { Compared } from './kube/dry-run.ts';
import { KUBE_HELP, KUBE_OPTIONS, onCluster, readFlags } from './kube/flags.ts';
import { KUSTOMIZATION, readTarget } from './kube/kinds.ts';
import { yamlWriter } from './kube/print.ts';

export const help = `Usage: holdfast diff kustomization NAME --path DIR [-n NS] [--kustomization-file FILE | --config FILE]
       holdfast diff kustomization NAME --config FILE

Shows what a Kustomization would change in the cluster, by dry runs, as flux diff does: what would be created, what
has drifted and in which fields, what would be deleted. Nothing changes. Values of Secrets are not shown; of encrypted
ones only the names of values are compared.

  holdfast diff kustomization store --path ./apps/store

      --path DIR          a folder that stands for spec.path of the Kustomization
      --kustomization-file FILE
                          the Kustomization itself from this file instead of from the cluster
  -c, --config FILE       from the files that this agent configuration names; without --path, what is compared is the
                          revision that the agent has on disk
      --strict-substitute variables that are not set are errors
${KUBE_HELP}

Exit code 0 when nothing differs, 1 when something does, 2 when that could not be found out or it is used wrongly.
`;

const OPTIONS = {
  ...KUBE_OPTIONS,
  path: { type: 'string' },
  'kustomization-file': { type: 'string' },
  config: { type: 'string', short: 'c' },
  'strict-substitute': { type: 'boolean' },
  // Of flux, for scripts that say it.
  'progress-bar': { type: 'boolean' },
} as const;

/** `holdfast diff`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = readFlags('diff', argv, io, OPTIONS);
  if (typeof flags === 'number') return flags;
  const target = readTarget(flags.words);
  const [name, ...more] = target?.names ?? [];
  if (target?.kinds[0] !== KUSTOMIZATION || name === undefined || more.length > 0)
    return usageError(io, 'diff', 'what? Say kustomization NAME.');
  const [path, file, config] = [flags.text('path'), flags.text('kustomization-file'), flags.text('config')];
  if (path === undefined && config === undefined) return usageError(io, 'diff', 'say --path DIR, or --config FILE.');
  if (path !== undefined && !(existsSync(path) && statSync(path).isDirectory()))
    return usageError(io, 'diff', `--path ${path} is not a folder.`);
  if (file !== undefined && (config !== undefined || path === undefined))
    return usageError(io, 'diff', '--kustomization-file goes with --path, and without --config.');
  const wanted = { name, path, file, config, strict: flags.on('strict-substitute') };
  const kubeconfig = config === undefined ? '' : await kubeconfigOf(config, io);
  if (kubeconfig === undefined) return 2;
  return onCluster({ name: 'diff', timeout: '', failed: 2, kubeconfig }, flags, io, async (reach) => {
    const { comparisonOf } = await import('./kube/comparison.ts');
    const { compareAll } = await import('./kube/compare.ts');
    const compared = await compareAll(await comparisonOf(wanted, reach, io), reach);
    const paint = painter(wantsColor(io));
    const yaml = await yamlWriter();
    for (const one of compared) say(one, { paint, yaml }, io);
    if (compared.some((one) => one.did === 'failed')) return 2;
    return compared.some((one) => one.did !== 'unchanged' && one.did !== 'skipped') ? 1 : 0;
  });
}

/** How the agent of this configuration reaches its API server; undefined, and said, when it cannot be read. */
async function kubeconfigOf(config: string, io: CliIo): Promise<string | undefined> {
  const { loadConfig } = await import('../config/index.ts');
  try {
    return (await loadConfig(config, io.env)).kubeconfig;
  } catch (error) {
    io.stderr(`holdfast diff: ${asFault(error).message}\n`);
    return undefined;
  }
}

const STYLES = { created: 'good', drifted: 'bold', deleted: 'bad', skipped: 'warn' } as const;

function say(
  { ref, did, note, changes }: Compared,
  { paint, yaml }: { readonly paint: Paint; readonly yaml: Awaited<ReturnType<typeof yamlWriter>> },
  io: CliIo,
): void {
  if (did === 'unchanged') return;
  if (did === 'failed') {
    io.stderr(`✗ ${refText(ref)}: ${plain(note)}\n`);
    return;
  }
  io.stdout(`${paint(`► ${refText(ref)} ${did}`, STYLES[did])}${note === '' ? '' : ` (${plain(note)})`}\n`);
  if (changes.length > 0) io.stdout(`${changesText(changes, paint, yaml)}\n`);
}
