import { dispatch } from './cli/index.ts';
import { NODE_FLOOR } from './version.ts';

/** The first signal asks to end, the second ends at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const [name, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)
    process.on(name, () => (stop.signal.aborted ? process.exit(code) : stop.abort(new Error(name))));
  return stop.signal;
}

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < NODE_FLOOR) {
    process.stderr.write(
      `holdfast: needs Node ${NODE_FLOOR} or newer, this is ${process.version}; set HOLDFAST_NODE to one.\n`,
    );
    return 1;
  }
  // A reader that went away (such as head) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return dispatch(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    signal: stopSignal(),
    ...(process.stdout.isTTY ? { terminal: { columns: process.stdout.columns } } : {}),
  });
}

main().then(
  (code) => process.stdout.write('', () => process.exit(code)),
  (error: unknown) => {
    process.stderr.write(`holdfast: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
