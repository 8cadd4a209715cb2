import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonObject, textAt } from '../../../src/model/index.ts';
import { type ControlPlane, startControlPlane } from '../../controlplane/index.ts';
import { startTestAgent } from '../../support/agent.ts';
import { sopsSecret, type TestKey, testKey } from '../../support/sops.ts';
import { until } from '../../support/until.ts';
import { configMap, git, installDefinitions, isReady, kustomization, messageOf, type Site, startSite } from './site.ts';

const LOGIN = { username: 'site-user', password: 'login-horse-battery' };
const DECRYPTED = 'decrypted-horse-battery';
const FILLED = 'filled-horse-battery';

describe('Secrets that Flux objects name', () => {
  let cluster: ControlPlane;
  let site: Site;
  let key: TestKey;

  beforeAll(async () => {
    cluster = await startControlPlane({ controllerManager: true, audit: true });
    await installDefinitions(cluster);
    key = await testKey();
    const encrypted = await sopsSecret(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'opened' }, stringData: { v: DECRYPTED } },
      key.recipient,
    );
    const secret = (ns: string, name: string, stringData: JsonObject): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: ns, labels: { kept: 'yes' } },
      stringData,
    });
    site = await startSite(cluster, {
      files: (ns) => ({
        'opened/s.yaml': encrypted,
        'filled/c.yaml': configMap(ns, 'filled', { v: '${secret}' }),
      }),
      seeds: (ns, url) => [
        secret(ns, 'login', LOGIN),
        secret(ns, 'sops', { 'k.agekey': key.identity }),
        secret(ns, 'values', { secret: FILLED }),
        git(ns, url, { secretRef: { name: 'login' } }),
        kustomization(
          ns,
          { path: './opened', targetNamespace: ns, decryption: { provider: 'sops', secretRef: { name: 'sops' } } },
          'opened',
        ),
        kustomization(
          ns,
          { path: './filled', postBuild: { substituteFrom: [{ kind: 'Secret', name: 'values' }] } },
          'filled',
        ),
      ],
    });
    site.repo.setAuth({ basic: LOGIN });
    await ready();
  });
  afterAll(async () => {
    await site?.stop();
    await cluster?.stop();
  });

  const ready = async (): Promise<void> => {
    for (const name of ['opened', 'filled']) await site.reaches('Kustomization', isReady, name);
  };
  const valueIn = async (kind: string, name: string, entry: string): Promise<string> => {
    const text = textAt(await site.get(kind, name).catch(() => undefined), 'data', entry) ?? '';
    return kind === 'Secret' ? Buffer.from(text, 'base64').toString('utf8') : text;
  };
  /** Files of the state folder in which a text is, plain or in base64. */
  const showing = (text: string): readonly string[] => {
    const forms = [text, Buffer.from(text).toString('base64').replace(/=+$/, '')];
    const files = readdirSync(site.stateDir, { recursive: true, encoding: 'utf8' });
    return files.filter((file) => {
      const path = join(site.stateDir, file);
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
      const bytes = readFileSync(path, 'latin1');
      return forms.some((form) => bytes.includes(form));
    });
  };
  const nothingShown = (): void => {
    for (const text of [LOGIN.password, key.identity, DECRYPTED, FILLED])
      expect([text, showing(text)]).toEqual([text, []]);
  };
  const lost = async (): Promise<void> => {
    await cluster.wipe();
    await until(async () => (await valueIn('ConfigMap', 'filled', 'v')) === FILLED, { within: 60_000 });
    await until(async () => (await valueIn('Secret', 'opened', 'v')) === DECRYPTED, { within: 60_000 });
    await ready();
    expect(await valueIn('Secret', 'login', 'password')).toBe(LOGIN.password);
    expect(await valueIn('Secret', 'sops', 'k.agekey')).toBe(key.identity);
    expect(await valueIn('Secret', 'values', 'secret')).toBe(FILLED);
    expect((await site.get('Secret', 'login'))?.metadata['labels']).toEqual({ kept: 'yes' });
  };

  it('are nowhere on the disk in plain text', nothingShown);

  it('are sealed with one key, which opens all of it after a restart', async () => {
    site.repo.fault({ status: 503 });
    await site.restart();
    await site.remove('ConfigMap', 'filled');
    await until(async () => (await valueIn('ConfigMap', 'filled', 'v')) === FILLED, { within: 30_000 });
  });

  it('come back with the objects into a cluster that lost its datastore, without a network', async () => {
    site.repo.fault({ status: 503 });
    await lost();
    expect(site.agent.lines.filter(({ msg }) => msg === 'what objects name cannot be read from disk')).toEqual([]);
    nothingShown();
    site.repo.fault();
    const sha = await site.repo.commit({ 'filled/c.yaml': configMap(site.ns, 'filled', { v: 'new ${secret}' }) });
    await site.reconcile('GitRepository');
    await site.reaches(
      'Kustomization',
      (one) => textAt(one['status'], 'lastAppliedRevision') === `main@sha1:${sha}`,
      'filled',
    );
    expect(await valueIn('ConfigMap', 'filled', 'v')).toBe(`new ${FILLED}`);
    await site.repo.commit({ 'filled/c.yaml': configMap(site.ns, 'filled', { v: '${secret}' }) });
    await site.reconcile('GitRepository');
    await until(async () => (await valueIn('ConfigMap', 'filled', 'v')) === FILLED);
    nothingShown();
  });

  it('that somebody deleted do not come back, and are off the disk', async () => {
    await site.remove('Secret', 'values');
    await site.reconcile('Kustomization', 'filled');
    await site.reaches('Kustomization', (one) => messageOf(one).includes('secrets "values" not found'), 'filled');
    await until(() => !readdirSync(join(site.stateDir, 'secrets')).some((name) => name.includes('values')));
  });

  it('are off the disk once they are not to be kept', async () => {
    const kept = (): readonly string[] => readdirSync(join(site.stateDir, 'secrets'));
    expect(kept().length).toBeGreaterThan(0);
    await site.agent.stop();
    const { kubeconfig } = site.agent.options;
    site.agent = await startTestAgent({ stateDir: site.stateDir, kubeconfig, objects: '', keepSecrets: false });
    expect(kept()).toEqual([]);
  });
});
