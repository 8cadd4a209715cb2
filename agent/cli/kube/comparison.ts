import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type DataObject, type Kustomization, parseFluxObjects, toDataObject } from '../../../src/flux/index.ts';
import {
  DEFAULT_LIMITS,
  Fault,
  type InventoryEntry,
  isObject,
  type Json,
  listAt,
  type Tree,
  textAt,
} from '../../../src/model/index.ts';
import { readDocuments } from '../../../src/render/kustomize/index.ts';
import { systemClock } from '../../adapters/clock/index.ts';
import { createLog } from '../../adapters/log/index.ts';
import { diskTree } from '../disk-tree.ts';
import type { CliIo } from '../io.ts';
import type { Comparison } from './compare.ts';
import type { Reach } from './flags.ts';
import { KUSTOMIZATION } from './kinds.ts';
import { notFound, objectsOf } from './objects.ts';

/** What the flags of `diff` ask for. */
export interface Wanted {
  readonly name: string;
  readonly path: string | undefined;
  readonly file: string | undefined;
  readonly config: string | undefined;
  readonly strict: boolean;
}

interface Declared {
  readonly kustomization: Kustomization;
  readonly inventory: readonly InventoryEntry[];
  /** Declared beside it. */
  readonly data: readonly DataObject[];
  /** Its source on disk. */
  readonly tree?: Tree;
}

/** Finds the Kustomization, the folder, and the values it is built with. */
export async function comparisonOf(wanted: Wanted, reach: Reach, io: CliIo): Promise<Comparison> {
  const declared =
    wanted.config === undefined ? await ofCluster(wanted, reach) : await ofConfig(wanted.config, wanted, reach, io);
  const { kustomization, inventory } = declared;
  if (kustomization.spec.kubeConfig !== undefined)
    throw new Fault(
      'unsupported',
      'the Kustomization is for another cluster (spec.kubeConfig): a diff is made for the one that --kubeconfig names',
    );
  const { path } = wanted;
  const folder = path === undefined ? undefined : resolve(path);
  const tree = folder === undefined ? declared.tree : diskTree('/');
  if (tree === undefined)
    throw new Fault('source-not-ready', 'its source has no revision on this disk yet: say --path DIR');
  const spec = folder === undefined ? kustomization.spec : { ...kustomization.spec, path: folder.slice(1) };
  return {
    kustomization: { ...kustomization, spec },
    inventory,
    tree,
    displayRoot: folder ?? '',
    data: [...declared.data, ...(await namedData(kustomization, declared.data, reach))],
    strict: wanted.strict,
    warn: (text) => io.stderr(`${text}\n`),
    log: createLog({ level: 'error', clock: systemClock(), write: (line) => io.stderr(line) }),
  };
}

/** From the cluster; or from a file, with the inventory of the cluster's own. */
async function ofCluster({ name, file }: Wanted, reach: Reach): Promise<Declared> {
  const { namespace } = reach;
  const [live] = await objectsOf(KUSTOMIZATION, { namespace, name }, reach).catch((error: unknown) => {
    if (file !== undefined && error instanceof Fault && error.code === 'kind-unknown') return [];
    throw error;
  });
  if (live === undefined && file === undefined) throw notFound(KUSTOMIZATION, name, namespace);
  const documents = file === undefined ? [live ?? null] : readDocuments(readFileSync(file, 'utf8'), DEFAULT_LIMITS);
  const inventory = listAt(live, 'status', 'inventory', 'entries').map((one) => ({
    id: textAt(one, 'id') ?? '',
    v: textAt(one, 'v') ?? '',
  }));
  return { kustomization: oneOf(documents, { name, namespace }, file ?? 'the cluster'), inventory, data: [] };
}

function oneOf(
  documents: readonly Json[],
  wanted: { readonly name: string; readonly namespace: string },
  file: string,
): Kustomization {
  const parsed = parseFluxObjects(
    documents.filter(isObject).map((value) => ({ value, file, line: 0 })),
    { strict: false, defaultNamespace: wanted.namespace },
  );
  const found = parsed.objects.find(
    (one): one is Kustomization => one.kind === 'Kustomization' && one.meta.name === wanted.name,
  );
  if (found !== undefined) return found;
  const message = parsed.errors[0]?.message ?? `there is no Kustomization ${wanted.name} in it`;
  throw new Fault('object-invalid', `${file}: ${message}`);
}

/** From the files that an agent's configuration names, with what the agent has on disk. */
async function ofConfig(file: string, { name, path }: Wanted, reach: Reach, io: CliIo): Promise<Declared> {
  const { loadConfig, watchObjects } = await import('../../config/index.ts');
  const { logFor, objectsOf: declaredOf, optionsOf } = await import('../setup.ts');
  const config = await loadConfig(file, io.env);
  const watch = watchObjects(config.objects.files, () => undefined, { limits: config.limits, clock: systemClock() });
  const objects = declaredOf(watch.current());
  watch.close();
  const { namespace } = reach;
  const found = objects.kustomizations.find(({ meta }) => meta.name === name && meta.namespace === namespace);
  for (const problem of objects.problems) io.stderr(`${problem.where}: ${problem.message}\n`);
  if (found === undefined)
    throw new Fault('object-invalid', `${file} declares no Kustomization ${namespace}/${name} in its files`);
  const { makeParts } = await import('../../wire.ts');
  const { createRecords } = await import('../../records.ts');
  const log = logFor(config, io, 'error');
  const parts = makeParts({ ...optionsOf(config, log), workers: 'never' });
  const records = createRecords(parts.cache, log);
  const record = records.kustomization(`Kustomization/${namespace}/${name}`);
  const { uid } = await reach.cluster.identity(reach.signal);
  const { kind, namespace: where, name: source } = found.spec.sourceRef;
  const have = path === undefined ? records.source(`${kind}/${where}/${source}`) : undefined;
  await parts.workshop.close();
  parts.cluster.close();
  parts.wire.close();
  return {
    kustomization: found,
    inventory: record?.clusterUid === uid ? record.inventory : [],
    data: objects.data,
    ...(have === undefined ? {} : { tree: parts.cache.store.tree(have.current.root) }),
  };
}

/** ConfigMaps and Secrets of the cluster that its variables come from, but for those that are declared. */
async function namedData(
  kustomization: Kustomization,
  declared: readonly DataObject[],
  { cluster, signal }: Reach,
): Promise<readonly DataObject[]> {
  const { namespace } = kustomization.meta;
  const found: DataObject[] = [];
  for (const { kind, name } of kustomization.spec.postBuild?.substituteFrom ?? []) {
    if (declared.some((one) => one.kind === kind && one.name === name && one.namespace === namespace)) continue;
    const live = await cluster.read({ group: '', version: 'v1', kind, namespace, name }, { signal });
    if (live !== undefined) found.push(toDataObject(live, kind, 'cluster', namespace).object);
  }
  return found;
}
