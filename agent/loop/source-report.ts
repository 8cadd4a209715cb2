import {
  addTraffic,
  asFault,
  type Fault,
  nextAction,
  type Reachability,
  type SourceRevision,
  type WireCount,
} from '../../src/model/index.ts';
import { artifactFacts } from './artifact.ts';
import { failed, merge, succeeded } from './conditions.ts';
import type { LoopEnv } from './env.ts';
import { outdated, sourceConditions, wishOf } from './source-conditions.ts';
import type { SourcePorts, SourceRun } from './source-state.ts';
import { againText, newsText, storedText, worded } from './source-words.ts';
import { rfc3339 } from './time.ts';
import { standing } from './trouble.ts';

/** A revision that is new tells of itself. */
export function tellRecovery(run: SourceRun, moved: boolean, env: LoopEnv): void {
  env.log.info('source recovered', { source: run.key, failures: run.standing?.failures });
  const current = env.records.source(run.key)?.current;
  if (!moved && current !== undefined) tellContent(run, ['Succeeded', againText(run.object, current)], current, env);
}

/** Who asked whether there is anything new is told that there is not. */
export function tellUnchanged(run: SourceRun, { news, records }: LoopEnv): void {
  const revision = records.source(run.key)?.current.revision;
  if (revision === undefined) return;
  const ofGit = run.object.kind === 'GitRepository';
  const [reason, message] = ofGit
    ? ['GitOperationSucceeded', `no changes since last reconciliation: observed revision '${revision}'`]
    : ['ArtifactUpToDate', `artifact up-to-date with remote revision: '${revision}'`];
  news.event({ key: run.key, type: 'Normal', reason, message, revision: '' });
}

/** Says once why the whole of a source is fetched where a part is asked for. */
export function tellWhole(run: SourceRun, why: string, env: LoopEnv): void {
  if (why !== '' && why !== run.whole) env.log.info('the whole is fetched', { source: run.key, why });
  run.whole = why;
}

/** Why what came is the whole though a part was asked for. */
export const partWhy = ({ part }: SourceRevision): string =>
  part === undefined ? 'it is here, or its server gives no parts, or builds reach everything' : '';

/** Whether as much of a source is here as was before. */
export const samePaths = (a: SourceRevision, b: SourceRevision): boolean =>
  JSON.stringify(a.part?.paths) === JSON.stringify(b.part?.paths);

/** Takes down what stands in the way now, and tells of it where it is news. */
export function takeDown(run: SourceRun, error: unknown, env: LoopEnv): Fault {
  const fault = worded(asFault(error), run.object);
  const before = run.standing;
  run.progressed = fault.progress;
  if (fault.revision !== '') run.newest = { revision: fault.revision, wish: wishOf(run.object) };
  run.standing = standing(before, fault, { now: env.clock.now(), log: env.log.with({ source: run.key }) });
  if (before?.since !== run.standing.since || before.message !== fault.message)
    env.news.event({
      key: run.key,
      // Who waits for what it includes has not failed.
      type: fault.code === 'include-unavailable' ? 'Normal' : 'Warning',
      reason: run.standing.reason,
      message: fault.message,
      revision: env.records.source(run.key)?.current.revision ?? '',
    });
  return fault;
}

/**
 * Tells of content that is new on this disk: those that are made of it at once, the others once its archive is known, or
 * cannot be made.
 */
export async function announce(
  run: SourceRun,
  content: SourceRevision,
  archived: () => Promise<void>,
  ports: SourcePorts,
): Promise<void> {
  ports.onRevision(run.key);
  if (content.verified !== undefined)
    ports.env.news.event({
      key: run.key,
      type: 'Normal',
      reason: 'Succeeded',
      message: content.verified.message,
      revision: '',
    });
  await archived().finally(() => tellContent(run, ['NewArtifact', newsText(run.object, content)], content, ports.env));
}

function tellContent(
  run: SourceRun,
  [reason, message]: readonly [string, string],
  content: SourceRevision,
  env: LoopEnv,
): void {
  const { revision } = content;
  const digest = artifactFacts(run.key, env, content)?.digest ?? '';
  const event = { key: run.key, type: 'Normal', reason, message, revision } as const;
  env.news.event(digest === '' ? event : { ...event, more: { digest } });
}

/** A source that answered is up to date, whether or not the disk takes a note of it. */
export async function noteConfirmed(
  run: SourceRun,
  count: WireCount,
  { records, log }: Pick<LoopEnv, 'records' | 'log'>,
): Promise<void> {
  await records
    .confirmed(run.key, run.confirmedAt, count)
    .catch((error: unknown) =>
      log.warn('not written down that nothing is new', { source: run.key, error: asFault(error).message }),
    );
}

/** What an attempt that failed has cost is counted, too: on a bad link that is the most of it. */
export async function noteSpent(run: SourceRun, { spent }: Fault, { records, clock, log }: LoopEnv): Promise<void> {
  if (spent === undefined) return;
  run.count = addTraffic(run.count, spent);
  await records
    .spent(run.key, clock.now(), spent)
    .catch((error: unknown) =>
      log.warn('traffic not written down', { source: run.key, error: asFault(error).message }),
    );
}

/** Notes whether the way to the source is open. */
export function setLink(run: SourceRun, state: Reachability['state'], message: string, env: LoopEnv): void {
  const since = run.link.state === state ? run.link.since : rfc3339(env.clock.now());
  run.link = { state, message, since };
}

/** Conditions and observed generation after an attempt. */
export function setConditions(run: SourceRun, env: LoopEnv): void {
  const record = env.records.source(run.key);
  const options = { now: env.clock.now(), generation: run.generation };
  const words = record === undefined ? '' : storedText(run.object, record.current);
  const stored =
    record === undefined
      ? []
      : [{ type: 'ArtifactInStorage', status: 'True', reason: 'Succeeded', message: words } as const];
  const settled = run.standing === undefined || nextAction(run.standing.code) === 'stall';
  if (settled) run.observedGeneration = run.generation;
  const more = sourceConditions(run, record, run.standing);
  if (run.standing === undefined) {
    run.newest = undefined;
    const ready = succeeded('Succeeded', words);
    run.conditions = merge(run.conditions, [...ready, ...stored, ...more.wanted], {
      ...options,
      without: [...more.without, 'Reconciling', 'Stalled', 'ArtifactOutdated'],
    });
    return;
  }
  const { code, reason, message } = run.standing;
  // What is stored was told of by the generation that it was made for.
  const told = run.conditions.some((one) => one.type === 'ArtifactInStorage' && one.message === stored[0]?.message);
  const stalled = nextAction(code) === 'stall';
  const late = outdated(run, record);
  const wrong = failed(reason, message, stalled ? undefined : message);
  const wanted = [...wrong, ...more.wanted, ...late, ...(told ? [] : stored)];
  const without = [
    ...more.without,
    stalled ? 'Reconciling' : 'Stalled',
    ...(late.length > 0 ? [] : ['ArtifactOutdated']),
  ];
  run.conditions = merge(run.conditions, wanted, { ...options, without });
}
