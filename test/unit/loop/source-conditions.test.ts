import { describe, expect, it } from 'vitest';
import { sourceConditions } from '../../../agent/loop/source-conditions.ts';
import type { SourceRun } from '../../../agent/loop/source-state.ts';
import { standing } from '../../../agent/loop/trouble.ts';
import { Fault, type FaultCode, type SourceRevision } from '../../../src/model/index.ts';
import { silentLog } from '../../support/quiet.ts';

const current: SourceRevision = {
  revision: 'latest@sha256:x',
  root: `sha256:${'0'.repeat(64)}`,
  metadata: {},
  keep: [],
  verified: { key: 'k', mode: '', message: 'verified signature of revision latest@sha256:x' },
};
const record = { current, fetchedAt: 0, identity: '' };
/** A source as far as its conditions hang on it. */
const sourceOf = (verify: boolean, conditions: SourceRun['conditions'] = []) =>
  ({ object: { spec: verify ? { verify: {} } : {} }, conditions }) as unknown as SourceRun;
const conditionsOf = (fault?: Fault) => {
  const trouble = fault === undefined ? undefined : standing(undefined, fault, { now: 0, log: silentLog });
  const { wanted, without } = sourceConditions(sourceOf(true), record, trouble);
  return { wanted: wanted.map(({ type, status, reason }) => `${type}=${status}/${reason}`), without };
};
const fault = (code: FaultCode, reason?: string): Fault =>
  new Fault(code, 'why', reason === undefined ? {} : { reason });

describe('SourceVerified of an OCIRepository', () => {
  it('says what was proven of the revision that is here', () => {
    expect(conditionsOf().wanted).toEqual(['SourceVerified=True/Succeeded']);
  });

  it.each([
    ['True', ['SourceVerified=True']],
    ['False', []],
    [undefined, []],
  ] as const)('where nobody asks any more stays if it is %s', (status, left) => {
    const plain = { type: 'SourceVerified', reason: '', message: '', lastTransitionTime: '', observedGeneration: 1 };
    const stood = status === undefined ? [] : [{ ...plain, status }];
    const told = sourceConditions(sourceOf(false, stood), record, undefined);
    expect(told.wanted.map((one) => `${one.type}=${one.status}`)).toEqual(left);
    expect(told.without.includes('SourceVerified')).toBe(left.length === 0);
  });

  it('goes with a revision of which nothing was proven', () => {
    const { verified: _verified, ...plain } = current;
    const told = sourceConditions(sourceOf(true), { ...record, current: plain }, undefined);
    expect(told).toMatchObject({ wanted: [], without: expect.arrayContaining(['SourceVerified']) });
  });

  it('says what stands in the way of a proof, also where that is the link or the registry', () => {
    for (const code of ['signature-invalid', 'wire-timeout', 'source-auth'] as const) {
      const told = conditionsOf(fault(code, 'VerificationError'));
      expect(told.wanted).toEqual(['SourceVerified=False/VerificationError']);
      expect(told.without).toContain('FetchFailed');
    }
    expect(conditionsOf(fault('signature-keys')).wanted).toEqual(['SourceVerified=False/VerificationError']);
  });

  it('stays true where something else fails', () => {
    const told = conditionsOf(fault('wire-timeout', 'OCIArtifactPullFailed'));
    expect(told.wanted).toEqual(['FetchFailed=True/OCIArtifactPullFailed', 'SourceVerified=True/Succeeded']);
  });
});
