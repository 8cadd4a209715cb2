import type { Schema } from '../schema/builtin.ts';
import type { Node } from '../yaml/node.ts';

/** Where merge keys come from. */
export interface SchemaSource {
  schemaFor(apiVersion: string, kind: string): Schema | undefined;
}

/** A merge on its way down (kyaml's Walker): what is there, what the patch says, and what is known of the place. */
export interface Place {
  readonly schemas: SchemaSource;
  readonly schema: Schema | undefined;
  readonly depth: number;
  readonly maxDepth: number;
  /** Nulls that were in the object before and stay in it. */
  readonly kept: Set<Node>;
}
