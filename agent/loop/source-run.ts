import { unsupportedFault } from '../../src/flux/index.ts';
import { addTraffic, type Condition, Fault, nextAction } from '../../src/model/index.ts';
import { backoff, jittered } from '../../src/schedule/index.ts';
import { takeArtifact, tryArtifact } from './artifact.ts';
import type { SourceRecord } from './env.ts';
import { answers } from './fetch-scope.ts';
import { takeIncludes } from './source-includes.ts';
import {
  announce,
  noteConfirmed,
  noteSpent,
  partWhy,
  samePaths,
  setConditions,
  setLink,
  takeDown,
  tellRecovery,
  tellUnchanged,
  tellWhole,
} from './source-report.ts';
import { isSuspended, type SourcePorts, type SourceRun } from './source-state.ts';

/** One attempt to bring a source up to date; sets the time of the next. Never throws. */
export async function runSource(run: SourceRun, ports: SourcePorts): Promise<void> {
  const { env } = ports;
  run.timer?.();
  run.timer = undefined;
  run.nextAt = 0;
  run.round += 1;
  const { requestedAt } = run.object.meta;
  // Who takes the annotation away asks for nothing.
  const asked = requestedAt !== '' && run.handledRequest !== requestedAt;
  if (asked) run.handledRequest = requestedAt;
  const { object } = run;
  run.generation = object.meta.generation;
  if (run.object.meta.deleting === true) return letGo(run, ports);
  await tryArtifact(run.key, env, ports.signal);
  if (isSuspended(run.object)) return rest(run);
  try {
    const moved = await fetchOnce(run, ports);
    run.observed = object;
    const held = heldByClock(run, ports);
    if (held !== undefined) throw held;
    if (run.standing !== undefined) tellRecovery(run, moved, env);
    else if (asked && !moved) tellUnchanged(run, env);
    run.standing = undefined;
  } catch (error) {
    if (ports.signal.aborted) return;
    const fault = takeDown(run, error, env);
    await noteSpent(run, fault, env);
    // What the server says of itself came over the link.
    const answered = /^source-|^signature-invalid$|^wire-(?:server|throttled)$/.test(fault.code);
    if (fault.code.startsWith('wire-') && !answered) setLink(run, 'down', fault.message, env);
    else if (answered) setLink(run, 'up', '', env);
  }
  setConditions(run, env);
  const record = env.records.source(run.key);
  // Those who wait for a first revision, or for more of it, can say now why there is none.
  if (run.standing?.failures === 1 && (record === undefined || !answers(record.current, ports.scope(run))))
    ports.onRevision(run.key);
  await plan(run, ports);
}

/** One that is suspended has been looked at, as in Flux: else it would seem to be in progress. Its conditions stay. */
function rest(run: SourceRun): void {
  const { generation } = run;
  const isReady = ({ type }: Condition): boolean => type === 'Ready';
  const ready = run.conditions.find(isReady);
  if (ready === undefined) return;
  run.observedGeneration = generation;
  if (ready.observedGeneration === generation) return;
  run.conditions = run.conditions.map((one) => (isReady(one) ? { ...one, observedGeneration: generation } : one));
}

/** Lets go of a source that somebody has deleted. What fails is tried again; until then the source stays. */
async function letGo(run: SourceRun, ports: SourcePorts): Promise<void> {
  if (!ports.leads(run)) return;
  try {
    await ports.env.news.released(run.key);
    run.standing = undefined;
  } catch (error) {
    if (ports.signal.aborted) return;
    takeDown(run, error, ports.env);
    setConditions(run, ports.env);
    await plan(run, ports);
  }
}

