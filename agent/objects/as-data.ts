import { type DataObject, type DataRef, PULL_SECRETS, toDataObject } from '../../src/flux/index.ts';
import { type KubeObject, listAt, textAt } from '../../src/model/index.ts';

/** An object that others name, as they use it: of a service account only the names of its pull secrets. */
export function asData(object: KubeObject, ref: DataRef, origin: string): DataObject {
  const { kind, namespace, name } = ref;
  if (kind !== 'ServiceAccount') return toDataObject(object, kind, origin, namespace).object;
  const names = listAt(object, PULL_SECRETS).map((one) => textAt(one, 'name') ?? '');
  const data = new Map([[PULL_SECRETS, Buffer.from(names.join('\n'))]]);
  return { kind, namespace, name, type: '', data, origin };
}

/** What a key `Kind/namespace/name` of these kinds names; undefined for another. */
export function dataRefOf(key: string): DataRef | undefined {
  const [kind, namespace = '', name = ''] = key.split('/');
  return kind === 'Secret' || kind === 'ConfigMap' || kind === 'ServiceAccount' ? { kind, namespace, name } : undefined;
}
