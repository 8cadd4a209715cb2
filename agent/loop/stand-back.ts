import { type FluxObject, FROM_CLUSTER } from '../../src/flux/index.ts';
import { FAULTS, type NotConverged } from '../../src/model/index.ts';
import type { Site } from './site.ts';
import { rfc3339 } from './time.ts';

/** Whether this agent works for an object now: it leads, and nobody else works for the objects of the cluster. */
export function worksFor(site: Site, { object }: { readonly object: FluxObject }): boolean {
  return site.leadership.leads() && !isLeftTo(site, object);
}

/** What an object that is left to somebody else says of itself; undefined when it is not, or not known to be. */
export function leftTo(site: Site, { object }: { readonly object: FluxObject }): NotConverged | undefined {
  const { standsBack } = site;
  if (standsBack === undefined || standsBack.why === '' || object.meta.origin !== FROM_CLUSTER) return undefined;
  const { reason, help } = FAULTS['flux-active'];
  return { code: 'flux-active', reason, message: standsBack.why, help, since: rfc3339(standsBack.since) };
}

/** While the API server is away nobody works there; what is wrong then is told as ever. */
function isLeftTo({ standsBack, presence }: Site, object: FluxObject): boolean {
  return standsBack !== undefined && object.meta.origin === FROM_CLUSTER && presence.state().state !== 'down';
}
