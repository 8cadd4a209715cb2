import { Fault, type Gvk } from '../../../src/model/index.ts';
import type { ApiResource } from '../../../src/ports/index.ts';

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | undefined>>;

/** One part of a URL path. Refuses what would name another resource, or a whole collection (an empty name). */
function segment(text: string, what: string): string {
  if (text === '' || text === '.' || text === '..' || /[/%?#\s]/.test(text))
    throw new Fault('apply-refused', `${what} ${JSON.stringify(text)} cannot be part of a path of the API server`);
  return encodeURIComponent(text);
}

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function groupPath(gvk: { readonly group: string; readonly version: string }): string {
  const version = segment(gvk.version, 'version');
  return gvk.group === '' ? `/api/${version}` : `/apis/${segment(gvk.group, 'group')}/${version}`;
}

/** The URL path of a kind, in one namespace or (empty) in all of them. */
export function collectionPath(resource: ApiResource, namespace: string): string {
  const base = groupPath(resource.gvk);
  const plural = segment(resource.plural, 'resource');
  return resource.namespaced && namespace !== ''
    ? `${base}/namespaces/${segment(namespace, 'namespace')}/${plural}`
    : `${base}/${plural}`;
}

/** The URL path of one object, or of its subresource. */
export function objectPath(
  resource: ApiResource,
  ref: { readonly namespace: string; readonly name: string },
  subresource?: string,
): string {
  const path = `${ownerPath(resource, ref.namespace)}/${segment(ref.name, 'name')}`;
  return subresource === undefined ? path : `${path}/${segment(subresource, 'subresource')}`;
}

/** The collection that one object belongs to: a namespaced object must name its namespace. */
export function ownerPath(resource: ApiResource, namespace: string): string {
  if (resource.namespaced && namespace === '') throw unplaced(resource.gvk);
  return collectionPath(resource, namespace);
}

function unplaced(gvk: Gvk): Fault {
  const said = `${kindText(gvk)} is namespaced`;
  return new Fault('apply-refused', `namespace not specified: ${said}`, {
    refusal: { asked: 'place', reason: '', said },
  });
}

/** `Deployment.apps/v1` for messages. */
export function kindText(gvk: Gvk): string {
  return gvk.group === '' ? `${gvk.kind}/${gvk.version}` : `${gvk.kind}.${gvk.group}/${gvk.version}`;
}

/** A path with its query. */
export function withQuery(path: string, query: Query): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) parts.push(`${key}=${encodeURIComponent(value)}`);
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}
