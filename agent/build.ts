import { writeSync } from 'node:fs';
import { run } from './cli/build.ts';

/**
 * The command `build` as a program of its own: it loads nothing of the agent. scripts/bundle/quick.ts says how it is started.
 */

/** Writes all of it before it returns, without loading Node's streams. */
function write(fd: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSome(fd, bytes, at);
  } catch (error) {
    // A reader that went away (such as head) is no error of ours.
    process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 1);
  }
}

const WAIT_MS = 5;

/** Bytes written; 0 when the reader is slow and its end of the pipe does not wait. */
function writeSome(fd: 1 | 2, bytes: Uint8Array, at: number): number {
  try {
    return writeSync(fd, bytes, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    return 0;
  }
}

run(process.argv.slice(3), {
  stdout: (text) => write(1, text),
  stderr: (text) => write(2, text),
}).then((code) => process.exit(code));
