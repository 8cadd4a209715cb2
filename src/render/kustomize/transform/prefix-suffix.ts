import type { FieldSpec } from '../load/types.ts';
import { isSelected } from '../resource/ident.ts';
import { NOTE } from '../resource/meta.ts';
import { type ResMap, touch } from '../resource/resmap.ts';
import { addNote, nodeOf, orgId, type Resource, storePreviousId } from '../resource/resource.ts';
import { SCALAR, TAG_STR } from '../yaml/node.ts';
import { applyFieldSpec, setPlain } from './fieldspec.ts';

/** Kinds whose names others give them: they are never prefixed. */
const SKIPPED = [
  { kind: 'CustomResourceDefinition' },
  { group: 'apiregistration.k8s.io', kind: 'APIService' },
  { kind: 'Namespace' },
];

interface Affix {
  readonly text: string;
  readonly specs: readonly FieldSpec[];
  readonly isPrefix: boolean;
}

function transformer(affix: Affix): (map: ResMap) => void {
  return (map) => {
    touch(map);
    for (const res of map.list) {
      const id = orgId(res);
      if (SKIPPED.some((kind) => isSelected(id, kind))) continue;
      for (const spec of affix.specs) if (isSelected(id, spec)) apply(res, spec, affix);
    }
  };
}

function apply(res: Resource, spec: FieldSpec, { text, isPrefix }: Affix): void {
  if (spec.path === 'metadata/name') {
    addNote(res, isPrefix ? NOTE.prefixes : NOTE.suffixes, text);
    if (text !== '') storePreviousId(res);
  }
  applyFieldSpec(nodeOf(res), spec, {
    set: (node) => setPlain(node, isPrefix ? text + node.value : node.value + text),
    createKind: SCALAR,
    createTag: TAG_STR,
  });
}

/** Puts a prefix before names (PrefixTransformer). */
export function prefixTransformer(prefix: string, specs: readonly FieldSpec[]): (map: ResMap) => void {
  return transformer({ text: prefix, specs, isPrefix: true });
}

/** Puts a suffix after names (SuffixTransformer). */
export function suffixTransformer(suffix: string, specs: readonly FieldSpec[]): (map: ResMap) => void {
  return transformer({ text: suffix, specs, isPrefix: false });
}
