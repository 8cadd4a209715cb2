import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, type InboxStatus } from '../../../src/model/index.ts';
import { sealed } from '../../contract/bundle/sealed.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { seeded } from '../../support/fault-disk.ts';
import { NO_CLUSTER } from '../../support/no-cluster.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';

const MIB = 1024 * 1024;
const KILLS = Number(process.env['HOLDFAST_STICK_KILLS'] ?? 12);
const SEED = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000);

/** Its server and its cluster are not reached. */
const SOURCE = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: flux-system }
spec: { url: "http://127.0.0.1:1/app.git", interval: 1h, ref: { branch: main } }
`;
const CONFIG =
  'inbox: { paths: [./stick], interval: 100ms, patience: 1h }\nlogLevel: debug\nlimits: { backoffMs: 1s, diskRoomBytes: 1Mi';

describe('a built agent that is brought files which are compressed as a whole', () => {
  let git: GitServer;
  let repo: Repo;
  let dir: TempDir;
  /** A bundle of some 11 MiB that no compression makes much smaller. */
  let large: Buffer;
  /** The same with so much in it that is for nobody, that to unpack it takes a while. */
  let riding: Buffer;
  let sha: string;
  const agents: Launched[] = [];
  const mounts: string[] = [];

  beforeAll(async () => {
    requireBundle();
    git = await startGitServer();
    repo = await git.repo('compressed');
    sha = await repo.commit({ 'a.yaml': '1' });
    const files = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`f${i}`, randomBytes(MIB / 2).toString('hex')]),
    );
    sha = await repo.commit(files);
    large = await sealed(repo, ['GitRepository/flux-system/app']);
    riding = Buffer.concat([tarOf([{ path: 'images', content: randomBytes(80 * MIB) }], false), large]);
  }, 300_000);
  beforeEach(async () => {
    dir = await tempDir('compressed');
    mkdirSync(join(dir.path, 'stick'));
    writeFileSync(join(dir.path, 'kubeconfig'), NO_CLUSTER);
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) if (agent.running()) await agent.stop('SIGKILL');
    for (const path of mounts.splice(0)) execFileSync('umount', ['-l', path]);
    await dir.remove();
  });
  afterAll(() => git.stop());

  const start = async (more = ''): Promise<Launched> => {
    const config = writeSite({
      dir: dir.path,
      kubeconfig: './kubeconfig',
      objects: SOURCE,
      config: `${CONFIG}${more} }`,
    });
    const agent = launch(config);
    agents.push(agent);
    return agent;
  };
  const put = (name: string, bytes: Uint8Array): void => {
    writeFileSync(join(dir.path, 'made'), bytes);
    renameSync(join(dir.path, 'made'), join(dir.path, 'stick', name));
  };
  const lying = (): readonly string[] => {
    try {
      return readdirSync(join(dir.path, 'state', 'unpacked'));
    } catch {
      return [];
    }
  };
  const shown = async (agent: Launched, name: string): Promise<InboxStatus | undefined> =>
    (await agent.status()).inbox.find(({ file }) => file.endsWith(`/stick/${name}`));
  const becomes = (agent: Launched, name: string, state: string, what = ''): Promise<InboxStatus> =>
    until(
      async () => {
        const one = await shown(agent, name);
        const looked = one?.state === state && !one.message.includes('stands still');
        return looked && one.message.includes(what) ? one : undefined;
      },
      { within: 60_000, what: `${name} ${state}; ${agent.log().slice(-2_000)}` },
    );
  const revision = async (agent: Launched): Promise<string> => (await agent.status()).sources[0]?.revision ?? '';

  it(`takes one though it is killed ${KILLS} times meanwhile, and each start clears up (HOLDFAST_SEED=${SEED})`, async () => {
    const random = seeded(SEED);
    put('fleet.tar.zst', zstdCompressSync(riding));
    let cut = 0;
    for (let round = 1; round <= KILLS; round += 1) {
      const agent = await start();
      const before = lying();
      await agent.serving();
      // What was there is gone once it runs; what is there now is its own.
      await until(() => before.every((name) => !lying().includes(name)));
      if (round % 2 === 0) await until(() => lying().length > 0 || readdirSync(join(dir.path, 'stick')).length > 1);
      await new Promise((done) => setTimeout(done, random() * 300));
      const end = await agent.stop('SIGKILL');
      expect(end.signal, `seed ${SEED}, round ${round}\n${agent.log()}`).toBe('SIGKILL');
      expect(scandals(agent.lines()), `seed ${SEED}, round ${round}`).toEqual([]);
      const found = await openCache({ disk: createDisk(join(dir.path, 'state')), limits: DEFAULT_LIMITS }).verify();
      expect([found.missing, found.damage], `seed ${SEED}, round ${round}`).toEqual([0, []]);
      cut += lying().length;
      if (readdirSync(join(dir.path, 'stick')).includes('done')) break;
    }
    expect(cut, 'no kill met it while it was unpacked').toBeGreaterThan(0);
    const agent = await start();
    await agent.serving();
    await until(async () => (await revision(agent)) === `main@sha1:${sha}`, { within: 60_000 });
    await until(() => readdirSync(join(dir.path, 'stick')).join() === 'done');
    expect(lying()).toEqual([]);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  it('ends at once while it unpacks, and leaves nothing', async () => {
    put('fleet.tar.gz', gzipSync(riding));
    const agent = await start();
    await agent.serving();
    await until(() => lying().length > 0);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(lying()).toEqual([]);
    expect(scandals(agent.lines())).toEqual([]);
  });

  it('takes little memory for much content, and refuses a bomb with little disk', async () => {
    const agent = await start();
    await agent.serving();
    // 240 MiB, of which 1.6 MiB are on the stick.
    const line = Buffer.concat([randomBytes(2_000), Buffer.alloc(200_000, 'always the same ')]);
    const content = tarOf([{ path: 'blob', content: Buffer.concat(Array.from({ length: 1_200 }, () => line)) }]);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, ...lying().map((name) => sizeOf(join(dir.path, 'state', 'unpacked', name))));
    }, 5);
    try {
      put('much.tar.gz', gzipSync(content));
      // It is no layout, which shows at its end.
      expect(await becomes(agent, 'much.tar.gz', 'refused')).toMatchObject({ code: 'bundle-unreadable' });
      expect(most).toBeGreaterThan(200 * MIB);
      most = 0;
      put('bomb.tar.gz', gzipSync(tarOf([{ path: 'a', content: Buffer.alloc(200 * MIB) }])));
      expect((await becomes(agent, 'bomb.tar.gz', 'refused')).message).toContain('limits.artifactRatio');
      expect(most).toBeLessThan(60 * MIB);
    } finally {
      clearInterval(watch);
    }
    expect(lying()).toEqual([]);
    expect(agent.peak()).toBeLessThan(220);
  });

  it('holds what its disk has no room for, fills it not to the end, and takes it when there is room', async (context) => {
    const state = join(dir.path, 'state');
    if (!mounted(state, '60m')) return context.skip();
    mounts.push(state);
    const ballast = join(state, 'ballast');
    writeFileSync(ballast, randomBytes(52 * MIB));
    const agent = await start();
    await agent.serving();
    let least = Number.POSITIVE_INFINITY;
    const begun = new Set<string>();
    const watch = setInterval(() => {
      const fs = statfsSync(state);
      least = Math.min(least, fs.bavail * fs.bsize);
      for (const name of lying()) if (sizeOf(join(state, 'unpacked', name)) > 0) begun.add(name);
    }, 2);
    const heldFor = async (name: string, what: string): Promise<void> => {
      expect((await becomes(agent, name, 'held', what)).code).toBe('cache-full');
    };
    try {
      // As large as it says it is it cannot lie there; nor can what shows only on the way how large it becomes.
      put('fleet.tar.gz', gzipSync(large));
      await heldFor('fleet.tar.gz', 'limits.diskRoomBytes');
      const line = Buffer.concat([randomBytes(2_000), Buffer.alloc(200_000, 'always the same ')]);
      const much = tarOf([{ path: 'blob', content: Buffer.concat(Array.from({ length: 150 }, () => line)) }]);
      put('much.tar.gz', gzipSync(much));
      await heldFor('much.tar.gz', 'limits.diskRoomBytes');
      await new Promise((done) => setTimeout(done, 6_000));
      expect(least).toBeGreaterThan(MIB / 2);
      expect(lying()).toEqual([]);
      // Many tries, each a second apart, and hardly one of them has written.
      expect(begun.size).toBeLessThan(4);
      // Now its content has room, and not what its source makes of it.
      writeFileSync(ballast, randomBytes(40 * MIB));
      await heldFor('fleet.tar.gz', 'ENOSPC');
      begun.clear();
      await new Promise((done) => setTimeout(done, 4_000));
      expect(begun.size).toBeLessThan(3);
      expect(lying()).toEqual([]);
    } finally {
      clearInterval(watch);
    }
    execFileSync('rm', [ballast]);
    await becomes(agent, 'fleet.tar.gz', 'taken');
    await becomes(agent, 'much.tar.gz', 'refused');
    expect(await revision(agent)).toBe(`main@sha1:${sha}`);
    expect(lying()).toEqual([]);
    expect(scandals(agent.lines())).toEqual([]);
  });
});

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** A small file system of its own needs root. */
function mounted(path: string, size: string): boolean {
  try {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'holdfast-test', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
