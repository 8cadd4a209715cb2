import { cronTimes } from '../../../agent/loop/cron.ts';
import type { LoopEnv } from '../../../agent/loop/env.ts';
import type { SourcePorts } from '../../../agent/loop/source-state.ts';
import type { GitRepository } from '../../../src/flux/index.ts';
import { objectsOf } from '../../support/agent.ts';

/** `Kind/namespace/name` of `gitSource`. */
export const KEY = 'GitRepository/team/app';

/** A GitRepository that is fetched each hour. */
export function gitSource(): GitRepository {
  const [source] = objectsOf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: team }
spec: { interval: 1h, url: "https://git.test/app" }
`).sources;
  if (source?.kind !== 'GitRepository') throw new Error('not read');
  return source;
}

/** What a run of a source needs, with nobody who hears of it. */
export function sourcePorts(env: LoopEnv, change: Partial<SourcePorts> = {}): SourcePorts {
  return {
    env,
    data: async () => [],
    includes: () => [],
    scope: () => ({ why: '' }),
    cron: cronTimes(),
    clockDoubt: () => '',
    leads: () => true,
    signal: new AbortController().signal,
    onRevision: () => undefined,
    wake: () => undefined,
    ...change,
  };
}
