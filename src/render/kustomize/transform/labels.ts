import { byCodeUnit } from '../../../model/index.ts';
import type { FieldSpec } from '../load/types.ts';
import { type ResMap, touch } from '../resource/resmap.ts';
import { isGone, nodeOf, type Resource } from '../resource/resource.ts';
import { MAPPING, TAG_MAP, TAG_STR } from '../yaml/node.ts';
import { applyFieldSpec, applyFieldSpecs, entrySetter } from './fieldspec.ts';

/** Sets entries of maps: labels or annotations (LabelTransformer, AnnotationsTransformer). */
export function mapTransformer(
  values: ReadonlyMap<string, string>,
  specs: readonly FieldSpec[],
): (map: ResMap) => void {
  const keys = [...values.keys()].sort(byCodeUnit);
  return (map) => {
    if (keys.length === 0) return;
    touch(map);
    for (const res of map.list) {
      if (isGone(res)) continue;
      for (const key of keys) {
        const set = entrySetter(key, values.get(key) ?? '', TAG_STR);
        applyFieldSpecs(nodeOf(res), specs, { set, createKind: MAPPING, createTag: TAG_MAP });
      }
    }
  };
}

const ANNOTATIONS: FieldSpec = { path: 'metadata/annotations', create: true };

/** Sets one annotation of all resources, as a transformer does it: what is no map there is an error (AnnotateAll). */
export function annotateAll(resources: readonly Resource[], name: string, value: string): void {
  for (const res of resources) {
    const set = entrySetter(name, value, TAG_STR);
    applyFieldSpec(nodeOf(res), ANNOTATIONS, { set, createKind: MAPPING, createTag: TAG_MAP });
  }
}
