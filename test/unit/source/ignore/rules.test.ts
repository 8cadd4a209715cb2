import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRules, patternsOf, specId } from '../../../../src/source/ignore/index.ts';

/** Answers of pkg/sourceignore 0.18.0, with which source-controller 1.9.1 is built. */
const IGNORES = JSON.parse(readFileSync(new URL('testdata/ignore.json', import.meta.url), 'utf8')) as {
  readonly paths: readonly string[];
  readonly cases: readonly {
    readonly files: Readonly<Record<string, string>>;
    readonly spec: string | null;
    readonly leftOut: readonly string[];
  }[];
};

describe('ignore patterns', () => {
  it.each(IGNORES.cases)('$files and $spec', ({ files, spec, leftOut }) => {
    const read = Object.entries(files)
      .filter(([, text]) => patternsOf(text).length > 0)
      .map(([folder, text]) => ({ folder, oid: folder, text }))
      .sort((a, b) => a.folder.length - b.folder.length);
    const rules = createRules(read, spec ?? undefined, []);
    expect(IGNORES.paths.filter((path) => rules.leavesOut(path.replace(/\/$/, ''), path.endsWith('/')))).toEqual(
      leftOut,
    );
  });

  it('take time that grows with their length alone', () => {
    const rules = createRules(
      [{ folder: '', oid: '', text: `${'*a'.repeat(100)}b\n${'[a-z]*'.repeat(80)}!` }],
      undefined,
      [],
    );
    const start = performance.now();
    for (let i = 0; i < 100; i++) expect(rules.leavesOut(`${'a'.repeat(250)}`, false)).toBe(false);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe('ids of ignore rules', () => {
  const file = (folder: string, oid: string) => ({ folder, oid, text: 'x' });
  it('differ by folder, by the files above it, by spec and sparse checkout, not by files elsewhere', () => {
    const id = (folder: string, files: Parameters<typeof createRules>[0], spec?: string, sparse: string[] = []) =>
      createRules(files, spec, sparse).id(folder);
    const base = id('a', [file('a', '1')]);
    const others = [id('b', [file('a', '1')]), id('a', []), id('a', [file('a', '2')]), id('a', [file('', '1')])];
    others.push(id('a', [file('a', '1')], 'y'), id('a', [file('a', '1')], undefined, ['a']));
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
    expect(id('a', [file('a', '1'), file('ab', '3'), file('c/d', '4')])).toBe(base);
    expect(id('', [file('', '1')], 'y')).toBe(specId('y', []));
  });
});
