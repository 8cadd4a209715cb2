import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { FLUX_KINDS } from '../../../agent/objects/kinds.ts';
import { definitions } from '../../../scripts/docs/crds.ts';
import { structural } from '../../../scripts/docs/structural.ts';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { at, isObject, type Json, type JsonObject, listAt } from '../../../src/model/index.ts';

const manifests = join(import.meta.dirname, '..', '..', '..', 'manifests', 'crds');

/** Every schema below this one, with its path. */
function schemas(schema: JsonObject, path: string): readonly (readonly [string, JsonObject])[] {
  const inner = Object.entries((schema['properties'] ?? {}) as Record<string, JsonObject>).flatMap(([name, one]) =>
    schemas(one, `${path}.${name}`),
  );
  const items = isObject(schema['items']) ? schemas(schema['items'], `${path}[]`) : [];
  const more = isObject(schema['additionalProperties']) ? schemas(schema['additionalProperties'], `${path}.*`) : [];
  return [[path, schema], ...inner, ...items, ...more];
}

describe('the definitions of the Flux kinds', () => {
  const all = fluxDefinitions();
  const every = all.flatMap((one) =>
    schemas(at(listAt(one, 'spec', 'versions')[0] ?? {}, 'schema', 'openAPIV3Schema') as JsonObject, one.metadata.name),
  );

  it('are there for every kind that is watched, in the form of files and in the form that the agent carries', () => {
    const named = all.map((one) => `${at(one, 'spec', 'group')}/${at(one, 'spec', 'names', 'kind')}`);
    expect(named.sort()).toEqual(FLUX_KINDS.map(({ group, kind }) => `${group}/${kind}`).sort());
    expect(all).toEqual(definitions());
    for (const one of all) {
      const file = join(manifests, `${at(one, 'spec', 'group')}_${at(one, 'spec', 'names', 'plural')}.yaml`);
      expect(loadAll(readFileSync(file, 'utf8'))).toEqual([one]);
    }
  });

  it('are no part of Flux, which the agent leaves out, and are never pruned', () => {
    for (const { metadata } of all) {
      expect(metadata['labels']).toEqual({ 'app.kubernetes.io/part-of': 'holdfast' });
      expect(metadata['annotations']).toMatchObject({ 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
    }
  });

  it('are structural, and explain every field', () => {
    expect(every.length).toBeGreaterThan(300);
    const types = ['string', 'integer', 'boolean', 'object', 'array'];
    for (const [path, schema] of every) {
      expect(types, path).toContain(schema['type']);
      expect(schema['additionalProperties'], path).not.toBe(false);
      for (const key of ['crd', 'examples', 'propertyNames', 'anyOf', 'const', '$schema', '$ref', 'maximum'])
        expect(schema, path).not.toHaveProperty(key);
      if (!/\[\]$|\.\*$|\.metadata$/.test(path)) expect(schema['description'], path).toMatch(/\S.*\.$/);
      for (const name of (schema['required'] ?? []) as readonly string[])
        expect(Object.keys(schema['properties'] ?? {}), path).toContain(name);
    }
  });

  it('have patterns that Go reads as JavaScript does: no escape that only one of them knows', () => {
    const patterns = every.flatMap(([, { pattern }]) => (typeof pattern === 'string' ? [pattern] : []));
    expect(patterns.length).toBeGreaterThan(15);
    for (const one of patterns) expect(one).not.toMatch(/\\[^.]|\(\?[^:]/);
  });
});

describe('a structural schema', () => {
  const made = (from: Json): JsonObject => structural(from as Parameters<typeof structural>[0]);

  it('says a default only where the API server fills it in', () => {
    expect(made({ type: 'string', default: 'x' })).toEqual({ type: 'string' });
    expect(made({ type: 'string', default: 'x', crd: { fills: true } })).toEqual({ type: 'string', default: 'x' });
    expect(made({ type: 'boolean', default: false, crd: { fills: true } })).toEqual({
      type: 'boolean',
      default: false,
    });
  });

  it('leaves out what only files are told: unknown fields, empty texts, bounds of safe numbers', () => {
    expect(made({ type: 'object', additionalProperties: false, properties: {} })).toEqual({
      type: 'object',
      properties: {},
    });
    expect(made({ type: 'string', minLength: 1 })).toEqual({ type: 'string' });
    expect(made({ type: 'string', minLength: 1, maxLength: 9 })).toEqual({
      type: 'string',
      minLength: 1,
      maxLength: 9,
    });
    expect(made({ type: 'string', pattern: '^a$', maxLength: 9, crd: { anyText: true } })).toEqual({ type: 'string' });
    const { MIN_SAFE_INTEGER: minimum, MAX_SAFE_INTEGER: maximum } = Number;
    expect(made({ type: 'integer', minimum, maximum })).toEqual({ type: 'integer' });
    expect(made({ type: 'integer', minimum: 0, maximum })).toEqual({ type: 'integer', minimum: 0 });
    expect(made({ type: 'string', enum: ['a', ''] })).toEqual({ type: 'string', enum: ['a'] });
  });

  it('keeps rules as they are', () => {
    const rules = [{ rule: 'self > 1', message: 'more' }];
    expect(made({ type: 'integer', crd: { rules } })).toEqual({ type: 'integer', 'x-kubernetes-validations': rules });
  });
});
