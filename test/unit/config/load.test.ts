import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, loadPlace, readConfig } from '../../../agent/config/index.ts';
import { DEFAULT_LIMITS, Fault } from '../../../src/model/index.ts';
import { tempDir } from '../../support/temp.ts';

const head = 'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\n';
const least = `${head}cluster: {name: store-1}\n`;
const read = (text: string, env: Record<string, string> = {}) => readConfig(text, '/etc/holdfast/config.yaml', env);
const message = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect((error as Fault).code).toBe('config-invalid');
    expect((error as Fault).message).not.toContain('\n');
    return (error as Fault).message.replace('/etc/holdfast/config.yaml', 'FILE');
  }
  return 'no error';
};

describe('an AgentConfiguration', () => {
  it('needs only the name of the cluster', () => {
    expect(read(least)).toEqual({
      cluster: { name: 'store-1', labels: {} },
      stateDir: '/var/lib/holdfast',
      objects: {
        files: ['/etc/holdfast/objects'],
        cluster: { enabled: false, namespaces: [], labelSelector: '' },
        keepSecrets: true,
      },
      kubeconfig: '',
      kubeconfigFallback: '',
      listen: '127.0.0.1:8080',
      artifacts: { listen: '127.0.0.1:9790', advertise: '' },
      logLevel: 'info',
      fullCheckMs: 6 * 3_600_000,
      proxy: { http: '', https: '', no: [] },
      ssh: { hostKeyAlgorithms: [], kexAlgorithms: [] },
      sources: { fetchScope: 'whole' },
      fetchSchedule: [],
      inbox: { paths: [], intervalMs: 10_000, patienceMs: 60_000, moveAside: true, requireVerify: false },
      decryption: { ageKeyFile: '', keyDir: '' },
      verification: { trustedRootFile: '' },
      sealKeyFile: '',
      pruneGuard: { share: 0.5, minimum: 10 },
      leaderElection: { enabled: false, namespace: 'holdfast', name: 'holdfast', leaseDurationMs: 15_000 },
      tenancy: { noCrossNamespaceRefs: false, defaultServiceAccount: '' },
      workers: 'auto',
      limits: DEFAULT_LIMITS,
    });
  });

  it('may set everything; paths are relative to its file, limits have units', () => {
    const config = read(`${head}
cluster: {name: s, labels: {region: eu, ring: "2"}}
stateDir: ../state
objects: {files: [objects, /srv/objects], cluster: {enabled: true, namespaces: [a]}}
kubeconfig: kube/config
listen: "[::1]:9"
artifacts: {listen: ":9790", advertise: http://holdfast.ns.svc/x/}
logLevel: debug
fullCheckInterval: 0s
proxy: {httpProxy: http://p:1, noProxy: " a, .b.c ,"}
ssh: {hostKeyAlgorithms: [rsa-sha2-512], kexAlgorithms: [curve25519-sha256]}
fetchSchedule: [{source: GitRepository/a/b, cron: "0 2 * * *", timeZone: Europe/Berlin}, {source: GitRepository/a/c, cron: "@daily"}]
pruneGuard: {share: 1, minimum: 0}
leaderElection: {enabled: true, leaseDuration: 1m}
workers: never
inbox: {paths: [./stick, /mnt], interval: 1ms, patience: 2m, moveAside: false, requireVerify: true}
tenancy: {noCrossNamespaceRefs: true, defaultServiceAccount: default, noRemoteBases: true}
limits: {cacheBytes: 64Mi, requestMs: 1m30s, backoffMs: 5, yamlDepth: 7}
`);
    expect(config).toMatchObject({
      cluster: { labels: { ring: '2' } },
      stateDir: '/etc/state',
      objects: { files: ['/etc/holdfast/objects', '/srv/objects'], cluster: { enabled: true, namespaces: ['a'] } },
      kubeconfig: '/etc/holdfast/kube/config',
      artifacts: { listen: ':9790', advertise: 'http://holdfast.ns.svc/x' },
      fullCheckMs: 0,
      proxy: { http: 'http://p:1', no: ['a', '.b.c'] },
      ssh: { hostKeyAlgorithms: ['rsa-sha2-512'], kexAlgorithms: ['curve25519-sha256'] },
      inbox: {
        paths: ['/etc/holdfast/stick', '/mnt'],
        intervalMs: 100,
        patienceMs: 120_000,
        moveAside: false,
        requireVerify: true,
      },
      fetchSchedule: [{ timeZone: 'Europe/Berlin' }, { timeZone: 'UTC' }],
      pruneGuard: { share: 1, minimum: 0 },
      leaderElection: { enabled: true, leaseDurationMs: 60_000 },
      tenancy: { noCrossNamespaceRefs: true, defaultServiceAccount: 'default' },
      limits: { ...DEFAULT_LIMITS, cacheBytes: 64 * 1024 * 1024, requestMs: 90_000, backoffMs: 5, yamlDepth: 7 },
    });
  });

  it('takes proxies and a kubeconfig from the environment where it names none', () => {
    const env = { HTTPS_PROXY: 'http://env:1', no_proxy: 'x', KUBECONFIG: '/k' };
    expect(read(least, env)).toMatchObject({
      proxy: { https: 'http://env:1', no: ['x'] },
      kubeconfig: '',
      kubeconfigFallback: '/k',
    });
    expect(read(`${least}proxy: {httpsProxy: ""}\n`, env).proxy.https).toBe('');
  });

  it('may share its file with objects, but there is one', () => {
    expect(read(`apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\n${least}`).cluster.name).toBe('store-1');
    expect(message(`${least}---\n${least}`)).toBe('FILE:5: a second AgentConfiguration; one file has one');
  });

  it.each([
    ['', 'FILE: no AgentConfiguration in the file'],
    ['- 1\n', 'FILE:1: is not an AgentConfiguration'],
    [head, 'FILE:1: cluster: is required'],
    [`${head}cluster: {}\n`, 'FILE:3: cluster.name: is required'],
    [`${least}stateDirectory: /x\n`, 'FILE:4: stateDirectory: unknown field'],
    [
      `${least}objects:\n  cluster:\n    enable: true\n`,
      'FILE:6: objects.cluster.enable: unknown field: is enabled meant?',
    ],
    [
      `${least}limits: {cacheBytes: 64 MB}\n`,
      'FILE:4: limits.cacheBytes: must be a whole number, or one with Ki, Mi or Gi',
    ],
    [`${least}limits: {yamlDepth: 0}\n`, 'FILE:4: limits.yamlDepth: must be 1 or more'],
    [`${least}limits: {cacheByte: 1}\n`, 'FILE:4: limits.cacheByte: unknown field: is cacheBytes meant?'],
    [`${least}logLevel: loud\n`, 'FILE:4: logLevel: must be one of debug, info, warn, error'],
    ...['/run/a.sock', 'unix:9', 'a', ':70000', '1'].map((listen): [string, string] => [
      `${least}artifacts: {listen: "${listen}"}\n`,
      'FILE:4: artifacts.listen: must be host:port, such as 0.0.0.0:9790',
    ]),
    ...['ftp://a', 'http://', 'http://a/?b', 'http://user:pass@a', 'a'].map((base): [string, string] => [
      `${least}artifacts: {advertise: "${base}"}\n`,
      'FILE:4: artifacts.advertise: must be an http or https URL without query',
    ]),
    [`${least}pruneGuard: {share: 50}\n`, 'FILE:4: pruneGuard.share: must be between 0 and 1'],
    [
      `${least}fetchSchedule:\n- {source: fleet, cron: x}\n`,
      'FILE:5: fetchSchedule[0].source: must be Kind/namespace/name',
    ],
    [
      `${least}logLevel: loud\nlisten: 5\nx: 1\n`,
      'FILE:4: logLevel: must be one of debug, info, warn, error (and 2 more)',
    ],
    ['a: [', 'FILE:1:5: unexpected end of the stream within a flow collection'],
    [`${head.replace('v1alpha1', 'v2')}cluster: {name: s}\n`, 'FILE:1: apiVersion: must be holdfast.dev/v1alpha1'],
  ])('%j is refused in one line', (text, said) => {
    expect(message(text)).toBe(said);
  });
});

