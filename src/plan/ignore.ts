import type { IgnoreRule } from '../flux/index.ts';
import { Fault, type IgnoredFields, type VersionedRef } from '../model/index.ts';
import { compileAnchored, type Pattern, PatternError, parseLabelSelector } from '../pattern/index.ts';

type Field = 'group' | 'version' | 'kind' | 'name' | 'namespace';
const FIELDS: readonly Field[] = ['group', 'version', 'kind', 'name', 'namespace'];

/**
 * Reads `spec.ignore`: the answer tells the rules that may be for an object. Labels and annotations are looked at later, on
 * the object as the API server would have it. Throws a Fault that names the rule which cannot be read.
 */
export function ignoreRules(rules: readonly IgnoreRule[]): (ref: VersionedRef) => readonly IgnoredFields[] {
  const compiled = rules.map(compiledRule).filter(({ fields }) => fields.paths.length > 0);
  return (ref) =>
    compiled.filter(({ tests }) => tests.every(([field, test]) => test.test(ref[field]))).map((one) => one.fields);
}

interface Compiled {
  readonly tests: readonly (readonly [Field, Pattern])[];
  readonly fields: IgnoredFields;
}

function compiledRule({ paths, target = {} }: IgnoreRule, i: number): Compiled {
  const reading = <T>(what: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      const message = `failed to create ignore rule selector: invalid ${what}: ${error.message} (spec.ignore[${i}])`;
      throw new Fault('build-failed', message, { reason: 'ReconciliationFailed' });
    }
  };
  const tests = FIELDS.flatMap((field): readonly (readonly [Field, Pattern])[] => {
    const pattern = target[field] ?? '';
    return pattern === '' ? [] : [[field, reading(`${field} regex`, () => compileAnchored(pattern))]];
  });
  const { labelSelector = '', annotationSelector = '' } = target;
  reading('label selector', () => parseLabelSelector(labelSelector));
  reading('annotation selector', () => parseLabelSelector(annotationSelector));
  // What is no pointer to a field names none, as in Flux.
  const pointers = paths.filter((path) => path.startsWith('/') && path !== '/');
  return { tests, fields: { paths: pointers, labelSelector, annotationSelector } };
}
