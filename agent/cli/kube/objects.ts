import { byCodeUnit, Fault, type Gvk, type KubeObject, textAt } from '../../../src/model/index.ts';
import type { Reach } from './flags.ts';
import type { FluxKind } from './kinds.ts';

/** Which objects of a kind are meant. */
export interface Selection {
  /** '' for all namespaces. */
  readonly namespace: string;
  /** Undefined for all of them. */
  readonly name?: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** Without what only the API server reads. */
export function readable(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, name: object.metadata.name } };
}

/** Objects of a kind, by namespace and name. Fault `kind-unknown` where the API server does not serve it. */
export async function objectsOf(
  kind: Gvk,
  wanted: Selection,
  { cluster, signal }: Reach,
): Promise<readonly KubeObject[]> {
  const { namespace, name, labelSelector } = wanted;
  const found: KubeObject[] = [];
  if (name !== undefined && namespace !== '' && labelSelector === undefined) {
    const { group, version, kind: of } = kind;
    const one = await cluster.read({ group, version, kind: of, namespace, name }, { signal });
    return one === undefined ? [] : [one];
  }
  await cluster.list(
    kind,
    {
      metadataOnly: false,
      signal,
      ...(namespace === '' ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    },
    (object) => {
      if (name === undefined || object.metadata.name === name) found.push(object);
    },
  );
  const key = (object: KubeObject): string => `${textAt(object.metadata, 'namespace') ?? ''}/${object.metadata.name}`;
  return found.sort((a, b) => byCodeUnit(key(a), key(b)));
}

/** The one object of this name; Fault `object-invalid` where there is none. */
export async function mustRead(kind: FluxKind, name: string, namespace: string, reach: Reach): Promise<KubeObject> {
  const [found] = await objectsOf(kind, { namespace, name }, reach);
  if (found === undefined) throw notFound(kind, name, namespace);
  return found;
}

export function notFound({ kind }: FluxKind, name: string, namespace: string): Fault {
  return new Fault('object-invalid', `${kind} object '${name}' not found in ${inText(namespace)} namespace`);
}

/** `"apps"`, or `any`. */
export const inText = (namespace: string): string => (namespace === '' ? 'any' : JSON.stringify(namespace));
