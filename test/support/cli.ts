import { dispatch } from '../../agent/cli/index.ts';
import type { CliIo } from '../../agent/cli/io.ts';

/** Runs a command in this process; what it printed, and its exit code. */
export async function holdfast(argv: readonly string[], io: Partial<CliIo> = {}) {
  let out = '';
  let err = '';
  const code = await dispatch(argv, {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: {},
    ...io,
  });
  return { code, out, err };
}
