import type { SourceObject } from '../../src/flux/index.ts';
import { NO_TRAFFIC, type SourceRevision } from '../../src/model/index.ts';
import type { FetchWork, LoopEnv } from './env.ts';

/** Puts in what the includes have now, before any server is asked. The revision, when that made another content. */
export async function takeIncludes(
  of: { readonly key: string; readonly object: SourceObject },
  includes: FetchWork['includes'],
  env: LoopEnv,
): Promise<SourceRevision | undefined> {
  const have = env.records.source(of.key);
  if (have?.current.composed === undefined) return undefined;
  const current = await env.workshop.recompose({ source: of.object, have, includes });
  if (current === undefined) return undefined;
  await env.records.admit(of.key, { ...have, current }, NO_TRAFFIC);
  env.log.info('includes changed', { source: of.key, revision: current.revision });
  return current.root === have.current.root ? undefined : current;
}
