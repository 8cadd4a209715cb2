import type { Cache } from '../../src/cache/index.ts';
import { attemptMs, keyOf, type SourceObject } from '../../src/flux/index.ts';
import { type ArtifactSeal, asFault, type FetchOutcome, type SourceKey } from '../../src/model/index.ts';
import { isPlainKey } from '../../src/render/index.ts';
import { appLogins, sealArtifact } from '../../src/source/index.ts';
import { createSsh, type SshSettings } from '../adapters/ssh/index.ts';
import type { FetchWork, RenderAnswer, Workshop } from '../loop/env.ts';
import { type Child, createChild } from './child.ts';
import { fetchJob, identityOf, recomposeJob } from './fetch-job.ts';
import { helpOf } from './help.ts';
import { bundleTime, inTime } from './in-time.ts';
import {
  forgetSource,
  isSmall,
  packsFast,
  pgpHere,
  type RenderDone,
  rendered,
  renderJob,
  renderPlainJob,
  type WorkPorts,
  workMemory,
} from './jobs.ts';
import { type ProxySetup, packData } from './protocol.ts';
import type { Ahead } from './spawn.ts';
import type { UnwrapJob, Unwrapped } from './unwrap.ts';

export type { UnwrapJob, Unwrapped } from './unwrap.ts';

/** When heavy work goes to a child process. */
export type WorkerUse = 'auto' | 'never' | 'always';

/** What the inbox asks of the workshop. */
export interface Unwrapper {
  /** Unpacks a file that is compressed as a whole; Faults of `unwrap`, and `wire-timeout` (limits.bundleMs). */
  unwrap(job: UnwrapJob, signal: AbortSignal): Promise<Unwrapped>;
}

export interface WorkshopOptions {
  readonly use: WorkerUse;
  readonly stateDir: string;
  readonly proxy: ProxySetup;
  /** A worker that was started already. */
  readonly ahead?: Ahead | undefined;
  readonly ssh: SshSettings;
}

/** Pack numbers that a child may use up: many more than jobs of its short life. */
const PACKS_OF_A_CHILD = 4_096;
const IDLE_MS = 2_000;
/** Bytes of a file that this process reads itself. */
const SMALL_BUNDLE = 1024 * 1024;
/** A render of more objects that leans on the last one is faster in a child, which compiles what it runs often. */
const MOST_HERE = 2_000;

/**
 * Does the heavy work: what is small (the difference to a revision that is here, a render that can lean on the last
 * one) in this process, the rest in a child, whose memory goes when it ends.
 */
