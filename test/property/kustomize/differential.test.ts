import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kustomizeParts } from '../../kustomize/index.ts';
import { commentRepositories } from './comments.ts';
import { comparer } from './compare.ts';
import { configRepositories } from './configs.ts';
import { featureRepositories } from './features.ts';
import { type Repository, repositories } from './generate.ts';
import { layerRepositories } from './layers.ts';
import { pluginRepositories } from './plugins.ts';
import { pointerRepositories } from './pointers.ts';
import { scalarRepositories } from './scalars.ts';
import { fieldRepositories, mergeRepositories, referenceRepositories } from './schema.ts';
import { sourceRepositories } from './sources.ts';
import { varRepositories } from './vars.ts';
import { wideRepositories } from './wide.ts';

/** Builds of each kind that are compared in one run, and where they begin; set KUSTOMIZE_RUNS and KUSTOMIZE_SEED for others. */
const RUNS = Number(process.env['KUSTOMIZE_RUNS'] ?? '60');
const SEED = Number(process.env['KUSTOMIZE_SEED'] ?? Date.now() % 1_000_000_000);

/**
 * Each kind, with the share of its builds that must not fail, so that it is more than errors that are compared: far below
 * what is usual (a fifth to nine tenths), for few builds say little of a share.
 */
const KINDS: readonly (readonly [name: string, kind: fc.Arbitrary<Repository>, share: number])[] = [
  ['layers, patches and references', repositories, 1 / 3],
  ['many kinds and transformers', featureRepositories, 1 / 6],
  ['patches on every list with a strategy', mergeRepositories, 1 / 10],
  ['every field that may hold a name', referenceRepositories, 1 / 2],
  ['every field that a transformer knows', fieldRepositories, 1 / 4],
  ['scalars and documents of all forms', scalarRepositories, 1 / 20],
  ['every option of replacements, targets, patches and generators', wideRepositories, 1 / 8],
  ['comments in texts that replacements change', commentRepositories, 1 / 5],
  ['vars of all types, in every field that takes one', varRepositories, 1 / 40],
  ['field specs of your own for every transformer', configRepositories, 1 / 40],
  ['every plugin, with every field', pluginRepositories, 1 / 40],
  ['ConfigMaps and Secrets from files of all kinds', sourceRepositories, 1 / 5],
  ['JSON patches on every kind of place', pointerRepositories, 1 / 40],
  ['orders, labels, images, notes and schemas over layers', layerRepositories, 1 / 3],
];

const parts = await kustomizeParts();
if (parts === undefined) console.log('kustomize differential: skipped, there is no Go to build kustomize with');
else console.log(`kustomize differential: seed ${SEED} (KUSTOMIZE_SEED), ${RUNS} builds of each kind (KUSTOMIZE_RUNS)`);

describe.skipIf(parts === undefined)('generated repositories', () => {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-kustomize-'));
  const pair = parts === undefined ? undefined : comparer(parts, work);
  afterAll(() => {
    pair?.stop();
    rmSync(work, { recursive: true, force: true });
  });

  test.each(KINDS)(
    '%s: builds are what kustomize prints, or fail where it fails',
    async (_, kind, share) => {
      let built = 0;
      await fc.assert(
        fc.asyncProperty(kind, async (repository) => {
          const { expected, actual, why } = (await pair?.compare(repository)) ?? {
            expected: '',
            actual: undefined,
            why: '',
          };
          expect(actual, why).toBe(expected);
          if (expected !== undefined) built++;
        }),
        { numRuns: RUNS, seed: SEED },
      );
      expect(built).toBeGreaterThan(RUNS * share);
    },
    60_000 + RUNS * 1_000,
  );
});