/** True when the content is another one now. */
async function fetchOnce(run: SourceRun, ports: SourcePorts): Promise<boolean> {
  const { env } = ports;
  const unsupported = unsupportedFault(run.object);
  if (unsupported !== undefined) throw unsupported;
  const includes = ports.includes(run);
  const composed = await takeIncludes(run, includes, env);
  if (composed !== undefined) {
    await announce(run, composed, () => tryArtifact(run.key, env, ports.signal), ports);
  }
  const have: SourceRecord | undefined = env.records.source(run.key);
  const { needs, why } = ports.scope(run);
  const work = { source: run.object, data: await ports.data(run.object), have, includes, needs };
  const outcome = await env.workshop
    .fetch(work, ports.signal, (bytes) => {
      run.expected = bytes;
    })
    .finally(() => {
      run.expected = 0;
    });
  run.count = addTraffic(run.count, outcome.count);
  if (outcome.count.requests > 0) setLink(run, 'up', '', env);
  const now = env.clock.now();
  run.confirmedAt = now;
  if (outcome.kind === 'unchanged') {
    await noteConfirmed(run, outcome.count, env);
    return composed !== undefined;
  }
  tellWhole(run, needs === undefined ? why : partWhy(outcome.content), env);
  const changed = have?.current.revision !== outcome.content.revision || have.current.root !== outcome.content.root;
  const record = { current: outcome.content, fetchedAt: now, identity: outcome.identity };
  await env.records.admit(run.key, record, outcome.count);
  if (changed) {
    env.log.info('revision admitted', {
      source: run.key,
      revision: outcome.content.revision,
      requests: outcome.count.requests,
      up: outcome.count.up,
      down: outcome.count.down,
    });
    const make = async (): Promise<void> => {
      await takeArtifact(run.key, env, ports.signal);
      // A status that tells of the artifact tells what it was made for.
      run.observed = work.source;
    };
    await announce(run, outcome.content, make, ports);
    return true;
  }
  if (!samePaths(have.current, outcome.content)) ports.onRevision(run.key);
  await takeArtifact(run.key, env, ports.signal);
  return false;
}

/** Sets the timer of the next attempt: backoff after a failure, else the cron expression, else the interval. */
async function plan(run: SourceRun, ports: SourcePorts): Promise<void> {
  const delay = await delayOf(run, ports);
  if (delay === undefined || ports.signal.aborted) return;
  run.nextAt = ports.env.clock.now() + delay;
  run.timer = ports.env.clock.after(delay, () => ports.wake(run.key, 'interval'));
}

async function delayOf(run: SourceRun, ports: SourcePorts): Promise<number | undefined> {
  const { settings, clock } = ports.env;
  const seed = `${settings.clusterName}/${run.key}`;
  if (run.standing !== undefined) {
    // Nothing but this agent ends the wait of one that is deleted.
    if (nextAction(run.standing.code) === 'stall' && run.object.meta.deleting !== true) return undefined;
    // `clockMoved` ends it.
    if (run.standing.code === 'clock-untrusted') return undefined;
    // What comes in parts over a slow link goes on soon, however often that is.
    const failures = run.progressed ? 1 : run.standing.failures;
    const wait = backoff(failures, settings.limits.backoffMs, seed);
    return Math.max(wait, run.standing.retryAfterMs ?? 0);
  }
  const fixed = scheduleOf(run, ports);
  if (fixed !== undefined) return ports.cron.until(fixed.cron, fixed.timeZone, clock.now());
  // What another controller makes is told of by its status.
  if (run.object.kind === 'ExternalArtifact') return undefined;
  return jittered(run.object.spec.interval, seed, run.round);
}

const scheduleOf = ({ key }: SourceRun, { env }: SourcePorts) =>
  env.settings.schedules.find((one) => one.source === key);

/** Times of day are not kept by a clock that cannot be right: nothing is fetched at a wrong one. */
function heldByClock(run: SourceRun, ports: SourcePorts): Fault | undefined {
  const doubt = scheduleOf(run, ports) === undefined ? '' : ports.clockDoubt();
  return doubt === '' ? undefined : new Fault('clock-untrusted', `the times of fetchSchedule are not known: ${doubt}`);
}

/** The wall clock was set, or is trusted anew, or no longer: the next time of a schedule is another one. Fetches nothing. */
export async function clockMoved(run: SourceRun, ports: SourcePorts): Promise<void> {
  const { env } = ports;
  const waits = run.standing === undefined ? run.timer !== undefined : run.standing.code === 'clock-untrusted';
  if (scheduleOf(run, ports) === undefined || !waits) return;
  run.timer?.();
  run.timer = undefined;
  run.nextAt = 0;
  const held = heldByClock(run, ports);
  if (held === undefined) run.standing = undefined;
  else takeDown(run, held, env);
  setConditions(run, env);
  env.news.changed(run.key);
  await plan(run, ports);
}
