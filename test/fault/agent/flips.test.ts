import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { seeded } from '../../support/fault-disk.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { configMap, pairOf } from './pairs.ts';

const SEED = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = 12;
const NAMES = Array.from({ length: 8 }, (_, i) => `c${i}`);

/** Files of the cache; sockets and the like left out. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.lock'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

describe(`a disk that forgets bits (HOLDFAST_SEED=${SEED})`, () => {
  const random = seeded(SEED);
  const user = `flips-${process.pid}`;
  let cluster: ClusterAccess;
  let git: GitServer;
  let repo: Repo;
  let dir: TempDir;
  let config: string;
  let ns: string;
  let state: string;
  let linked = true;
  let agent: Launched | undefined;
  let mark = 0;

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    dir = await tempDir('flips');
    state = join(dir.path, 'state');
    ns = await cluster.namespace('flips');
    repo = await git.repo('flips');
    mark = cluster.auditMark();
    await repo.commit(Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, configMap(name, ns, '0')])));
    config = writeSite({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile({ name: user, groups: ['system:masters'] }),
      objects: pairOf({ name: 'flips', url: repo.url }),
      config: 'limits: { backoffMs: 500ms }',
    });
    agent = await start();
    await agent.reaches('flips', (one) => one.converged);
  });
  afterAll(async () => {
    if (agent?.running() === true) await agent.stop();
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  const start = async (): Promise<Launched> => {
    const fresh = launch(config);
    await fresh.serving();
    return fresh;
  };
  /** One bit of one file; answers where. */
  const flip = (only = /./): string => {
    // What is being written has another name a moment later.
    const isThere = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
    const files = filesOf(state).filter((file) => only.test(file) && !file.includes('/.tmp-') && isThere(file));
    const file = files[Math.floor(random() * files.length)] ?? '';
    const bytes = readFileSync(file);
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    writeFileSync(file, bytes);
    return `${file.slice(state.length + 1)} byte ${at}`;
  };
  const path = (name: string): string => `/api/v1/namespaces/${ns}/configmaps/${name}`;
  const values = async (): Promise<string> => {
    const all = await Promise.all(NAMES.map((name) => cluster.get(path(name))));
    return all.map((one) => (one?.['data'] as { v?: string } | undefined)?.v ?? '-').join();
  };
  const allAre = (value: string): string => NAMES.map(() => value).join();
  const link = async (up: boolean): Promise<void> => {
    if (up === linked) return;
    linked = up;
    await (up ? git.resume() : git.pause());
  };
  const handiwork = async (): Promise<void> => {
    await cluster.api('PATCH', path('c1'), { data: { v: 'by hand' } });
    await cluster.api('DELETE', path('c2'));
  };
  const allBecome = async (value: string, context: string): Promise<void> => {
    await until(async () => (await values()) === allAre(value), { within: 20_000, what: context }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${agent?.log().slice(-6_000)}`);
      },
    );
  };
  const commit = (value: string): Promise<string> =>
    repo.commit(Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, configMap(name, ns, value)])));

  it('between two runs, with the network there: everything is healed, and the next commit arrives', async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await agent?.stop(random() < 0.5 ? 'SIGKILL' : 'SIGTERM');
      const where = Array.from({ length: 1 + Math.floor(random() * 4) }, () => flip()).join(', ');
      await handiwork();
      agent = await start();
      const context = `seed ${SEED}, round ${round}: ${where}`;
      await allBecome(String(round - 1), context);
      const sha = await commit(String(round));
      agent.signal('SIGHUP');
      await agent
        .reaches('flips', (one) => one.converged && one.lastAppliedRevision === `main@sha1:${sha}`)
        .catch((error: unknown) => {
          throw new Error(`${context}: ${String(error)}`);
        });
      expect(await values(), context).toBe(allAre(String(round)));
      expect(scandals(agent.lines()), context).toEqual([]);
    }
  });

  it('between two runs, without the network: nothing is deleted, what can be read is kept, damage is named', async () => {
    await link(false);
    for (let round = 1; round <= ROUNDS / 2; round += 1) {
      await agent?.stop('SIGKILL');
      const where = flip();
      await handiwork();
      agent = await start();
      const context = `seed ${SEED}, round ${round}: ${where}`;
      await until(async () => (await agent?.status())?.cluster.api.state === 'up', { what: context });
      // At least one of the two is not hit by one bit, unless it hit what says what there is.
      await until(
        async () => {
          const now = await values();
          const damaged = (await agent?.status())?.cache.damaged ?? [];
          const [, c1, c2] = now.split(',');
          return c1 === String(ROUNDS) || c2 === String(ROUNDS) || damaged.length > 0;
        },
        { within: 20_000, what: context },
      );
      expect(agent.running(), context).toBe(true);
      expect(scandals(agent.lines()), context).toEqual([]);
    }
    await link(true);
    agent?.signal('SIGHUP');
    const sha = await commit('linked');
    agent?.signal('SIGHUP');
    await agent?.reaches('flips', (one) => one.converged && one.lastAppliedRevision === `main@sha1:${sha}`);
    expect(await values()).toBe(allAre('linked'));
  });

  it('under a running agent: drift is healed from the network, and the next commit arrives', async () => {
    await commit('linked');
    agent?.signal('SIGHUP');
    await allBecome('linked', `seed ${SEED}`);
    for (let round = 1; round <= ROUNDS / 2; round += 1) {
      const where = Array.from({ length: 3 }, () => flip(/packs/)).join(', ');
      const context = `seed ${SEED}, round ${round}: ${where}`;
      await handiwork();
      agent?.signal('SIGHUP');
      await allBecome('linked', context);
    }
    const sha = await commit('last');
    agent?.signal('SIGHUP');
    await agent?.reaches('flips', (one) => one.converged && one.lastAppliedRevision === `main@sha1:${sha}`);
    expect(scandals(agent?.lines() ?? [])).toEqual([]);
    await agent?.stop();
    // What the last revision needs is whole, wherever damaged copies may lie.
    const cache = openCache({ disk: createDisk(state), limits: DEFAULT_LIMITS });
    const current = cache.sources.get('GitRepository/flux-system/flips')?.current;
    expect(current?.revision).toBe(`main@sha1:${sha}`);
    const files = current === undefined ? [] : cache.store.folder(current.root);
    const texts = files.flatMap((one) =>
      one.digest === undefined ? [] : [Buffer.from(cache.store.get(one.digest)).toString()],
    );
    expect(texts).toEqual(NAMES.map((name) => configMap(name, ns, 'last')));
  });

  it('in all that the agent deleted nothing', () => {
    const deletions = cluster.audited({ user, verb: 'delete', since: mark });
    expect(deletions).toEqual([]);
  });
});
