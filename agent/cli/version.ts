import { parseArgs } from 'node:util';
import { BUILD } from '../version.ts';
import { type CliIo, usageError } from './io.ts';

export const help = `Usage: holdfast version [-o text|json]

Prints the version, the commit it was built from, and the Node it runs on.
`;

/** Prints one line, or a JSON object. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  let output: string;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { output: { type: 'string', short: 'o', default: 'text' } },
    });
    output = values.output;
  } catch (error) {
    return usageError(io, 'version', error instanceof Error ? error.message : String(error));
  }
  const node = process.version;
  const platform = `${process.platform}/${process.arch}`;
  if (output === 'json') io.stdout(`${JSON.stringify({ ...BUILD, node, platform })}\n`);
  else if (output === 'text') {
    const from = BUILD.commit === '' ? '' : `, commit ${BUILD.commit.slice(0, 12)}`;
    io.stdout(`holdfast ${BUILD.version}${from} of ${BUILD.builtAt} (Node ${node}, ${platform})\n`);
  } else return usageError(io, 'version', `-o takes text or json, not "${output}".`);
  return 0;
}
