import { Fault } from '../model/index.ts';
import type { BucketSpec } from './bucket.ts';
import { OCI_NOT_BUILT } from './oci.ts';
import type { FluxObject, GitRepositorySpec, KustomizationSpec } from './types.ts';

interface Row<Spec> {
  /** The field as a person writes it. */
  readonly field: string;
  /** Whether an object asks for it. */
  readonly used: (spec: Spec) => boolean;
}

/** Fields of GitRepository that are read but not acted upon yet. Work that builds one deletes its row. */
const GIT: readonly Row<GitRepositorySpec>[] = [
  // A login at these clouds is the cloud's own; a token or an SSH key in `secretRef` does without.
  { field: 'provider (aws, azure)', used: ({ provider }) => provider === 'aws' || provider === 'azure' },
  { field: 'serviceAccountName', used: (spec) => spec.serviceAccountName !== undefined },
];

/** Fields of Bucket that are read but not acted upon yet. Work that builds one deletes its row. */
const BUCKET: readonly Row<BucketSpec>[] = [];

/** Fields of Kustomization that are read but not acted upon yet. Work that builds one deletes its row. */
const KUSTOMIZATION: readonly Row<KustomizationSpec>[] = [];

const TABLES: Readonly<Record<FluxObject['kind'], readonly { readonly field: string }[]>> = {
  GitRepository: GIT,
  OCIRepository: OCI_NOT_BUILT,
  Bucket: BUCKET,
  ExternalArtifact: [],
  Kustomization: KUSTOMIZATION,
};

function usedRows(object: FluxObject): readonly { readonly field: string }[] {
  if (object.kind === 'GitRepository') return GIT.filter((row) => row.used(object.spec));
  if (object.kind === 'OCIRepository') return OCI_NOT_BUILT.filter((row) => row.used(object.spec));
  if (object.kind === 'Bucket') return BUCKET.filter((row) => row.used(object.spec));
  return object.kind === 'Kustomization' ? KUSTOMIZATION.filter((row) => row.used(object.spec)) : [];
}

/** The fields of an object that are not built yet, in the order of the tables. */
export function unsupportedFields(object: FluxObject): string[] {
  return usedRows(object).map((row) => `spec.${row.field}`);
}

/** Fault `unsupported` that names every such field; undefined when the object asks for nothing of the kind. */
export function unsupportedFault(object: FluxObject): Fault | undefined {
  const fields = unsupportedFields(object);
  if (fields.length === 0) return undefined;
  const { meta } = object;
  const verb = fields.length === 1 ? 'is' : 'are';
  return new Fault(
    'unsupported',
    `${meta.origin}: ${object.kind}/${meta.namespace}/${meta.name}: ${fields.join(', ')} ${verb} not built yet`,
  );
}

/** The fields of a kind that are not built yet, as in `patches` or `dependsOn.readyExpr`; for the reference. */
export function notBuiltFields(kind: FluxObject['kind']): string[] {
  return TABLES[kind].map((row) => row.field);
}
