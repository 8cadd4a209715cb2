import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type HttpCluster, openCluster } from '../../../agent/adapters/cluster/index.ts';
import { type JsonObject, type KubeObject, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { until } from '../../support/until.ts';
import {
  conditionOf,
  configMap,
  git,
  installDefinitions,
  isReady,
  kustomization,
  messageOf,
  type Site,
  startSite,
} from './site.ts';

const KUSTOMIZATION = { group: 'kustomize.toolkit.fluxcd.io', version: 'v1', kind: 'Kustomization' };
const COUNT = 300;
// A quiet machine needs a tenth of it.
const LONG_MS = 120_000;
const nameOf = (i: number): string => `k-${String(i).padStart(3, '0')}`;
const NAMES = Array.from({ length: COUNT }, (_, i) => nameOf(i));
const fileOf = (ns: string, i: number, v: string): Record<string, string> => ({
  [`${nameOf(i)}/cm.yaml`]: configMap(ns, nameOf(i), { v }),
});

/** Who waits for whom, by number. */
type Shape = (i: number) => readonly number[];
const chain: Shape = (i) => (i === 0 ? [] : [i - 1]);
const fan: Shape = (i) => (i === 0 ? [] : [0]);
const dependsOn = (of: readonly number[]): JsonObject => ({ dependsOn: of.map((one) => ({ name: nameOf(one) })) });

describe('300 Kustomizations of one source', () => {
  let cluster: ClusterAccess;
  let site: Site;
  let client: HttpCluster;
  /** What a watch shows of them: asking for 300 again and again is work, too. */
  const seen = new Map<string, KubeObject>();
  let watching: AbortController;
  const start = async (shape: Shape): Promise<void> => {
    site = await startSite(cluster, {
      seeds: (ns, url) => [
        git(ns, url),
        ...NAMES.map((name, i) => kustomization(ns, { path: `./${name}`, ...dependsOn(shape(i)) }, name)),
      ],
      files: (ns) => Object.assign({}, ...NAMES.map((_, i) => fileOf(ns, i, '1'))) as Record<string, string>,
    });
    watching = new AbortController();
    void client.watch(KUSTOMIZATION, {
      namespace: site.ns,
      metadataOnly: false,
      signal: watching.signal,
      onEvent: (event) => {
        if (event.type === 'put') seen.set(event.object.metadata.name, event.object);
      },
    });
  };
  const readyWith = (sha: string): readonly string[] =>
    [...seen.values()]
      .filter((one) => isReady(one) && textAt(one['status'], 'lastAppliedRevision') === `main@sha1:${sha}`)
      .map((one) => one.metadata.name)
      .sort();
  const message = (i: number): string => messageOf(seen.get(nameOf(i)));
  const allReadyWith = async (sha: string): Promise<void> => {
    await until(async () => (await readyWith(sha)).length === COUNT, {
      within: LONG_MS,
      every: 250,
      what: 'all ready',
    });
  };
  const commit = async (files: Record<string, string>): Promise<string> => {
    const sha = await site.repo.commit(files);
    site.agent.loop.nudge(`GitRepository/${site.ns}/app`);
    return sha;
  };
  /** Names of what the agent applied, in order. */
  const applied = (since: number): readonly string[] =>
    cluster
      .audited({ since, user: `agent-${site.ns}`, verb: 'patch', resource: 'configmaps' })
      .filter((one) => !one.uri.includes('dryRun'))
      .map((one) => one.name);
  /** The same once so many are in the log, which the API server writes a little after it has answered. */
  const appliedAll = async (since: number, count: number): Promise<readonly string[]> => {
    await until(() => applied(since).length >= count, { what: `${count} applies in the audit log` });
    return applied(since);
  };

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
    client = openCluster({ kubeconfig: cluster.kubeconfigFile() });
  });
  afterEach(async () => {
    watching.abort();
    seen.clear();
    await site.stop();
  });
  afterAll(async () => {
    client.close();
    await cluster.stop();
  });

  it('in a chain become ready one after another; a broken link and a circle are named', {
    timeout: 180_000,
  }, async () => {
    const mark = cluster.auditMark();
    await start(chain);
    await allReadyWith(await site.repo.head());
    expect(await appliedAll(mark, COUNT)).toEqual(NAMES);

    const again = cluster.auditMark();
    const next = await commit({ ...fileOf(site.ns, 7, '2'), ...fileOf(site.ns, 250, '2') });
    await allReadyWith(next);
    expect(await appliedAll(again, 2)).toEqual([nameOf(7), nameOf(250)]);

    const broken = await commit({ [`${nameOf(150)}/cm.yaml`]: 'kind: [', ...fileOf(site.ns, 299, '3') });
    const waits = (i: number): string => `dependency '${site.ns}/${nameOf(i - 1)}' is not ready`;
    const waiting = NAMES.flatMap((_, i) => (i > 150 ? [i] : []));
    await until(() => readyWith(broken).length === 150, { within: LONG_MS, every: 50, what: 'half' });
    await until(() => waiting.every((i) => message(i) === waits(i)), {
      within: LONG_MS,
      every: 50,
      what: 'half waits',
    });
    await until(() => conditionOf(seen.get(nameOf(150))) === 'False/BuildFailed', { what: 'the broken link says so' });
    expect(readyWith(broken)).toEqual(NAMES.slice(0, 150));
    expect(textAt(await site.get('ConfigMap', nameOf(299)), 'data', 'v')).toBe('1');

    await site.patch('Kustomization', nameOf(0), { spec: dependsOn([299]) });
    await until(() => message(0).includes('circle'), { what: 'the circle is named' });
    expect(message(0)).toContain(
      `dependsOn goes in a circle, ${site.ns}/${nameOf(0)} -> ${site.ns}/${nameOf(299)} -> ${site.ns}/${nameOf(298)} -> `,
    );
    await site.patch('Kustomization', nameOf(0), { spec: { dependsOn: null } });
    await allReadyWith(await commit(fileOf(site.ns, 150, '4')));
    expect(textAt(await site.get('ConfigMap', nameOf(299)), 'data', 'v')).toBe('3');
  });

  it('in a wide fan follow the one that all wait for', { timeout: 300_000 }, async () => {
    const mark = cluster.auditMark();
    await start(fan);
    await allReadyWith(await site.repo.head());
    const order = await appliedAll(mark, COUNT);
    expect(order[0]).toBe(nameOf(0));
    expect([...order].sort()).toEqual(NAMES);

    await commit({ [`${nameOf(0)}/cm.yaml`]: 'kind: [', ...fileOf(site.ns, 299, '2') });
    const waits = `dependency '${site.ns}/${nameOf(0)}' is not ready`;
    await until(() => [...seen.values()].filter((one) => messageOf(one) === waits).length === COUNT - 1, {
      within: LONG_MS,
      every: 50,
      what: 'all say whom they wait for',
    });
    expect(textAt(await site.get('ConfigMap', nameOf(299)), 'data', 'v')).toBe('1');
    await allReadyWith(await commit(fileOf(site.ns, 0, '3')));
    expect(textAt(await site.get('ConfigMap', nameOf(299)), 'data', 'v')).toBe('2');
  });
});
