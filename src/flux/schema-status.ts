import * as z from 'zod/mini';
import { about, between, field, flag, int64, nonEmpty, text, textMap, time } from './schema-common.ts';
import { include } from './schema-git.ts';
import { layerSelector } from './schema-oci.ts';

/** A type of conditions: a name, with a prefix of a domain or without. */
const CONDITION_TYPE =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/;
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

const condition = z.strictObject({
  type: about(z.string().check(z.regex(CONDITION_TYPE), z.maxLength(316)), 'What it is about, such as `Ready`.'),
  status: about(z.enum(['True', 'False', 'Unknown']), 'Whether it holds.'),
  reason: about(between(1, 1024).check(z.regex(REASON)), 'Why, in one word for programs.'),
  message: about(z.string().check(z.maxLength(32_768)), 'Why, in words for people.'),
  lastTransitionTime: time('When `status` last changed.'),
  observedGeneration: z.optional(int64('Generation of the object that it speaks of.', 0)),
});

const artifact = z.strictObject({
  path: about(text(), 'Path of the archive in the storage of who made it.'),
  url: about(text(), 'Where the archive can be fetched.'),
  revision: about(text(), 'What it was made from, such as `main@sha1:COMMIT`.'),
  digest: about(z.string().check(z.regex(DIGEST)), 'Digest of the archive, `ALGORITHM:HEX`.'),
  lastUpdateTime: time('When it was made.'),
  size: z.optional(int64('Bytes of the archive.')),
  metadata: field(textMap(), 'What the source says of it, such as annotations of an OCI artifact.'),
});

const handled = field(text(), 'Value of the annotation `reconcile.fluxcd.io/requestedAt` that was acted upon last.');
const generation = z.optional(int64('Generation of the spec that was last brought to an end; -1 before any.'));
const conditions = field(z.array(condition), 'How the object is, and why.');
const ARTIFACT = 'The newest artifact of the source.';

/** `status` of a GitRepository. */
export const gitRepositoryStatusSchema = z.strictObject({
  observedGeneration: generation,
  conditions,
  artifact: field(artifact, ARTIFACT),
  includedArtifacts: field(z.array(artifact), 'The artifacts of the repositories that `include` names.'),
  observedIgnore: field(text(), '`ignore` as the artifact was made with it.'),
  observedRecurseSubmodules: field(flag(), '`recurseSubmodules` as the artifact was made with it.'),
  observedInclude: field(z.array(include()), '`include` as the artifact was made with it.'),
  observedSparseCheckout: field(z.array(nonEmpty()), '`sparseCheckout` as the artifact was made with it.'),
  sourceVerificationMode: field(text(), '`verify.mode` that the artifact was found to be signed by.'),
  lastHandledReconcileAt: handled,
});

/** `status` of an OCIRepository. */
export const ociRepositoryStatusSchema = z.strictObject({
  observedGeneration: generation,
  conditions,
  url: field(text(), 'Where the artifact can be fetched.'),
  artifact: field(artifact, ARTIFACT),
  observedIgnore: field(text(), '`ignore` as the artifact was made with it.'),
  observedLayerSelector: field(layerSelector(), '`layerSelector` as the artifact was made with it.'),
  lastHandledReconcileAt: handled,
});

/** `status` of a Bucket. */
export const bucketStatusSchema = z.strictObject({
  observedGeneration: generation,
  conditions,
  url: field(text(), 'Where the artifact can be fetched.'),
  artifact: field(artifact, ARTIFACT),
  observedIgnore: field(text(), '`ignore` as the artifact was made with it.'),
  lastHandledReconcileAt: handled,
});

/** `status` of an ExternalArtifact. */
export const externalArtifactStatusSchema = z.strictObject({
  artifact: field(artifact, 'The artifact, as who makes it has put it here.'),
  conditions,
});

const historyEntry = z.strictObject({
  digest: about(text(), 'Digest of what was applied.'),
  firstReconciled: time('First time.'),
  lastReconciled: time('Last time.'),
  lastReconciledDuration: about(text(), 'How long the last time took.'),
  lastReconciledStatus: about(text(), 'How the last time ended: the reason of `Ready`.'),
  totalReconciliations: int64('How many times.'),
  metadata: field(textMap(), 'Such as the revision.'),
});

const inventory = z.strictObject({
  entries: about(
    z.array(
      z.strictObject({
        id: about(text(), '`NAMESPACE_NAME_GROUP_KIND`.'),
        v: about(text(), 'Version of its API.'),
      }),
    ),
    'The objects.',
  ),
});

/** `status` of a Kustomization. */
export const kustomizationStatusSchema = z.strictObject({
  observedGeneration: generation,
  conditions,
  lastAppliedRevision: field(text(), 'Revision that was last applied whole.'),
  lastAppliedOriginRevision: field(text(), 'Revision that the artifact of that revision was made from.'),
  lastAttemptedRevision: field(text(), 'Revision that was last tried.'),
  inventory: field(inventory, 'All objects that it has in the cluster.'),
  history: field(z.array(historyEntry), 'What was applied, newest first.'),
  lastHandledReconcileAt: handled,
});
