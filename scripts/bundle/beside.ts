import { copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** A library under the LGPL is not part of the bundle: it lies beside it, as a file that can be exchanged. */
export const BESIDE: Readonly<Record<string, string>> = { openpgp: 'openpgp.cjs' };

/** Puts libraries beside the bundle as they are, each with its licence. */
export function putBeside(dist: string): void {
  for (const [name, file] of Object.entries(BESIDE)) {
    const from = join(root, 'node_modules', name);
    const { exports } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
      exports: Record<string, { require: string }>;
    };
    copyFileSync(join(from, exports['.']?.require ?? ''), join(dist, file));
    copyFileSync(join(from, 'LICENSE'), join(dist, `${file}.LICENSE`));
  }
}
