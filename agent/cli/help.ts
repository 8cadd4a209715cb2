import { type CliIo, COMMANDS } from './index.ts';
import { usageError } from './io.ts';

export const help = `Usage: holdfast help [COMMAND]

Explains a command, or lists all of them.
`;

function overview(): string {
  const names = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.hidden !== true);
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const rows = names.map((name) => `  ${name.padEnd(width)}${COMMANDS[name]?.summary ?? ''}`);
  return `Holdfast applies what a Git repository declares to a Kubernetes cluster and keeps it applied, with or without a network.

Usage: holdfast COMMAND [OPTIONS]

Commands:
${rows.join('\n')}

"holdfast help COMMAND" explains one of them.
Exit codes: 0 done, 1 failed, 2 used wrongly.
`;
}

/** Prints the list of commands, or the help of one. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const [name, more] = argv;
  if (more !== undefined) return usageError(io, 'help', `one command at a time, not "${argv.join(' ')}".`);
  if (name === undefined) {
    io.stdout(overview());
    return 0;
  }
  const row = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (row === undefined) {
    io.stderr(`holdfast: there is no command "${name}".\n`);
    return 2;
  }
  const command = await row.load();
  io.stdout(command.help ?? `Usage: holdfast ${name} [OPTIONS]\n\n${row.summary}.\n`);
  return 0;
}
