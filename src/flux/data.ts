import { isObject, type Json, type JsonObject, textAt } from '../model/index.ts';
import type { FieldProblem } from './issues.ts';
import type { DataObject } from './meta.ts';

const KNOWN = new Set(['apiVersion', 'kind', 'metadata', 'type', 'immutable']);
const FIELDS: Readonly<Record<'Secret' | 'ConfigMap', ReadonlySet<string>>> = {
  Secret: new Set(['data', 'stringData']),
  ConfigMap: new Set(['data', 'binaryData']),
};

/** Reads a Secret or ConfigMap. Problems name keys, never values. */
export function toDataObject(
  value: JsonObject,
  kind: 'Secret' | 'ConfigMap',
  origin: string,
  defaultNamespace: string,
): { readonly object: DataObject; readonly problems: readonly FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const note = (path: FieldProblem['path'], message: string, unknown = false): void => {
    problems.push({ path, message, unknown });
  };
  for (const key of Object.keys(value)) {
    if (!KNOWN.has(key) && !FIELDS[kind].has(key))
      note([key], key === 'sops' ? 'the object is SOPS encrypted' : 'unknown field', key !== 'sops');
  }
  const data = new Map<string, Uint8Array>();
  const each = (field: string, read: (text: string) => Uint8Array | undefined, wrong: string): void => {
    const map = value[field];
    if (map === undefined || map === null) return;
    if (!isObject(map)) note([field], 'must be a map');
    for (const [key, text] of isObject(map) ? Object.entries(map) : []) {
      const bytes = typeof text === 'string' ? read(text) : undefined;
      if (bytes !== undefined) data.set(key, bytes);
      else note([field, key], typeof text === 'string' ? wrong : 'must be text: put it in quotes');
    }
  };
  const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8');
  each('data', kind === 'Secret' ? base64 : utf8, 'is not base64: plain text belongs into stringData');
  each('stringData', utf8, '');
  if (kind === 'ConfigMap') each('binaryData', base64, 'is not base64');
  const metadata = value['metadata'];
  const name = textAt(metadata, 'name') ?? '';
  if (name === '') note(['metadata', 'name'], 'is required');
  const namespace = textAt(metadata, 'namespace') ?? defaultNamespace;
  const type = textAt(value as Json, 'type') ?? (kind === 'Secret' ? 'Opaque' : '');
  return { object: { kind, name, namespace, type, data, origin }, problems };
}

function base64(text: string): Uint8Array | undefined {
  const packed = text.replace(/[\r\n]/g, '');
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) return undefined;
  return Buffer.from(packed, 'base64');
}
