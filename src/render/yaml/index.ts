export type { YamlLimits } from './limits.ts';
export type { PathPart } from './locate.ts';
export { parseDocuments, type YamlDocument, type YamlDocuments, type YamlOptions } from './parse.ts';
export type { YamlRules } from './scalars.ts';
