import type { Bytes, Uint } from './values.ts';

/** A literal value as it is written. */
export type Literal = null | boolean | bigint | number | string | Uint | Bytes;

/** Operators of one or two operands, but for `&&` and `||`. */
export type Operator = '!' | '-' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '*' | '/' | '%';

/** What iterates: `e.all(x, p)` and its like. */
export type MacroName = 'all' | 'exists' | 'exists_one' | 'map' | 'filter' | 'optMap' | 'optFlatMap';

/** A parsed expression. `at` is its place in the text, counted from 0. */
export type Node = { readonly at: number } & (
  | { readonly op: 'literal'; readonly value: Literal }
  | { readonly op: 'name'; readonly name: string }
  | { readonly op: 'select'; readonly of: Node; readonly field: string; readonly optional: boolean }
  | { readonly op: 'has'; readonly of: Node; readonly field: string; readonly optional: boolean }
  | { readonly op: 'index'; readonly of: Node; readonly key: Node; readonly optional: boolean }
  | { readonly op: 'call'; readonly name: string; readonly target?: Node; readonly args: readonly Node[] }
  | { readonly op: 'operator'; readonly name: Operator; readonly args: readonly Node[] }
  /** All of a chain, so that a long one is not deep. */
  | { readonly op: 'and' | 'or'; readonly args: readonly Node[] }
  | { readonly op: 'choose'; readonly test: Node; readonly then: Node; readonly otherwise: Node }
  | { readonly op: 'list'; readonly items: readonly { readonly value: Node; readonly optional: boolean }[] }
  | {
      readonly op: 'map';
      readonly entries: readonly { readonly key: Node; readonly value: Node; readonly optional: boolean }[];
    }
  | {
      readonly op: 'macro';
      readonly name: MacroName;
      readonly range: Node;
      readonly variable: string;
      /** Of `map` with three arguments: which items are taken. */
      readonly filter?: Node;
      readonly body: Node;
    }
);
