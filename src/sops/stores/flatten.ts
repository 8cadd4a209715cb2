import type { Json } from '../../model/index.ts';
import { refuse } from '../fault.ts';

interface Node {
  value?: string;
  readonly keys: Map<string, Node>;
  readonly indexes: Map<number, Node>;
}

const fresh = (): Node => ({ keys: new Map(), indexes: new Map() });

/** Metadata that is written flat, `age__list_0__map_enc`, as the tree that it stands for. Throws `decryption-failed`. */
export function unflatten(pairs: readonly (readonly [key: string, value: string])[], where: string): Json {
  const root = fresh();
  for (const [key, value] of pairs) {
    const node = place(root, key);
    if (node.value !== undefined) throw refuse(where, 'its sops metadata names one thing twice');
    node.value = value;
  }
  return convert(root, where);
}

function place(root: Node, key: string): Node {
  let node = root;
  for (const [i, part] of key.split(/(?=__map_|__list_)/).entries()) {
    const index = /^__list_(\d{1,6})$/.exec(part)?.[1];
    node =
      index === undefined
        ? child(node.keys, i === 0 ? part : part.replace(/^__(?:map|list)_/, ''))
        : child(node.indexes, Number(index));
  }
  return node;
}

function child<K>(of: Map<K, Node>, key: K): Node {
  const found = of.get(key);
  if (found !== undefined) return found;
  const made = fresh();
  of.set(key, made);
  return made;
}

function convert(node: Node, where: string): Json {
  const kinds = [node.value !== undefined, node.keys.size > 0, node.indexes.size > 0].filter(Boolean).length;
  if (kinds > 1) throw refuse(where, 'its sops metadata contradicts itself');
  if (node.value !== undefined) return node.value;
  if (node.indexes.size === 0)
    return Object.fromEntries([...node.keys].map(([key, below]) => [key, convert(below, where)]));
  const list = Array.from({ length: node.indexes.size }, (_, i) => node.indexes.get(i));
  return list.map((below) => {
    if (below === undefined) throw refuse(where, 'a list of its sops metadata has gaps');
    return convert(below, where);
  });
}
