import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, SourceStatus } from '../../../src/model/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { startSshd, whyNoSshd } from '../../sshserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, manifest, type Place, startPlace } from './app.ts';

const NO_SSHD = await whyNoSshd();

let place: Place;
let dir: TempDir;
beforeAll(async () => {
  [place, dir] = [await startPlace(), await tempDir('signers')];
});
afterAll(async () => {
  await place.stop();
  await dir.remove();
});

const git = (name: string, url: string, spec: JsonObject = {}): string =>
  manifest(
    'source.toolkit.fluxcd.io/v1',
    'GitRepository',
    { name, namespace: 'flux-system' },
    { spec: { url, interval: '1h', ref: { branch: 'main' }, ...spec } },
  );
const secret = (name: string, stringData: JsonObject): string =>
  manifest('v1', 'Secret', { name, namespace: 'flux-system' }, { stringData });

const source = (app: App, name = 'app'): SourceStatus => {
  const found = app.agent.loop.status().sources.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no source ${name}`);
  return found;
};
/** Waits until a condition of the source is as asked. */
const condition = (app: App, type: string, status: string | undefined, reason = ''): Promise<unknown> =>
  until(() => {
    const found = source(app).conditions.find((one) => one.type === type);
    return found?.status === status && (reason === '' || found?.reason === reason);
  });

describe('include', () => {
  it('brings what another source has, follows it while its own server is away, and survives a restart', async () => {
    const lib = await place.git.repo('include-lib');
    let ns = '';
    const app = await place.app({
      source: { include: [{ repository: { name: 'lib' }, fromPath: './pub', toPath: 'vendor' }] },
      more: (name) => {
        ns = name;
        return [git('lib', lib.url)];
      },
      wait: false,
    });
    await condition(app, 'Ready', 'False', 'NoArtifact');
    expect(source(app).conditions.map((one) => one.type)).toEqual(['Reconciling', 'Ready', 'IncludeUnavailable']);
    await lib.commit({ 'pub/b.yaml': configMap(ns, 'b', { v: '1' }), 'own/c.yaml': configMap(ns, 'c', { v: '1' }) });
    app.agent.loop.nudge('GitRepository/flux-system/lib');
    const first = `main@sha1:${await app.repo.head()}`;
    await app.agent.reaches((s) => s.lastAppliedRevision === first && s.converged && s.objects.total === 2);
    expect(await dataOf(app, 'b')).toEqual({ v: '1' });
    expect(await app.get('configmaps/c')).toBeUndefined();
    await condition(app, 'IncludeUnavailable', undefined);

    // The app's own server is away: what the other source brings is taken all the same.
    app.repo.fault({ status: 503 });
    await lib.commit({ 'pub/b.yaml': configMap(ns, 'b', { v: '2' }) });
    app.agent.loop.nudge('GitRepository/flux-system/lib');
    await until(async () => JSON.stringify(await dataOf(app, 'b')) === '{"v":"2"}');
    expect(app.status().lastAppliedRevision).toBe(first);

    await place.git.pause();
    await app.restart();
    await app.remove('configmaps/b');
    await until(async () => JSON.stringify(await dataOf(app, 'b')) === '{"v":"2"}');
    await place.git.resume();
    app.repo.fault();
    await app.applied({ 'a.yaml': configMap(ns, 'a', { v: '2' }) });
    expect(await dataOf(app, 'b')).toEqual({ v: '2' });
    expect(await dataOf(app, 'a')).toEqual({ v: '2' });
  });

  it('of a source that is not declared, or taken already, says so and keeps the last state', async () => {
    const lib = await place.git.repo('include-bad');
    await lib.commit({ 'x.yaml': '' });
    const app = await place.app({ more: () => [git('lib', lib.url)] });
    const include = (name: string, toPath: string) => ({ include: [{ repository: { name }, toPath }] });
    app.spec({}, { source: include('nope', 'x') });
    await condition(app, 'IncludeUnavailable', 'True', 'NotFound');
    expect(source(app).conditions.some((one) => one.type === 'FetchFailed')).toBe(false);
    app.spec({}, { source: include('app', 'x') });
    await condition(app, 'IncludeUnavailable', 'True', 'IncludeCycle');
    app.spec({}, { source: include('lib', 'a.yaml') });
    await condition(app, 'StorageOperationFailed', 'True', 'CopyFailure');
    await condition(app, 'IncludeUnavailable', undefined);
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    app.spec({}, { source: {} });
    await condition(app, 'Ready', 'True');
    expect(source(app).conditions.map((one) => one.type)).toEqual(['Ready', 'ArtifactInStorage']);
  });
});

describe('recurseSubmodules', () => {
  it('applies what submodules hold, and prunes it with them', async () => {
    const lib = await place.git.repo('sub-lib');
    const app = await place.app({ source: { recurseSubmodules: true } });
    const one = await lib.commit({ 'inside.yaml': configMap(app.ns, 'inside', { v: '1' }) });
    const modules = (commit: string | null): Record<string, string | null> =>
      ({
        'vendor/lib': commit === null ? null : { submodule: commit },
        '.gitmodules': `[submodule "vendor/lib"]\n\tpath = vendor/lib\n\turl = ${lib.url}\n`,
      }) as Record<string, string | null>;
    await app.applied(modules(one));
    expect(await dataOf(app, 'inside')).toEqual({ v: '1' });
    const two = await lib.commit({ 'inside.yaml': configMap(app.ns, 'inside', { v: '2' }) });
    expect(await dataOf(app, 'inside')).toEqual({ v: '1' });
    await app.applied(modules(two));
    expect(await dataOf(app, 'inside')).toEqual({ v: '2' });
    await app.applied(modules(null));
    expect(await app.get('configmaps/inside')).toBeUndefined();
  });
});

describe('verify', () => {
  /** Signs the head of main anew, in git's own way. */
  const sign = async (repo: Repo, who: string): Promise<string> => {
    const how = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${join(dir.path, who)}`];
    const id = await repo.git(...how, 'commit-tree', '-S', '-m', `signed by ${who}`, 'main^{tree}');
    await repo.setRef('refs/heads/main', id);
    return id;
  };
  const key = (who: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', who, '-f', join(dir.path, who)]);
    return readFileSync(join(dir.path, `${who}.pub`), 'utf8');
  };

  it('applies nothing that is not signed by a trusted key, and keeps what is', async () => {
    const [alice, mallory] = [key('alice'), key('mallory')];
    const verify = { verify: { mode: 'HEAD', secretRef: { name: 'signers' } } };
    let trusted = { 'a.sshpub': alice };
    const app = await place.app({
      source: verify,
      more: () => [secret('signers', trusted)],
      wait: false,
    });
    await condition(app, 'SourceVerified', 'False', 'InvalidCommitSignature');
    expect(source(app)).toMatchObject({ ready: 'False', revision: '', notConverged: { code: 'signature-invalid' } });
    expect(await app.get('configmaps/a')).toBeUndefined();

    const first = await sign(app.repo, 'alice');
    app.agent.loop.nudge('GitRepository/flux-system/app');
    await app.agent.reaches((s) => s.lastAppliedRevision === `main@sha1:${first}` && s.converged);
    await condition(app, 'SourceVerified', 'True', 'Succeeded');
    expect(source(app).conditions.find((one) => one.type === 'SourceVerified')?.message).toMatch(
      new RegExp(`^verified signature of\n\t- commit '${first}' with key 'SHA256:`),
    );

    await app.commit({ 'a.yaml': configMap(app.ns, 'a', { v: 'forged' }) });
    const forged = await sign(app.repo, 'mallory');
    app.agent.loop.nudge('GitRepository/flux-system/app');
    await condition(app, 'SourceVerified', 'False', 'InvalidCommitSignature');
    expect(source(app)).toMatchObject({ ready: 'False', revision: `main@sha1:${first}` });
    await app.remove('configmaps/a');
    await until(async () => JSON.stringify(await dataOf(app, 'a')) === '{"v":"1"}');

    // The forger's key becomes trusted: what was refused is taken, and with the key gone it is refused again.
    trusted = { 'a.sshpub': `${alice}${mallory}` };
    app.spec({}, { source: verify });
    await app.agent.reaches((s) => s.lastAppliedRevision === `main@sha1:${forged}` && s.converged);
    trusted = { 'a.sshpub': alice };
    app.spec({}, { source: verify });
    await condition(app, 'SourceVerified', 'False', 'InvalidCommitSignature');
    expect(await dataOf(app, 'a')).toEqual({ v: 'forged' });

    app.spec({}, { source: { verify: { mode: 'Tag', secretRef: { name: 'signers' } } } });
    await condition(app, 'Stalled', 'True', 'InvalidVerificationMode');
    app.spec({}, { source: { verify: { mode: 'HEAD', secretRef: { name: 'nope' } } } });
    await condition(app, 'SourceVerified', 'False', 'VerificationError');
    app.spec({}, { source: {} });
    await condition(app, 'SourceVerified', undefined);
    await condition(app, 'Ready', 'True');
  });

  it('knows after a restart without a network what was verified', async () => {
    const app = await place.app({ wait: false });
    const bob = key('bob');
    const first = await sign(app.repo, 'bob');
    await app.agent.stop();
    const verified = await place.app({
      source: { url: app.repo.url, verify: { secretRef: { name: 'signers' } } },
      more: () => [secret('signers', { 'b.sshpub': bob })],
      wait: false,
    });
    await condition(verified, 'SourceVerified', 'True');
    await place.git.pause();
    await verified.restart();
    await until(() => source(verified).failures > 0);
    expect(source(verified).revision).toBe(`main@sha1:${first}`);
    await condition(verified, 'SourceVerified', 'True');
    await place.git.resume();
  });
});

