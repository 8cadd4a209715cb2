import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, fromJson, isObject, type Json, toJson } from '../../../src/model/index.ts';
import { parseDocuments, type YamlRules } from '../../../src/render/yaml/index.ts';

/** Text, then what sigs.k8s.io/yaml 1.6 (strict) and go.yaml.in/yaml/v3 make of it as JSON; `ERR` where they refuse. */
type Row = readonly [text: string, kubernetes: string, kustomize: string];

const rows = JSON.parse(readFileSync(new URL('testdata/go-readings.json', import.meta.url), 'utf8')) as Row[];

/** Where reading otherwise is meant, each with its reason. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  ['a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n', 'a key may override a merged one, as in the non-strict reader'],
  ['a: &x {p: 1}\nc: &y {p: 2, z: 1}\nb:\n  <<: [*x, *y]\n', 'the first of several merged maps wins'],
  ['1: 2\n', 'resources have no such keys on top'],
  ['- 1\n', 'a list is refused by what reads objects, not by the YAML reader'],
  ['"a": "\\/"\n', 'JSON escapes are YAML 1.2'],
  ['"a": "\\uD83D\\uDE00"\n', 'JSON escapes are YAML 1.2'],
  ['a: \u0085x\n', 'a line break only in YAML 1.1'],
  ['a: [?x]\n', 'YAML 1.2'],
  ['a: ! 5\n', 'YAML: a non-specific tag makes text'],
]);

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key] as Json)]),
  );
};

const read = (text: string, rules: YamlRules): string => {
  try {
    const [document] = parseDocuments(text, { limits: DEFAULT_LIMITS, file: 'f', rules }).documents;
    return document === undefined ? 'null' : toJson(sorted(document.value));
  } catch {
    return 'ERR';
  }
};

const wanted = (json: string): string => (json === 'ERR' ? json : toJson(sorted(fromJson(json))));

describe.each([
  ['kubernetes', 1],
  ['kustomize', 2],
] as const)('the rules %s', (rules, column) => {
  it('read what Go reads', () => {
    const compared = rows.filter(([text]) => !OTHERWISE.has(text));
    expect(compared.length).toBeGreaterThan(150);
    const wrong = compared
      .map((row) => ({ text: row[0], go: wanted(row[column]), ours: read(row[0], rules) }))
      .filter(({ go, ours }) => go !== ours);
    expect(wrong).toEqual([]);
  });

  it('still differ where that is meant, or the reason can go', () => {
    const all = rows.filter(([text]) => OTHERWISE.has(text));
    expect(all.length).toBe(OTHERWISE.size);
    const same = all.filter((row) =>
      (['kubernetes', 'kustomize'] as const).every((r, i) => wanted(row[i === 0 ? 1 : 2]) === read(row[0], r)),
    );
    expect(same.map(([text]) => text)).toEqual([]);
  });
});
