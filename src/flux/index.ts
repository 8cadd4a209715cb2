export * from './bucket.ts';
export { findCondition, removeConditions, sameConditions, setCondition, timestamp } from './conditions.ts';
export { toBucket } from './convert-bucket.ts';
export { toExternalArtifact } from './convert-external.ts';
export { toOciRepository } from './convert-oci.ts';
export { toDataObject } from './data.ts';
export { durationText, MAX_DURATION_MS, parseDuration } from './duration.ts';
export * from './external.ts';
export { notBuiltFields, unsupportedFault, unsupportedFields } from './features.ts';
export { type FieldPath, type FieldProblem, pathText, problemsOf } from './issues.ts';
export * from './meta.ts';
export {
  AGENT_KEYS,
  AGENT_ROOT,
  AGENT_SEAL,
  attemptMs,
  buildRefs,
  dataKey,
  dataRefs,
  decryptionKeys,
  findSecret,
  keyOf,
  kubeconfigRef,
  needsTrustedRoot,
  PULL_SECRETS,
  pullSecretRefs,
  sealingKey,
  sourceKeyOf,
  substitutesSecrets,
  TRUSTED_ROOT,
} from './needs.ts';
export * from './oci.ts';
export {
  layerOf,
  OCI_NOT_BUILT,
  type OCIRepository,
  type OciLayer,
  type OciRef,
  type OciRepositorySpec,
  ociAccount,
  ociDataRefs,
} from './oci.ts';
export {
  type FluxDocument,
  type FluxProblem,
  type ParsedObjects,
  type ParseOptions,
  parseFluxObjects,
} from './parse.ts';
export { bucketSchema, type RawBucket } from './schema-bucket.ts';
export { about, accountName, field } from './schema-common.ts';
export { externalArtifactSchema, type RawExternalArtifact } from './schema-external.ts';
export { gitRepositorySchema } from './schema-git.ts';
export { kustomizationSchema } from './schema-kustomization.ts';
export { ociRepositorySchema } from './schema-oci.ts';
export * from './types.ts';
