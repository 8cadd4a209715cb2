export { decodeMemo, encodeMemo, type MemoFile, type PlainMemo } from './memo.ts';
export { readObjects } from './read.ts';
export {
  MEMO_FORMAT,
  type PlainLimits,
  type PlainOptions,
  type PlainResult,
  readPlain,
  renderPlain,
} from './render.ts';
export { type PlainFile, type PlainScan, scanPlain } from './scan.ts';
