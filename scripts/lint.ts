import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Format and lint of everything, as `npm test` has it; changes nothing. A warning is a failure. */
const args = ['check', '--diagnostic-level=warn', '--error-on-warnings', ...process.argv.slice(2)];
const done = spawnSync('biome', args, { cwd: join(import.meta.dirname, '..'), stdio: 'inherit' });
if (done.error !== undefined) process.stderr.write(`biome: ${done.error.message}\n`);
process.exitCode = done.status ?? 1;
