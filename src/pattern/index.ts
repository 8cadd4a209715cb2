export { PatternError } from './errors.ts';
export { compileAnchored, compilePattern, type Pattern } from './re2.ts';
export { type LabelSelector, parseLabelSelector } from './selector.ts';
