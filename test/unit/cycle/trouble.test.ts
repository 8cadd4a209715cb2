import { describe, expect, it } from 'vitest';
import { troubleOf } from '../../../src/cycle/index.ts';
import { type FaultCode, objectId, type Receipt } from '../../../src/model/index.ts';

const refused = (message: string, fault: FaultCode, namespace = 'ns'): Receipt => {
  const ref = { group: '', version: 'v1', kind: 'ConfigMap', namespace, name: 'a' };
  return { id: objectId(ref), ref, did: 'refused', message, fault };
};
const told = (...receipts: readonly Receipt[]): string | undefined => troubleOf(receipts)?.message;

describe('what is said of objects that could not be applied', () => {
  it.each([
    ['apply ConfigMap/ns/a (Invalid): is invalid: x', 'ConfigMap/ns/a dry-run failed (Invalid): is invalid: x'],
    ['dry-run apply ConfigMap/ns/a (Forbidden): no', 'ConfigMap/ns/a dry-run failed (Forbidden): no'],
    ['dry-run apply ConfigMap/ns/a: failed to: it', 'ConfigMap/ns/a dry-run failed: failed to: it'],
    [
      'apply ConfigMap/ns/a (NotFound): namespaces "ns" not found',
      'ConfigMap/ns/a not found: namespaces "ns" not found',
    ],
    ['not replaced, for it would be refused', 'ConfigMap/ns/a: not replaced, for it would be refused'],
  ])('%s is told in the words of Flux', (message, line) => {
    expect(told(refused(message, 'apply-refused'))).toBe(line);
  });

  it('names the kind that nobody serves, and the namespace that is not there', () => {
    const kind = 'no matches for kind "Nope" in version "nope.io/v1": is its CRD installed?';
    expect(told(refused(kind, 'kind-unknown'))).toBe(`ConfigMap/ns/a dry-run failed: ${kind}`);
    const none = 'namespace not specified: ConfigMap/v1 is namespaced';
    expect(told(refused(none, 'apply-refused', ''))).toBe(`ConfigMap/a ${none}`);
  });

  it('says of what could not be pruned that it was to be deleted', () => {
    const one = refused('delete ConfigMap/ns/a: is forbidden', 'prune-failed');
    expect(told(one, one)).toBe(
      'delete failed, errors: ConfigMap/ns/a delete failed: is forbidden; ConfigMap/ns/a delete failed: is forbidden',
    );
  });
});
