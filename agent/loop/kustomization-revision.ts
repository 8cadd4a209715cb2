import {
  AGENT_KEYS,
  AGENT_SEAL,
  buildRefs,
  type DataObject,
  dataKey,
  type Kustomization,
  sourceKeyOf,
  unsupportedFault,
} from '../../src/flux/index.ts';
import { asFault, Fault } from '../../src/model/index.ts';
import type { Applied, LoopEnv, SourceRecord } from './env.ts';
import { type KustomizationPorts, type KustomizationRun, noteRecord } from './kustomization-state.ts';
import { checkTenancy } from './place.ts';
import { noteReached } from './source-part.ts';
import { originOf } from './source-words.ts';

/** A rendered revision that may become what the cluster is kept at, once its plan may go. */
export interface Chosen {
  readonly target: Applied;
  readonly renderKey: string;
  readonly memo: string;
}

/**
 * Renders the newest revision of the source; nothing of it is chosen yet. Throws what stands in its way: the source, a
 * dependency, the manifests.
 */
export async function newestRevision(run: KustomizationRun, ports: KustomizationPorts): Promise<Chosen> {
  const { env } = ports;
  const unsupported = unsupportedFault(run.object);
  if (unsupported !== undefined) throw unsupported;
  const wrong = run.rules?.fault;
  if (wrong?.code === 'expression-invalid') throw wrong;
  checkTenancy(run.object, env.settings.tenancy);
  const { current } = sourceOf(run, ports);
  const { revision, root, metadata } = current;
  const made = originOf(metadata);
  const named = made === '' ? { revision } : { revision, origin: made };
  ports.dependencies(run);
  const { target, renderKey, memo } = run.record;
  const lastKey = target !== undefined && isWhole(target, env) ? renderKey : '';
  const work = async (): ReturnType<typeof env.workshop.render> => {
    const data = await buildData(run.object, ports);
    const objects = run.record.inventory.length;
    return env.workshop.render({ kustomization: run.object, root, data, lastKey, memo, objects }, ports.signal);
  };
  const answer = await work().catch((error: unknown) => {
    const fault = asFault(error);
    noteReached(run, fault, current);
    // Flux looks for the path before it calls the revision attempted.
    if (fault.code === 'path-missing') fault.revision = revision;
    else noteAttempted(run, revision);
    throw fault;
  });
  noteAttempted(run, revision);
  // Flux reads these rules when it applies.
  if (wrong !== undefined) throw wrong;
  if (answer === undefined && target !== undefined) {
    const same = target.revision === revision && target.origin === named.origin;
    const { rendered, built, at } = target;
    const made = built === undefined ? { rendered } : { rendered, built };
    return {
      target: same ? target : { ...named, ...made, at: target.revision === revision ? at : env.clock.now() },
      renderKey,
      memo,
    };
  }
  if (answer === undefined) throw new Fault('internal', 'nothing was rendered');
  for (const left of answer.leftOut) env.log.info('left out', { kustomization: run.key, object: left });
  return {
    target: { ...named, rendered: answer.rendered, built: answer.built, at: env.clock.now() },
    renderKey: answer.key,
    memo: answer.memo,
  };
}

function noteAttempted(run: KustomizationRun, revision: string): void {
  if (run.record.attempted !== revision) noteRecord(run, { attempted: revision });
}

/** Keys of the agent itself. */
const OWN: ReadonlySet<string> = new Set([AGENT_KEYS, AGENT_SEAL]);

/** A kubeconfig is not for the build to see. */
async function buildData(object: Kustomization, ports: KustomizationPorts): Promise<readonly DataObject[]> {
  const wanted = new Set(buildRefs(object).map(dataKey));
  if (wanted.size === 0 && object.spec.decryption === undefined) return [];
  return (await ports.data(object)).filter((one) => wanted.has(dataKey(one)) || OWN.has(one.name));
}

/** Whether a render is still all there: what the disk has lost is rendered again. */
function isWhole(target: Applied, env: LoopEnv): boolean {
  if (!env.records.has(target.rendered)) return false;
  if (env.records.usage().damaged.length === 0) return true;
  try {
    return env.records.loadRender(target.rendered).objects.every((object) => env.records.has(object.digest));
  } catch {
    return false;
  }
}

function sourceOf(run: KustomizationRun, { env, noSource }: KustomizationPorts): SourceRecord {
  const key = sourceKeyOf(run.object);
  const record = env.records.source(key);
  if (record === undefined) throw noSource(key, run.object.spec.retryInterval);
  return record;
}
