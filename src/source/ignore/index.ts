export {
  checkPatterns,
  createMatcher,
  createPartRules,
  createRules,
  IGNORE_FILE,
  type IgnoreFile,
  type IgnoreRules,
  ignoreReader,
  patternsOf,
  specId,
} from './rules.ts';
