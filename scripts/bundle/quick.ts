import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { NODE_FLOOR } from '../../agent/version.ts';
import { BUILD_FLAGS } from './launcher.ts';
import { textOf } from './packed.ts';

/*
 * A build is over in less time than holdfast.cjs takes to load, so `holdfast build` has a program of its own, agent/build.ts,
 * in two files beside it. Without them the launcher takes holdfast.cjs.
 *   holdfast-build.cjs   starts it
 *   holdfast-build.bin   one line of JSON, its text (one byte a character), and what V8 made of it: code that is not compiled
 *                        again, as long as Node and processor are the same
 */

const here = dirname(fileURLToPath(import.meta.url));

/** Our own module in the place of Node's, which takes long to load. */
const late: Plugin = {
  name: 'holdfast-late',
  setup(build) {
    build.onResolve({ filter: /^node:crypto$/ }, (args) =>
      args.importer.startsWith(here) ? { path: args.path, external: true } : { path: join(here, 'crypto.cjs') },
    );
  },
};

/** Writes both files into a folder, and answers the name that the launcher must call them by. */
export async function writeQuick(dist: string): Promise<string> {
  const code = await textOf(`require('./agent/build.ts');`, [late]);
  const text = `(function (require) {${code}\n})`;
  const stub = readFileSync(join(here, 'quick.cjs'), 'utf8');
  const id = `quick:${createHash('sha256').update(text).update(stub).digest('hex').slice(0, 16)}`;
  const [entry, program] = [join(dist, 'holdfast-build.cjs'), join(dist, 'holdfast-build.bin')];
  writeFileSync(entry, stub.replace('@ID@', id).replace('@FLOOR@', String(NODE_FLOOR)));
  writeFileSync(program, `${JSON.stringify({ node: '', arch: '', length: text.length })}\n${text}`);
  // Predictable: the same program gives the same bytes. It is no part of what V8 wants to be the same when it reads them.
  const flags = [...BUILD_FLAGS, '--predictable'];
  execFileSync(process.execPath, [...flags, join(here, 'warm.cjs'), program, join(here, 'sample', 'overlay')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return id;
}
