import type { Cluster, WatchEvent } from '../../src/ports/index.ts';
import { FLUX_KINDS, type FluxKind } from './kinds.ts';

export interface ReachPorts {
  readonly cluster: Cluster;
  /** Puts a line into the status; '' takes it out again. */
  readonly tell: (where: string, why: string) => void;
}

/** Says in the status which objects of the cluster cannot be read, and why. */
export interface Reach {
  /** Called once the API server answers. */
  look(signal: AbortSignal): Promise<void>;
  event(kind: FluxKind, namespace: string, event: WatchEvent): void;
}

/** Without these there is nothing to do; the others came later to Flux, and a cluster may well be without them. */
const NEEDED: ReadonlySet<string> = new Set(['GitRepository', 'Kustomization']);

export function createReach({ cluster, tell }: ReachPorts): Reach {
  const where = (kind: FluxKind, namespace: string): string =>
    `objects.cluster ${kind.kind}${namespace === '' ? '' : ` in ${namespace}`}`;
  return {
    look: async (signal) => {
      const surface = await cluster.surface({ signal });
      for (const kind of FLUX_KINDS) {
        if (!NEEDED.has(kind.kind) || surface.find(kind) !== undefined) continue;
        const api = `${kind.group}/${kind.version}`;
        tell(where(kind, ''), `the cluster does not know the kind (${api}): apply the files of manifests/crds`);
      }
    },
    event: (kind, namespace, event) => {
      if (event.type === 'lost' && event.code === 'cluster-denied') tell(where(kind, namespace), event.message);
      if (event.type !== 'synced') return;
      tell(where(kind, ''), '');
      tell(where(kind, namespace), '');
    },
  };
}