export function createWorkshop(
  given: Omit<WorkPorts, 'pgp' | 'memory' | 'ssh'>,
  options: WorkshopOptions,
): Workshop & Unwrapper {
  const { limits, cache } = given;
  const { stateDir, proxy, ssh } = options;
  const setup = () => ({
    stateDir,
    limits,
    proxy,
    ssh,
    firstPack: cache.reserve(PACKS_OF_A_CHILD),
    suspects: cache.damage().flatMap((one) => one.digest ?? []),
  });
  const child = createChild({ setup, memoryMib: limits.workerMemoryMib, idleMs: IDLE_MS, ahead: options.ahead });
  const helped = options.use === 'never' ? { pgp: pgpHere, ssh: createSsh(ssh) } : helpOf(child, ssh);
  const ports: WorkPorts = { ...given, ...helped, memory: workMemory() };
  const apps = appLogins(given);
  const fetching = new Set<string>();
  const gone = new Set<string>();
  const letGo = (key: SourceKey): void => {
    forgetSource(ports.memory, key);
    apps.leave(key);
  };
  /** A fetch; what it was lent goes at its end when its source went meanwhile. */
  const lent = async <T>(source: SourceObject, work: () => Promise<T>): Promise<T> => {
    const key = keyOf(source);
    fetching.add(key);
    gone.delete(key);
    try {
      return await work();
    } finally {
      fetching.delete(key);
      if (gone.delete(key)) letGo(key);
    }
  };
  const away = (heavy: boolean): boolean => options.use === 'always' || (options.use === 'auto' && heavy);
  const fetchNow = async (
    work: FetchWork,
    signal: AbortSignal,
    onSize: (bytes: number) => void,
  ): ReturnType<Workshop['fetch']> => {
    const { source, have, includes, needs } = work;
    const data = await apps.login(source, work.data, signal);
    const identity = identityOf(source);
    // With damage on the disk everything is looked at again, and the gaps are fetched.
    const whole = cache.damage().length === 0;
    const base = whole && have?.identity === identity ? have.current : undefined;
    const job = { source, data, have: base, includes, ...(needs === undefined ? {} : { needs }) };
    const refused = forgetting(() => apps.forget(source, work.data));
    if (!away(base === undefined))
      return { ...(await fetchJob(job, ports, { signal, onSize }).catch(refused)), identity };
    const timeoutMs = 2 * attemptMs(source) + 5_000;
    const value = await runAway<FetchOutcome>(
      child,
      cache,
      { kind: 'fetch', job: { ...job, data: packData(data) } },
      { timeoutMs, signal, onNote: (note) => 'expected' in note && onSize(note.expected) },
    ).catch(refused);
    return { ...(value as FetchOutcome), identity };
  };
  return {
    fetch: (work, signal, onSize = () => undefined) => lent(work.source, () => fetchNow(work, signal, onSize)),
    take: async ({ source, data, have, includes }, part, signal) => {
      const identity = identityOf(source);
      const known = have?.identity === identity ? have.current : undefined;
      // What is damaged is nothing to build upon, and yet nothing older takes its place.
      const base = cache.damage().length === 0 ? known : undefined;
      const job = { source, data, have: base, known, includes, part };
      const timeoutMs = bundleTime(limits);
      // A small archive may become a large one.
      const isArchive = part.form === 'archive' || part.form === 'objects';
      if (!away(base === undefined || isArchive || part.span.size > SMALL_BUNDLE)) {
        const { bundleJob } = await import('./bundle.ts');
        return { ...(await inTime((end) => bundleJob(job, ports, end), timeoutMs, signal)), identity };
      }
      const sent = { kind: 'bundle', job: { ...job, data: packData(data) } } as const;
      const value = await runAway<FetchOutcome>(child, cache, sent, { timeoutMs, signal });
      return { ...(value as FetchOutcome), identity };
    },
    unwrap: async (job, signal) => {
      const timeoutMs = bundleTime(limits);
      // No room is made by giving up previous revisions, as for content to be stored: nobody has proven this yet.
      if (away(true)) return (await child.run({ kind: 'unwrap', job }, { timeoutMs, signal })) as Unwrapped;
      const { unwrapJob } = await import('./unwrap.ts');
      return inTime((end) => unwrapJob(job, limits, { signal: end }), timeoutMs, signal);
    },
    recompose: async ({ source, have, includes }) => {
      const same = have?.identity === identityOf(source);
      return same ? recomposeJob({ source, have: have.current, includes }, ports) : undefined;
    },
    render: async (job, signal) => {
      if (rendered(job, ports)) return undefined;
      if (options.use === 'never') return renderJob(job, ports);
      const leans = isPlainKey(job.lastKey) && job.memo !== '' && job.objects <= MOST_HERE;
      const light = leans || isSmall(job, ports);
      const here = away(!light) ? undefined : await renderPlainJob(job, ports);
      if (here !== undefined) return here;
      const travels = { ...job, data: packData(job.data) };
      const value = await runAway<RenderDone>(
        child,
        cache,
        { kind: 'render', job: travels },
        { timeoutMs: limits.renderMs, signal },
      );
      return (value ?? undefined) as RenderAnswer | undefined;
    },
    folders: (root, paths) => {
      const tree = ports.memory.views.get(root) ?? cache.store.tree(root);
      return paths.map((path) => tree.stat(path)?.digest ?? '');
    },
    archive: async (of, signal) => {
      if (!away(!packsFast(of.archive ?? of.root, ports))) return sealArtifact(cache.store, of, signal);
      const bounds = { timeoutMs: limits.artifactMs, signal };
      return (await child.run({ kind: 'archive', job: of }, bounds)) as ArtifactSeal;
    },
    forget: (source) => {
      letGo(source);
      if (fetching.has(source)) gone.add(source);
    },
    rest: () => {
      ports.memory.views.clear();
      ports.memory.parsed.clear();
    },
    close: async () => child.close(),
  };
}

/** A token that was refused is not tried again. */
function forgetting(forget: () => void): (error: unknown) => never {
  return (error) => {
    if (asFault(error).code === 'source-auth') forget();
    throw error;
  };
}

/** Room that a job may need and a child cannot make: it frees nothing. */
const ROOM_BYTES = 64 * 1024 * 1024;

async function runAway<T>(
  child: Child,
  cache: Cache,
  job: Parameters<Child['run']>[0],
  limits: Parameters<Child['run']>[1],
): Promise<T | null> {
  // All tries together have the time of one.
  const used = { ms: 0 };
  const once = async (): Promise<T | null> => {
    const value = await child.run(job, { ...limits, used });
    cache.rescan();
    return value as T | null;
  };
  try {
    return await once();
  } catch (error) {
    const again = asFault(error).code === 'cache-full' && used.ms < limits.timeoutMs;
    if (!again || !(await cache.relieve(ROOM_BYTES))) throw error;
    return once();
  }
}
