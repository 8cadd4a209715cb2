import { describe, expect, test } from 'vitest';
import { evaluate, TemplateError } from '../../../src/render/substitute/index.ts';
import { badName } from '../../../src/render/substitute/variables.ts';
import { caseNames, fluxCaseNames, hasCorpus, runCase, runFluxCase, vectors } from './corpus.ts';

if (!hasCorpus) console.log('kustomize conformance: skipped, the cases are not beside the repository');

describe.skipIf(!hasCorpus)('kustomize conformance', () => {
  for (const name of hasCorpus ? caseNames() : [])
    test(`builds ${name} as kustomize does`, () => {
      const { problem, actual, expected } = runCase(name);
      if (problem === 'differs') expect(actual).toBe(expected);
      expect(problem).toBe('');
    });
  for (const name of hasCorpus ? caseNames() : [])
    test(`orders ${name} as the command line does`, () => {
      expect(runCase(name, 'legacy').problem).toBe('');
    });
});

describe.skipIf(!hasCorpus)('Flux builds', () => {
  for (const name of hasCorpus ? fluxCaseNames() : [])
    test(`builds ${name} as Flux does`, async () => {
      const { problem, actual, expected } = await runFluxCase(name);
      if (problem === 'differs') expect(actual).toBe(expected);
      expect(problem).toBe('');
    });
});

function outcome(
  text: string,
  vars: Readonly<Record<string, string>>,
  strict: boolean,
): { out?: string; error?: string } {
  const map = new Map(Object.entries(vars));
  const bad = badName(map);
  if (bad !== undefined) return { error: bad };
  try {
    return { out: evaluate(text, map, { strict, maxLength: 1_000_000 }) };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message };
    throw error;
  }
}

describe.skipIf(!hasCorpus)('substitution vectors', () => {
  for (const [i, vector] of (hasCorpus ? vectors() : []).entries())
    test(`vector ${i}: ${vector.text.slice(0, 60)}`, () => {
      const found = outcome(vector.text, vector.vars, vector.strict);
      if (vector.out !== undefined) expect(found).toEqual({ out: vector.out });
      else if (vector.error !== undefined) expect(vector.error.endsWith(found.error ?? '?')).toBe(true);
      else expect(found.error).toBeDefined();
    });
});
