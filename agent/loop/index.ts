import { type DataRef, dataKey, dataRefs, type FluxObject } from '../../src/flux/index.ts';
import type { AgentStatus, JsonObject } from '../../src/model/index.ts';
import { Fault, nextAction } from '../../src/model/index.ts';
import { createStints, type Stints } from './alive.ts';
import { wallClockOf } from './by-clock.ts';
import { cronTimes } from './cron.ts';
import { dataFor, named } from './data.ts';
import { declare, put, remove, runOf, settle } from './declare.ts';
import {
  awaitsSource,
  checkDependencies,
  declares,
  includesNow,
  noSource,
  wakeDependants,
  wakeMadeOf,
  wakeWatchers,
} from './dependencies.ts';
import type { BroughtPart, LoopEnv, Objects } from './env.ts';
import { fluxStatus } from './flux-status.ts';
import { isIn, judgeOf, saveRecord } from './kustomization-state.ts';
import { createLeadership } from './lease.ts';
import { awaitsTurn, lookAtAll, stopWaiting, wakeDiskBound } from './order.ts';
import { createPlaces } from './places.ts';
import { type Ports, runKey } from './run-key.ts';
import { createRunner, type Runner } from './runner.ts';
import { adopt } from './seed.ts';
import type { Site } from './site.ts';
import { createOffers, type Offers, type Taken } from './source-offer.ts';
import { scopeNow } from './source-part.ts';
import { worksFor } from './stand-back.ts';
import { composeStatus } from './status.ts';

/** The running agent: declared objects in, a kept cluster out. */
export interface Loop {
  /** The declared objects, whole; called at the start and whenever they change. */
  declare(objects: Objects): void;
  /** One object of the cluster, new or changed, with its status there. Answers '' or why it is not taken. */
  put(object: FluxObject, status: JsonObject): string;
  /** One object of the cluster is gone; `meant` when somebody deleted it and what hung on it is settled. */
  remove(key: string, meant: boolean): Promise<void>;
  /** One that cannot be read any more is deleted: what hangs on its last good state is settled. False when there is none. */
  settle(key: string, status: JsonObject): boolean;
  /** One object of the cluster cannot be taken for this reason; its last good state stays in use. */
  refuse(key: string, why: string): void;
  /** The cluster's objects of this kind are being listed: one that is missing may only be late. */
  listing(kind: string): void;
  /** They have been, or are waited for no longer. */
  listed(kind: string): void;
  /** Whether all of the cluster's objects of this kind have been told of; at first they have, of a cluster that is not read. */
  knows(kind: string, all: boolean): void;
  /** Somebody else works for the objects of the cluster ('' until that is known); undefined when nobody does. */
  standBack(why: string | undefined): void;
  /** Somebody else worked for this object until now, and left this status. */
  adopt(key: string, status: JsonObject): void;
  /** The state folder takes writes again: what failed for it is tried now. */
  diskBack(): void;
  /** A Secret or ConfigMap of the cluster changed: who names it runs. */
  dataChanged(ref: DataRef): void;
  /**
   * Keys of the Secrets, ConfigMaps and service accounts that objects name: those that are `known`, or of `all`. Undefined
   * while files, or for `all` the cluster's objects, are still being read, or cannot be.
   */
  named(of: 'known' | 'all'): ReadonlySet<string> | undefined;
  /** `status` of an object as the API server is to show it; undefined while there is nothing to say. */
  fluxStatus(key: string): JsonObject | undefined;
  /**
   * Content that was brought for a source: taken by its next run, which begins at once. Rejects with the Fault of why it is
   * not taken.
   */
  offer(key: string, part: BroughtPart): Promise<Taken>;
  /** Whether all objects of a kind that are declared are known; false while some are still being read, or cannot be. */
  knowsAll(kind: string): boolean;
  /** Looks at everything now: SIGHUP, `holdfast reconcile`. True when the key is known. */
  nudge(key: string | undefined): boolean;
  status(): AgentStatus;
  /** This agent is the one that applies, and speaks for the cluster. */
  leads(): boolean;
  /** False when a run has been going on for longer than any run may. */
  alive(): boolean;
  /** True once everything on the disk has been looked at once. */
  ready(): boolean;
  /** The latest time that counts as seen, milliseconds since 1970: a clock that shows less is not trusted. */
  wallFloor(): number;
  /** True when nothing runs at this moment. */
  quiet(): boolean;
  /** Runs that have ended so far. */
  runs(): number;
  /** True when nothing runs, nothing is waited for, and everything was tried at least once. */
  idle(): boolean;
  /** Lets running steps end, or write down where they are, and stops. */
  stop(): Promise<void>;
}

