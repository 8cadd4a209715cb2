export { type Counters, createCounters, type RunCounter, type RunResult } from './counters.ts';
export {
  type ArtifactFacts,
  type KustomizationFacts,
  kustomizationStatus,
  type SourceFacts,
  sourceStatus,
  stalledStatus,
} from './flux-status.ts';
export { type HistoryEntry, noteHistory } from './history.ts';
export { kustomizationObject } from './kustomization-object.ts';
export { type ApiFacts, type MetricsInput, metricsText, type ProcessFacts } from './metrics.ts';
export { isConverged, type StatusTextOptions, statusText } from './status-text.ts';
export { bytesText, type Cell, type Paint, painter, plain, table } from './text.ts';
