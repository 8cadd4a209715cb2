import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { memoryTree } from '../../unit/kustomize/memory-tree.ts';
import { featureRepositories } from './features.ts';
import { repositories } from './generate.ts';
import { anyBytes, anyTemplate, mutatedRepositories } from './hostile.ts';

/** `npm run bench -- fuzz` runs many more, with an eye on memory. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? '2000');

describe('hostile input', () => {
  test('mutated repositories build or fail with a Fault, in bounded time', () => {
    fc.assert(mutatedRepositories, { numRuns: RUNS });
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  test('repositories that use much at once build or fail with a Fault, the same twice', () => {
    const outcome = ({
      files,
      root,
    }: {
      readonly files: Readonly<Record<string, string>>;
      readonly root: string;
    }): string => {
      try {
        return toYaml(build(memoryTree(files), root));
      } catch (error) {
        if (error instanceof Fault && error.code === 'build-failed') return `fails: ${error.message}`;
        throw error;
      }
    };
    fc.assert(
      fc.property(featureRepositories, (repository) => {
        expect(outcome(repository)).toBe(outcome(repository));
      }),
      { numRuns: RUNS / 4 },
    );
  });

  test('any bytes as a manifest or a kustomization are refused with a Fault', () => {
    fc.assert(anyBytes, { numRuns: RUNS });
  });

  test('any template evaluates or fails with a TemplateError', () => {
    fc.assert(anyTemplate, { numRuns: RUNS * 5 });
  });

  test('a build changes nothing that it was given, and gives the same twice', () => {
    fc.assert(
      fc.property(repositories, ({ files, root }) => {
        const tree = memoryTree(files);
        const once = (): string => {
          try {
            return toYaml(build(tree, root));
          } catch (error) {
            return error instanceof Fault ? error.message : '';
          }
        };
        expect(once()).toBe(once());
      }),
      { numRuns: 100 },
    );
  });
});
