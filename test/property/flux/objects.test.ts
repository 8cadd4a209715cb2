import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseFluxObjects } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, type Json } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
const words = [
  'spec',
  'metadata',
  'interval',
  'sourceRef',
  'path',
  'prune',
  'ref',
  'dependsOn',
  'data',
  'stringData',
  'labels',
  'name',
  'url',
  '__proto__',
  'constructor',
  'patches',
  'postBuild',
  'verify',
];
const values = fc.oneof(json, fc.constantFrom('1m', 'a', '../..', 'https://u:hunter2@x', true, null, [], {}));
const body = fc.dictionary(
  fc.constantFrom(...words),
  fc.oneof(values, fc.dictionary(fc.constantFrom(...words), values, { maxKeys: 6 })),
  { maxKeys: 6 },
) as fc.Arbitrary<Record<string, Json>>;
const kind = fc.constantFrom(
  ['source.toolkit.fluxcd.io/v1', 'GitRepository'],
  ['kustomize.toolkit.fluxcd.io/v1', 'Kustomization'],
  ['v1', 'Secret'],
  ['v1', 'ConfigMap'],
  ['v1', 'List'],
);
const seconds = fc.integer({ min: 1, max: 1e6 });
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);

describe('any value as a Flux object', () => {
  it('is read or told, without an exception and without the password in its URL', () => {
    fc.assert(
      fc.property(kind, body, fc.boolean(), ([apiVersion = '', kindName = ''], more, strict) => {
        const value: Json = { ...more, apiVersion, kind: kindName };
        const { documents } = parseDocuments(JSON.stringify(value), { limits: DEFAULT_LIMITS, file: 'f' });
        const { objects, data, errors } = parseFluxObjects(
          documents.map((one) => ({ ...one, file: 'f' })),
          { strict },
        );
        if (kindName !== 'List') expect(objects.length + data.length > 0 || errors.length > 0).toBe(true);
        for (const error of errors) {
          expect(error.message).toMatch(/^f:1: /);
          expect(error.message).not.toContain('hunter2');
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('keeps what a right one says, with timeouts that Flux would have', () => {
    fc.assert(
      fc.property(
        name,
        name,
        seconds,
        fc.option(seconds, { nil: undefined }),
        fc.array(fc.constantFrom('a', 'b', '.', '')),
        (own, namespace, interval, timeout, path) => {
          const spec = {
            interval: `${interval}s`,
            prune: true,
            path: path.join('/'),
            sourceRef: { kind: 'GitRepository', name: own },
            ...(timeout === undefined ? {} : { timeout: `${timeout}s` }),
          };
          const value = {
            apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
            kind: 'Kustomization',
            metadata: { name: own, namespace },
            spec,
          };
          const { objects, errors } = parseFluxObjects([{ value, file: 'f', line: 1 }]);
          expect(errors).toEqual([]);
          expect(objects[0]).toMatchObject({
            meta: { name: own, namespace },
            spec: {
              interval: interval * 1000,
              timeout: Math.max((timeout ?? interval - 30) * 1000, 30_000),
              path: path.filter((part) => part === 'a' || part === 'b').join('/'),
            },
          });
        },
      ),
    );
  });
});

describe('any text as a duration', () => {
  it('is a number of milliseconds from 0 on, or none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^([0-9]{1,20}(\.[0-9]{1,5})?(ms|s|m|h)){1,3}$/)), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || (ms >= 0 && Number.isFinite(ms))).toBe(true);
      }),
    );
  });
});
