import { parseArgs } from 'node:util';
import { durationText, parseDuration } from '../../../src/flux/index.ts';
import { asFault, Fault } from '../../../src/model/index.ts';
import type { HttpCluster } from '../../adapters/cluster/index.ts';
import { type CliIo, usageError } from '../io.ts';

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>;

/** What every command takes that talks to an API server. */
export const KUBE_OPTIONS = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  timeout: { type: 'string' },
} as const;

export const KUBE_HELP = `  -n, --namespace NS      namespace of the object (default flux-system, or $FLUX_SYSTEM_NAMESPACE)
      --kubeconfig FILE   how to reach the API server (default $KUBECONFIG, the pod's account, ~/.kube/config)
      --context NAME      context of the kubeconfig
      --timeout TIME      longest time for all of it, such as 90s`;

export interface Flags {
  readonly words: readonly string[];
  text(name: string): string | undefined;
  on(name: string): boolean;
  /** Whether it was given at all, with either answer. */
  given(name: string): boolean;
}

/** Reads options and words; says what is wrong and answers the exit code then. `--wait=false` is `--no-wait`. */
export function readFlags(command: string, argv: readonly string[], io: CliIo, options: Options): Flags | number {
  const args = argv.map((arg) => {
    const [, name = '', value] = /^--([\w-]+)=(true|false)$/.exec(arg) ?? [];
    return options[name]?.type === 'boolean' ? `--${value === 'true' ? '' : 'no-'}${name}` : arg;
  });
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, allowNegative: true });
    const text = (name: string): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined);
    return {
      words: positionals,
      text,
      on: (name) => values[name] === true,
      given: (name) => values[name] !== undefined,
    };
  } catch (error) {
    return usageError(io, command, error instanceof Error ? error.message : String(error));
  }
}

/** An API server, and how long a command may take there. */
export interface Reach {
  readonly cluster: HttpCluster;
  /** Of `-n`, else Flux's own. */
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** For messages; '' without a bound. */
  readonly timeout: string;
}

/** The namespace of `-n`, else that in which Flux keeps its objects. */
export function namespaceOf(flags: Flags, io: CliIo): string {
  return flags.text('namespace') ?? (io.env['FLUX_SYSTEM_NAMESPACE'] || 'flux-system');
}

/** Works on the API server that the flags name. Prints what goes wrong; the exit code is then `failed`. */
export async function onCluster(
  command: { readonly name: string; readonly timeout: string; readonly failed?: number; readonly kubeconfig?: string },
  flags: Flags,
  io: CliIo,
  work: (reach: Reach) => Promise<number>,
): Promise<number> {
  const { failed = 1 } = command;
  const asked = flags.text('timeout') ?? command.timeout;
  const ms = asked === '' ? undefined : parseDuration(asked);
  if (asked !== '' && (ms === undefined || ms <= 0))
    return usageError(io, command.name, `--timeout ${asked} is not a duration such as 90s or 5m.`);
  const ends = [
    ...(io.signal === undefined ? [] : [io.signal]),
    ...(ms === undefined ? [] : [AbortSignal.timeout(ms)]),
  ];
  const signal = AbortSignal.any(ends);
  const { openCluster } = await import('../../adapters/cluster/index.ts');
  const cluster = openCluster({
    kubeconfig: kubeconfigOf(command.kubeconfig, flags, io),
    context: flags.text('context') ?? '',
  });
  try {
    return await work({
      cluster,
      namespace: namespaceOf(flags, io),
      signal,
      timeout: ms === undefined ? '' : durationText(ms),
    });
  } catch (error) {
    const late = signal.aborted && io.signal?.aborted !== true && !(error instanceof Fault);
    const why = late ? `no end within ${durationText(ms ?? 0)} (--timeout)` : asFault(error).message;
    io.stderr(`holdfast ${command.name}: ${why}\n`);
    return failed;
  } finally {
    cluster.close();
  }
}

/** One file of $KUBECONFIG goes before the account of a pod; of several the library makes one. */
function kubeconfigOf(configured: string | undefined, flags: Flags, io: CliIo): string {
  const named = io.env['KUBECONFIG'] ?? '';
  return flags.text('kubeconfig') ?? (configured || (named.includes(':') ? '' : named));
}
