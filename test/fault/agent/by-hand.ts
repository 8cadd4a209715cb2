import type { ClusterAccess } from '../../controlplane/index.ts';
import { OWNER } from './compare.ts';
import { pathOf, type Thing } from './objects.ts';
import { isRock, type Random } from './turmoil.ts';

/** Somebody at a keyboard. What is not there, or is in the way of a server that is down, stays undone. */
export async function editByHand(cluster: ClusterAccess, things: readonly Thing[], random: Random): Promise<void> {
  const small = things.filter((one) => one.kind !== 'Namespace' && one.kind !== 'Crd');
  const thing = small[Math.floor(random() * small.length)];
  const roll = random();
  if (thing === undefined) return;
  const path = pathOf(thing);
  const quick = { timeoutMs: 1_000 };
  const ignore = (): undefined => undefined;
  if (roll < 0.4) await cluster.api('DELETE', path, undefined, quick).catch(ignore);
  else if (roll < 0.6 && isRock(thing))
    await cluster.api('PATCH', path, { metadata: { labels: { [OWNER]: null } } }, quick).catch(ignore);
  else await cluster.api('PATCH', `${path}?fieldManager=kubectl-edit`, edit(thing, 'extra'), quick).catch(ignore);
}

/** Another value in a field that Git sets; of a ConfigMap with more fields besides. */
export function edit(thing: Pick<Thing, 'kind'>, ...more: readonly string[]): unknown {
  if (thing.kind === 'ConfigMap')
    return { data: Object.fromEntries(['version', ...more].map((key) => [key, 'by hand'])) };
  if (thing.kind === 'Secret') return { data: { version: 'YnkgaGFuZA==' } };
  if (thing.kind === 'Deployment') return { spec: { replicas: 1 } };
  if (thing.kind === 'Gauge') return { spec: { value: -1 } };
  if (thing.kind === 'Service') return { spec: { selector: { app: 'by-hand' } } };
  return { metadata: { annotations: { version: 'by hand' } } };
}
