import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { readPlain } from '../../../src/render/plain/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';
import { textTree } from '../../support/text-tree.ts';

const file = (path: string): string => readFileSync(new URL(`testdata/moved/${path}`, import.meta.url), 'utf8');
const tree = textTree({ 'app/a.yaml': file('app/a.yaml'), 'app/sub/b.yml': file('app/sub/b.yml') });

/** The expected files are what `kubectl kustomize --reorder=none` makes of a kustomization that lists the two files. */
describe('a plain folder', () => {
  it.each([
    ['as it is', undefined, 'expected.yaml'],
    ['moved to a namespace', 't', 'expected-t.yaml'],
  ])('%s has the objects, in the order, that kustomize gives', (_name, targetNamespace, expected) => {
    const result = readPlain(tree, 'app', { targetNamespace, limits: DEFAULT_LIMITS });
    const wanted = parseDocuments(file(expected), { limits: DEFAULT_LIMITS, file: expected }).documents;
    expect('objects' in result ? result.objects.map(({ object }) => object) : result).toEqual(
      wanted.map(({ value }) => value),
    );
    expect(wanted.length).toBeGreaterThan(14);
  });
});
