import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedDocs } from './docs/generate.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Writes the documents that are made from the schemas; says which changed. */
for (const [path, text] of generatedDocs()) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  const before = (() => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  })();
  if (before === text) continue;
  writeFileSync(file, text);
  process.stdout.write(`${before === undefined ? 'new' : 'changed'}: ${path}\n`);
}
