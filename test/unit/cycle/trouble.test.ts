import { describe, expect, it } from 'vitest';
import { troubleOf } from '../../../src/cycle/index.ts';
import { type FaultCode, objectId, type Receipt, type Refusal } from '../../../src/model/index.ts';

const refused = (fault: FaultCode, refusal?: Refusal, namespace = 'ns'): Receipt => {
  const ref = { group: '', version: 'v1', kind: 'ConfigMap', namespace, name: 'a' };
  return { id: objectId(ref), ref, did: 'refused', message: 'what a person reads', fault, refusal };
};
const said = (asked: Refusal['asked'], reason: string, words: string): Refusal => ({ asked, reason, said: words });
const told = (...receipts: readonly Receipt[]): string | undefined => troubleOf(receipts)?.message;

describe('what is said of objects that could not be applied', () => {
  it.each([
    [said('apply', 'Invalid', 'is invalid: x'), 'ConfigMap/ns/a dry-run failed (Invalid): is invalid: x'],
    [said('dry-run', 'Forbidden', 'no'), 'ConfigMap/ns/a dry-run failed (Forbidden): no'],
    [said('dry-run', '', 'failed to: it'), 'ConfigMap/ns/a dry-run failed: failed to: it'],
    [said('apply', 'NotFound', 'namespaces "ns" not found'), 'ConfigMap/ns/a not found: namespaces "ns" not found'],
    [said('other', 'Invalid', 'no'), 'ConfigMap/ns/a: what a person reads'],
    [undefined, 'ConfigMap/ns/a: what a person reads'],
  ])('%j is told in the words of Flux', (refusal, line) => {
    expect(told(refused('apply-refused', refusal))).toBe(line);
  });

  it('names the kind that nobody serves, and the namespace that is not there', () => {
    const kind = 'no matches for kind "Nope" in version "nope.io/v1": is its CRD installed?';
    expect(told(refused('kind-unknown', said('kind', '', kind)))).toBe(`ConfigMap/ns/a dry-run failed: ${kind}`);
    const none = said('place', '', 'ConfigMap/v1 is namespaced');
    expect(told(refused('apply-refused', none, ''))).toBe(
      'ConfigMap/a namespace not specified: ConfigMap/v1 is namespaced',
    );
  });

  it('says of what could not be pruned that it was to be deleted', () => {
    const one = refused('prune-failed', said('delete', 'Forbidden', 'is forbidden'));
    expect(told(one, one)).toBe(
      'delete failed, errors: ConfigMap/ns/a delete failed: is forbidden; ConfigMap/ns/a delete failed: is forbidden',
    );
    expect(told(refused('prune-failed', said('other', 'Forbidden', 'no')))).toBe(
      'delete failed, errors: ConfigMap/ns/a: what a person reads',
    );
  });
});
