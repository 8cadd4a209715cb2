import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { createUnlocker, decryptFile, decryptManifest, type Format, keyRing } from '../../../src/sops/index.ts';

const dir = join(import.meta.dirname, 'testdata');
const read = (name: string): Buffer => readFileSync(join(dir, name));

const keys = readdirSync(join(dir, 'keys')).map((name) => [name, read(`keys/${name}`)] as const);
const tools = (only = (_name: string): boolean => true) => ({
  unlocker: createUnlocker(keyRing({ name: 'test keys', entries: keys.filter(([name]) => only(name)) })),
  limits: DEFAULT_LIMITS,
  heard: () => undefined,
});

const FORMATS: Readonly<Record<string, Format>> = { yaml: 'yaml', json: 'json', env: 'dotenv', ini: 'ini' };
const vectors = readdirSync(dir).filter((name) => name.includes('.enc.'));

describe('files of sops 3.13.3', () => {
  it.each(vectors)('%s comes out byte for byte as sops decrypts it', async (name) => {
    const format = FORMATS[name.slice(name.lastIndexOf('.') + 1)] ?? 'binary';
    const plain = await decryptFile(read(name), { input: format, output: format, where: name }, tools());
    expect(Buffer.from(plain).toString('latin1')).toBe(read(name.replace('.enc.', '.plain.')).toString('latin1'));
  });

  it.each(vectors.filter((name) => /\.(?:yaml|json)$/.test(name)))('%s as a manifest gives the same', async (name) => {
    const text = await decryptManifest(read(name).toString('utf8'), name, tools());
    const want = read(name.replace('.enc.', '.plain.')).toString('utf8');
    expect(name.endsWith('.json') ? JSON.parse(text ?? '') : text).toEqual(
      name.endsWith('.json') ? JSON.parse(want) : want,
    );
  });

  const all = (name: string): boolean => name.includes('1') || name.includes('rsa');
  it('of three key groups two are enough, and one is not', async () => {
    const open = (only: (name: string) => boolean) =>
      decryptFile(read('shamir.enc.yaml'), { input: 'yaml', output: 'yaml', where: 's' }, tools(only));
    expect(Buffer.from(await open(all)).toString('utf8')).toBe(read('shamir.plain.yaml').toString('utf8'));
    await expect(open((name) => name.includes('rsa'))).rejects.toThrow(
      /cannot get sops data key: 1 of the 2 key groups it needs are open/,
    );
  });
});
