import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { appObjects } from '../../support/agent.ts';
import { startProcess } from '../../support/process.ts';
import { sopsEncrypt, sopsSecret, type TestKey, testKey } from '../../support/sops.ts';
import { storedBytes } from '../../support/stored.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, manifest, type Place, startPlace } from './app.ts';

const PASSWORD = 'correct-horse-battery';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const DECRYPTION = { decryption: { provider: 'sops', secretRef: { name: 'keys' } } };

let place: Place;
let key: TestKey;
let other: TestKey;

beforeAll(async () => {
  place = await startPlace();
  [key, other] = await Promise.all([testKey(), testKey()]);
});
afterAll(() => place.stop());

const secret = (ns: string, name: string, password: string, ...to: readonly TestKey[]): Promise<string> =>
  sopsSecret(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: ns }, stringData: { password } },
    ...to.map((one) => one.recipient),
  );

/** The Secret with keys, beside the Flux objects. */
const keys = (...identities: readonly TestKey[]): string =>
  manifest(
    'v1',
    'Secret',
    { name: 'keys', namespace: 'flux-system' },
    {
      stringData: { 'a.agekey': identities.map((one) => one.identity).join('\n') },
    },
  );

const passwordOf = async (app: App, name = 'token'): Promise<string> => {
  const data = (await app.get(`secrets/${name}`))?.['data'] as JsonObject | undefined;
  return Buffer.from(String(data?.['password'] ?? ''), 'base64').toString('utf8');
};

/** Nothing of these is in the state folder, in the log or in the status. */
function expectHidden(app: App): void {
  const shown = `${JSON.stringify(app.agent.lines)}${JSON.stringify(app.agent.loop.status())}`;
  const stored = storedBytes(app.stateDir);
  expect(stored.includes('holdfast-sealed1')).toBe(true);
  // What is plain is found, so what is not found is not there.
  expect(stored.includes('"name":"a"')).toBe(true);
  for (const hidden of [PASSWORD, base64(PASSWORD), key.identity, base64(key.identity), other.identity]) {
    expect(stored.includes(hidden)).toBe(false);
    expect(shown).not.toContain(hidden);
  }
}

/** An app with one encrypted Secret and one plain ConfigMap. */
const started = async (
  more: readonly string[] = [keys(key)],
  extra: Parameters<Place['app']>[0] = {},
): Promise<App> => {
  const app = await place.app({ spec: DECRYPTION, more: () => more, ...extra });
  await app.applied({ 's.yaml': await secret(app.ns, 'token', PASSWORD, key) });
  return app;
};

