import type { CliIo, Command } from './io.ts';

export type { CliIo, Command } from './io.ts';

interface CommandRow {
  readonly summary: string;
  /** Not listed: not for people. */
  readonly hidden?: boolean;
  /** Loaded when called: a command costs the memory of what it uses, not of what others use. */
  readonly load: () => Promise<{ readonly run: Command; readonly help?: string }>;
}

const onCluster = (): Promise<typeof import('./kube/index.ts')> => import('./kube/index.ts');

/** Every command. Its file holds its own help as the exported text `help`. */
export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  status: { summary: 'Show how the site is: converged or not, and why', load: () => import('./status.ts') },
  reconcile: {
    summary: 'Have sources fetched and Kustomizations applied now',
    load: async () => (await onCluster()).reconcile,
  },
  get: { summary: 'List Kustomizations and sources of the cluster', load: async () => (await onCluster()).get },
  why: { summary: 'Say why an object of the cluster is as it is', load: async () => (await onCluster()).why },
  events: { summary: 'Show what happened to them', load: async () => (await onCluster()).events },
  diff: { summary: 'Show what a folder would change in the cluster', load: async () => (await onCluster()).diff },
  suspend: { summary: 'Have a Kustomization or source left as it is', load: async () => (await onCluster()).suspend },
  resume: { summary: 'End that', load: async () => (await onCluster()).resume },
  agent: { summary: 'Run the agent', load: () => import('./agent.ts') },
  build: { summary: 'Render a folder as kustomize and Flux do', load: () => import('./build.ts') },
  bundle: {
    summary: 'Pack sources for a site without a network, and look into such files',
    load: () => import('./bundle/index.ts'),
  },
  plan: { summary: 'Show what would be done, and do nothing', load: () => import('./plan.ts') },
  sync: { summary: 'Fetch and apply once, then end', load: () => import('./sync.ts') },
  worker: { summary: 'Do heavy work for the agent', hidden: true, load: () => import('./worker.ts') },
  version: { summary: 'Print version, commit and Node', load: () => import('./version.ts') },
  help: { summary: 'Explain a command', load: () => import('./help.ts') },
};

/** Runs the command that the arguments name. Exit code 2 when they name none. */
export async function dispatch(argv: readonly string[], io: CliIo): Promise<number> {
  const [first, ...rest] = argv;
  if (first === '--version' || first === '-v') return (await import('./version.ts')).run(rest, io);
  if (first === undefined || first === '--help' || first === '-h') return (await import('./help.ts')).run([], io);
  const row = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (row === undefined) {
    io.stderr(`holdfast: there is no command "${first}". Run "holdfast help" for those there are.\n`);
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) return (await import('./help.ts')).run([first], io);
  const { run } = await row.load();
  return run(rest, io);
}
