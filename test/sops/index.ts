import { execFile } from 'node:child_process';
import { goTool, type PartOptions } from '../parts/index.ts';

/** Pinned here and in go.mod. */
export const SOPS_VERSION = 'v3.13.3';

/** Path of the sops command, built with Go from its published module when it is not in the cache. */
export async function ensureSops(options: PartOptions = {}): Promise<string> {
  const { sops } = await goTool(
    {
      kept: 'sops/sops-',
      name: 'sops',
      version: SOPS_VERSION,
      module: import.meta.dirname,
      packages: { sops: 'github.com/getsops/sops/v3/cmd/sops' },
      minutes: 3,
    },
    options,
  );
  return sops;
}

/** Runs sops in a folder, which is also its home; resolves with what it prints, rejects with what it complains of. */
export type Sops = (args: readonly string[]) => Promise<Buffer>;

/** The sops command with the private keys of a file; undefined where it is neither here nor can be built. */
export async function findSops(dir: string, keyFile: string): Promise<Sops | undefined> {
  const program = await ensureSops().catch((error: unknown) => {
    process.stderr.write(`sops: ${error instanceof Error ? error.message : String(error)}: its tests do not run\n`);
    return '';
  });
  if (program === '') return undefined;
  const env = {
    PATH: process.env['PATH'],
    HOME: dir,
    SOPS_AGE_KEY_FILE: keyFile,
    // It asks its home for a newer version otherwise.
    SOPS_DISABLE_VERSION_CHECK: '1',
  };
  return (args) =>
    new Promise((resolve, reject) => {
      const options = { cwd: dir, env, encoding: 'buffer', timeout: 30_000, maxBuffer: 64 << 20 } as const;
      execFile(program, [...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(new Error(`sops ${args.at(-1)}: ${stderr.toString('utf8').trim().slice(-1_000)}`, { cause: error }));
      });
    });
}
