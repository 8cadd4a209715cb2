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
  const compiled = rules.map((rule, i) => compiledRule(rule, i));
  return (ref) =>
    compiled.filter(({ tests }) => tests.every(([field, test]) => test.test(ref[field]))).map((one) => one.fields);
}

interface Compiled {
  readonly tests: readonly (readonly [Field, Pattern])[];
  readonly fields: IgnoredFields;
}

function compiledRule({ paths, target = {} }: IgnoreRule, i: number): Compiled {
  try {
    const tests = FIELDS.flatMap((field): readonly (readonly [Field, Pattern])[] => {
      const pattern = target[field] ?? '';
      return pattern === '' ? [] : [[field, compileAnchored(pattern)]];
    });
    const { labelSelector = '', annotationSelector = '' } = target;
    parseLabelSelector(labelSelector);
    parseLabelSelector(annotationSelector);
    const bad = paths.find((path) => !path.startsWith('/') || path === '/');
    if (bad !== undefined) throw new PatternError(`"${bad}" is no JSON pointer: it begins with / and names a field`);
    return { tests, fields: { paths, labelSelector, annotationSelector } };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new Fault('object-invalid', `spec.ignore[${i}]: ${error.message}`, { reason: 'ReconciliationFailed' });
  }
}
