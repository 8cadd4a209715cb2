import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../agent/config/index.ts';
import { generatedDocs } from '../../../scripts/docs/generate.ts';
import { SAMPLES } from '../../../scripts/docs/samples.ts';
import { parseFluxObjects } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string): string => {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return '';
  }
};

describe('the documents made from the schemas', () => {
  const made = generatedDocs();

  it.each([...made.keys()])('%s is what the schemas say; else run `node scripts/run.mjs docs`', (path) => {
    expect(read(path)).toBe(made.get(path));
  });

  it('explain every field', () => {
    const reference = made.get('docs/configuration.md') ?? '';
    const rows = reference.split('\n').filter((line) => line.startsWith('| `'));
    expect(rows.length).toBeGreaterThan(120);
    expect(rows.filter((row) => /\|\s*\|$/.test(row) || row.includes('undefined') || row.includes('[object'))).toEqual(
      [],
    );
    for (const name of Object.keys(DEFAULT_LIMITS)) expect(reference).toContain(`| \`limits.${name}\` |`);
  });

  it('have samples that are read without a complaint', () => {
    const [agent = '', ...objects] = Object.values(SAMPLES);
    expect(readConfig(agent, 'sample', {}).cluster.name).toBe('store-0417');
    for (const text of objects) {
      const { documents } = parseDocuments(text, { limits: DEFAULT_LIMITS, file: 'sample' });
      expect(parseFluxObjects(documents.map((one) => ({ ...one, file: 'sample' }))).errors).toEqual([]);
    }
  });
});
