import { isObject, type Json, type KubeObject } from '../../../src/model/index.ts';
import type { ClusterAccess } from '../../controlplane/index.ts';
import { idOf, KINDS, type Kind, listPath, objectOf, type Thing } from './objects.ts';
import { HOME, idsOf } from './turmoil.ts';

export const OWNER = 'kustomize.toolkit.fluxcd.io/name';

export interface Commit {
  readonly at: number;
  readonly sha: string;
  readonly ids: ReadonlySet<string>;
}

export const isReal = (one: { readonly uri: string }): boolean => !one.uri.includes('dryRun');

/** '' when the agent was right to delete: the object had left a commit that could be the one it was at. */
export function blame(
  deletion: { readonly resource: string; readonly namespace: string; readonly name: string; readonly at: number },
  commits: readonly Commit[],
  reached: readonly { readonly at: number; readonly commit: number }[],
): string {
  const { resource, namespace, name, at } = deletion;
  const kind = (Object.keys(KINDS) as Kind[]).find((one) =>
    resource.startsWith(KINDS[one].list.split('/').at(-1) ?? '-'),
  );
  const id = idOf({ kind: kind ?? 'ConfigMap', namespace: kind === 'Namespace' ? '' : namespace, name });
  const from = reached.findLast((one) => one.at <= at)?.commit ?? 0;
  const could = commits.slice(from).filter((one) => one.at <= at + 1);
  const was = commits.some((one) => one.at <= at && one.ids.has(id));
  if (was && could.some((one) => !one.ids.has(id))) return '';
  return `${id} deleted at ${new Date(at).toISOString()}; Git ${was ? 'still has it' : 'never had it'}`;
}

/** What differs between the cluster and the desired state: missing, different, left over. */
export async function wrong(cluster: ClusterAccess, things: readonly Thing[]): Promise<readonly string[]> {
  const found: string[] = [];
  const spaces = [HOME, 'extra-0', 'extra-1', 'extra-2'];
  const lists = (Object.keys(KINDS) as Kind[]).flatMap((kind): { readonly kind: Kind; readonly path: string }[] => {
    if (kind === 'Gauge') return ['0', '1'].map((number) => ({ kind, path: listPath(kind, HOME, number) }));
    return listPath(kind, '*').includes('*')
      ? spaces.map((space) => ({ kind, path: listPath(kind, space) }))
      : [{ kind, path: listPath(kind, '') }];
  });
  const live = new Map<string, KubeObject>();
  for (const { kind, path } of lists) {
    const answer = await cluster.api('GET', `${path}?labelSelector=${encodeURIComponent(OWNER)}`);
    if (answer.status === 404) continue;
    const { items } = answer.body as { readonly items: readonly KubeObject[] };
    for (const item of items) {
      const namespace = String(item.metadata['namespace'] ?? '');
      live.set(idOf({ kind, namespace, name: item.metadata.name }), item);
    }
  }
  for (const thing of things) {
    const object = live.get(idOf(thing));
    const text = object === undefined ? 'missing' : differs(contentOf(thing), object, '');
    if (text !== '') found.push(`${idOf(thing)}: ${text}`);
    const keys = Object.keys((object?.['data'] as object | undefined) ?? {}).sort();
    const wanted = Object.keys((objectOf(thing)['data'] as object | undefined) ?? {}).sort();
    if (object !== undefined && keys.join() !== wanted.join()) found.push(`${idOf(thing)}: data has ${keys.join()}`);
    if (object?.metadata['deletionTimestamp'] !== undefined) found.push(`${idOf(thing)}: is being deleted`);
  }
  const ids = idsOf(things);
  for (const id of live.keys()) if (!ids.has(id)) found.push(`${id}: left over`);
  return found.sort();
}

/** Items of a list come without apiVersion and kind. */
function contentOf(thing: Thing): Json {
  const { apiVersion: _version, kind: _kind, ...content } = objectOf(thing);
  return content as Json;
}

/** Where the wanted value is not in the live one; '' nowhere. */
function differs(want: Json, have: Json | undefined, path: string): string {
  if (Array.isArray(want)) {
    const list = Array.isArray(have) ? have : [];
    if (list.length !== want.length) return `${path} has ${list.length} items`;
    return want.map((one: Json, i) => differs(one, list[i] as Json, `${path}[${i}]`)).find((text) => text !== '') ?? '';
  }
  if (!isObject(want)) return want === have ? '' : `${path} is ${String(have)}, not ${String(want)}`;
  for (const [key, value] of Object.entries(want)) {
    const text = differs(value, isObject(have) ? have[key] : undefined, `${path}.${key}`);
    if (text !== '') return text;
  }
  return '';
}
