import { EXTENSIONS } from './functions-extra.ts';
import { STANDARD } from './functions-standard.ts';
import type { Overload, Row, Run } from './overload.ts';
import { parseType } from './types.ts';

function tableOf(rows: readonly Row[]): ReadonlyMap<string, readonly Overload[]> {
  const table = new Map<string, Overload[]>();
  for (const [signature, run] of rows) {
    const m = /^(?:([\w.]+(?:<[^(]*>)?)\.)?([\w:]+)\((.*)\): (.+)$/.exec(signature);
    if (m === null) continue;
    const params = [m[1], m[3]].filter((part) => part !== undefined && part !== '').join(',');
    const overload: Overload = {
      member: m[1] !== undefined,
      params: params === '' ? [] : parseType(`x<${params}>`).of,
      result: parseType(m[4] ?? 'dyn'),
      run: run as unknown as Run,
    };
    const name = (m[2] ?? '').replace(':', '.');
    table.set(name, [...(table.get(name) ?? []), overload]);
  }
  return table;
}

const TABLE = tableOf([...STANDARD, ...EXTENSIONS]);

/** All forms of a function by its name; a namespace is part of it: `sets.contains`. */
export function overloadsOf(name: string): readonly Overload[] {
  return TABLE.get(name) ?? [];
}
