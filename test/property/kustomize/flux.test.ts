import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS, Fault } from '../../../src/model/index.ts';
import { fluxObjects } from '../../../src/render/flux-build/index.ts';
import { objectsToYaml } from '../../../src/render/kustomize/index.ts';
import { evaluate, TemplateError } from '../../../src/render/substitute/index.ts';
import { startFluxKustomize } from '../../kustomize/flux.ts';
import { memoryTree } from '../../unit/kustomize/memory-tree.ts';
import { type FluxCase, fluxCases } from './flux.ts';
import { type TemplateCase, templateCases } from './templates.ts';

/** Builds that are compared in one run, and where they begin; 50 templates for each. */
const RUNS = Number(process.env['KUSTOMIZE_RUNS'] ?? '40');
const SEED = Number(process.env['KUSTOMIZE_SEED'] ?? Date.now() % 1_000_000_000);
const TEMPLATES = 50;
/** Share of builds that must not fail, so that it is more than errors that are compared. */
const SHARE = 1 / 4;

const flux = await startFluxKustomize();
if (flux === undefined) console.log('flux differential: skipped: no Go in PATH to build Flux with');
else console.log(`flux differential: seed ${SEED} (KUSTOMIZE_SEED), ${RUNS} builds (KUSTOMIZE_RUNS)`);

type Spec = Parameters<typeof fluxObjects>[1];

function ours({ files, spec, strict }: FluxCase): string | undefined {
  const path = spec['path'] as string;
  const parts: string[] = [];
  for (const part of path.split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  const empty = { patches: [], images: [], components: [], ignoreMissingComponents: false, buildMetadata: [] };
  const postBuild = spec['postBuild'] as object | undefined;
  const whole = {
    ...empty,
    ...spec,
    path: parts.join('/'),
    ...(postBuild === undefined ? {} : { postBuild: { substituteFrom: [], substitute: {}, ...postBuild } }),
  } as unknown as Spec;
  try {
    return objectsToYaml(fluxObjects(memoryTree(files), whole, { strict }), DEFAULT_LIMITS);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function filled({ text, vars, strict }: TemplateCase): string | undefined {
  try {
    return evaluate(text, new Map(Object.entries(vars)), { strict, maxLength: 1_000_000 });
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

describe.skipIf(flux === undefined)('generated Flux cases', () => {
  const ask = async (question: FluxCase | TemplateCase): Promise<string | undefined> => {
    if (flux === undefined) return undefined;
    const { output, error } = await flux.ask(question);
    return error === undefined ? output : undefined;
  };
  afterAll(() => flux?.stop());

  test(
    'builds with substitution are what Flux makes, or fail where it fails',
    async () => {
      let built = 0;
      await fc.assert(
        fc.asyncProperty(fluxCases, async (one) => {
          const expected = await ask(one);
          expect(ours(one)).toBe(expected);
          if (expected !== undefined) built++;
        }),
        { numRuns: RUNS, seed: SEED },
      );
      expect(built).toBeGreaterThan(RUNS * SHARE);
    },
    60_000 + RUNS * 1_000,
  );

  test(
    'templates are what Flux makes of them, or fail where it fails',
    async () => {
      await fc.assert(
        fc.asyncProperty(templateCases, async (one) => {
          expect(filled(one)).toBe(await ask(one));
        }),
        { numRuns: RUNS * TEMPLATES, seed: SEED },
      );
    },
    60_000 + RUNS * 1_000,
  );
});
