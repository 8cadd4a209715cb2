import type { JsonObject } from './json.ts';

/**
 * Whether an object with these labels is one of Flux's own components, which are neither installed nor pruned. An agent
 * that the flux command is to find has the label, too, and says by its name who it is.
 */
export function isFluxItself(labels: JsonObject): boolean {
  return labels['app.kubernetes.io/part-of'] === 'flux' && labels['app.kubernetes.io/name'] !== 'holdfast';
}
