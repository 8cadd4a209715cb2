/** How much of a tree is admitted; all else is away. */
export interface Extent {
  /** All of it: then folders may be used again as they are. */
  readonly whole: boolean;
  /** Whether an entry is in it. A folder on the way to what was asked for is, as the list of its entries. */
  has(path: string, isFolder: boolean): boolean;
  /** Whether a folder is in it with all below. */
  covers(folder: string): boolean;
}

export const EVERYTHING: Extent = { whole: true, has: () => true, covers: () => true };

/**
 * These paths, clean, and files of the name `rules` in the folders on the way to them. The same commit and paths give the
 * same, whatever else is on the disk.
 */
export function extentOf(paths: readonly string[], rules: string): Extent {
  const ways = new Set(['']);
  for (const path of paths)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) ways.add(path.slice(0, at));
  const known = new Set(paths);
  const covers = (path: string): boolean => known.has(path) || isBelowOne(path, known);
  return {
    whole: false,
    covers,
    has(path, isFolder) {
      if (covers(path)) return true;
      if (isFolder) return ways.has(path);
      const slash = path.lastIndexOf('/');
      return path.slice(slash + 1) === rules && ways.has(path.slice(0, Math.max(0, slash)));
    },
  };
}

/** Whether a path lies below one of these; '' is everything. */
export function isBelowOne(path: string, paths: ReadonlySet<string>): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (paths.has(path.slice(0, at))) return true;
  return path !== '' && paths.has('');
}