const NOTHING: Objects = { sources: [], kustomizations: [], data: [], problems: [], complete: false };

/** All but the parts that reach back into the loop. */
function emptySite(env: LoopEnv): Omit<Site, 'observer' | 'presence' | 'places' | 'leadership' | 'wallClock'> {
  return {
    env,
    sources: new Map(),
    kustomizations: new Map(),
    objects: NOTHING,
    standsBack: undefined,
    startedAt: env.clock.now(),
    looked: false,
    unread: new Map(),
    unlisted: new Map(),
    unknown: new Set(),
    roots: new Map(),
    asked: { keys: new Set(), late: undefined },
    later: new Set(),
    ended: 0,
  };
}

export function startLoop(given: LoopEnv): Loop {
  const ended = new AbortController();
  const stints = createStints(given.clock, given.settings.limits, (key) => runner.touch(key));
  const env: LoopEnv = { ...given, workshop: stints.around(given.workshop) };
  const whole = emptySite(env) as Site;
  const run = (key: string, causes: ReadonlySet<string>, woken: number): Promise<void> => {
    const found = runOf(whole, key);
    if (found !== undefined) found.woken = woken;
    return runKey(whole, key, causes, ports);
  };
  const runner: Runner = createRunner(run, {
    monotonic: () => env.clock.monotonic(),
    ...(env.pause === undefined ? {} : { pause: env.pause }),
  });
  whole.places = createPlaces(whole, runner.wake);
  whole.observer = whole.places.local.observer;
  whole.presence = whole.places.local.presence;
  whole.leadership = createLeadership({
    cluster: env.cluster,
    clock: env.clock,
    log: env.log,
    settings: env.settings.lease,
    identity: env.settings.identity,
    onLead: () => takeUp(whole, runner),
  });
  const data = dataFor(whole);
  const ports: Ports = {
    offers: createOffers(),
    source: {
      env,
      data,
      cron: cronTimes(),
      clockDoubt: () => whole.wallClock.doubt(),
      signal: ended.signal,
      wake: runner.wake,
      leads: (run) => worksFor(whole, run),
      includes: (run) => includesNow(whole, run),
      scope: (run) => scopeNow(whole, run),
      onRevision: (key) => wakeMadeOf(whole, key, runner),
    },
    kustomization: {
      env,
      presence: whole.presence,
      place: (run) => whole.places.of(run),
      data,
      awaitsSource: (run) => awaitsSource(whole, run),
      noSource: (key, retryMs) => noSource(whole, key, retryMs),
      leads: (run) => worksFor(whole, run),
      declares: (owner, id) => declares(whole, owner, id),
      signal: ended.signal,
      wake: runner.wake,
      over: (run) => ended.signal.aborted || whole.kustomizations.get(run.key) !== run,
      judgeOf: (owner, area) => {
        const run = whole.kustomizations.get(`Kustomization/${owner}`);
        return judgeOf(run !== undefined && isIn(run, area) ? run : undefined);
      },
      dependencies: (run) => checkDependencies(whole, run),
      onStatus: (key) => wakeWatchers(whole, key, runner),
      onReady: (key) => wakeDependants(whole, key, runner),
    },
  };
  whole.wallClock = wallClockOf(whole, ports.source);
  return faceOf(whole, { runner, ended, offers: ports.offers, stints });
}

