import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { readDocuments } from '../../../src/render/kustomize/index.ts';
import { createUnlocker, decryptFile, decryptManifest, type Format, keyRing } from '../../../src/sops/index.ts';
import { findSops, SOPS_VERSION } from '../../sops/index.ts';
import { testKey } from '../../support/sops.ts';
import { binaries, dotenvTexts, iniTexts, jsonTexts, yamlTexts } from '../../support/sops-files.ts';
import { tempDir } from '../../support/temp.ts';

const dir = await tempDir('sops');
const keys = await Promise.all([testKey(), testKey(), testKey()]);
const [first, second] = keys;
const keyFile = join(dir.path, 'keys.txt');
writeFileSync(keyFile, `${first?.identity}\n${second?.identity}\n`);
const sops = await findSops(dir.path, keyFile);
afterAll(() => dir.remove());

let tools: Parameters<typeof decryptFile>[2];
beforeAll(() => {
  const entries = keys.slice(0, 2).map(({ identity }, i) => [`k${i}.agekey`, Buffer.from(identity)] as const);
  const unlocker = createUnlocker(keyRing({ name: 'keys', entries }));
  tools = { unlocker, limits: DEFAULT_LIMITS, heard: () => undefined };
});

const [a, b, c] = keys.map(({ recipient }) => recipient);
const groups = `key_groups: [{age: [${a}]}, {age: [${b}]}, {age: [${c}]}], shamir_threshold: 2`;
/** Rules of creation, as `.sops.yaml` has them. */
const RULES = [
  `age: "${a}"`,
  `age: "${c},${b}"`,
  groups,
  `age: "${a}", encrypted_regex: ^(data|stringData|a)$`,
  `${groups}, unencrypted_regex: ^(metadata|kind|name|b)$`,
  `age: "${a}", unencrypted_suffix: _unencrypted`,
  `age: "${a}", encrypted_suffix: _encrypted`,
  `age: "${a}", mac_only_encrypted: true, encrypted_regex: ^(data|password)$`,
  `age: "${a}", mac_only_encrypted: true, unencrypted_suffix: _unencrypted`,
  `age: "${a}", unencrypted_comment_regex: with`,
];

type Outcome = { readonly bytes: Buffer } | { readonly refused: string };

const outcome = (work: Promise<Uint8Array>): Promise<Outcome> =>
  work.then(
    (bytes) => ({ bytes: Buffer.from(bytes) }),
    (error: unknown) => ({ refused: String(error) }),
  );

/** What sops encrypts, and how it and this project decrypt it; undefined for what sops does not take. */
async function both(plain: string | Uint8Array, rule: string, format: Format) {
  if (sops === undefined) throw new Error('there is no sops');
  const [config, file, encrypted] = ['config', 'plain', 'encrypted'].map((name) => join(dir.path, name));
  writeFileSync(config ?? '', `creation_rules: [{${rule}}]\n`);
  writeFileSync(file ?? '', plain);
  const types = ['--input-type', format, '--output-type', format];
  const sealed = await outcome(sops('--config', config ?? '', 'encrypt', ...types, file ?? ''));
  if ('refused' in sealed) return undefined;
  writeFileSync(encrypted ?? '', sealed.bytes);
  const theirs = await outcome(sops('decrypt', ...types, encrypted ?? ''));
  const ours = await outcome(decryptFile(sealed.bytes, { input: format, output: format, where: 'f' }, tools));
  return { sealed: sealed.bytes.toString('utf8'), theirs, ours };
}

/** Encrypted comments that sops does not find the place of any more stay encrypted with it, and so where they hang. */
const lostComments = (text: string): boolean => /#ENC\[AES256_GCM,/.test(text);

async function compare<T extends string | Uint8Array>(files: fc.Arbitrary<T>, format: Format, numRuns: number) {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(files, fc.constantFrom(...RULES), async (plain, rule) => {
      const found = await both(plain, rule, format);
      fc.pre(found !== undefined);
      const { theirs, ours, sealed } = found;
      // What sops wrote and cannot read any more is none of what is compared here.
      fc.pre('bytes' in theirs && !lostComments(theirs.bytes.toString('utf8')));
      expect('bytes' in ours ? ours.bytes.toString('latin1') : ours).toBe(theirs.bytes.toString('latin1'));
      if (format === 'yaml') await sameObjects(sealed, theirs.bytes.toString('utf8'));
      held += 1;
    }),
    { numRuns, maxSkipsPerRun: 20, endOnFailure: true },
  );
  expect(held).toBe(numRuns);
}

/** The way of manifests, which are read as objects afterwards. */
async function sameObjects(sealed: string, want: string): Promise<void> {
  // No object has numbers that are none.
  if (/\.(?:inf|nan)|1e\+?400/.test(want)) return;
  const text = await decryptManifest(sealed, 'f', tools);
  expect(readDocuments(text ?? '', DEFAULT_LIMITS)).toEqual(readDocuments(want, DEFAULT_LIMITS));
}

describe.skipIf(sops === undefined)(`what sops ${SOPS_VERSION} encrypts is decrypted to its own bytes`, () => {
  it('YAML', { timeout: 240_000 }, () => compare(yamlTexts, 'yaml', 60));
  it('JSON', { timeout: 120_000 }, () => compare(jsonTexts, 'json', 40));
  it('dotenv', { timeout: 120_000 }, () => compare(dotenvTexts, 'dotenv', 30));
  it('INI', { timeout: 120_000 }, () => compare(iniTexts, 'ini', 30));
  it('binary', { timeout: 120_000 }, () => compare(binaries, 'binary', 15));
});
