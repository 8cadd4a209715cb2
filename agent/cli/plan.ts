import { asFault, Fault, type Plan } from '../../src/model/index.ts';
import { planText, summarize } from '../../src/plan/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { watchObjects } from '../config/index.ts';
import { type Planned, planAll } from '../plan-once.ts';
import { makeParts } from '../wire.ts';
import { type CliIo, usageError } from './io.ts';
import { configured, logFor, objectsOf, optionsOf } from './setup.ts';

export const help = `Usage: holdfast plan --config FILE [-o text|json] [--all]

Shows what the agent would do to the cluster, and does nothing. Sources are fetched when no agent has the state folder;
beside a running agent the revision is taken that it has.

  -c, --config FILE     AgentConfiguration (default /etc/holdfast/config.yaml)
  -o, --output FORMAT   text (default) or json
      --all             list unchanged objects too

Exit code 0 when nothing would change, 2 when something would, 1 when a plan could not be made.
`;

/** `holdfast plan`. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const setup = await configured('plan', argv, io);
  if (typeof setup === 'number') return setup;
  const { config, flags } = setup;
  const format = flags['output'] ?? 'text';
  if (format !== 'text' && format !== 'json')
    return usageError(io, 'plan', `-o ${String(format)}: there are text and json`);
  const options = optionsOf(config, logFor(config, io, 'error'));
  const parts = makeParts({ ...options, workers: 'never' });
  try {
    const watch = watchObjects(config.objects.files, () => undefined, { limits: config.limits, clock: systemClock() });
    const objects = objectsOf(watch.current());
    watch.close();
    for (const problem of objects.problems) io.stderr(`${problem.where}: ${problem.message}\n`);
    const unlock = await parts.disk.lock().catch((error: unknown) => {
      if (error instanceof Fault && error.code === 'cache-locked') return undefined;
      throw error;
    });
    try {
      const planned = await planAll(objects, {
        parts,
        options,
        fetch: unlock !== undefined,
        data: objects.data,
        signal: io.signal ?? new AbortController().signal,
      });
      return show(
        planned,
        { json: format === 'json', all: flags['all'] === true, broken: objects.problems.length > 0 },
        io,
      );
    } finally {
      await unlock?.();
    }
  } catch (error) {
    io.stderr(`holdfast plan: ${asFault(error).message}\n`);
    return 1;
  } finally {
    await parts.workshop.close();
    parts.cluster.close();
    parts.wire.close();
  }
}

function show(
  planned: readonly Planned[],
  how: { readonly json: boolean; readonly all: boolean; readonly broken: boolean },
  io: CliIo,
): number {
  if (how.json)
    io.stdout(
      `${JSON.stringify({ apiVersion: 'holdfast.dev/v1alpha1', kind: 'PlanList', items: planned.map(asJson) }, null, 2)}\n`,
    );
  else for (const one of planned) io.stdout(asText(one, how.all));
  if (how.broken || planned.some((one) => one.fault !== undefined)) return 1;
  return planned.some((one) => one.plan !== undefined && changes(one.plan)) ? 2 : 0;
}

function changes(plan: Plan): boolean {
  const { apply, replace, delete: gone } = summarize(plan);
  return apply + replace + gone > 0;
}

function asJson(one: Planned): unknown {
  const { kustomization, revision, plan, fault } = one;
  const error = fault === undefined ? {} : { error: { code: fault.code, message: fault.message } };
  return { kustomization, revision, ...(plan === undefined ? {} : { ...plan, summary: summarize(plan) }), ...error };
}

function asText(one: Planned, all: boolean): string {
  const head = `Kustomization ${one.kustomization}${one.revision === '' ? '' : ` at ${one.revision}`}\n`;
  if (one.plan === undefined) return `${head}  no plan: ${one.fault?.message ?? 'suspended'}\n`;
  const note = one.fault === undefined ? '' : `  held: ${one.fault.message}\n`;
  return `${head}${planText(one.plan, { all })}${note}`;
}
