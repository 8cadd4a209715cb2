import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Ends child processes and removes a folder when this process ends in whatever way, SIGKILL included: a small shell
 * waits for the end of its standard input, which the kernel closes with us.
 */
export interface Leash {
  /** Names the processes that are to end with this one; replaces the earlier list. */
  hold(pids: readonly number[]): void;
  /** Ends what is held now and removes the folder. */
  release(): Promise<void>;
}

const SCRIPT = `trap '' INT TERM HUP
held=
while read -r line; do held=$line; done
for pid in $held; do kill -9 "$pid" 2>/dev/null; done
n=0
while [ -n "$1" ] && [ -e "$1" ] && [ $n -lt 20 ]; do rm -rf "$1" 2>/dev/null; n=$((n+1)); done`;

export function startLeash(folder: string): Leash {
  const shell: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'leash', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  shell.stdin?.on('error', () => undefined);
  shell.unref();
  return {
    hold: (pids) => void shell.stdin?.write(`${pids.join(' ')}\n`),
    release: () => {
      shell.ref();
      shell.stdin?.end();
      return ended;
    },
  };
}
