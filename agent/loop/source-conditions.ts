import type { SourceObject } from '../../src/flux/index.ts';
import type { Condition, FaultCode } from '../../src/model/index.ts';
import type { Wanted } from './conditions.ts';
import type { SourceRecord } from './env.ts';
import type { SourceRun } from './source-state.ts';
import type { Standing } from './trouble.ts';

/** Conditions of a source beside Ready, Reconciling, Stalled and ArtifactInStorage: those to set, and those that go. */
export interface SourceConditions {
  readonly wanted: readonly Wanted[];
  readonly without: readonly string[];
}

/** The condition that tells of a fault, where it is not FetchFailed. */
const TELLS: Readonly<Partial<Record<FaultCode, string>>> = {
  'signature-keys': 'SourceVerified',
  'signature-mode': 'SourceVerified',
  'signature-invalid': 'SourceVerified',
  'include-unavailable': 'IncludeUnavailable',
  'include-failed': 'StorageOperationFailed',
};
const OF_FAULTS = ['FetchFailed', 'IncludeUnavailable', 'StorageOperationFailed'];

/** What of a source says which revision is meant: one that was found for another wish says nothing of this one. */
export const wishOf = ({ spec }: SourceObject): string =>
  JSON.stringify(['url' in spec ? spec.url : '', 'ref' in spec ? spec.ref : {}]);

/** A newer revision is known, and what is here is the one before. */
export function outdated(
  { object, newest }: Pick<SourceRun, 'object' | 'newest'>,
  record: SourceRecord | undefined,
): readonly Wanted[] {
  if (newest === undefined || object.kind !== 'OCIRepository' || record === undefined) return [];
  const { revision, wish } = newest;
  if (record.current.revision === revision || wish !== wishOf(object)) return [];
  const [tag, digest] = revision.includes('@') ? revision.split('@') : ['', revision];
  const where = object.spec.url.replace('oci://', '');
  const message = `new revision '${revision}' for '${where}${tag === '' ? `@${digest}` : `:${tag}`}'`;
  return [{ type: 'ArtifactOutdated', status: 'True', reason: 'NewRevision', message }];
}

/** After an attempt: one condition tells of what stands in the way; what signatures proved before stays true. */
export function sourceConditions(
  { object, conditions }: Pick<SourceRun, 'object' | 'conditions'>,
  record: SourceRecord | undefined,
  standing: Standing | undefined,
): SourceConditions {
  const type = standing === undefined ? undefined : typeOf(standing);
  const status: Condition['status'] = type === 'SourceVerified' ? 'False' : 'True';
  const told: readonly Wanted[] =
    standing === undefined || type === undefined
      ? []
      : [{ type, status, reason: standing.reason, message: standing.message }];
  // What stands goes with the revision that it is of, also where nobody asks for proof any more.
  const asked = 'verify' in object.spec && object.spec.verify !== undefined;
  const stands = conditions.some((one) => one.type === 'SourceVerified' && one.status === 'True');
  const proof = asked || stands ? record?.current.verified : undefined;
  const proved: readonly Wanted[] =
    proof === undefined || type === 'SourceVerified'
      ? []
      : [{ type: 'SourceVerified', status: 'True', reason: 'Succeeded', message: proof.message }];
  const gone = [...OF_FAULTS, 'SourceVerified'].filter(
    (one) => one !== type && !proved.some((condition) => condition.type === one),
  );
  return { wanted: [...told, ...proved], without: gone };
}

/** What is in the way of a proof is told of by its condition, also where it is the link. */
function typeOf({ code, reason }: Standing): string {
  return reason === 'VerificationError' ? 'SourceVerified' : (TELLS[code] ?? 'FetchFailed');
}
