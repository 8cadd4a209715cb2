import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Format and lint of everything, as `npm test` has it; changes nothing, and a warning is a failure. With `--write` (`npm run
 * format`) formats, sorts imports, and mends what can be mended safely.
 */
const given = process.argv.slice(2);
const strict = given.includes('--write') ? [] : ['--diagnostic-level=warn', '--error-on-warnings'];
const done = spawnSync('biome', ['check', ...strict, ...given], {
  cwd: join(import.meta.dirname, '..'),
  stdio: 'inherit',
});
if (done.error !== undefined) process.stderr.write(`biome: ${done.error.message}\n`);
process.exitCode = done.status ?? 1;
