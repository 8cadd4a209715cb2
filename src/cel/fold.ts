import type { Node } from './ast.ts';
import { noOverload } from './errors.ts';
import { calleeOf, evaluate } from './evaluate.ts';
import { overloadsOf } from './functions.ts';
import { patternOf } from './functions-standard.ts';

/** Functions of one argument that cel-go runs beforehand on what is written out. */
const CONVERSIONS: ReadonlySet<string> = new Set([
  'bool',
  'bytes',
  'double',
  'duration',
  'int',
  'string',
  'timestamp',
  'uint',
]);

/**
 * Finds what can never work though it is well formed: conversions of literals that fail, patterns that are none, unknown
 * functions without arguments. cel-go makes no program of such an expression. Throws CelErrors.
 */
export function proveConstants(node: Node): void {
  if (node.op === 'call') {
    const { name, args } = calleeOf(node);
    const [first, second] = args;
    const known = overloadsOf(name);
    const takes = known.some(({ params }) => params.length === args.length);
    if (!takes && (args.length === 0 || (known.length > 0 && args.length <= 2)))
      noOverload(`${name} of ${args.length}`);
    if (args.length === 1 && first?.op === 'literal' && CONVERSIONS.has(name))
      evaluate(node, { variable: () => undefined, budget: { limit: 10_000, left: 10_000 } });
    if (name === 'matches' && second?.op === 'literal' && typeof second.value === 'string') patternOf(second.value);
  }
  for (const child of childrenOf(node)) proveConstants(child);
}

function childrenOf(node: Node): readonly Node[] {
  switch (node.op) {
    case 'select':
    case 'has':
      return [node.of];
    case 'index':
      return [node.of, node.key];
    case 'call':
      return node.target === undefined ? node.args : [node.target, ...node.args];
    case 'operator':
    case 'and':
    case 'or':
      return node.args;
    case 'choose':
      return [node.test, node.then, node.otherwise];
    case 'list':
      return node.items.map((item) => item.value);
    case 'map':
      return node.entries.flatMap((entry) => [entry.key, entry.value]);
    case 'macro':
      return node.filter === undefined ? [node.range, node.body] : [node.range, node.filter, node.body];
    default:
      return [];
  }
}
