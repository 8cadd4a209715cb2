export { byLastSeen, eventHeader, eventRow } from './event-row.ts';
export { type Explanation, explainFlux, explanationText, isCurrent, objectText, subjectOf } from './explain.ts';
export { explainObject, type ObjectFacts, writersOf } from './explain-object.ts';
export { changesText, type FieldChange, fieldChanges, pathText } from './field-diff.ts';
export {
  conditionAt,
  type FluxColumns,
  fluxHeader,
  fluxRow,
  revisionOf,
  shortDigests,
  sourceText,
} from './flux-row.ts';
export { helpFor } from './help.ts';
