import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CelError, compileCondition } from '../../../src/cel/index.ts';
import { DEFAULT_LIMITS, fromJson, type JsonObject } from '../../../src/model/index.ts';

/** Answers of Flux's own CEL environment (fluxcd/pkg/runtime/cel on cel-go 0.26.1), made by running it. */
const golden = fromJson(readFileSync(new URL('./testdata/cel-go.json', import.meta.url), 'utf8')) as unknown as {
  readonly variables: JsonObject;
  /** Expression; `true`, `false`, `no value` or `no program`; whether it is taken as a readyExpr. */
  readonly rows: readonly (readonly [string, string, string])[];
};

function answer(text: string): string {
  try {
    const condition = compileCondition(text, DEFAULT_LIMITS);
    try {
      return String(condition.holds(golden.variables));
    } catch (error) {
      if (error instanceof CelError) return 'no value';
      throw error;
    }
  } catch (error) {
    if (error instanceof CelError) return 'no program';
    throw error;
  }
}

function taken(text: string): string {
  try {
    compileCondition(text, { ...DEFAULT_LIMITS, declared: ['dep', 'self'] });
    return 'taken';
  } catch (error) {
    if (error instanceof CelError) return 'refused';
    throw error;
  }
}

describe('CEL as Flux has it', () => {
  it('has a thousand answers to hold', () => {
    expect(golden.rows.length).toBeGreaterThan(950);
    expect(new Set(golden.rows.map(([, value]) => value))).toEqual(
      new Set(['true', 'false', 'no value', 'no program']),
    );
  });

  it('gives each expression the value that cel-go gives it', () => {
    const wrong = golden.rows.flatMap(([text, value]) => (answer(text) === value ? [] : [[text, value, answer(text)]]));
    expect(wrong).toEqual([]);
  });

  it('takes as a readyExpr what cel-go compiles to a bool, and nothing else', () => {
    const wrong = golden.rows.flatMap(([text, , how]) => (taken(text) === how ? [] : [[text, how]]));
    expect(wrong).toEqual([]);
  });
});
