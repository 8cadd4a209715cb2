import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Formats everything, sorts imports, and mends what can be mended safely. */
const args = ['check', '--write', ...process.argv.slice(2)];
const done = spawnSync('biome', args, { cwd: join(import.meta.dirname, '..'), stdio: 'inherit' });
if (done.error !== undefined) process.stderr.write(`biome: ${done.error.message}\n`);
process.exitCode = done.status ?? 1;
