import { type Command, commandOf, foundGoTool, goTool, type PartOptions } from '../parts/index.ts';

/** Pinned here and in go.mod. */
export const SOPS_VERSION = 'v3.13.3';

const TOOL = {
  kept: 'sops/sops-',
  name: 'sops',
  version: SOPS_VERSION,
  module: import.meta.dirname,
  packages: { sops: 'github.com/getsops/sops/v3/cmd/sops' },
  minutes: 3,
};

/** Path of the sops command, built with Go from its published module when it is not in the cache. */
export const ensureSops = async (options: PartOptions = {}): Promise<string> => (await goTool(TOOL, options)).sops;

/** The sops command with the private keys of a file; undefined where it is not here and there is no Go. */
export async function findSops(dir: string, keyFile: string): Promise<Command | undefined> {
  const found = await foundGoTool(TOOL);
  // It asks its home for a newer version otherwise.
  const env = { SOPS_AGE_KEY_FILE: keyFile, SOPS_DISABLE_VERSION_CHECK: '1' };
  return found === undefined ? undefined : commandOf(found.sops, dir, env);
}
