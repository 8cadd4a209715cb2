import { execFile } from 'node:child_process';
import { goTool, type PartOptions } from '../parts/index.ts';

/** Pinned here and in go.mod. */
export const COSIGN_VERSION = 'v3.1.3';

/** Path of the cosign command, built with Go from its published module when it is not in the cache. */
export async function ensureCosign(options: PartOptions = {}): Promise<string> {
  const { cosign } = await goTool(
    {
      kept: 'cosign/cosign-',
      name: 'cosign',
      version: COSIGN_VERSION,
      module: import.meta.dirname,
      packages: { cosign: 'github.com/sigstore/cosign/v3/cmd/cosign' },
      minutes: 4,
    },
    options,
  );
  return cosign;
}

export type Cosign = (...args: readonly string[]) => Promise<string>;

/** The cosign command, working in a folder; undefined where it is neither here nor can be built. */
export async function findCosign(dir: string): Promise<Cosign | undefined> {
  const program = await ensureCosign().catch((error: unknown) => {
    process.stderr.write(`cosign: ${error instanceof Error ? error.message : String(error)}: its tests do not run\n`);
    return '';
  });
  if (program === '') return undefined;
  // It asks nobody for keys or roots: those are named.
  const env = { PATH: process.env['PATH'], HOME: dir, COSIGN_PASSWORD: 'secret', COSIGN_YES: 'true' };
  return (...args) =>
    new Promise((resolve, reject) => {
      execFile(program, [...args], { cwd: dir, env, encoding: 'utf8', timeout: 60_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`cosign ${args[0]}: ${stderr.trim().slice(-2_000)}`, { cause: error }));
      });
    });
}
