import type { KubeObject } from '../../model/index.ts';
import DEFINITIONS from './definitions.json' with { type: 'json' };

/**
 * The CustomResourceDefinitions of the Flux kinds, as in manifests/crds: for a cluster that has lost them. To be imported
 * when they are needed; the bundle carries them compressed.
 */
export function fluxDefinitions(): readonly KubeObject[] {
  return DEFINITIONS as unknown as readonly KubeObject[];
}
