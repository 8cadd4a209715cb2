import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putBeside } from '../../../scripts/bundle/beside.ts';
import { oneByte, PACKED, packed, packedData, ROOMS } from '../../../scripts/bundle/packed.ts';
import { slim } from '../../../scripts/bundle/plugin.ts';
import { fluxDefinitions } from '../../../src/flux/crds/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Made for this test; protects nothing. */
const AGE_KEY = 'AGE-SECRET-KEY-1J4EV2QHU3LHHR7DUQTRYZA6J6KL4NK5DLEMTQ67G2QL4CWWQ3RGQ39GRH5';
const AGE_FILE = [
  '-----BEGIN AGE ENCRYPTED FILE-----',
  'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA3U2prQ0NPRUc4WkxMWFJX',
  'cUJIeWEyL055MzFYYXI2eVo5SzZuaHdXamlZClQweHg5ZHBRQVYxQk5wak5mQjc0',
  'S0tlczdZUkRoTHEzSUQwaGl0a0VCVTAKLS0tIFJuNGI1dmtlclB3SnE2bnNvb0Jp',
  'ZzRpTmlTQUQzeU0wZ3ZwdEw5aEdsR1kKrjbDRJolnJx6ewYZR3In6/IQ9rLlZr31',
  'eEumgHEE+CHxjRZLf9M=',
  '-----END AGE ENCRYPTED FILE-----',
].join('\n');

/** Every library that the bundle treats in its own way, used as the product would, by one line of JSON. */
const ENTRY = `
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { pino } from 'pino';
const kube = (cluster: object, user: object) => {
  const kc = new KubeConfig();
  kc.loadFromString(JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'a', user: 'u' } }],
    clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1', ...cluster } }], users: [{ name: 'u', user }] }));
  return kc;
};
const agentOf = async (cluster: object, user: object = { token: 'x' }) => {
  const options: Record<string, any> = {};
  await kube(cluster, user).applyToHTTPSOptions(options as never);
  return options;
};
const failure = async (act: () => unknown) => { try { await act(); return 'no failure'; } catch (error) { return String(error); } };
async function main() {
  const plain = await agentOf({});
  const { default: git } = await import('isomorphic-git');
  const cron = await import('node-cron');
  const ssh = await import('../agent/adapters/ssh/connect.ts');
  const trust = await import('./trust/index.ts');
  const { compileCondition } = await import('./cel/index.ts');
  const { build, toYaml } = await import('./render/kustomize/index.ts');
  const { Fault } = await import('./model/index.ts');
  const people = await import('../agent/cli/kube/index.ts');
  const told: string[] = [];
  const io = { stdout: () => undefined, stderr: (text: string) => told.push(text), env: {} };
  const { fluxDefinitions } = await import('./flux/crds/index.ts');
  const empty = { root: 'x', stat: () => undefined, list: () => undefined, read: () => undefined } as never;
  const fault = await (async () => build(empty, '.'))().catch((error: unknown) => error);
  const lines: string[] = [];
  pino({ base: null, timestamp: false }, { write: (line: string) => lines.push(line) }).info('x');
  return {
    bearer: plain.headers.Authorization,
    socks: (await agentOf({ 'proxy-url': 'socks5://127.0.0.1:9' })).agent.proxy?.type,
    proxy: String((await agentOf({ 'proxy-url': 'http://127.0.0.1:9' })).agent.proxy),
    oidc: await failure(() => agentOf({}, { 'auth-provider': { name: 'oidc', config: { 'id-token': 'eyJhIjoxfSAg.eyJleHAiOjF9.c2ln', 'client-id': 'i', 'client-secret': 's', 'refresh-token': 'r', 'idp-issuer-url': 'https://127.0.0.1:1/' } } })),
    git: [typeof git.fetch, typeof git.indexPack],
    cron: [cron.validate('0 2 * * *'), cron.validate('nope')],
    ssh: await failure(() => ssh.openSsh({ host: 'h', port: 1, user: 'u', command: '', env: {}, totalMs: 1000, idleMs: 1000, auth: { identity: 'no key', passphrase: '', knownHosts: '' } }, { settings: { hostKeyAlgorithms: [], kexAlgorithms: [] }, keys: new Map() })),
    trust: await failure(() => trust.verifyRevision({ commit: { id: 'c', bytes: Buffer.from('x') } }, { ssh: [], pgp: [] }, { mode: 'Tag', now: 0, pgp: trust.verifyPgp })),
    pgp: await (async () => { const pgp = await import('openpgp'); return [typeof pgp.readKeys, typeof pgp.verify, typeof pgp.readSignature]; })(),
    pino: lines,
    cel: compileCondition("size(a) > 1 && a.matches('x+$')", { expressionChars: 99, expressionSteps: 999 }).holds({ a: 'yxx' }),
    age: await (async () => {
      const { keyRing } = await import('./sops/index.ts');
      const ring = keyRing({ name: 'keys', entries: [['a.agekey', Buffer.from(${JSON.stringify(AGE_KEY)})]] });
      return Buffer.from((await ring.unwrap('age', ${JSON.stringify(AGE_FILE)})) ?? []).toString();
    })(),
    kustomize: [typeof toYaml, fault instanceof Fault ? fault.code : String(fault)],
    definitions: fluxDefinitions(),
    people: [await people.get.run(['ks', '--kubeconfig', '/nowhere'], io), await people.diff.run(['ks', 'a', '--path', '.', '--kubeconfig', '/nowhere'], io), ...told],
    client: await failure(() => kube({}, {}).makeApiClient(class {} as never)),
  };
}
main().then((out) => process.stdout.write(JSON.stringify(out)), (error) => { process.stderr.write(String(error.stack)); process.exit(1); });
`;

