import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Each with its arguments when none are given. */
const BENCHES: Readonly<Record<string, readonly string[]>> = {
  agent: ['--objects', '100,1000'],
  flux300: [],
  cluster: [],
  cache: [],
  kustomize: [],
  'wire-bucket': [],
  'wire-git': [],
  wire: [],
};

/** Not benchmarks, but as long: only when asked for by name. */
const ON_DEMAND: Readonly<Record<string, readonly string[]>> = { fuzz: [], soak: [] };

const HELP = `Usage: npm run bench [-- NAME [ARGUMENTS]]

  agent [--objects 100,1000,10000] [--width 16]   the built agent on a real control plane, beside its floor and Flux
  flux300 [--kustomizations 300] [--short]        Flux objects of the cluster in number, beside the floor and Flux; takeover
  cluster [COUNT]                                 the adapter to the API server, beside a bare client
  cache                                           the cache on disk, beside plain files
  kustomize [cases]                               building kustomizations, beside kustomize; the largest real cases alone
  wire-bucket                                     bytes of buckets on the wire, beside those of Flux
  wire-git                                        bytes of Git on the wire, cut ones too, beside git
  wire                                            bytes of OCI sources, beside oras and Flux
  fuzz [INPUTS] [SEED]                            hostile input to building, 100,000 of it, with an eye on time and memory
  soak [--minutes 30] [--seed N]                  one agent through a busy time on a real control plane: right, and flat?

Without a NAME all but the last two, which takes about fifteen minutes. Close what else runs: the tables say how steady the machine was.
`;

function node(...args: readonly string[]): boolean {
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc'];
  return spawnSync(process.execPath, [...flags, ...args], { cwd: root, stdio: 'inherit' }).status === 0;
}

function run(name: string, args: readonly string[]): boolean {
  const file = join('test', 'bench', `${name}.ts`);
  if (!existsSync(join(root, file))) return true;
  process.stdout.write(`\n## ${name}\n`);
  return node(file, ...(args.length > 0 ? args : (BENCHES[name] ?? ON_DEMAND[name] ?? [])));
}

const [name, ...args] = process.argv.slice(2).filter((arg) => arg !== '--');
if (
  name === '--help' ||
  name === 'help' ||
  (name !== undefined && !Object.hasOwn({ ...BENCHES, ...ON_DEMAND }, name))
) {
  process.stdout.write(HELP);
  process.exit(name === '--help' || name === 'help' ? 0 : 2);
}
if ((name === undefined || ['agent', 'flux300', 'kustomize', 'soak'].includes(name)) && !node('scripts/build.ts'))
  process.exit(1);
const names = name === undefined ? Object.keys(BENCHES) : [name];
process.exit(names.map((one) => run(one, args)).every(Boolean) ? 0 : 1);
