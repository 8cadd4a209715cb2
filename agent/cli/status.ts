import { parseArgs } from 'node:util';
import { asFault } from '../../src/model/index.ts';
import { isConverged, statusText } from '../../src/report/index.ts';
import { findStatus, whereabouts } from './ask.ts';
import { type CliIo, usageError, wantsColor } from './io.ts';

export const help = `Usage: holdfast status [--config FILE | --address ADDR] [-o text|json] [--check]

Shows how the site is: the link, the cluster, how fresh each source is, what is applied,
and for everything that is not as declared the one reason and what to do about it.
Asks the running agent; when none answers, shows what it wrote last and says so.

  -c, --config FILE    the agent's configuration (default /etc/holdfast/config.yaml)
      --address ADDR   ask there instead: host:port, or the path of a socket
  -o, --output FORM    text (default), or json: the whole document (docs/schemas/status.json)
      --check          exit with 1 unless an agent runs and everything is converged
`;

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  address: { type: 'string' },
  output: { type: 'string', short: 'o', default: 'text' },
  check: { type: 'boolean', default: false },
} as const;

/** Columns for a file or a pipe, where nobody resizes anything. */
const PIPE_COLUMNS = 120;

/** Prints the status. Exit code 1 when there is none to be had, or with --check when something is not as declared. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  let values: { config?: string; address?: string; output: string; check: boolean };
  try {
    values = parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (error) {
    return usageError(io, 'status', error instanceof Error ? error.message : String(error));
  }
  if (values.output !== 'text' && values.output !== 'json')
    return usageError(io, 'status', `-o takes text or json, not "${values.output}".`);
  try {
    const where = await whereabouts({ config: values.config, address: values.address }, io);
    const { status, address } = await findStatus(where, io.signal);
    if (values.output === 'json') io.stdout(`${JSON.stringify(status, null, 2)}\n`);
    else {
      const color = wantsColor(io);
      if (address === undefined) io.stdout(`No agent answers. This is what it wrote at ${status.clock.now}:\n\n`);
      io.stdout(statusText(status, { width: io.terminal?.columns ?? PIPE_COLUMNS, color }));
    }
    return values.check && (address === undefined || !isConverged(status)) ? 1 : 0;
  } catch (error) {
    io.stderr(`holdfast status: ${asFault(error).message}\n`);
    return 1;
  }
}
