import { asFault, isObject, type Json, type KubeObject, parseApiVersion, textAt } from '../../src/model/index.ts';
import type { Clock, Cluster, Log } from '../../src/ports/index.ts';
import type { Kept } from './keeper.ts';
import { FLUX_KINDS, refOf } from './kinds.ts';
import { MANAGER } from './publisher.ts';
import type { Vault } from './vault.ts';

export interface RestorePorts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** The definitions of the kinds of the Flux API. */
  readonly definitions: () => Promise<readonly KubeObject[]>;
  /** This agent is the one that speaks for the cluster. */
  readonly speaks: () => boolean;
  /** uid of the cluster that answers. */
  readonly uid: string;
  /** What objects name, as it was kept. */
  readonly vault?: Vault | undefined;
  /** Keys of what they name; undefined while not all of them have been read from disk. */
  readonly named: () => ReadonlySet<string> | undefined;
  /** Puts a line into the status; '' takes it out again. */
  readonly tell: (where: string, why: string) => void;
}

const WHERE = 'objects.cluster after the loss of the datastore';

const RETRY_MS = 5_000;
const SERVED_MS = 30_000;
const POLL_MS = 250;
const OWNER = 'kustomize.toolkit.fluxcd.io/name';

/**
 * Puts the Flux objects of a lost cluster, and the Secrets and ConfigMaps that objects name, into the one that answers now:
 * definitions, namespaces, objects; what is there already stays as it is. Objects that a Kustomization has applied come
 * with that one. Goes on until all are there, or the signal aborts.
 */
export async function restoreObjects(kept: readonly Kept[], ports: RestorePorts, signal: AbortSignal): Promise<void> {
  const named = await lostData(ports, signal);
  const roots = [...named, ...kept].filter(({ object }) => textAt(object.metadata, 'labels', OWNER) === undefined);
  if (roots.length === 0) return;
  ports.log.warn('the cluster has lost the Flux objects: they are put back from disk', {
    objects: kept.length,
    named: named.length,
    roots: roots.length,
  });
  let open: readonly Kept[] = roots;
  for (let first = true; open.length > 0 && !signal.aborted; first = false) {
    if (!first) await ports.clock.sleep(RETRY_MS, signal).catch(() => undefined);
    if (!ports.speaks()) continue;
    try {
      await defineKinds(roots, ports, signal);
      open = await putBack(open, ports, signal);
    } catch (error) {
      refused(error, ports);
    }
  }
  if (signal.aborted) return;
  ports.tell(WHERE, '');
  ports.log.info('Flux objects are back', { objects: roots.length });
}

/** What somebody took away from the objects before the loss, or with them, was not lost. */
async function lostData({ vault, named, clock, uid }: RestorePorts, signal: AbortSignal): Promise<readonly Kept[]> {
  if (vault === undefined) return [];
  for (let keys = named(); !signal.aborted; keys = named()) {
    if (keys !== undefined) return vault.lost(keys, uid);
    await clock.sleep(POLL_MS, signal).catch(() => undefined);
  }
  return [];
}

/** A right that is missing is named with the rule that gives it. */
function refused(error: unknown, { log, tell }: RestorePorts, object = ''): void {
  const { message } = asFault(error);
  log.warn('not put back yet', { object, error: message });
  tell(WHERE, `not put back yet${object === '' ? '' : `: ${object}`}: ${message}`);
}

/** Only the kinds that were in use. */
async function defineKinds(roots: readonly Kept[], ports: RestorePorts, signal: AbortSignal): Promise<void> {
  const { cluster, clock } = ports;
  const used = FLUX_KINDS.filter((kind) => roots.some(({ object }) => object.kind === kind.kind));
  let surface = await cluster.surface({ fresh: true, signal });
  const missing = used.filter((kind) => surface.find(kind) === undefined);
  if (missing.length === 0) return;
  for (const definition of await ports.definitions()) {
    const names = isObject(definition['spec']) ? definition['spec']['names'] : undefined;
    if (!missing.some((kind) => kind.kind === textAt(names, 'kind'))) continue;
    await create(definition, 'apiextensions.k8s.io', ports, signal);
  }
  const end = clock.monotonic() + SERVED_MS;
  while (missing.some((kind) => surface.find(kind) === undefined) && clock.monotonic() < end) {
    await clock.sleep(POLL_MS, signal);
    surface = await cluster.surface({ fresh: true, signal });
  }
}

/** Answers those that are not there yet. */
async function putBack(open: readonly Kept[], ports: RestorePorts, signal: AbortSignal): Promise<readonly Kept[]> {
  const left: Kept[] = [];
  for (const one of open) {
    try {
      const made = await inItsNamespace(one.object, ports, signal);
      // One that was there already may be another: the next read tells.
      if (made && isData(one.object)) ports.vault?.keep(one.object, ports.uid);
    } catch (error) {
      if (signal.aborted) return open;
      refused(error, ports, one.key);
      left.push(one);
    }
  }
  return left;
}

const isData = ({ kind }: KubeObject): boolean => kind === 'Secret' || kind === 'ConfigMap';

/** Who may not make namespaces may find it there. True when it made the object. */
async function inItsNamespace(object: KubeObject, ports: RestorePorts, signal: AbortSignal): Promise<boolean> {
  const namespace = textAt(object.metadata, 'namespace') ?? '';
  const space: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  let denied: unknown;
  await create(space, '', ports, signal).catch((error: unknown) => {
    denied = error;
  });
  const { group } = parseApiVersion(object.apiVersion);
  return create(withoutServerFields(object), group, ports, signal).catch((error: unknown) => {
    throw denied !== undefined && asFault(error).code !== 'cluster-denied' ? denied : error;
  });
}

/** Asks no right but that to create; what is there already stays. True when it was not. */
async function create(object: KubeObject, group: string, ports: RestorePorts, signal: AbortSignal): Promise<boolean> {
  const ref = refOf({ group, version: 'v1', kind: object.kind }, object);
  try {
    await ports.cluster.create(ref, object, { manager: MANAGER, signal });
    return true;
  } catch (error) {
    const { cause } = asFault(error);
    if (textAt(cause as Json | undefined, 'reason') !== 'AlreadyExists') throw error;
    return false;
  }
}

function withoutServerFields(object: KubeObject): KubeObject {
  const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, name: object.metadata.name } };
}
