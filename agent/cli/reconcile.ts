import { type AgentStatus, asFault, refText } from '../../src/model/index.ts';
import { addressText } from '../http/index.ts';
import { ask, findStatus, whereabouts } from './ask.ts';
import { type CliIo, usageError } from './io.ts';
import { KUBE_HELP, KUBE_OPTIONS, readFlags } from './kube/flags.ts';
import { readTarget } from './kube/kinds.ts';

export const help = `Usage: holdfast reconcile [OBJECT ...] [--config FILE | --address SOCKET]
       holdfast reconcile KIND NAME [-n NS] [--with-source]

Asks the agent on this machine to look now instead of at the next time: sources fetch, Kustomizations apply.
Without OBJECT, all of them. OBJECT is a name, NAMESPACE/NAME, or KIND/NAMESPACE/NAME:

  holdfast reconcile store
  holdfast reconcile GitRepository/flux-system/fleet

The agent only takes this through the socket in its state folder, from its own user or root.

  -c, --config FILE       the agent's configuration (default /etc/holdfast/config.yaml)
      --address SOCKET    the agent's socket

With KIND, the object is annotated in the cluster, as flux reconcile does, and whatever agent looks after it takes
that. It waits until the object is ready or has failed, at most 5 minutes. KIND is kustomization (ks), source git,
source oci or source bucket:

  holdfast reconcile kustomization store --with-source

      --with-source       first the source of the Kustomization
${KUBE_HELP}
`;

const OPTIONS = {
  ...KUBE_OPTIONS,
  config: { type: 'string', short: 'c' },
  address: { type: 'string' },
  'with-source': { type: 'boolean' },
} as const;

interface Ref {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Objects of the site that a word names; the right part of it is the name. */
function matching(word: string, status: AgentStatus): readonly Ref[] {
  const all: readonly Ref[] = [
    ...status.sources,
    ...status.kustomizations.map(({ namespace, name }) => ({ kind: 'Kustomization', namespace, name })),
  ];
  const parts = word.split('/').reverse();
  const fits = (value: string, part: string | undefined): boolean =>
    part === undefined || value.toLowerCase() === part.toLowerCase();
  return all.filter(
    (ref) => parts.length <= 3 && fits(ref.name, parts[0]) && fits(ref.namespace, parts[1]) && fits(ref.kind, parts[2]),
  );
}

const textOf = (ref: Ref): string => (ref.name === '' ? 'everything' : refText(ref));

/** Sends the nudges. Exit code 1 when no agent took one of them. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = readFlags('reconcile', argv, io, OPTIONS);
  if (typeof flags === 'number') return flags;
  const [config, address] = [flags.text('config'), flags.text('address')];
  const here = config !== undefined || address !== undefined;
  // One word alone, or with slashes, is a reference: an object may be called "source".
  const target = here || flags.words[0]?.includes('/') === true ? undefined : readTarget(flags.words);
  if (target !== undefined && target.names.length > 0)
    return (await import('./reconcile-object.ts')).reconcileObjects(target, flags, io);
  const stray = [...Object.keys(KUBE_OPTIONS), 'with-source'].find((name) => flags.given(name));
  if (stray !== undefined)
    return usageError(io, 'reconcile', `--${stray} goes with KIND NAME, such as kustomization store.`);
  try {
    return await nudge(flags.words, await whereabouts({ config, address }, io), io);
  } catch (error) {
    io.stderr(`holdfast reconcile: ${asFault(error).message}\n`);
    return 1;
  }
}

async function nudge(
  words: readonly string[],
  where: Awaited<ReturnType<typeof whereabouts>>,
  io: CliIo,
): Promise<number> {
  const socket = where.addresses.find(({ kind }) => kind === 'unix');
  if (socket === undefined) return usageError(io, 'reconcile', '--address takes the path of the socket.');
  const { status, address } = await findStatus({ addresses: [socket], stateDir: '' }, io.signal);
  if (address === undefined) return 1;
  const wanted: Ref[] = words.length === 0 ? [{ kind: '', namespace: '', name: '' }] : [];
  for (const word of words) {
    const found = matching(word, status);
    if (found.length === 0) {
      io.stderr(`holdfast reconcile: nothing declared is called "${word}". "holdfast status" shows what there is.\n`);
      return 1;
    }
    wanted.push(...found);
  }
  let code = 0;
  for (const ref of wanted) {
    const answer = await ask(address, 'POST', `/reconcile?${new URLSearchParams({ ...ref })}`, io.signal);
    if (answer.status === 202) io.stdout(`asked for ${textOf(ref)}\n`);
    else {
      io.stderr(
        `holdfast reconcile: ${textOf(ref)}: ${addressText(address)} answers ${answer.status}: ${answer.body.trim()}\n`,
      );
      code = 1;
    }
  }
  return code;
}
