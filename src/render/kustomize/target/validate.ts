import { fail } from '../errors.ts';
import { idKey } from '../resource/ident.ts';
import { setTextMap, textMap } from '../resource/meta.ts';
import { copyMap, type ResMap, sameNode } from '../resource/resmap.ts';
import { curId, nodeOf } from '../resource/resource.ts';
import type { Step } from './plugins.ts';

/** The one label that a validator may set. */
const VALIDATED_BY = 'validated-by';

/** Validators may change nothing but the label `validated-by`. */
export function runValidators(steps: readonly Step[], map: ResMap): void {
  for (const step of steps) {
    const before = copyMap(map);
    step.run(map);
    const after = copyMap(map);
    for (const res of after.list) {
      const labels = textMap(res.node, 'labels');
      if (labels.delete(VALIDATED_BY)) setTextMap(nodeOf(res), 'labels', labels);
    }
    const problem = difference(before, after);
    if (problem !== undefined) fail(`validator shouldn't modify the resource map: ${problem}`);
  }
}

function difference(before: ResMap, after: ResMap): string | undefined {
  if (before.list.length !== after.list.length) return 'lists have different number of entries';
  const byId = new Map(after.list.map((res) => [idKey(curId(res)), res]));
  for (const res of before.list) {
    const other = byId.get(idKey(curId(res)));
    if (other === undefined) return 'id in self missing from other';
    if (!sameNode(res, other)) return 'nodes unequal';
  }
  return undefined;
}
