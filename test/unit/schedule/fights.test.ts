import { describe, expect, it } from 'vitest';
import { type Corrections, noteCorrection, rivalry } from '../../../src/schedule/index.ts';

/** Corrections at these seconds because of these writers. */
function corrected(...events: readonly (readonly [seconds: number, rival: string])[]): Corrections | undefined {
  return events.reduce<Corrections | undefined>((so, [at, rival]) => noteCorrection(so, at * 1000, rival), undefined);
}

const every = (seconds: number, count: number, rival: string): [number, string][] =>
  Array.from({ length: count }, (_, i) => [i * seconds, rival]);

describe('two writers', () => {
  it('fight when one undoes the same object ten times in five minutes, as an autoscaler does', () => {
    expect(rivalry(corrected(...every(15, 9, 'hpa')), 121_000)).toBe('');
    expect(rivalry(corrected(...every(15, 10, 'hpa')), 136_000)).toMatch(/^hpa undoes .* wait 30s/);
  });

  it('do not fight when the edits are few, slow, or by different hands', () => {
    expect(rivalry(corrected(...every(1, 9, 'kubectl-edit')), 9_000)).toBe('');
    expect(rivalry(corrected(...every(40, 30, 'slow')), 1_161_000)).toBe('');
    const hands = every(1, 30, '').map(([at], i): [number, string] => [at, i % 2 === 0 ? 'kubectl-edit' : 'lens']);
    expect(rivalry(corrected(...hands), 30_000)).toBe('');
  });

  it('wait longer and longer while it goes on: one try after each wait', () => {
    let so = corrected(...every(1, 10, 'hpa'));
    let now = 9_000;
    for (const wait of [30, 60, 120, 240, 480, 600, 600]) {
      expect(rivalry(so, now + wait * 1000 - 1)).toContain(`wait ${wait}s`);
      now += wait * 1000;
      expect(rivalry(so, now)).toBe('');
      so = noteCorrection(so, now, 'hpa');
      expect(rivalry(so, now)).toBe('');
      now += 1;
      so = noteCorrection(so, now, 'hpa');
    }
  });

  it('start anew after a quiet time', () => {
    const so = noteCorrection(corrected(...every(1, 10, 'hpa')), 2_000_000, 'hpa');
    expect(so).toMatchObject({ rounds: 0, times: [2_000_000] });
  });
});
