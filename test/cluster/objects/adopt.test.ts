import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';
import { at, type JsonObject, type KubeObject, listAt, parseObjectId, textAt } from '../../../src/model/index.ts';
import type { Launched } from '../../fault/agent/launch.ts';
import { until } from '../../support/until.ts';
import { applied, type FluxPlace, isReady, namespace, pathOfText, startFluxPlace } from './place.ts';

/** `status` of objects as kustomize-controller v1.9.4 and source-controller v1.9.1 left them, by Kind/name. */
const STATUSES = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testdata', 'flux-statuses.json'), 'utf8'),
) as Readonly<Record<string, JsonObject>>;

const FLUX = { 'app.kubernetes.io/part-of': 'flux', 'app.kubernetes.io/instance': 'flux-system' };
const ownedBy = (name: string): JsonObject => ({
  'kustomize.toolkit.fluxcd.io/name': name,
  'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
});
const PATHS: Readonly<Record<string, string>> = { apps: 'apis/apps/v1', '': 'api/v1' };

let place: FluxPlace;
let repo: Awaited<ReturnType<FluxPlace['git']['repo']>>;
let agent: Launched;
const before = new Map<string, string>();

/** Applies as Flux does: its field manager, the owner labels, and the empty maps that it declares besides. */
async function asFlux(object: KubeObject, owner: string, extra: JsonObject = {}): Promise<void> {
  const { metadata } = object;
  const ns = textAt(metadata, 'namespace');
  const labels = { ...(metadata['labels'] as JsonObject | undefined), ...ownedBy(owner) };
  const body = { ...object, ...extra, metadata: { ...metadata, labels } };
  const group = object.apiVersion.includes('/') ? `apis/${object.apiVersion}` : 'api/v1';
  const plural = object.kind === 'GitRepository' ? 'gitrepositories' : `${object.kind.toLowerCase()}s`;
  const path = `/${group}${ns === undefined ? '' : `/namespaces/${ns}`}/${plural}/${metadata.name}`;
  const answer = await place.cluster.api('PATCH', `${path}?fieldManager=kustomize-controller&force=true`, body, {
    type: 'apply',
  });
  if (answer.status > 201) throw new Error(`${path}: ${answer.text}`);
}

const labelled = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, labels: FLUX },
});
const configMap = (name: string, data: JsonObject): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'apps' },
  data,
});
function deployment(name: string, ns: string, extra: JsonObject = {}, container: JsonObject = {}): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'pause:1', ...container }] } };
  const spec = { replicas: 0, selector: { matchLabels: labels }, template, ...extra };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: ns }, spec };
}
const account = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'flux-system' },
});

const COMPONENTS: readonly KubeObject[] = [
  namespace('flux-system'),
  ...fluxDefinitions(),
  ...['source-controller', 'kustomize-controller'].flatMap((name) => [account(name), deployment(name, 'flux-system')]),
].map(labelled);
const flux = (kind: string, name: string, spec: JsonObject): KubeObject => ({
  apiVersion: `${kind === 'Kustomization' ? 'kustomize' : 'source'}.toolkit.fluxcd.io/v1`,
  kind,
  metadata: { name, namespace: 'flux-system' },
  spec,
});
function sync(): readonly KubeObject[] {
  const sourceRef = { kind: 'GitRepository', name: 'flux-system' };
  const both = { interval: '10m', prune: true, sourceRef };
  return [
    flux('GitRepository', 'flux-system', { interval: '1m', ref: { branch: 'main' }, url: repo.url }),
    flux('Kustomization', 'flux-system', { ...both, path: './cluster' }),
    flux('Kustomization', 'apps', { ...both, path: './apps', wait: true, timeout: '2m' }),
  ];
}

const file = (objects: readonly KubeObject[]): string => objects.map((one) => JSON.stringify(one)).join('\n---\n');

/** A cluster as Flux leaves it: everything applied, statuses written, then its controllers stopped, and `c` left Git. */
beforeAll(async () => {
  place = await startFluxPlace(COMPONENTS.filter((one) => one.kind === 'CustomResourceDefinition'));
  repo = await place.git.repo('fleet');
  for (const one of COMPONENTS) await asFlux(one, 'flux-system');
  for (const one of sync()) await asFlux(one, 'flux-system');
  await asFlux(namespace('apps'), 'apps', { spec: {} });
  for (const name of ['a', 'b', 'c']) await asFlux(configMap(name, { v: 'one' }), 'apps');
  await asFlux(deployment('web', 'apps', { strategy: {} }, { resources: {} }), 'apps');
  for (const one of sync()) {
    const path = `${pathOfText(`${one.kind}/flux-system/${one.metadata.name}`)}/status`;
    const status = STATUSES[`${one.kind}/${one.metadata.name}`];
    const answer = await place.cluster.api('PATCH', `${path}?fieldManager=gotk-kustomize-controller`, { status });
    expect(answer.status).toBe(200);
    const metadata = { finalizers: ['finalizers.fluxcd.io'] };
    const manager = '?fieldManager=gotk-kustomize-controller';
    expect((await place.cluster.api('PATCH', path.replace('/status', manager), { metadata })).status).toBe(200);
  }
  await repo.commit({
    'cluster/gotk-components.yaml': file(COMPONENTS),
    'cluster/gotk-sync.yaml': file(sync()),
    'apps/all.yaml': file([
      namespace('apps'),
      configMap('a', { v: 'one' }),
      configMap('b', { v: 'one' }),
      deployment('web', 'apps'),
    ]),
  });
  // The Deployment's status settles first: only what the agent writes is to be seen.
  await until(async () => at((await get('Deployment/apps/web')) ?? {}, 'status', 'observedGeneration') === 1);
  for (const what of managed()) before.set(what, textAt((await get(what))?.metadata, 'resourceVersion') ?? '');
  agent = place.agent();
  await agent.serving();
});
afterAll(() => place?.stop());

