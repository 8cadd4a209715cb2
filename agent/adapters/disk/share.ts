import type { Files } from './files.ts';

interface Syncing {
  readonly now: Promise<void>;
  /** Begins when that one has ended; whoever comes meanwhile shares it. */
  next: Promise<void> | undefined;
}

/**
 * The same files, where callers that want a folder synced share one call: each waits for one that began after it asked.
 * Hundreds of records in one folder are written at once, and each sync of it makes all of them last.
 */
export function sharingSyncs(files: Files): Files {
  const running = new Map<string, Syncing>();
  const start = (path: string): Promise<void> => {
    const now = files.syncFolder(path).finally(() => {
      if (running.get(path) === one && one.next === undefined) running.delete(path);
    });
    const one: Syncing = { now, next: undefined };
    running.set(path, one);
    return now;
  };
  return {
    ...files,
    syncFolder: (path) => {
      const one = running.get(path);
      if (one === undefined) return start(path);
      const again = (): Promise<void> => start(path);
      one.next ??= one.now.then(again, again);
      return one.next;
    },
  };
}
