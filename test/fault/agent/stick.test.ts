import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { seeded } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';

const KILLS = Number(process.env['HOLDFAST_STICK_KILLS'] ?? 40);
const SEED = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000);

/** Commits on the stick: a whole one, then differences. */
const COMMITS = 12;

const configMap = (ns: string, name: string, v: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: ns }, data: { v } });

const declared = (url: string): string => `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: site, namespace: flux-system }
spec: { url: ${url}, interval: 1h, ref: { branch: main } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: site, namespace: flux-system }
spec: { interval: 1h, retryInterval: 1s, prune: true, path: ./, sourceRef: { kind: GitRepository, name: site } }
`;

describe(`an agent without a network, killed ${KILLS} times while it takes what is on a stick (HOLDFAST_SEED=${SEED})`, () => {
  const random = seeded(SEED);
  let cluster: ClusterAccess;
  let git: GitServer;
  let repo: Repo;
  let dir: TempDir;
  let config: string;
  let ns: string;
  const agents: Launched[] = [];
  const shas: string[] = [];

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    repo = await git.repo('stick');
    dir = await tempDir('kill-stick');
    ns = await cluster.namespace('stick');
    const made = join(dir.path, 'made');
    mkdirSync(made);
    mkdirSync(join(dir.path, 'stick'));
    for (let i = 0; i < COMMITS; i++) {
      const bulk = Object.fromEntries(
        Array.from({ length: 60 }, (_, n) => [`bulk/${n}.txt`, `${n} ${i % 3} ${'x'.repeat(2_000)}`]),
      );
      shas.push(
        await repo.commit({
          ...bulk,
          'kustomization.yaml': 'resources: [a.yaml, b.yaml]\n',
          'a.yaml': configMap(ns, 'a', String(i)),
          'b.yaml': configMap(ns, `b-${i % 4}`, 'b'),
        }),
      );
      const before = shas.at(-2);
      const what = before === undefined ? ['main'] : ['main', `^${before}`];
      await repo.git('bundle', 'create', join(made, `${String(i).padStart(2, '0')}.bundle`), ...what);
    }
    await git.pause();
    config = writeSite({
      dir: dir.path,
      kubeconfig: cluster.kubeconfigFile({ name: 'agent', groups: ['system:masters'] }),
      objects: declared(repo.url),
      config: 'inbox: { paths: [./stick], interval: 100ms, patience: 1h }\nlogLevel: debug\nlimits: { backoffMs: 1s }',
    });
  });
  afterAll(async () => {
    await agents.at(-1)?.stop('SIGKILL');
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  it('loses no file, never has half of one, and ends at the last commit', async () => {
    let put = 0;
    for (let round = 1; round <= KILLS; round += 1) {
      const agent = launch(config);
      agents.push(agent);
      // The stick fills up in the course of it.
      for (; put < COMMITS && put < (round / KILLS) * (COMMITS + 4); put += 1) carry(dir.path, put);
      await pause(150 + random() * 900);
      const end = await agent.stop('SIGKILL');
      expect(end.signal, `seed ${SEED}, round ${round}: ended by itself\n${agent.log()}`).toBe('SIGKILL');
      expect(scandals(agent.lines()), `seed ${SEED}, round ${round}`).toEqual([]);
      const cache = openCache({ disk: createDisk(join(dir.path, 'state')), limits: DEFAULT_LIMITS });
      const found = await cache.verify();
      expect([found.missing, found.damage], `seed ${SEED}, round ${round}`).toEqual([0, []]);
      const all = ['', 'done', 'refused'].flatMap((folder) => bundlesIn(join(dir.path, 'stick', folder)));
      expect(all.sort(), `seed ${SEED}, round ${round}`).toEqual(names(put));
      expect(bundlesIn(join(dir.path, 'stick/refused')), `seed ${SEED}, round ${round}`).toEqual([]);
    }
    const agent = launch(config);
    agents.push(agent);
    await agent.serving();
    const last = `main@sha1:${shas.at(-1)}`;
    await agent.reaches('site', (one) => one.converged && one.lastAppliedRevision === last, { within: 60_000 });
    const live = await cluster.get(`/api/v1/namespaces/${ns}/configmaps/a`);
    expect(live?.['data']).toEqual({ v: String(COMMITS - 1) });
    await pause(1_000);
    expect(bundlesIn(join(dir.path, 'stick/done'))).toEqual(names(COMMITS));
    expect(readFileSync(join(dir.path, 'stick/done/11.bundle.reason'), 'utf8')).toContain(last);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });
});

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${String(i).padStart(2, '0')}.bundle`);

function bundlesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.bundle'))
      .sort();
  } catch {
    return [];
  }
}

/** Copies as a slow stick does: in two parts, under its final name. */
function carry(dir: string, i: number): void {
  const [name = ''] = names(i + 1).slice(-1);
  const bytes = readFileSync(join(dir, 'made', name));
  writeFileSync(join(dir, 'stick', name), bytes.subarray(0, bytes.length >> 1));
  setTimeout(() => writeFileSync(join(dir, 'stick', name), bytes), 120);
}
