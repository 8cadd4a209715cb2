import { describe, expect, it } from 'vitest';
import { declare, put } from '../../../agent/loop/declare.ts';
import type { LoopEnv } from '../../../agent/loop/env.ts';
import { NO_NEWS } from '../../../agent/loop/env.ts';
import type { KustomizationRun } from '../../../agent/loop/kustomization-state.ts';
import type { Runner } from '../../../agent/loop/runner.ts';
import type { Site } from '../../../agent/loop/site.ts';
import { FROM_CLUSTER, type Kustomization } from '../../../src/flux/index.ts';
import { NO_TRAFFIC } from '../../../src/model/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { manualClock } from '../../support/manual-clock.ts';

const SOURCE = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: team }
spec: { interval: 1h, url: "https://git.test/app" }
`;
const KEY = 'GitRepository/team/app';

function kustomization(name: string, path: string, deleting = false): Kustomization {
  const [one] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: team }
spec: { interval: 1h, prune: true, path: "${path}", sourceRef: { kind: GitRepository, name: app } }
`).kustomizations;
  if (one === undefined) throw new Error('not read');
  return { ...one, meta: { ...one.meta, origin: FROM_CLUSTER, ...(deleting ? { deleting } : {}) } };
}

interface World {
  readonly site: Site;
  readonly runner: Runner;
  /** How often the source was woken because more of it is needed. */
  needs(): number;
  /** How often all Kustomizations were looked through. */
  looks(): number;
}

/** A source of which these folders are here; undefined for the whole. */
function world(paths: readonly string[] | undefined): World {
  const woken: string[] = [];
  let looks = 0;
  class Counted extends Map<string, KustomizationRun> {
    override values(): MapIterator<KustomizationRun> {
      looks += 1;
      return super.values();
    }
  }
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const log = { ...silent, with: () => log };
  const part = paths === undefined ? {} : { part: { paths } };
  const env = {
    clock: manualClock(),
    log,
    news: NO_NEWS,
    settings: { fetchScope: 'needed' },
    records: {
      traffic: () => NO_TRAFFIC,
      kustomization: () => undefined,
      source: (key: string) => (key === KEY ? { current: { revision: 'r', root: 'sha256:', ...part } } : undefined),
    },
  } as unknown as LoopEnv;
  const runner = { wake: (key: string, cause: string) => void woken.push(`${key} ${cause}`) } as unknown as Runner;
  const site = {
    env,
    sources: new Map(),
    kustomizations: new Counted(),
    objects: { sources: [], kustomizations: [], data: [], problems: [], complete: true },
    unread: new Map(),
    unlisted: new Map(),
    unknown: new Set(),
    presence: { identity: () => undefined },
    places: { settle: () => undefined },
  } as unknown as Site;
  declare(site, { ...objectsOf(SOURCE), complete: true }, runner);
  looks = 0;
  return { site, runner, looks: () => looks, needs: () => woken.filter((one) => one === `${KEY} needs`).length };
}

describe('a source of which a part is here', () => {
  it.each([
    ['a/b', 0],
    ['a', 0],
    ['c', 1],
    ['ab', 1],
    ['', 1],
  ])('is asked for more by who needs it: %j', (path, times) => {
    const { site, runner, needs } = world(['a']);
    put(site, kustomization('one', path), {}, runner);
    expect(needs()).toBe(times);
    put(site, kustomization('one', path), {}, runner);
    expect(needs()).toBe(2 * times);
  });

  it('is asked for nothing by who is deleted, nor where the whole is here', () => {
    const { site, runner, needs } = world(['a']);
    put(site, kustomization('one', 'c', true), {}, runner);
    expect(needs()).toBe(0);
    const whole = world(undefined);
    put(whole.site, kustomization('one', 'c'), {}, whole.runner);
    expect(whole.needs()).toBe(0);
  });

  it('is not looked through for all when one comes', () => {
    const { site, runner, looks } = world(['a']);
    for (let i = 0; i < 50; i++) put(site, kustomization(`k-${i}`, i % 2 === 0 ? `a/${i}` : `b/${i}`), {}, runner);
    expect(looks()).toBe(0);
  });
});
