import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { isMissingObject } from '../../../src/source/git/admit.ts';
import type { Shelf } from '../../../src/source/git/shelf.ts';
import { ignoreFiles } from '../../../src/source/git/survey.ts';

const OUTER = 'a'.repeat(40);
const INNER = 'b'.repeat(40);
const survey = {
  entries: 9,
  ignores: [
    ['', OUTER],
    ['x/y', INNER],
  ],
} as const;
const rest = { spec: undefined, limits: DEFAULT_LIMITS };

/** Has these files and nothing else. */
const shelfOf = (texts: Readonly<Record<string, string>>): Shelf => ({
  add: () => undefined,
  get: () => undefined,
  rest: () => undefined,
  tree: () => undefined,
  blob: () => undefined,
  bytes: (oid) => (texts[oid] === undefined ? undefined : Buffer.from(texts[oid])),
});

describe('the ignore files of a tree', () => {
  it('are read, and one that is not here is missing, not without rules', () => {
    const sparse: readonly string[] = [];
    const found = ignoreFiles(survey, shelfOf({ [OUTER]: '*.md\n', [INNER]: '/z\n' }), { sparse, ...rest });
    expect(found.map(({ folder, text }) => [folder, text])).toEqual([
      ['', '*.md\n'],
      ['x/y', '/z\n'],
    ]);
    let failed: unknown;
    try {
      ignoreFiles(survey, shelfOf({ [OUTER]: '*.md\n' }), { sparse, ...rest });
    } catch (error) {
      failed = error;
    }
    expect(isMissingObject(failed)).toBe(true);
    expect(failed).toMatchObject({ message: expect.stringContaining('x/y/.sourceignore') });
  });

  it('count below a folder that is left out, as in Flux, and not beside a sparse checkout', () => {
    const both = shelfOf({ [OUTER]: 'x/\n', [INNER]: '!z\n' });
    expect(ignoreFiles(survey, both, { sparse: [], ...rest })).toHaveLength(2);
    expect(ignoreFiles(survey, shelfOf({ [INNER]: '/z\n' }), { sparse: ['x'], ...rest })).toHaveLength(1);
  });
});
