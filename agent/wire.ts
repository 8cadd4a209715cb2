import { join } from 'node:path';
import { type Cache, openCache } from '../src/cache/index.ts';
import { asFault, type Limits } from '../src/model/index.ts';
import type { Clock, Disk, Log, Unlock } from '../src/ports/index.ts';
import { createCounters } from '../src/report/index.ts';
import { systemClock } from './adapters/clock/index.ts';
import { type HttpCluster, openCluster, openRemote } from './adapters/cluster/index.ts';
import { createDisk } from './adapters/disk/index.ts';
import type { SshSettings } from './adapters/ssh/index.ts';
import { createWire, type NodeWire } from './adapters/wire/index.ts';
import { type ArtifactOptions, startArtifacts } from './artifacts.ts';
import { type Brought, broughtTo } from './brought.ts';
import { proxyFor } from './config/proxy.ts';
import { type DiskState, watchedDisk } from './disk-state.ts';
import { keepHouse } from './housekeeping.ts';
import { type Serving, serve } from './http/index.ts';
import type { InboxSettings } from './inbox/index.ts';
import { agentKeys, type KeyFiles } from './keys.ts';
import { type LoopEnv, type LoopSettings, NO_NEWS, type Records, type Workshop } from './loop/env.ts';
import { type Loop, startLoop } from './loop/index.ts';
import { type ClusterObjects, clusterObjects } from './objects/index.ts';
import { createKeeper } from './objects/keeper.ts';
import { createVault } from './objects/vault.ts';
import { createRecords } from './records.ts';
import { type SealKey, sealKey } from './seal-key.ts';
import { trustedRoot } from './trusted-root.ts';
import { BUILD } from './version.ts';
import { viewOf } from './view.ts';
import { createWorkshop, type Unwrapper, type WorkerUse } from './workshop/index.ts';
import type { ProxySetup } from './workshop/protocol.ts';
import type { Ahead } from './workshop/spawn.ts';

export interface AgentOptions {
  readonly stateDir: string;
  readonly kubeconfig: string;
  /** `host:port` or `unix:path`; '' serves nothing. */
  readonly listen: string;
  readonly limits: Limits;
  readonly settings: LoopSettings;
  readonly workers: WorkerUse;
  readonly proxy: ProxySetup;
  /** The agent's own keys for decryption; none when absent. */
  readonly keys?: KeyFiles;
  /** File with a Sigstore trusted root; '' or not given for none. */
  readonly trustedRootFile?: string;
  /** Seals what is stored of Secrets; '' or not given for a key in the state folder. */
  readonly sealKeyFile?: string;
  /** Keep what objects of the cluster name on disk, sealed; true when not given. When false, what was kept is removed. */
  readonly keepSecrets?: boolean;
  /** Which Flux objects of the cluster to read; undefined for none. */
  readonly clusterObjects?: {
    readonly namespaces: readonly string[];
    readonly labelSelector: string;
    /** A free port of this machine when not given. */
    readonly artifacts?: ArtifactOptions;
  };
  /** What is with the file of the configuration. */
  readonly configuration?: LoopEnv['configuration'];
  /** Folders where content is brought; none when absent. */
  readonly inbox?: InboxSettings;
  /** Algorithms of SSH; its own when not given. */
  readonly ssh?: SshSettings;
  readonly log: Log;
  /** A process for heavy work that was started already. */
  readonly ahead?: Ahead | undefined;
  /** The machine's clocks when not given. */
  readonly clock?: Clock;
}

export interface Agent {
  readonly loop: Loop;
  readonly parts: Parts;
  /** Looks at everything now: sources, Kustomizations and the inbox. */
  nudge(): void;
  /** Where HTTP is served. */
  readonly address: string;
  /** Ends runs, writes down what is open, gives the folder free. */
  stop(): Promise<void>;
}

