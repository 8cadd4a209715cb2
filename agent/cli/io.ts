/** What a command may touch of its process: everything it prints, reads from the environment, and is stopped by. */
export interface CliIo {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at SIGTERM and SIGINT. */
  readonly signal?: AbortSignal;
  /** Of the terminal that stdout is; undefined when it is a file or a pipe. */
  readonly terminal?: { readonly columns: number };
}

/** A command: arguments after its name to exit code (0 done, 1 failed, 2 used wrongly). */
export type Command = (argv: readonly string[], io: CliIo) => Promise<number>;

/** Whether to print in colour: only to a terminal, and not against NO_COLOR. */
export function wantsColor(io: CliIo): boolean {
  const { env } = io;
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  if ((env['FORCE_COLOR'] ?? '') !== '' && env['FORCE_COLOR'] !== '0') return true;
  return io.terminal !== undefined && env['TERM'] !== 'dumb';
}

/** Ends a command that was used wrongly: one line that says how, one that says where help is. */
export function usageError(io: CliIo, command: string, message: string): 2 {
  io.stderr(`holdfast ${command}: ${message}\nRun "holdfast help ${command}".\n`);
  return 2;
}
