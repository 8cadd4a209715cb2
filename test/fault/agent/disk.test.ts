import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { configMap, pairOf } from './pairs.ts';

const MIB = 1024 * 1024;

/** A small file system of its own needs root. */
const mounted = (path: string): boolean => {
  try {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'holdfast-test', path], { stdio: 'ignore' });
    return true;
  } catch {
    console.info('skipped: mounting a small file system needs root');
    return false;
  }
};

/** Noise that no compression makes smaller. */
const noise = (bytes: number): string => randomBytes(bytes / 2).toString('hex');

describe('a disk that takes no more', () => {
  let cluster: ClusterAccess;
  let git: GitServer;
  let ns: string;
  const open: { agent?: Launched; readonly mounts: string[]; readonly dirs: TempDir[] } = { mounts: [], dirs: [] };

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    ns = await cluster.namespace('disk');
  });
  afterAll(async () => {
    if (open.agent?.running() === true) await open.agent.stop();
    for (const path of open.mounts) execFileSync('umount', ['-l', path]);
    for (const dir of open.dirs) await dir.remove();
    await git.stop();
    await cluster.stop();
  });

  const value = async (name: string): Promise<unknown> =>
    ((await cluster.get(`/api/v1/namespaces/${ns}/configmaps/${name}`))?.['data'] as { v?: string } | undefined)?.v;
  /** Somebody edits and deletes; both are put right again. */
  const heals = async (name: string, wanted: string): Promise<void> => {
    const path = `/api/v1/namespaces/${ns}/configmaps/${name}`;
    await cluster.api('PATCH', path, { data: { v: 'by hand' } });
    await until(async () => (await value(name)) === wanted);
    await cluster.api('DELETE', path);
    await until(async () => (await value(name)) === wanted);
  };
  const start = async (repo: Repo, dir: TempDir, more = ''): Promise<Launched> => {
    const config = writeSite({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: pairOf({ name: repo.name, url: repo.url }),
      config: `limits: { backoffMs: 1s${more} }`,
    });
    open.agent = launch(config);
    await open.agent.serving();
    return open.agent;
  };
  const prepare = async (name: string): Promise<{ repo: Repo; dir: TempDir; state: string }> => {
    const repo = await git.repo(name);
    await repo.commit({ 'a.yaml': configMap(name, ns, '1') });
    const dir = await tempDir(name);
    open.dirs.push(dir);
    return { repo, dir, state: join(dir.path, 'state') };
  };
  const fault = (agent: Launched, code: RegExp): Promise<AgentStatus> =>
    until(
      async () => {
        const status = await agent.status();
        return code.test(status.sources[0]?.notConverged?.code ?? '') ? status : undefined;
      },
      { within: 20_000, what: `the fault ${code}` },
    );

  it('limits.cacheBytes: the last revision stays and is kept, the limit is named, a small commit comes through', async () => {
    const { repo, dir } = await prepare('limited');
    const agent = await start(repo, dir, ', cacheBytes: 200Ki');
    await agent.reaches('limited', (one) => one.converged);
    await repo.commit({ 'a.yaml': configMap('limited', ns, '2'), 'noise.txt': noise(MIB) });
    agent.signal('SIGHUP');
    const status = await fault(agent, /^cache-full$/);
    expect(status.sources[0]?.notConverged?.message).toContain('limits.cacheBytes');
    expect(status.cache.bytes).toBeLessThanOrEqual(status.cache.limitBytes);
    await heals('limited', '1');
    await repo.commit({ 'a.yaml': configMap('limited', ns, '3'), 'noise.txt': null });
    await until(async () => (await value('limited')) === '3', { within: 20_000 });
    expect(scandals(agent.lines())).toEqual([]);
    await agent.stop();
  });

  it('a full file system: the last revision stays and is kept, also after a restart; with room again it goes on', async (context) => {
    const { repo, dir, state } = await prepare('full');
    if (!mounted(state)) return context.skip();
    open.mounts.push(state);
    const first = await start(repo, dir);
    await first.reaches('full', (one) => one.converged);
    const { bavail, bsize } = statfsSync(state);
    const filler = join(state, 'filler');
    writeFileSync(filler, Buffer.alloc(bavail * bsize - 16 * 1024));
    const sha = await repo.commit({ 'a.yaml': configMap('full', ns, '2'), 'noise.txt': noise(MIB / 2) });
    first.signal('SIGHUP');
    await fault(first, /^cache-full$/);
    await heals('full', '1');
    expect((await first.status()).cache.notConverged?.code).toBe('cache-full');
    // Not even one byte is left.
    const rest = statfsSync(state);
    writeFileSync(join(state, 'filler2'), Buffer.alloc(rest.bavail * rest.bsize));
    await heals('full', '1');
    await first.stop('SIGKILL');
    expect(scandals(first.lines())).toEqual([]);
    const second = await start(repo, dir);
    await heals('full', '1');
    const { cache } = await fault(second, /^cache-full$/);
    expect(cache.notConverged?.message).toContain('no space left on the disk of stateDir');
    for (const file of ['filler', 'filler2']) rmSync(join(state, file));
    await second.reaches('full', (one) => one.converged && one.lastAppliedRevision === `main@sha1:${sha}`);
    expect(await value('full')).toBe('2');
    await until(async () => (await second.status()).cache.notConverged === undefined);
    expect(scandals(second.lines())).toEqual([]);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  });

  it('a disk that became read-only: the last revision stays and is kept, also after a restart; mended, it goes on', async (context) => {
    const { repo, dir, state } = await prepare('readonly');
    if (!mounted(state)) return context.skip();
    open.mounts.push(state);
    const remount = (how: 'ro' | 'rw'): unknown => execFileSync('mount', ['-o', `remount,${how}`, state]);
    const first = await start(repo, dir);
    await first.reaches('readonly', (one) => one.converged);
    // Open for writing is nothing for long, so that the kernel allows it.
    await until(() => remount('ro') !== undefined, { within: 5_000 });
    const sha = await repo.commit({ 'a.yaml': configMap('readonly', ns, '2') });
    first.signal('SIGHUP');
    const status = await fault(first, /^cache-(io|full)$/);
    expect(status.sources[0]?.notConverged?.message).toMatch(/read-only|EROFS/);
    expect(status.cache.notConverged).toMatchObject({ code: 'cache-io', message: expect.stringContaining('EROFS') });
    await heals('readonly', '1');
    await first.stop('SIGKILL');
    expect(scandals(first.lines())).toEqual([]);
    const second = await start(repo, dir);
    await heals('readonly', '1');
    await fault(second, /^cache-(io|full)$/);
    remount('rw');
    await second.reaches('readonly', (one) => one.converged && one.lastAppliedRevision === `main@sha1:${sha}`);
    await until(async () => (await second.status()).cache.notConverged === undefined);
    expect(await value('readonly')).toBe('2');
    expect(scandals(second.lines())).toEqual([]);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  });
});
