import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Times of the lock in milliseconds; tests make them short. */
export interface LockTimes {
  /** How often the holder touches the file. */
  readonly beat: number;
  /** A file not touched for so long has lost its holder. */
  readonly stale: number;
}

const TIMES: LockTimes = { beat: 2_000, stale: 30_000 };

/**
 * Runs a task while holding a lock file, so that two processes do not do the same work. A holder that died is noticed
 * by its process id on this host, or by a file that is no longer touched.
 */
export async function withLock<T>(
  path: string,
  task: () => Promise<T>,
  options: { readonly waiting: (holder: string) => void; readonly times?: LockTimes },
): Promise<T> {
  const times = options.times ?? TIMES;
  const me = `${hostname()} ${process.pid} ${Math.random().toString(36).slice(2)}`;
  let told = false;
  while (!(await take(path, me))) {
    const holder = await holderOf(path, times);
    if (holder === undefined) continue;
    if (!told) options.waiting(holder);
    told = true;
    await sleep(Math.min(500, times.beat));
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), times.beat);
  try {
    return await task();
  } finally {
    clearInterval(beat);
    if ((await readFile(path, 'utf8').catch(() => '')) === me) await rm(path, { force: true });
  }
}

/** A hard link appears with its whole content or not at all, unlike a file created and then written. */
async function take(path: string, me: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(draft, me);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Who holds the lock; undefined when it is free now, also because its holder was found dead. */
async function holderOf(path: string, times: LockTimes): Promise<string | undefined> {
  const [text, info] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch(() => [undefined, undefined]);
  if (text === undefined || info === undefined) return undefined;
  const [host = '', pid = ''] = text.split(' ');
  const dead = host === hostname() && !alive(Number(pid));
  if (!dead && Date.now() - info.mtimeMs < times.stale) return `process ${pid} on ${host}`;
  const grave = `${path}.dead.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await rename(path, grave).catch(() => undefined);
  await rm(grave, { force: true });
  return undefined;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
