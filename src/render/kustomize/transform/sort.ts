import { byCodeUnit } from '../../../model/index.ts';
import { fail } from '../errors.ts';
import type { SortOptions } from '../load/types.ts';
import { gvkEquals, gvkSortText, gvkText, kindRanks, type ResId } from '../resource/ident.ts';
import type { ResMap } from '../resource/resmap.ts';
import { curId } from '../resource/resource.ts';

/** Orders the resources (SortOrderTransformer): `fifo` leaves them, `legacy` ranks kinds. */
export function sortResources(map: ResMap, options: SortOptions): void {
  const order = options.order ?? '';
  if (order !== 'fifo' && order !== 'legacy') fail("the field 'sortOptions.order' must be one of [fifo, legacy]");
  const legacy = options.legacySortOptions;
  if (order === 'fifo') {
    if (legacy !== undefined)
      fail(`the field 'sortOptions.legacySortOptions' is set but the selected sort order is '${order}', not 'legacy'`);
    return;
  }
  const ranks = legacy === undefined ? kindRanks() : kindRanks(legacy.orderFirst ?? [], legacy.orderLast ?? []);
  const keyed = map.list.map((res) => ({ res, id: curId(res) }));
  keyed.sort((a, b) => compareIds(a.id, b.id, ranks));
  map.list = keyed.map(({ res }) => res);
}

function compareIds(a: ResId, b: ResId, ranks: ReadonlyMap<string, number>): number {
  if (gvkEquals(a, b)) return byCodeUnit(idSortText(a), idSortText(b));
  const byRank = (ranks.get(a.kind) ?? 0) - (ranks.get(b.kind) ?? 0);
  if (byRank !== 0) return byRank;
  const byText = byCodeUnit(gvkSortText(a), gvkSortText(b));
  const namespaces = a.kind === 'Namespace' && b.kind === 'Namespace' && (a.group === '' || b.group === '');
  return namespaces ? -byText : byText;
}

function idSortText(id: ResId): string {
  return `${gvkText(id)}|${id.namespace || '~X'}|${id.name || '~N'}`;
}
