import { seenOf } from '../src/apply/index.ts';
import { decide, type SyncInput, type SyncPorts } from '../src/cycle/index.ts';
import {
  type Kustomization,
  keyOf,
  needsTrustedRoot,
  type SourceObject,
  sourceKeyOf,
  unsupportedFields,
} from '../src/flux/index.ts';
import {
  applyWidth,
  asFault,
  type Digest,
  Fault,
  type LiveView,
  type ObjectId,
  type Plan,
  parseObjectId,
  type SourceRevision,
  type VersionedRef,
} from '../src/model/index.ts';
import { type Survey, survey } from '../src/observe/index.ts';
import { ignoreRules } from '../src/plan/index.ts';
import { renderBuilt } from '../src/render/built/index.ts';
import { type RenderOutcome, renderPlainly } from '../src/render/index.ts';
import { includedKeys, includesOf, type OtherSources } from '../src/source/index.ts';
import { systemClock } from './adapters/clock/index.ts';
import { agentKeys } from './keys.ts';
import type { ActingCluster, FetchWork, KustomizationRecord, Objects, Records } from './loop/env.ts';
import { scopeOf } from './loop/fetch-scope.ts';
import { actingAs, checkTenancy, openedRemote, whereabouts } from './loop/place.ts';
import { inScopes, learnScopes, NO_SCOPES } from './loop/scopes.ts';
import { openedBodies } from './loop/sealed.ts';
import { isSuspended } from './loop/source-state.ts';
import { createRecords } from './records.ts';
import { SEAL_KEY, sealKey } from './seal-key.ts';
import { trustedRoot } from './trusted-root.ts';
import type { AgentOptions, Parts } from './wire.ts';
import { decryptionOf, sealingOf } from './workshop/jobs.ts';

export interface Planned {
  /** `namespace/name`. */
  readonly kustomization: string;
  readonly revision: string;
  readonly plan?: Plan;
  readonly fault?: Fault;
}

export interface PlanContext {
  readonly parts: Parts;
  readonly options: AgentOptions;
  /** Ask the sources for their newest revision first; it is not made the current one. */
  readonly fetch: boolean;
  /** Declared ConfigMaps and Secrets. */
  readonly data: Objects['data'];
  readonly signal: AbortSignal;
}

/** A plan for every declared Kustomization, each by itself; what stands in the way of one is its fault. */
export async function planAll(objects: Objects, context: PlanContext): Promise<readonly Planned[]> {
  const records = createRecords(context.parts.cache, context.options.log);
  const revisions = new Map<string, SourceRevision | Fault>();
  const declared = new Map(objects.sources.map((one) => [keyOf(one), one]));
  const others: OtherSources = {
    declared: (key) => declared.get(key),
    current: (key) => {
      const found = revisions.get(key);
      return found instanceof Fault ? undefined : found;
    },
  };
  for (const [key, source] of inOrder(declared)) {
    const includes = (): FetchWork['includes'] => includesOf(source, others);
    const found = newest({ source, key, includes }, objects, records, context);
    revisions.set(key, await found.catch((error: unknown) => asFault(error)));
  }
  const planned: Planned[] = [];
  for (const one of objects.kustomizations) planned.push(await planOne(one, revisions, records, context));
  return planned;
}

/** Included sources before those that include them. */
function inOrder(declared: ReadonlyMap<string, SourceObject>): ReadonlyMap<string, SourceObject> {
  const ordered = new Map<string, SourceObject>();
  const begun = new Set<string>();
  const add = (key: string): void => {
    const source = declared.get(key);
    if (source === undefined || begun.has(key)) return;
    begun.add(key);
    for (const included of includedKeys(source)) add(included);
    ordered.set(key, source);
  };
  for (const key of declared.keys()) add(key);
  return ordered;
}

async function newest(
  of: { readonly source: SourceObject; readonly key: string; readonly includes: () => FetchWork['includes'] },
  objects: Objects,
  records: Records,
  context: PlanContext,
): Promise<SourceRevision> {
  const { source, key } = of;
  const have = records.source(key);
  if (context.fetch && !isSuspended(source)) {
    const around = { kustomizations: objects.kustomizations, sources: objects.sources };
    const { needs } = scopeOf(source, { ...around, fetchScope: context.options.settings.fetchScope });
    const root = needsTrustedRoot(source)
      ? trustedRoot(context.options.trustedRootFile ?? '')?.(source.meta.namespace)
      : undefined;
    const data = [...objects.data, ...(root === undefined ? [] : [root])];
    const work: FetchWork = { source, data, have, includes: of.includes(), needs };
    const outcome = await context.parts.workshop.fetch(work, context.signal);
    if (outcome.kind === 'fetched') return outcome.content;
  }
  if (have === undefined) throw new Fault('source-not-ready', `${key} has no revision on this disk yet`);
  return have.current;
}

