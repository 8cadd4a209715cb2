/** What was built, from what. */
export interface BuildInfo {
  /** Of package.json, and the commit when it is known: `0.1.0+g3c61272`. */
  readonly version: string;
  /** Full commit id; '' when not built from a Git checkout. */
  readonly commit: string;
  /** Time of that commit, RFC 3339: no correct clock shows an earlier time. */
  readonly builtAt: string;
}

// Put in by scripts/build.ts; not there when run from source.
declare const HOLDFAST_BUILD: BuildInfo | undefined;

/** Node's major version below which nothing here works. */
export const NODE_FLOOR = 24;

/** From the bundle; a fixed value when run from source. */
export const BUILD: BuildInfo =
  typeof HOLDFAST_BUILD === 'undefined'
    ? { version: '0.0.0+source', commit: '', builtAt: '2026-11-23T00:00:00Z' }
    : HOLDFAST_BUILD;
