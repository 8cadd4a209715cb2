/** Kinds of tokens. */
export const T_END = 0;
export const T_DOC_START = 1;
export const T_DOC_END = 2;
export const T_DIRECTIVE = 3;
export const T_BLOCK_SEQ = 4;
export const T_BLOCK_MAP = 5;
export const T_BLOCK_END = 6;
export const T_FLOW_SEQ = 7;
export const T_FLOW_SEQ_END = 8;
export const T_FLOW_MAP = 9;
export const T_FLOW_MAP_END = 10;
export const T_ENTRY = 11;
export const T_COMMA = 12;
export const T_KEY = 13;
export const T_VALUE = 14;
export const T_ALIAS = 15;
export const T_ANCHOR = 16;
export const T_TAG = 17;
export const T_SCALAR = 18;

export interface Token {
  readonly type: number;
  /** Zero-based line of its first character. */
  readonly line: number;
  /** Position of its first character; for the end of a block, where that counts for comments. */
  readonly start: number;
  /** Text of a scalar, name of an anchor, handle of a tag. */
  readonly value: string;
  /** Suffix of a tag. */
  readonly suffix: string;
  /** Style bits of a scalar. */
  readonly style: number;
}