interface Inside {
  readonly runner: Runner;
  readonly ended: AbortController;
  readonly offers: Offers;
  readonly stints: Stints;
}

/** This agent works for the cluster from now on: it applies, and lets go of what was deleted while nobody did. */
function takeUp(site: Site, runner: Runner): void {
  for (const key of site.kustomizations.keys()) runner.wake(key, 'cluster');
  for (const [key, { object }] of site.sources) if (object.meta.deleting === true) runner.wake(key, 'cluster');
}

/** What others see of a running loop. */
function faceOf(whole: Site, { runner, ended, offers, stints }: Inside): Loop {
  const { env } = whole;
  return {
    declare: (objects) => declare(whole, objects, runner),
    put: (object, status) => put(whole, object, status, runner),
    settle: (key, status) => settle(whole, key, status, runner),
    remove: (key, meant) => remove(whole, key, meant, runner),
    refuse: (key, why) => void (why === '' ? whole.unread.delete(key) : whole.unread.set(key, why)),
    listing: (kind) => void whole.unlisted.set(kind, whole.unlisted.get(kind) ?? new Set()),
    listed: (kind) => {
      const late = whole.unlisted.get(kind) ?? [];
      whole.unlisted.delete(kind);
      for (const key of late) runner.wake(key, 'start');
    },
    standBack: (why) => {
      whole.standsBack = why === undefined ? undefined : { why, since: env.clock.now() };
      if (why === undefined) takeUp(whole, runner);
    },
    adopt: (key, status) => adopt(runOf(whole, key), status, whole.presence.identity()?.uid ?? ''),
    diskBack: () => wakeDiskBound(whole, runner),
    dataChanged: (ref) => {
      for (const run of [...whole.sources.values(), ...whole.kustomizations.values()])
        if (dataRefs(run.object).some((one) => dataKey(one) === dataKey(ref))) runner.wake(run.key, 'data');
    },
    named: (of) => named(whole, of),
    fluxStatus: (key) => fluxStatus(whole, key),
    offer: (key, part) => {
      if (!whole.sources.has(key)) return Promise.reject(new Fault('bundle-unclaimed', `${key} is not declared here`));
      const answer = offers.give(key, part);
      runner.wake(key, 'offer');
      return answer;
    },
    knows: (kind, all) => void (all ? whole.unknown.delete(kind) : whole.unknown.add(kind)),
    knowsAll: (kind) => whole.objects.complete && !whole.unknown.has(kind),
    nudge: (key) => {
      if (key !== undefined && !whole.sources.has(key) && !whole.kustomizations.has(key)) return false;
      if (key !== undefined) runner.wake(key, 'requested');
      else lookAtAll(whole, runner);
      return true;
    },
    status: () => composeStatus(whole),
    leads: () => whole.leadership.leads(),
    alive: () => stints.alive(runner.running(), (key) => runOf(whole, key)),
    ready: () => whole.looked,
    wallFloor: () => whole.wallClock.floor(),
    quiet: () => runner.running().size === 0 && !awaitsTurn(whole),
    runs: () => whole.ended,
    idle: () => {
      const tried = [...whole.kustomizations.values()].every(
        (run) =>
          run.object.spec.suspend ||
          (run.nextAt > 0 && run.waiting === undefined) ||
          (run.standing !== undefined && nextAction(run.standing.code) === 'stall'),
      );
      return (
        whole.looked &&
        tried &&
        runner.running().size === 0 &&
        !awaitsTurn(whole) &&
        whole.presence.state().state !== 'unknown'
      );
    },
    stop: async () => {
      ended.abort();
      whole.places.stop();
      whole.wallClock.stop();
      stopWaiting(whole);
      for (const run of whole.sources.values()) run.timer?.();
      for (const run of whole.kustomizations.values()) for (const cancel of Object.values(run.timers)) cancel?.();
      await runner.close();
      offers.drop(undefined);
      for (const run of whole.kustomizations.values()) await saveRecord(run, env).catch(() => undefined);
      await env.news.ending();
      await whole.leadership.stop();
    },
  };
}
