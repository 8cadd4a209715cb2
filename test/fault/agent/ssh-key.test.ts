import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { type Sshd, startSshd, whyNoSshd } from '../../sshserver/index.ts';
import { NO_CLUSTER } from '../../support/no-cluster.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';

const NO_SSHD = await whyNoSshd();

describe.skipIf(NO_SSHD !== '')(`an SSH key that is encrypted${NO_SSHD === '' ? '' : `: ${NO_SSHD}`}`, () => {
  let git: GitServer;
  let sshd: Sshd;
  let repo: Repo;
  let dir: TempDir;
  const agents: Launched[] = [];
  beforeAll(async () => {
    requireBundle();
    git = await startGitServer();
    sshd = await startSshd();
    repo = await git.repo('ssh-key');
    dir = await tempDir('ssh-key');
    writeFileSync(join(dir.path, 'kubeconfig'), NO_CLUSTER);
  });
  afterAll(async () => {
    for (const agent of agents) if (agent.running()) await agent.stop('SIGKILL');
    await sshd.stop();
    await git.stop();
    await dir.remove();
  });

  const objects = (identity: string, password: string): string => {
    const data = { identity, known_hosts: sshd.knownHosts(), password };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key', namespace: 'apps' }, stringData: data };
    const spec = { url: sshd.url(repo.dir), interval: '1s', ref: { branch: 'main' }, secretRef: { name: 'key' } };
    const source = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'app', namespace: 'apps' },
      spec,
    };
    return `${JSON.stringify(secret)}\n---\n${JSON.stringify(source)}\n`;
  };
  const start = async (text: string): Promise<Launched> => {
    const config = 'limits: { backoffMs: 1s }';
    const agent = launch(writeSite({ dir: dir.path, kubeconfig: './kubeconfig', objects: text, config }));
    agents.push(agent);
    await agent.serving();
    return agent;
  };
  const has = (agent: Launched, sha: string): Promise<unknown> =>
    until(async () => (await agent.status()).sources[0]?.revision === `main@sha1:${sha}`, {
      within: 120_000,
      every: 200,
    });

  it('does not keep the agent from anything while it is decrypted, and is so once', async () => {
    const identity = sshd.key({ type: 'ed25519', passphrase: 'open sesame' });
    const first = await repo.commit({ 'a.yaml': '1' });
    const one = await start(objects(identity, 'open sesame'));
    await has(one, first);
    await one.stop();
    const second = await repo.commit({ 'a.yaml': '2' });
    // A poll of what is here already is work of the process that stays.
    const agent = await start(objects(identity, 'open sesame'));
    const watch = watchAnswers(agent);
    await has(agent, second);
    const longest = watch.end();
    console.info(`the longest answer took ${Math.round(longest)} ms`);
    expect(longest).toBeLessThan(2_500);
    const third = await repo.commit({ 'a.yaml': '3' });
    const began = performance.now();
    await has(agent, third);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(scandals(agent.lines())).toEqual([]);
    expect(agent.log()).not.toContain('open sesame');
    await agent.stop();
  });

  it('with a password that is wrong says so again and again, and is not tried again and again', async () => {
    const identity = sshd.key({ type: 'ed25519', passphrase: 'open sesame' });
    const agent = await start(objects(identity, 'wrong'));
    const wrong = (): number => agent.log().split('decryption password incorrect').length - 1;
    await until(() => wrong() > 0, { within: 120_000 });
    // The child that found it out goes when it is idle for two seconds.
    await new Promise((done) => setTimeout(done, 4_000));
    const watch = watchAnswers(agent);
    const spent = (): number => childrenTime(agent.pid);
    const before = spent();
    agent.signal('SIGHUP');
    await new Promise((done) => setTimeout(done, 5_000));
    expect(watch.end()).toBeLessThan(2_500);
    expect(spent()).toBe(before);
    await agent.stop();
  });
});

/** Asks for /livez again and again; `end` answers how long the longest answer took, milliseconds. */
function watchAnswers(agent: Launched): { end(): number } {
  const address = /"address":"(127\.0\.0\.1):(\d+)"/.exec(agent.log());
  const [, host = '', port = ''] = address ?? [];
  let [longest, over] = [0, false];
  const ask = (): void => {
    const began = performance.now();
    const done = (): void => {
      longest = Math.max(longest, performance.now() - began);
      if (!over) setTimeout(ask, 20);
    };
    get({ host, port, path: '/livez', agent: false }, (response) => response.resume().once('end', done)).once(
      'error',
      done,
    );
  };
  ask();
  return {
    end: () => {
      over = true;
      return longest;
    },
  };
}

/** Processor time of children that have ended, in ticks of the kernel. */
function childrenTime(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15)
    .map(Number);
  return user + system;
}
