import { type Binaries, type Binary, ensure } from '../controlplane/index.ts';

/**
 * Paths of the binaries that a test needs. They are built when missing, which takes minutes: `npm test` and
 * `node scripts/run.mjs parts` do it beforehand with progress.
 */
export function requireParts<B extends Binary>(...wanted: readonly B[]): Promise<Binaries<B>> {
  return ensure(wanted);
}
