import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ParsedObjects, parseFluxObjects } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';

const read = (file: string): ParsedObjects => {
  const text = readFileSync(new URL(`testdata/${file}`, import.meta.url), 'utf8');
  const { documents } = parseDocuments(text, { limits: DEFAULT_LIMITS, file });
  return parseFluxObjects(documents.map((document) => ({ ...document, file })));
};
const golden = (name: string): string => new URL(`testdata/${name}`, import.meta.url).pathname;

describe('sample objects', () => {
  it('that are right are read with their defaults', async () => {
    const { objects, data, errors } = read('valid.yaml');
    expect(errors).toEqual([]);
    const shown = data.map((one) => ({
      ...one,
      data: Object.fromEntries([...one.data].map(([k, v]) => [k, Buffer.from(v).toString()])),
    }));
    await expect(`${JSON.stringify({ objects, data: shown }, null, 2)}\n`).toMatchFileSnapshot(
      golden('valid.golden.json'),
    );
  });

  it('that are wrong are told one by one, by line and path, without their values', async () => {
    const { objects, data, errors } = read('broken.yaml');
    expect(objects).toEqual([]);
    expect(data.map(({ name }) => name)).toEqual(['fine']);
    const lines = errors.map(({ code, message }) => `${code}: ${message}\n`).join('');
    expect(lines).not.toContain('hunter2');
    await expect(lines).toMatchFileSnapshot(golden('broken.golden.txt'));
  });
});
