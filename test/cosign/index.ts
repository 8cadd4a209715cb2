import { asText, commandOf, foundGoTool, goTool, type PartOptions, type TextCommand } from '../parts/index.ts';

/** Pinned here and in go.mod. */
export const COSIGN_VERSION = 'v3.1.3';

const TOOL = {
  kept: 'cosign/cosign-',
  name: 'cosign',
  version: COSIGN_VERSION,
  module: import.meta.dirname,
  packages: { cosign: 'github.com/sigstore/cosign/v3/cmd/cosign' },
  minutes: 4,
};

/** Path of the cosign command, built with Go from its published module when it is not in the cache. */
export const ensureCosign = async (options: PartOptions = {}): Promise<string> => (await goTool(TOOL, options)).cosign;

/** The cosign command, working in a folder; undefined where it is not here and there is no Go. */
export async function findCosign(dir: string): Promise<TextCommand | undefined> {
  const found = await foundGoTool(TOOL);
  // It asks nobody for keys or roots: those are named.
  const env = { COSIGN_PASSWORD: 'secret', COSIGN_YES: 'true' };
  return found === undefined ? undefined : asText(commandOf(found.cosign, dir, env));
}
