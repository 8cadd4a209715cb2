import { fail } from '../errors.ts';
import type { FieldSpec } from '../load/types.ts';
import { gvkText, isSelected } from '../resource/ident.ts';
import { matchingAnyId, type ResMap, touch } from '../resource/resmap.ts';
import { nodeOf } from '../resource/resource.ts';
import { SCALAR, TAG_INT } from '../yaml/node.ts';
import { applyFieldSpec, entrySetter } from './fieldspec.ts';

/** Sets the number of replicas of workloads by any of their names (ReplicaCountTransformer). */
export function replicaTransformer(
  name: string,
  count: number | bigint,
  specs: readonly FieldSpec[],
): (map: ResMap) => void {
  return (map) => {
    touch(map);
    let found = false;
    for (const spec of specs) {
      for (const res of matchingAnyId(map, (id) => id.name === name && isSelected(id, spec))) {
        found = true;
        applyFieldSpec(nodeOf(res), spec, {
          set: entrySetter('', String(count), TAG_INT),
          createKind: SCALAR,
          createTag: TAG_INT,
        });
      }
    }
    if (found) return;
    const kinds = specs.map((spec) =>
      gvkText({ group: spec.group ?? '', version: spec.version ?? '', kind: spec.kind ?? '' }),
    );
    fail(`resource with name ${name} does not match a config with the following GVK [${kinds.join(' ')}]`);
  };
}