describe.concurrent('an encrypted Secret', () => {
  it('is applied and kept, and nothing of it is on the disk, in the log or in the status', async () => {
    const app = await started();
    expect(await passwordOf(app)).toBe(PASSWORD);
    await app.patch('secrets/token', { stringData: { password: 'by hand' } });
    await until(async () => (await passwordOf(app)) === PASSWORD);
    await app.remove('secrets/token');
    await until(async () => (await passwordOf(app)) === PASSWORD);
    expectHidden(app);
  });

  it('that was encrypted anew with the same content is not applied again; a commit without it prunes it', async () => {
    const app = await started();
    const before = (await app.get('secrets/token'))?.metadata['resourceVersion'];
    await app.applied({ 's.yaml': await secret(app.ns, 'token', PASSWORD, other, key) });
    expect((await app.get('secrets/token'))?.metadata['resourceVersion']).toBe(before);
    await app.applied({ 's.yaml': null });
    expect(await app.get('secrets/token')).toBeUndefined();
    expectHidden(app);
  });

  it('is decrypted by a child of the real program, which is given the keys over its pipe', async () => {
    const ns = await place.cluster.namespace('app');
    const repo = await place.git.repo(ns);
    const commit = await repo.commit({ 's.yaml': await secret(ns, 'token', PASSWORD, key) });
    const dir = await tempDir('sops-process');
    const spec = 'decryption: { provider: sops, secretRef: { name: keys } }';
    const objects = `${appObjects({ url: repo.url, spec })}---\n${keys(key)}`;
    const kubeconfig = place.cluster.kubeconfigFile();
    const agent = await startProcess({
      dir: dir.path,
      kubeconfig: await kubeconfig,
      objects,
      config: 'workers: always\n',
    });
    const password = async (): Promise<string> => {
      const data = (await place.cluster.get(`/api/v1/namespaces/${ns}/secrets/token`))?.['data'] as
        | JsonObject
        | undefined;
      return String(data?.['password'] ?? '');
    };
    await until(async () => (await password()) === base64(PASSWORD), { within: 30_000 });
    await until(async () => (await agent.status()).kustomizations[0]?.lastAppliedRevision === `main@sha1:${commit}`);
    const shown = JSON.stringify(await agent.status()) + agent.log();
    await agent.stop();
    const stored = storedBytes(join(dir.path, 'state'));
    expect(stored.includes('holdfast-sealed1')).toBe(true);
    for (const hidden of [PASSWORD, base64(PASSWORD), key.identity]) {
      expect(stored.includes(hidden)).toBe(false);
      expect(shown).not.toContain(hidden);
    }
    await dir.remove();
  });

  it('waits for its key: a wrong one fails the build, a missing one too; the right one is taken at once', async () => {
    const app = await started();
    const text = await secret(app.ns, 'second', PASSWORD, other);
    await app.commit({ 'second.yaml': text, 'b.yaml': configMap(app.ns, 'b', { v: '1' }) });
    const failed = await app.reason(/BuildFailed: .*cannot get sops data key/);
    expect(failed.notConverged?.code).toBe('decryption-failed');
    expect(failed.notConverged?.message).toContain(other.recipient);
    expect(await app.get('configmaps/b')).toBeUndefined();
    app.spec(DECRYPTION, { more: [] });
    await app.reason(/BuildFailed: .*secrets "keys" not found/);
    app.spec(DECRYPTION, { more: [keys(key, other)] });
    await app.agent.reaches((s) => s.converged && s.objects.total === 4);
    expect(await passwordOf(app, 'second')).toBe(PASSWORD);
    expectHidden(app);
  });

  it('whose key is gone stays as it is; it is not healed, all else is, and nothing is deleted', async () => {
    const app = await started();
    app.spec(DECRYPTION, { more: [] });
    await app.reason(/secrets "keys" not found/);
    await app.patch('secrets/token', { stringData: { password: 'by hand' } });
    const { message } = (await app.reason(/decrypted object cannot be opened|not found/)).notConverged ?? {};
    expect(message).toContain('keys');
    await app.remove('configmaps/a');
    await until(async () => (await app.get('configmaps/a')) !== undefined);
    expect(await passwordOf(app)).toBe('by hand');
    app.spec(DECRYPTION, { more: [keys(other, key)] });
    await until(async () => (await passwordOf(app)) === PASSWORD);
    await app.agent.reaches((s) => s.converged);
    expectHidden(app);
  });

  it('that was changed after it was encrypted is refused by its MAC, and its last good state stays', async () => {
    const app = await started();
    const good = await secret(app.ns, 'token', 'another-password', key);
    await app.commit({ 's.yaml': good.replace('"token"', '"stolen"') });
    const { message } = (await app.reason(/BuildFailed: .*MAC does not match/)).notConverged ?? {};
    expect(message).toContain('s.yaml');
    expect(await app.get('secrets/stolen')).toBeUndefined();
    expect(await passwordOf(app)).toBe(PASSWORD);
    await app.applied({ 's.yaml': good });
    expect(await passwordOf(app)).toBe('another-password');
  });

  it('is refused by the API server without a word of what is in it', async () => {
    const app = await started();
    const name = 'web';
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: app.ns },
      spec: { type: PASSWORD, ports: [{ port: 80 }] },
    };
    const { documents } = await sopsEncrypt([service], [key.recipient], { encrypted_regex: '^type$' });
    await app.commit({ 'web.json.yaml': JSON.stringify(documents[0]) });
    const { message } = (await app.reason(/Service/)).notConverged ?? {};
    expect(message).toContain('<redacted>');
    expectHidden(app);
  });

  it('is opened by the key file of the agent where no Secret is named', async () => {
    const dir = await tempDir('sops-keys');
    const file = join(dir.path, 'age.txt');
    writeFileSync(file, `${key.identity}\n`);
    const app = await place.app({ spec: { decryption: { provider: 'sops' } }, keys: { ageKeyFile: file, keyDir: '' } });
    await app.applied({ 's.yaml': await secret(app.ns, 'token', PASSWORD, key) });
    expect(await passwordOf(app)).toBe(PASSWORD);
    writeFileSync(file, `${other.identity}\n`);
    await app.commit({ 'b.yaml': configMap(app.ns, 'b', { v: '1' }) });
    await app.reason(/cannot get sops data key: decryption\.ageKeyFile/);
    await dir.remove();
    await app.commit({ 'c.yaml': configMap(app.ns, 'c', { v: '1' }) });
    await app.reason(/the keys for decryption cannot be read \(ENOENT\)/);
    expectHidden(app);
  });
});

describe('with the link cut, an encrypted Secret', () => {
  it('is kept after a restart without the Git server', async () => {
    const app = await started();
    await place.git.pause();
    await app.agent.stop();
    await app.patch('secrets/token', { stringData: { password: 'by hand' } });
    await app.restart();
    await until(async () => (await passwordOf(app)) === PASSWORD);
    expectHidden(app);
  });
});
