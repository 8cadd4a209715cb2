import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { goTool, type PartOptions } from '../parts/index.ts';

/** Pinned here and in go.mod. */
export const NOTATION_VERSION = 'v1.3.2';

/** Path of the notation command, built with Go from its published module when it is not in the cache. */
export async function ensureNotation(options: PartOptions = {}): Promise<string> {
  const { notation } = await goTool(
    {
      kept: 'notation/notation-',
      name: 'notation',
      version: NOTATION_VERSION,
      module: import.meta.dirname,
      packages: { notation: 'github.com/notaryproject/notation/cmd/notation' },
      minutes: 1,
    },
    options,
  );
  return notation;
}

export type Notation = (...args: readonly string[]) => Promise<string>;

/** The notation command with its settings in a folder; undefined where it is neither here nor can be built. */
export async function findNotation(dir: string): Promise<Notation | undefined> {
  const program = await ensureNotation().catch((error: unknown) => {
    process.stderr.write(`notation: ${error instanceof Error ? error.message : String(error)}: its tests do not run\n`);
    return '';
  });
  if (program === '') return undefined;
  const env = { PATH: process.env['PATH'], HOME: dir, XDG_CONFIG_HOME: join(dir, 'config') };
  return (...args) =>
    new Promise((resolve, reject) => {
      execFile(program, [...args], { cwd: dir, env, encoding: 'utf8', timeout: 60_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`notation ${args[0]}: ${stderr.trim().slice(-2_000)}`, { cause: error }));
      });
    });
}