describe.skipIf(NO_SSHD !== '')(`ssh${NO_SSHD === '' ? '' : `: ${NO_SSHD}`}`, () => {
  it('is a way to a repository', async () => {
    const sshd = await startSshd();
    try {
      const identity = sshd.key({ type: 'ed25519', passphrase: 'open sesame' });
      const repo = await place.git.repo('over-ssh');
      let knownHosts = sshd.knownHosts({ hashed: true });
      const app = await place.app({
        source: { url: sshd.url(repo.dir), secretRef: { name: 'key' } },
        more: () => [secret('key', { identity, known_hosts: knownHosts, password: 'open sesame' })],
        wait: false,
      });
      const one = await repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '1' }) });
      app.agent.loop.nudge('GitRepository/flux-system/app');
      await app.agent.reaches((s) => s.lastAppliedRevision === `main@sha1:${one}` && s.converged);
      expect(JSON.stringify(app.agent.lines)).not.toContain('open sesame');
      knownHosts = '';
      app.spec({}, { source: { url: sshd.url(repo.dir), secretRef: { name: 'key' } } });
      app.agent.loop.nudge('GitRepository/flux-system/app');
      await condition(app, 'Ready', 'False', 'AuthenticationFailed');
      expect(source(app).url).not.toContain(`${sshd.user}@`);
      expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    } finally {
      await sshd.stop();
    }
  });
});
