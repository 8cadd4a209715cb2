import { join } from 'node:path';
import { asText, commandOf, foundGoTool, goTool, type PartOptions, type TextCommand } from '../parts/index.ts';

/** Pinned here and in go.mod. */
export const NOTATION_VERSION = 'v1.3.2';

const TOOL = {
  kept: 'notation/notation-',
  name: 'notation',
  version: NOTATION_VERSION,
  module: import.meta.dirname,
  packages: { notation: 'github.com/notaryproject/notation/cmd/notation' },
  minutes: 1,
};

/** Path of the notation command, built with Go from its published module when it is not in the cache. */
export const ensureNotation = async (options: PartOptions = {}): Promise<string> =>
  (await goTool(TOOL, options)).notation;

/** The notation command with its settings in a folder; undefined where it is not here and there is no Go. */
export async function findNotation(dir: string): Promise<TextCommand | undefined> {
  const found = await foundGoTool(TOOL);
  return found === undefined
    ? undefined
    : asText(commandOf(found.notation, dir, { XDG_CONFIG_HOME: join(dir, 'config') }));
}