async function planOne(
  one: Kustomization,
  revisions: ReadonlyMap<string, SourceRevision | Fault>,
  records: Records,
  context: PlanContext,
): Promise<Planned> {
  const kustomization = `${one.meta.namespace}/${one.meta.name}`;
  if (one.spec.suspend) return { kustomization, revision: '' };
  const source = revisions.get(sourceKeyOf(one));
  let revision = '';
  try {
    const missing = unsupportedFields(one);
    checkTenancy(one, context.options.settings.tenancy);
    if (missing.length > 0) throw new Fault('unsupported', `spec.${missing[0]} is not built yet`);
    if (source === undefined) throw new Fault('source-missing', `${sourceKeyOf(one)} is not declared`);
    if (source instanceof Fault) throw source;
    revision = source.revision;
    return { kustomization, revision, plan: await planRevision(one, source, records, context) };
  } catch (error) {
    return { kustomization, revision, fault: asFault(error) };
  }
}

async function planRevision(
  one: Kustomization,
  source: SourceRevision,
  records: Records,
  context: PlanContext,
): Promise<Plan> {
  const { parts, options } = context;
  const tree = parts.cache.store.tree(source.root);
  const own = options.keys === undefined ? undefined : agentKeys(options.keys)(one.meta.namespace);
  // Where nothing was sealed yet nothing stored differs; a plan writes no key.
  const { sealKeyFile = '' } = options;
  const seals = sealKeyFile !== '' || parts.disk.size(SEAL_KEY) !== undefined;
  const key = seals ? await sealKey(parts.disk, sealKeyFile)(one.meta.namespace) : undefined;
  const data = [...context.data, ...[own, key].flatMap((more) => more ?? [])];
  const asked = { limits: options.limits, data };
  const decryption = await decryptionOf(one, data, options.limits);
  const seal = await sealingOf(one, data);
  const outcome = renderPlainly(tree, one, asked) ?? (await renderBuilt(tree, one, { ...asked, decryption, seal }));
  const { account, kubeconfig } = whereabouts(one, context.data, options.settings.tenancy);
  const cluster = kubeconfig === undefined ? parts.cluster : openedRemote(kubeconfig, parts.cluster, parts.openRemote);
  try {
    return await planAt({ cluster, account }, one, { revision: source.revision, outcome, records, data }, context);
  } finally {
    if (kubeconfig !== undefined) cluster.close();
  }
}

interface Rendered {
  readonly revision: string;
  readonly outcome: RenderOutcome;
  readonly records: Records;
  readonly data: Objects['data'];
}

async function planAt(
  place: { readonly cluster: ActingCluster; readonly account: string },
  one: Kustomization,
  { revision, outcome, records, data }: Rendered,
  context: PlanContext,
): Promise<Plan> {
  const { parts, options, signal } = context;
  const { uid } = await place.cluster.identity(signal);
  const cluster = actingAs(place.cluster, place.account);
  const key = `Kustomization/${one.meta.namespace}/${one.meta.name}`;
  const record: KustomizationRecord | undefined = records.kustomization(key);
  const inventory = record?.clusterUid === uid ? record.inventory : [];
  const facts = records.facts(key, uid).map;
  const desired = inScopes(outcome.set, await learnScopes(NO_SCOPES, outcome.set, cluster, signal));
  const known = new Map<ObjectId, VersionedRef>(desired.objects.map((object) => [object.id, object.ref]));
  for (const entry of inventory) {
    const ref = parseObjectId(entry.id);
    if (ref !== undefined && !known.has(entry.id)) known.set(entry.id, { ...ref, version: entry.v });
  }
  const found: Survey = await survey(
    [...known].map(([id, ref]) => ({ id, ref })),
    { cluster, seenOf },
    signal,
  );
  const live: LiveView = {
    facts,
    seen: found.found,
    absent: (id) => known.has(id) && !found.found.has(id) && !found.unknown.has(id),
  };
  const input: SyncInput = {
    owner: `${one.meta.namespace}/${one.meta.name}`,
    revision,
    desired,
    inventory,
    live,
    prune: one.spec.prune,
    force: one.spec.force,
    // An account that is new has its rights proven.
    check: place.account !== (record?.account ?? ''),
    whole: place.account !== '',
    ignore: ignoreRules(one.spec.ignore),
    installed: facts.size > 0,
    only: undefined,
    rivals: new Map(),
    guard: options.settings.guard,
    allowedPrune: one.meta.annotations['holdfast.dev/allow-prune'] ?? '',
    stageTimeoutMs: 60_000,
    width: applyWidth(options.limits),
  };
  const stored = (digest: Digest): Uint8Array => outcome.bodies.get(digest) ?? parts.cache.store.get(digest);
  const opened = openedBodies({ kustomization: one, data: async () => data, stored, cluster });
  return decide(input, { ...readOnly(options), ...opened }, signal);
}

/** Ports that write nothing: a plan that tried to would be a bug. */
function readOnly(options: AgentOptions): Omit<SyncPorts, 'body' | 'cluster'> {
  const refuse = (): never => {
    throw new Fault('internal', 'a plan must not write');
  };
  return {
    clock: systemClock(),
    log: options.log,
    seenOf,
    writeInventory: refuse,
    ledger: { applied: refuse, gone: refuse },
  };
}
