import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceStatus } from '../../../src/model/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { type AgentProcess, startProcess } from '../../support/process.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const NO_GPG = (() => {
  try {
    execFileSync('gpg', ['--version'], { stdio: 'ignore' });
    return '';
  } catch {
    return 'gpg is not there (Debian: apt-get install gnupg)';
  }
})();

/** No API server: sources are fetched and verified all the same. */
const NOWHERE = `apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
users: [{ name: u, user: {} }]
`;

describe.skipIf(NO_GPG !== '')(`the built agent and PGP${NO_GPG === '' ? '' : `: ${NO_GPG}`}`, () => {
  let git: GitServer;
  let dir: TempDir;
  let agent: AgentProcess | undefined;
  const env = (): Record<string, string> => ({ GNUPGHOME: join(dir.path, 'gpg') });
  const gpg = (...args: string[]): string =>
    execFileSync('gpg', ['--batch', '--quiet', ...args], {
      env: { ...process.env, ...env() },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  beforeAll(async () => {
    [git, dir] = [await startGitServer(), await tempDir('pgp')];
    mkdirSync(join(dir.path, 'gpg'), { mode: 0o700 });
    for (const who of ['alice', 'mallory'])
      gpg(
        '--passphrase',
        '',
        '--pinentry-mode',
        'loopback',
        '--quick-gen-key',
        `${who}@example.com`,
        'ed25519',
        'sign',
      );
  });
  afterAll(async () => {
    await agent?.stop();
    execFileSync('gpgconf', ['--kill', 'all'], { env: { ...process.env, ...env() } });
    await git.stop();
    await dir.remove();
  });

  /** Signs the head of main anew. Git asks gpg by its own environment. */
  const sign = async (repo: Repo, who: string): Promise<string> => {
    const id = execFileSync(
      'git',
      ['-c', `user.signingkey=${who}@example.com`, 'commit-tree', '-S', '-m', 'signed', 'main^{tree}'],
      {
        cwd: repo.dir,
        encoding: 'utf8',
        env: {
          ...process.env,
          ...env(),
          GIT_AUTHOR_NAME: who,
          GIT_AUTHOR_EMAIL: who,
          GIT_COMMITTER_NAME: who,
          GIT_COMMITTER_EMAIL: who,
        },
      },
    ).trim();
    await repo.setRef('refs/heads/main', id);
    return id;
  };

  it('checks signatures in children, by the library beside the bundle', async () => {
    const repo = await git.repo('pgp');
    await repo.commit({ 'a.yaml': 'a: 1' });
    const first = await sign(repo, 'alice');
    const key = gpg('--armor', '--export', 'alice@example.com');
    const kubeconfig = join(dir.path, 'kubeconfig');
    writeFileSync(kubeconfig, NOWHERE);
    const objects = [
      {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { name: 'app', namespace: 'ns' },
        spec: { url: repo.url, interval: '1h', ref: { branch: 'main' }, verify: { secretRef: { name: 'keys' } } },
      },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: 'ns' }, stringData: { 'a.asc': key } },
    ];
    agent = await startProcess({
      dir: dir.path,
      kubeconfig,
      objects: objects.map((one) => JSON.stringify(one)).join('\n---\n'),
    });
    const running = agent;
    const reaches = (check: (one: SourceStatus) => boolean): Promise<unknown> =>
      until(
        async () => {
          const [source] = (await running.status()).sources;
          return source !== undefined && check(source);
        },
        { within: 60_000, what: `the source; log: ${running.log().slice(-2_000)}` },
      );
    // The first fetch is done in a child, which also verifies.
    await reaches((one) => one.ready === 'True' && one.revision === `main@sha1:${first}`);
    const [source] = (await running.status()).sources;
    const proof = source?.conditions.find((one) => one.type === 'SourceVerified');
    expect(proof?.message).toMatch(/^verified signature of\n\t- commit '[0-9a-f]{40}' with key '[0-9A-F]{16}'$/);

    // The difference is fetched in the agent itself, and only the signature goes to a child.
    await repo.commit({ 'a.yaml': 'a: 2' });
    await sign(repo, 'mallory');
    running.nudge();
    await reaches((one) => one.notConverged?.code === 'signature-invalid');
    await repo.commit({ 'a.yaml': 'a: 3' });
    const third = await sign(repo, 'alice');
    running.nudge();
    await reaches((one) => one.ready === 'True' && one.revision === `main@sha1:${third}`);
  });
});
