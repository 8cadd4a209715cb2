import { type CliIo, usageError } from '../io.ts';
import { flagsOf } from './flags.ts';

export const help = `Usage: holdfast bundle create --config FILE -o FILE [--source KEY]... [--base REVISION]...
       holdfast bundle create --from STATE_DIR -o FILE [--source KEY]... [--base REVISION]...
       holdfast bundle inspect FILE|FOLDER [-o json]
       holdfast bundle verify FILE|FOLDER

Packs what sources have into one file for a site without a network, and looks into such files. The file is an OCI image
layout in a tar. "inspect" and "verify" read all that an inbox takes: image layouts of other tools in a tar or a folder,
bundles of "git bundle create", also compressed as a whole (.gz, .zst), and tar archives of files. docs/bundles.md says
all of it.

create:
  -c, --config FILE    AgentConfiguration: sources are fetched into its state folder (a running agent's is read)
      --from DIR       the state folder of an agent: nothing is fetched. For Git, and OCI with operation copy
      --source KEY     only this one, as GitRepository/NAMESPACE/NAME (OCIRepository, Bucket, ...); all when absent
      --base REVISION  only the difference to this revision, which the site must have; KEY=REVISION with several sources
  -o, --output FILE    where to write; it appears there when it is whole
      --cluster NAME   only for the cluster of this name
      --label KEY=VAL  only for clusters with this label
      --compress HOW   of the objects of Buckets: none (default) or zstd; the rest is compressed as it is
      --sequence N     number of the bundle; when absent the time of the content, so that equal content is equal bytes

Exit code 0 when done, 1 when it failed or a file is not whole, 2 when used wrongly.
`;

/** `holdfast bundle`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const [action, ...rest] = argv;
  if (action !== 'create' && action !== 'inspect' && action !== 'verify')
    return usageError(io, 'bundle', 'say what: create, inspect or verify');
  const flags = flagsOf('bundle', rest, io);
  if (typeof flags === 'number') return flags;
  if (action === 'create') return (await import('./create.ts')).create(flags, io);
  return (await import('./read.ts')).readBundleFile(action, flags, io);
}
