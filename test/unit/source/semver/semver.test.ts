import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../../src/model/index.ts';
import { compareVersions, isLowerVersion, parseRange, versionOf } from '../../../../src/source/semver/index.ts';

/** Answers of Masterminds/semver 3.5.0 and pkg/version 0.16.0, with which source-controller 1.9.1 is built. */
const RANGES = JSON.parse(readFileSync(new URL('testdata/ranges.json', import.meta.url), 'utf8')) as {
  readonly tags: readonly string[];
  readonly versions: readonly string[];
  readonly cases: readonly { readonly range: string; readonly takes?: readonly string[]; readonly error?: string }[];
};

describe('version ranges', () => {
  it.each(RANGES.cases)('$range', ({ range, takes, error }) => {
    if (error !== undefined) {
      const refused = error === 'constraint parser error' ? error : `improper constraint: "${improper(error)}"`;
      expect(() => parseRange(range)).toThrow(new Fault('source-ref-missing', refused));
      return;
    }
    const test = parseRange(range);
    const taken = RANGES.tags.filter((tag) => {
      const version = versionOf(tag);
      return version !== undefined && test(version);
    });
    expect(taken).toEqual(takes);
  });

  it('are bounded as in Flux', () => {
    expect(() => parseRange('1'.repeat(513))).toThrow('too long (max 512 bytes)');
    expect(() => parseRange(Array(33).fill('1').join('||'))).toThrow('too many constraint groups (max 32)');
  });

  it('are read in time that does not explode', () => {
    const start = performance.now();
    for (const hard of ['1  '.repeat(170), '1-'.repeat(255), `${'1 - '.repeat(127)}!`, '*'.repeat(511)])
      expect(() => parseRange(`${hard}!`)).toThrow(Fault);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

/** The part of the text that the message quotes. */
const improper = (error: string): string => String(JSON.parse(error.slice(error.indexOf('"'))));

describe('versions', () => {
  it('are what Flux takes for one: zeros in front too, three parts, a v', () => {
    expect(RANGES.tags.filter((tag) => versionOf(tag) !== undefined)).toEqual(RANGES.versions);
  });

  it('of which one is lower than another are told from tags that are none', () => {
    expect(isLowerVersion('1.9.0', 'v1.10.0')).toBe(true);
    expect(isLowerVersion('1.2.3-rc.1', '1.2.3')).toBe(true);
    for (const [a, b] of [
      ['1.10.0', '1.9.0'],
      ['1.2.3+a', '1.2.3+b'],
      ['latest', '1.0.0'],
      ['1.0.0', 'latest'],
    ] as const)
      expect([a, b, isLowerVersion(a, b)]).toEqual([a, b, false]);
  });

  it('are ordered by number, then by prerelease, part by part', () => {
    const inOrder = [
      '1.2.3--',
      '1.2.3-0',
      '1.2.3-2',
      '1.2.3-10',
      '1.2.3-a',
      '1.2.3-a.1',
      '1.2.3-a.b',
      '1.2.3',
      '1.10.0',
    ];
    const order = (a: string, b: string): number => {
      const [x, y] = [versionOf(a), versionOf(b)];
      return x === undefined || y === undefined ? Number.NaN : Math.sign(compareVersions(x, y));
    };
    // A word of hyphens comes behind numbers.
    const sorted = [...inOrder].sort(order);
    expect(sorted).toEqual(['1.2.3-0', '1.2.3-2', '1.2.3-10', '1.2.3--', '1.2.3-a', ...inOrder.slice(5)]);
    expect([order('1.2.3+a', '1.2.3+b'), order('v2025.02.03', '2025.2.3'), order('2.0.0', '1.99.99')]).toEqual([
      0, 0, 1,
    ]);
  });
});
