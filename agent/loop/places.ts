import { type Digest, Fault } from '../../src/model/index.ts';
import { type OpenArea, openArea } from './area.ts';
import { dataFor } from './data.ts';
import { forget, type KustomizationRun } from './kustomization-state.ts';
import { type Area, actingAs, openedRemote, type Place, type Whereabouts, whereabouts } from './place.ts';
import type { Places, Site } from './site.ts';

type Wake = (key: string, cause: string) => void;

/** Opens a cluster for each kubeconfig that is named, and for all that name it; at most `limits.remoteClusters`. */
export function createPlaces(site: Site, wake: Wake): Places {
  const { env } = site;
  const remotes = new Map<Digest, OpenArea>();
  const local = openArea(site, { key: '', cluster: env.cluster }, wake);
  const areaOf = ({ kubeconfig }: Whereabouts): Area => {
    if (kubeconfig === undefined) return local;
    const known = remotes.get(kubeconfig.digest);
    if (known !== undefined) return known;
    const most = env.settings.limits.remoteClusters;
    if (remotes.size >= most)
      throw new Fault('kubeconfig-refused', `${kubeconfig.where}: limits.remoteClusters = ${most} are in use`);
    const cluster = openedRemote(kubeconfig, env.cluster, env.openRemote);
    const area = openArea(site, { key: kubeconfig.digest, cluster }, wake);
    remotes.set(kubeconfig.digest, area);
    return area;
  };
  const close = (digest: Digest, area: OpenArea): void => {
    remotes.delete(digest);
    area.close();
    area.cluster.close();
  };
  const settle = (): void => {
    const used = new Set(
      [...site.kustomizations.values()].map((run) => (usesPlace(run) ? run.place?.area : undefined)),
    );
    for (const [digest, area] of remotes) if (!used.has(area)) close(digest, area);
  };
  const leave = (run: KustomizationRun): void => {
    forget(run);
    run.place = undefined;
    settle();
  };
  return {
    local,
    of: async (run) => {
      const { object } = run;
      try {
        const data = object.spec.kubeConfig === undefined ? [] : await dataFor(site)(object);
        const where = whereabouts(object, data, env.settings.tenancy);
        // First, so that a kubeconfig that takes the place of another one finds room.
        if (run.place !== undefined && run.place.area.key !== (where.kubeconfig?.digest ?? '')) leave(run);
        return settleIn(run, areaOf(where), where.account);
      } catch (error) {
        if (error instanceof Fault && error.code === 'kubeconfig-refused') leave(run);
        throw error;
      }
    },
    settle: () => {
      if (remotes.size > 0) settle();
    },
    stop: () => {
      local.close();
      for (const [digest, area] of remotes) close(digest, area);
    },
  };
}

const usesPlace = ({ object }: KustomizationRun): boolean =>
  object.spec.kubeConfig !== undefined && (!object.spec.suspend || object.meta.deleting === true);

/** A Kustomization that moves to another cluster knows nothing of it; what it leaves behind stays there. */
function settleIn(run: KustomizationRun, area: Area, account: string): Place {
  const before = run.place;
  if (before?.area === area && before.account === account) return before;
  if (before !== undefined && before.area !== area) forget(run);
  const { presence, observer } = area;
  const place: Place = { area, cluster: actingAs(area.cluster, account), presence, observer, account };
  run.place = place;
  return place;
}