describe('the file', () => {
  it('is read with its schedules checked', async () => {
    await using folder = await tempDir('config');
    const file = join(folder.path, 'c.yaml');
    const load = async (more: string): Promise<string> => {
      await writeFile(file, least + more);
      return loadConfig(file, {}).then(
        (config) => config.fetchSchedule.map(({ cron }) => cron).join(),
        (error: unknown) => (error as Error).message.replace(file, 'FILE'),
      );
    };
    expect(
      await load('fetchSchedule: [{source: GitRepository/a/b, cron: "30 2 * * 1-5", timeZone: Europe/Berlin}]\n'),
    ).toBe('30 2 * * 1-5');
    expect(await load('fetchSchedule: [{source: GitRepository/a/b, cron: "61 * * * *"}]\n')).toBe(
      'FILE:4: fetchSchedule[0].cron: "61 * * * *" is not a cron expression',
    );
    expect(
      await load('fetchSchedule: [{source: GitRepository/a/b, cron: "0 * * * *", timeZone: Mars/Base}]\n'),
    ).toContain('FILE:4: fetchSchedule[0].timeZone: "Mars/Base" cannot be used');
  });

  it('that is not there, a folder or too large is named', async () => {
    await using folder = await tempDir('config');
    await expect(loadConfig(join(folder.path, 'x'), {})).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('x: no such file'),
    });
    await expect(loadConfig(folder.path, {})).rejects.toMatchObject({ code: 'config-invalid' });
    const big = join(folder.path, 'big');
    await writeFile(big, Buffer.alloc(DEFAULT_LIMITS.configBytes + 1, 32));
    await expect(loadConfig(big, {})).rejects.toMatchObject({ message: expect.stringContaining('limits.configBytes') });
  });
});

it('where an agent is asked can be read of a file with a mistake elsewhere', async () => {
  await using folder = await tempDir('place');
  const place = async (text: string) => {
    const file = join(folder.path, 'config.yaml');
    await writeFile(file, text);
    return loadPlace(file, {}).then(
      ({ listen, stateDir }) => [listen, stateDir],
      (error: unknown) => (error instanceof Fault ? error.message.replace(folder.path, '') : error),
    );
  };
  const where = 'stateDir: /srv/state\nlisten: 127.0.0.1:9000\n';
  expect(await place(`${least}${where}`)).toEqual(['127.0.0.1:9000', '/srv/state']);
  expect(await place(`${head}cluster: {nam: x}\n${where}lables: {}\n`)).toEqual(['127.0.0.1:9000', '/srv/state']);
  expect(await place(`${least}stateDir: 5\nlisten: x\n`)).toMatch(/config\.yaml:4: stateDir: /);
  expect(await place(`${least}a: [`)).toMatch(/config\.yaml:/);
  expect(await place('kind: Other\n')).toMatch(/config\.yaml:/);
});
