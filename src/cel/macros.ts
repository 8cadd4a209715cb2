import type { Node } from './ast.ts';
import { fail, noOverload, spend } from './errors.ts';
import { logical, type Scope, test } from './logic.ts';
import { CelList, CelMap, listOf, Optional, typeName, type Value } from './values.ts';

type Macro = Extract<Node, { op: 'macro' }>;
type Evaluate = (node: Node, scope: Scope) => Value;

/** Runs what iterates over a list, or over the keys of a map. */
export function runMacro(node: Macro, scope: Scope, evaluate: Evaluate): Value {
  const range = evaluate(node.range, scope);
  const inside = (item: Value): Scope => {
    spend(scope.budget, 1);
    return { ...scope, variable: (name) => (name === node.variable ? item : scope.variable(name)) };
  };
  const body = (item: Value): Value => evaluate(node.body, inside(item));
  if (node.name === 'optMap' || node.name === 'optFlatMap') return ofOptional(node.name, range, body);
  const items = itemsOf(range);
  switch (node.name) {
    case 'all':
    case 'exists':
      return logical(items, { decides: node.name === 'exists', budget: scope.budget }, body);
    case 'exists_one': {
      let count = 0;
      for (const item of items) if (test(body(item))) count += 1;
      return count === 1;
    }
    case 'filter': {
      const out: Value[] = [];
      for (const item of items) if (test(body(item))) out.push(item);
      return listOf(out);
    }
    case 'map': {
      const { filter } = node;
      const out: Value[] = [];
      for (const item of items) if (filter === undefined || test(evaluate(filter, inside(item)))) out.push(body(item));
      return listOf(out);
    }
  }
}

function itemsOf(range: Value): Iterable<Value> {
  if (range instanceof CelList) return range;
  return range instanceof CelMap ? range.keys() : fail(`got '${typeName(range)}', expected iterable type`);
}

function ofOptional(name: 'optMap' | 'optFlatMap', of: Value, body: (item: Value) => Value): Value {
  if (!(of instanceof Optional)) return noOverload(name);
  if (of.value === undefined) return of;
  const out = body(of.value);
  return name === 'optMap' ? new Optional(out) : out;
}
