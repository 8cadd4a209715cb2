import type { Limits } from '../../model/index.ts';

/** The limits that reading a manifest keeps. */
export type YamlLimits = Pick<
  Limits,
  'manifestBytes' | 'manifestLineBytes' | 'yamlNodes' | 'yamlAliases' | 'yamlDepth'
>;
