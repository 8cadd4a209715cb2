import { spawn } from 'node:child_process';

/** The environment of every git here: nothing of the machine's own configuration counts. */
export function gitEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: AUTHOR.name,
    GIT_AUTHOR_EMAIL: AUTHOR.email,
    GIT_COMMITTER_NAME: AUTHOR.name,
    GIT_COMMITTER_EMAIL: AUTHOR.email,
    ...more,
  };
}

export const AUTHOR = { name: 'Test Author', email: 'author@example.com' };

export interface GitRun {
  readonly cwd?: string;
  readonly input?: string | Uint8Array | Iterable<string | Uint8Array>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the machine's git and gives its standard output; anything but exit code 0 is an error with its message. */
export async function runGit(args: readonly string[], run: GitRun = {}): Promise<string> {
  return (await runGitBytes(args, run)).toString('utf8').trimEnd();
}

export function runGitBytes(args: readonly string[], run: GitRun = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { cwd: run.cwd ?? '/', env: gitEnv(run.env), stdio: 'pipe' });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out));
      else
        reject(
          new Error(
            `git ${args.join(' ').slice(0, 200)}: ${Buffer.concat(err).toString('utf8').trim().slice(0, 2000)}`,
          ),
        );
    });
    child.stdin.on('error', () => undefined);
    const input = run.input ?? '';
    if (typeof input === 'string' || input instanceof Uint8Array) child.stdin.end(input);
    else {
      const parts = [...input].map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
      child.stdin.end(Buffer.concat(parts));
    }
  });
}
