import { homedir } from 'node:os';
import { join } from 'node:path';

/** Operating system and processor in Go's words, such as `linux-amd64`. */
export function platform(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return `${process.platform}-${arch}`;
}

/** Folder outside the repository where real parts are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `holdfast`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'holdfast');
}
