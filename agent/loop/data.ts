import {
  type DataObject,
  type DataRef,
  dataKey,
  dataRefs,
  keyOf,
  needsTrustedRoot,
  pullSecretRefs,
  substitutesSecrets,
} from '../../src/flux/index.ts';
import { runOf } from './declare.ts';
import type { DataFor } from './env.ts';
import type { Site } from './site.ts';

/** What an object names is looked for among the declared files first, then in the cluster, where that is configured. */
export function dataFor(site: Site): DataFor {
  return async (object) => {
    const own = object.kind === 'Kustomization' && object.spec.decryption !== undefined;
    const seals = object.kind === 'Kustomization' && substitutesSecrets(object);
    const seal = seals ? await site.env.sealKey?.(object.meta.namespace) : undefined;
    const keys = own ? site.env.agentKeys?.(object.meta.namespace) : undefined;
    const root = needsTrustedRoot(object) ? site.env.trustedRoot?.(object.meta.namespace) : undefined;
    const more = [keys, seal, root].flatMap((one) => one ?? []);
    const refs = dataRefs(object);
    if (refs.length === 0) return more;
    // Who changes a Secret, and then asks for a run, means that Secret.
    const since = runOf(site, keyOf(object))?.woken ?? 0;
    const found = await read(site, refs, since);
    const named = await read(site, pullSecretRefs(found), since);
    return [...found, ...named, ...more];
  };
}

/** As `Loop.named`. */
export function named(site: Site, of: 'known' | 'all'): ReadonlySet<string> | undefined {
  const all = site.objects.complete && site.unknown.size === 0;
  if (!site.looked || (of === 'all' && !all)) return undefined;
  const runs = [...site.sources.values(), ...site.kustomizations.values()];
  return new Set(runs.flatMap(({ object }) => dataRefs(object).map(dataKey)));
}

async function read(site: Site, refs: readonly DataRef[], since: number): Promise<readonly DataObject[]> {
  const wanted = new Set(refs.map(dataKey));
  const declared = site.objects.data.filter((one) => wanted.has(dataKey(one)));
  const known = new Set(declared.map(dataKey));
  const open = refs.filter((ref) => !known.has(dataKey(ref)));
  if (open.length === 0 || site.env.readData === undefined) return declared;
  return [...declared, ...(await site.env.readData(open, since))];
}