/** Everything that has effects is made here, and nowhere else. */
export interface Parts {
  readonly disk: Disk;
  readonly diskState: DiskState;
  readonly cache: Cache;
  readonly cluster: HttpCluster;
  readonly openRemote: LoopEnv['openRemote'];
  readonly wire: NodeWire;
  readonly workshop: Workshop & Unwrapper;
}

/** Lets whatever is ready run first. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes the parts over a state folder. Nothing is sent or written before they are used. */
export function makeParts(options: AgentOptions): Parts {
  const { limits, log } = options;
  const clock = options.clock ?? systemClock();
  const { disk, state } = watchedDisk(createDisk(options.stateDir), { clock, log });
  const cache = openCache({ disk, limits, log, pause });
  const cluster = openCluster({ kubeconfig: options.kubeconfig, limits });
  const wire = createWire({ proxyFor: proxyFor(options.proxy), headerBytes: limits.responseHeaderBytes });
  const ssh = options.ssh ?? { hostKeyAlgorithms: [], kexAlgorithms: [] };
  const workshop = createWorkshop(
    { wire, cache, clock, log, limits },
    { use: options.workers, stateDir: options.stateDir, proxy: options.proxy, ssh, ahead: options.ahead },
  );
  const openOther: LoopEnv['openRemote'] = (kubeconfig, login) => openRemote(kubeconfig, limits, login);
  return { disk, diskState: state, cache, cluster, openRemote: openOther, wire, workshop };
}

/** What runs of an agent, as far as its start has come. */
interface Running {
  readonly serving: Serving[];
  records?: ReturnType<typeof createRecords>;
  objects?: ClusterObjects | undefined;
  brought?: Brought;
  loop?: Loop;
  house?: ReturnType<typeof keepHouse>;
}

/**
 * Starts the agent on its folder: from disk, with no network. Throws `cache-locked` when another agent has the folder,
 * `config-invalid` when an address cannot be had; then nothing of it runs any more.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const parts = makeParts(options);
  const unlock: Unlock = await parts.disk.lock();
  const running: Running = { serving: [] };
  const stop = async (): Promise<void> => {
    await endAll(parts, running);
    await unlock();
  };
  try {
    const { loop, view, address } = await begin(parts, options, running);
    return {
      loop,
      parts,
      nudge: () => void view.nudge?.({ kind: '', namespace: '', name: '' }),
      address,
      stop: async () => {
        await stop();
        options.log.info('agent stopped');
      },
    };
  } catch (error) {
    await stop().catch((e: unknown) => options.log.error('not ended cleanly', { error: asFault(e).message }));
    throw error;
  }
}

async function endAll(parts: Parts, { brought, loop, objects, house, serving, records }: Running): Promise<void> {
  // Together: the loop refuses what the inbox waits for.
  await Promise.all([brought?.stop(), loop?.stop()]);
  await objects?.stop();
  await house?.stop();
  parts.diskState.stop();
  await Promise.all([...serving.map((one) => one.close()), parts.workshop.close()]);
  await records?.settle();
  parts.cluster.close();
  parts.wire.close();
}

/** Starts one part after another; each is in `running` before the next may fail. */
async function begin(
  parts: Parts,
  options: AgentOptions,
  running: Running,
): Promise<Pick<Agent, 'loop' | 'address'> & { readonly view: Parameters<typeof serve>[1] }> {
  const { log } = options;
  const clock = options.clock ?? systemClock();
  await tellStart(parts, options);
  const records = createRecords(parts.cache, log);
  running.records = records;
  const counters = createCounters();
  const started = Math.round(systemClock().now() / 1000 - process.uptime());
  const key = sealKey(parts.disk, options.sealKeyFile ?? '');
  if (options.keepSecrets === false) await dropSecrets(parts.cache, log);
  const objects = objectsIn(parts, clock, key, options);
  running.objects = objects;
  const artifacts = await artifactsIn(parts, records, options, (key) => void running.loop?.nudge(key));
  if (artifacts !== undefined) running.serving.push(artifacts.serving);
  const brought = broughtTo(parts, clock, options);
  running.brought = brought;
  const loop: Loop = startLoop({
    inbox: brought.list,
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(options.configuration === undefined ? {} : { configuration: options.configuration }),
    ...(objects === undefined ? {} : { readData: objects.readData }),
    ...(options.keys === undefined ? {} : { agentKeys: agentKeys(options.keys) }),
    trustedRoot: trustedRoot(options.trustedRootFile ?? ''),
    sealKey: key,
    news: objects?.news ?? NO_NEWS,
    clock,
    log,
    pause,
    cluster: parts.cluster,
    openRemote: parts.openRemote,
    records,
    diskTrouble: parts.diskState.trouble,
    workshop: parts.workshop,
    settings: options.settings,
    meter: counters,
  });
  running.loop = loop;
  objects?.start(loop);
  await brought.start(loop);
  const view = viewOf(loop, brought, { counters, stats: parts.cluster.stats, started });
  const serving = options.listen === '' ? undefined : await serve(options.listen, view, log);
  if (serving !== undefined) running.serving.push(serving);
  const socket = await serveLocal(options, view);
  if (socket !== undefined) running.serving.push(socket);
  running.house = keepHouse({ ...parts, clock, log, records, loop, objects });
  return { loop, view, address: serving?.address ?? '' };
}

