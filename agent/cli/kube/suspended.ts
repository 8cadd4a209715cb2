import { asFault } from '../../../src/model/index.ts';
import { type CliIo, usageError } from '../io.ts';
import { KUBE_OPTIONS, onCluster, type Reach, readFlags } from './flags.ts';
import { KINDS_TEXT, readTarget } from './kinds.ts';
import { inText, mustRead, objectsOf } from './objects.ts';
import { change, type Named, settled, WAIT } from './settle.ts';

const OPTIONS = { ...KUBE_OPTIONS, all: { type: 'boolean' }, wait: { type: 'boolean' } } as const;

/** What `suspend` and `resume` have in common: all but the direction, and that only one of them waits. */
export async function setSuspended(command: 'suspend' | 'resume', argv: readonly string[], io: CliIo): Promise<number> {
  const flags = readFlags(command, argv, io, OPTIONS);
  if (typeof flags === 'number') return flags;
  const target = readTarget(flags.words);
  const [kind] = target?.kinds ?? [];
  if (target === undefined || kind === undefined || target.all)
    return usageError(io, command, `what? KIND is ${KINDS_TEXT}.`);
  const names = [...new Set(target.names)];
  if (names.length === 0 && !flags.on('all'))
    return usageError(io, command, `a name of a ${kind.human} is required, or --all.`);
  if (names.length > 0 && flags.on('all')) return usageError(io, command, 'either names or --all.');
  if (command === 'suspend' && flags.given('wait')) return usageError(io, command, 'there is nothing to wait for.');
  const waits = command === 'resume' && (flags.given('wait') ? flags.on('wait') : names.length === 1);
  const timeout = waits ? WAIT : '';
  return onCluster({ name: command, timeout }, flags, io, async (reach) => {
    const { namespace } = reach;
    const all = flags.on('all') ? await objectsOf(kind, { namespace }, reach) : [];
    const wanted = flags.on('all') ? all.map((one) => one.metadata.name) : names;
    if (wanted.length === 0) {
      io.stderr(`✗ no ${kind.kind} objects found in ${inText(namespace)} namespace\n`);
      return 1;
    }
    const changed: Named[] = [];
    for (const name of wanted) {
      const one = { kind, name, namespace };
      if (await setOne(one, command, reach, io)) changed.push(one);
    }
    let code = changed.length === wanted.length ? 0 : 1;
    for (const one of waits ? changed : []) code = Math.max(code, await settled(one, () => true, reach, io));
    return code;
  });
}

/** False, and said, when it cannot be done. */
async function setOne(one: Named, command: 'suspend' | 'resume', reach: Reach, io: CliIo): Promise<boolean> {
  const { kind, name, namespace } = one;
  const doing = command === 'suspend' ? 'suspending' : 'resuming';
  try {
    await mustRead(kind, name, namespace, reach);
    io.stderr(`► ${doing} ${kind.human} ${name} in ${namespace} namespace\n`);
    await change(one, { spec: { suspend: command === 'suspend' } }, reach);
    io.stderr(`✔ ${kind.human} ${command}${command === 'suspend' ? 'ed' : 'd'}\n`);
    return true;
  } catch (error) {
    reach.signal.throwIfAborted();
    io.stderr(`✗ ${doing} ${kind.human} ${name} in ${namespace} namespace: ${asFault(error).message}\n`);
    return false;
  }
}
