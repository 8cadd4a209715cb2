import { expectKind, setScalar } from '../node/fields.ts';
import { lookup } from '../node/path.ts';
import { type ResMap, type Selector, select, touch } from '../resource/resmap.ts';
import { nodeOf, type Resource } from '../resource/resource.ts';
import { SCALAR, scalar } from '../yaml/node.ts';
import { setNamespaceOf } from './namespace.ts';

/** Where ValueAddTransformer puts its value. */
export interface ValueAddTarget {
  readonly selector?: Selector;
  readonly fieldPath?: string;
  readonly filePathPosition?: number;
}

/** Puts a value into fields, or into one place of a path that a field holds (ValueAddTransformer). */
export function valueAddTransformer(value: string, targets: readonly ValueAddTarget[]): (map: ResMap) => void {
  return (map) => {
    touch(map);
    for (const target of targets) {
      const resources = target.selector === undefined ? map.list : select(map, target.selector);
      for (const res of resources) addValue(res, value, target);
    }
  };
}

function addValue(res: Resource, value: string, target: ValueAddTarget): void {
  if (target.fieldPath === 'metadata/namespace') {
    setNamespaceOf(res, { namespace: value, specs: [], unsetOnly: false, subjects: 'defaultOnly' });
    return;
  }
  const node = lookup(nodeOf(res), splitEscaped(target.fieldPath ?? ''), SCALAR);
  if (node === undefined) return;
  expectKind(node, SCALAR);
  const position = target.filePathPosition ?? 0;
  const text = position > 0 ? insertPart(node.value, position - 1, value) : value;
  if (text !== '') setScalar(node, scalar(text));
}

function splitEscaped(path: string): string[] {
  const out: string[] = [];
  for (const part of path.split('/')) {
    const last = out.at(-1);
    if (last?.endsWith('\\')) out[out.length - 1] = `${last.slice(0, -1)}/${part}`;
    else out.push(part);
  }
  return out;
}

/** Puts a part into a path (filesys.InsertPathPart). */
function insertPart(path: string, position: number, part: string): string {
  if (part === '') return path;
  const absolute = path.startsWith('/');
  const parts = path.split('/').filter((one) => one !== '');
  parts.splice(Math.min(Math.max(position, 0), parts.length), 0, part);
  return (absolute ? '/' : '') + parts.join('/');
}