async function tellStart({ disk, cache }: Parts, { log, stateDir, settings }: AgentOptions): Promise<void> {
  await disk.sweep().catch((error: unknown) => log.warn('leftovers not removed', { error: asFault(error).message }));
  const boots = await countBoot(cache, log);
  log.info('agent starts', { version: BUILD.version, stateDir, boots, cluster: settings.clusterName });
}

/** The artifacts of sources, where the cluster's objects tell of them. */
async function artifactsIn(
  { cache }: Parts,
  records: Records,
  { clusterObjects, log, limits }: AgentOptions,
  renew: (key: string) => void,
): Promise<Awaited<ReturnType<typeof startArtifacts>> | undefined> {
  if (clusterObjects === undefined) return undefined;
  return startArtifacts(clusterObjects.artifacts, { records, store: cache.store, log, limits, renew });
}

/** The socket for commands on this machine. */
function serveLocal({ stateDir, log }: AgentOptions, view: Parameters<typeof serve>[1]): Promise<Serving | undefined> {
  return serve(`unix:${join(stateDir, 'agent.sock')}`, view, log).catch((error: unknown) => {
    log.warn('no local socket; holdfast reconcile is not served', {
      error: error instanceof Error ? error.message : String(error),
    });
    return undefined;
  });
}

/** The objects of the cluster, where they are asked for. */
function objectsIn(
  parts: Parts,
  clock: Clock,
  key: SealKey,
  { log, clusterObjects: asked, keepSecrets }: AgentOptions,
): ClusterObjects | undefined {
  if (asked === undefined) return undefined;
  const keeper = createKeeper(parts.cache.declared, log);
  const definitions = async () => (await import('../src/flux/crds/index.ts')).fluxDefinitions();
  const vault = keepSecrets === false ? undefined : createVault({ states: parts.cache.secrets, key, log });
  return clusterObjects({ cluster: parts.cluster, clock, log, ...asked, keeper, vault, definitions });
}

/** What was kept while that was wanted. */
async function dropSecrets(cache: Cache, log: Log): Promise<void> {
  try {
    const dropped = await cache.secrets.retain([]);
    if (dropped > 0) log.info('Secrets are no longer kept: they are off the disk', { dropped });
  } catch (error) {
    log.error('Secrets that were kept are still on the disk', { error: asFault(error).message });
  }
}

/** A disk that takes no writes must not keep the agent from keeping the site: it says so and goes on. */
async function countBoot(cache: Cache, log: Log): Promise<number> {
  const before = cache.agent.get();
  try {
    return (await cache.agent.update({ boots: before.boots + 1 })).boots;
  } catch (error) {
    log.warn('the state folder takes no writes', { error: error instanceof Error ? error.message : String(error) });
    return before.boots;
  }
}