const get = (what: string): Promise<KubeObject | undefined> => place.get(what);

/** All that Flux has applied, by the inventories that it left, as Kind/namespace/name; not the Flux objects themselves. */
function managed(): readonly string[] {
  const entries = ['Kustomization/flux-system', 'Kustomization/apps'].flatMap((key) =>
    listAt(STATUSES[key] ?? {}, 'inventory', 'entries').map((entry) => parseObjectId(textAt(entry, 'id') ?? '')),
  );
  return entries
    .filter((ref) => ref !== undefined && (PATHS[ref.group] !== undefined || ref.kind === 'CustomResourceDefinition'))
    .filter((ref) => !/helm/.test(ref?.name ?? ''))
    .map((ref) => `${ref?.kind}/${ref?.namespace}/${ref?.name}`);
}

const ids = (object: KubeObject): readonly (string | undefined)[] =>
  listAt(object, 'status', 'inventory', 'entries').map((entry) => textAt(entry, 'id'));

describe('a cluster that Flux has kept', () => {
  it('is taken over by its inventories: what left Git meanwhile is pruned, nothing else is touched', async () => {
    const apps = await place.reaches(
      'Kustomization/flux-system/apps',
      (one) => isReady(one) && !ids(one).includes('apps_c__ConfigMap'),
    );
    await place.reaches('Kustomization/flux-system/flux-system', (one) => isReady(one) && ids(one).length === 3);
    expect(ids(apps)).toEqual([
      '_apps__Namespace',
      'apps_a__ConfigMap',
      'apps_b__ConfigMap',
      'apps_web_apps_Deployment',
    ]);
    expect(await get('ConfigMap/apps/c')).toBeUndefined();
    const kept = managed().filter((what) => what !== 'ConfigMap/apps/c');
    expect(kept.length).toBeGreaterThan(13);
    for (const what of kept)
      expect(`${what} ${textAt((await get(what))?.metadata, 'resourceVersion')}`).toBe(`${what} ${before.get(what)}`);
    const changes = (): readonly string[] =>
      place.cluster
        .audited({ user: 'holdfast' })
        .filter((one) => ['create', 'patch', 'update', 'delete'].includes(one.verb) && !one.uri.includes('dryRun'))
        .filter((one) => one.resource !== 'events' && one.subresource !== 'status')
        .map((one) => `${one.verb} ${one.resource} ${one.namespace}/${one.name}`);
    // The API server writes its log a little after it has answered.
    await until(() => changes().length > 0);
    expect(changes()).toEqual(['delete configmaps apps/c']);
  });

  it('keeps the parts of Flux itself, which are no longer in any inventory', async () => {
    for (const one of COMPONENTS)
      expect(await get(`${one.kind}/${textAt(one.metadata, 'namespace') ?? ''}/${one.metadata.name}`)).toBeDefined();
    await repo.commit({ 'cluster/gotk-components.yaml': null });
    const sha = await repo.head();
    agent.signal('SIGHUP');
    await place.reaches('Kustomization/flux-system/flux-system', (one) => applied(one).endsWith(sha));
    for (const one of COMPONENTS)
      expect(await get(`${one.kind}/${textAt(one.metadata, 'namespace') ?? ''}/${one.metadata.name}`)).toBeDefined();
  });

  it('is left as Flux needs it to go on: what it wrote is continued, in its form', async () => {
    await agent.stop();
    const apps = (await get('Kustomization/flux-system/apps')) as KubeObject;
    const theirs = STATUSES['Kustomization/apps'] ?? {};
    expect(Object.keys(apps['status'] as JsonObject).sort()).toEqual(Object.keys(theirs).sort());
    expect(at(apps, 'status', 'observedGeneration')).toBe(apps.metadata['generation']);
    const history = listAt(apps, 'status', 'history');
    expect(history.at(-1)).toEqual(listAt(theirs, 'history')[0]);
    expect(Object.keys(history[0] as JsonObject).sort()).toEqual(Object.keys(history.at(-1) as JsonObject).sort());
    const [ready] = listAt(apps, 'status', 'conditions').filter((one) => textAt(one, 'type') === 'Ready');
    const [was] = listAt(theirs, 'conditions').filter((one) => textAt(one, 'type') === 'Ready');
    expect(textAt(ready, 'lastTransitionTime')).toBe(textAt(was, 'lastTransitionTime'));
    expect(apps.metadata['finalizers']).toEqual(['finalizers.fluxcd.io']);
    const source = (await get('GitRepository/flux-system/flux-system')) as KubeObject;
    const theirSource = STATUSES['GitRepository/flux-system'] ?? {};
    expect(Object.keys(source['status'] as JsonObject).sort()).toEqual(Object.keys(theirSource).sort());
    expect(Object.keys(at(source, 'status', 'artifact') as JsonObject).sort()).toEqual(
      Object.keys(at(theirSource, 'artifact') as JsonObject).sort(),
    );
  });
});
