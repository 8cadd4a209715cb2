import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type JsonObject, listAt, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { seeded } from '../../support/fault-disk.ts';
import { until } from '../../support/until.ts';
import { conditionOf, git, installDefinitions, isReady, messageOf, type Site, startSite } from './site.ts';
import { createWishes, type Wishes } from './wishes.ts';

/** The same seed gives the same wishes; what the agent has done when the next one comes differs. */
const SEED = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env['HOLDFAST_STORMS'] ?? 3);
const STEPS = 40;
const OWNED = encodeURIComponent('kustomize.toolkit.fluxcd.io/name');

let cluster: ClusterAccess;
let site: Site;

beforeAll(async () => {
  cluster = await sharedControlPlane();
  await installDefinitions(cluster);
  site = await startSite(cluster, {
    seeds: (ns, url) => [git(ns, url)],
    settings: { guard: { share: 1, minimum: 1 } },
  });
});
afterAll(async () => {
  await site.stop();
  await cluster.stop();
});

/** Data of the ConfigMaps that a Kustomization has applied, by `namespace/name`. */
async function applied(spaces: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
  const found = new Map<string, JsonObject>();
  for (const space of spaces) {
    const { body } = await cluster.api('GET', `/api/v1/namespaces/${space}/configmaps?labelSelector=${OWNED}`);
    for (const one of listAt(body, 'items'))
      found.set(`${space}/${textAt(one, 'metadata', 'name')}`, (one as JsonObject)['data'] as JsonObject);
  }
  return found;
}

/** What is not as it is wished: Kustomizations that are not ready, and objects. */
async function wrong(wishes: Wishes, spaces: readonly string[]): Promise<readonly string[]> {
  const revision = `main@sha1:${await site.repo.head()}`;
  const found: string[] = [];
  for (const name of wishes.names()) {
    const object = await site.get('Kustomization', name);
    const at = textAt(object?.['status'], 'lastAppliedRevision');
    const others = ['Reconciling', 'Stalled'].map((type) => conditionOf(object, type)).join('');
    if (object === undefined || !isReady(object) || at !== revision || others !== '')
      found.push(`${name} is at ${at}: ${messageOf(object)} ${others}`);
  }
  const [want, have] = [wishes.wanted(), await applied(spaces)];
  for (const [id, data] of want)
    if (!isDeepStrictEqual(data, have.get(id)))
      found.push(`${id} has ${JSON.stringify(have.get(id))}, not ${JSON.stringify(data)}`);
  for (const id of have.keys()) if (!want.has(id)) found.push(`${id} is left over`);
  return found;
}

const versions = (wishes: Wishes): Promise<readonly string[]> =>
  Promise.all(
    wishes
      .names()
      .map(async (name) => `${name} ${(await site.get('Kustomization', name))?.metadata['resourceVersion']}`),
  );

it(`whoever changes their mind without waiting gets what they wanted last (HOLDFAST_SEED=${SEED})`, async () => {
  const random = seeded(SEED);
  const spaces = [await cluster.namespace('wish'), await cluster.namespace('wish')];
  const wishes = createWishes(site, { cluster, spaces, random });
  const all = [site.ns, ...spaces];
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (let i = 0; i < STEPS; i += 1) {
      await wishes.step();
      if (random() < 0.02) await site.restart();
      if (random() < 0.5) await new Promise((later) => setTimeout(later, random() * 300));
    }
    await wishes.settle();
    const asked = (): Promise<readonly string[]> => wrong(wishes, all);
    await until(async () => (await asked()).length === 0, { within: 30_000, every: 200 }).catch(() => undefined);
    expect(await asked(), `seed ${SEED}, round ${round}\n${wishes.story.join('\n')}`).toEqual([]);
    const before = await versions(wishes);
    await new Promise((later) => setTimeout(later, 1_500));
    expect(await versions(wishes), `seed ${SEED}, round ${round}: nothing is written any more`).toEqual(before);
  }
  const bugs = site.agent.lines.filter((line) => line['msg'] === 'bug' || line['code'] === 'internal');
  expect(bugs).toEqual([]);
}, 300_000);