let dir = '';
let out: Record<string, unknown> = {};
let text = '';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hf-bundle-'));
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents: ENTRY, loader: 'ts', resolveDir: join(root, 'src') },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    minify: true,
    banner: { js: 'const __holdfastUrl=require("node:url").pathToFileURL(__filename).href;' },
    define: { 'import.meta.url': '__holdfastUrl' },
    plugins: [packed([slim]), packedData, slim],
  });
  text = oneByte(outputFiles[0]?.text ?? '');
  const path = join(dir, 'bundle.cjs');
  writeFileSync(path, text);
  putBeside(dir);
  const done = spawnSync(process.execPath, [path], { encoding: 'utf8', cwd: dir, timeout: 20_000 });
  expect(done.stderr).toBe('');
  out = JSON.parse(done.stdout);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the bundle', () => {
  it('runs away from node_modules, and reads kubeconfigs', () => {
    expect(out['bearer']).toBe('Bearer x');
  });

  it('loads proxies and OIDC when a kubeconfig asks for them', () => {
    expect(out['proxy']).toContain('127.0.0.1:9');
    expect(out['socks']).toBe(5);
    // openid-client's own words: it was reached (and refuses what client-node 2.0 hands it).
    expect(out['oidc']).toContain('"server" must be an instance of URL');
  });

  it('runs the packed libraries', () => {
    expect(out['git']).toEqual(['function', 'function']);
    expect(out['cron']).toEqual([true, false]);
    expect(out['ssh']).toContain('ssh: no key found');
    expect(out['trust']).toContain('cannot verify tag object');
    expect(out['pgp']).toEqual(['function', 'function', 'function']);
  });

  it('opens age files, with a library that the other packed rooms do not load', () => {
    expect(out['age']).toBe('opened');
    expect(text.split('age-encryption.packed.cjs').length).toBe(2);
  });

  it('runs packed rooms, whose Faults are those of the rest', () => {
    expect(out['kustomize']).toEqual(['function', 'build-failed']);
    expect(out['cel']).toBe(true);
  });

  it('runs packed commands, which take all else from the rest', () => {
    const why = 'kubeconfig /nowhere cannot be read: ENOENT';
    const told = ['get', 'diff'].map((name) => expect.stringContaining(`holdfast ${name}: ${why}`));
    expect(out['people']).toEqual([1, 2, ...told]);
    expect(text).not.toContain('is kept by Kustomization');
  });

  it('carries the definitions of the Flux kinds, and reads them when asked', () => {
    expect(out['definitions']).toEqual(fluxDefinitions());
    expect(text).not.toContain('openAPIV3Schema');
  });

  it('logs without transports', () => {
    expect(out['pino']).toEqual(['{"level":30,"msg":"x"}\n']);
  });

  it("says so when client-node's own client is used", () => {
    expect(out['client']).toContain('is not part of Holdfast');
  });

  it('is one byte a character, and carries packed libraries once and unread', () => {
    expect(Buffer.byteLength(text)).toBe(text.length);
    expect(text).not.toContain('Unable to parse pack');
    expect(text).not.toContain('accumulating resources');
    for (const name of [...PACKED, ...Object.keys(ROOMS)]) expect(text.split(`"${name}.packed.cjs"`).length).toBe(2);
  });
});
