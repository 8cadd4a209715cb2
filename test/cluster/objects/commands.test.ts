import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dispatch } from '../../../agent/cli/index.ts';
import { type JsonObject, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { configMap, git, installDefinitions, isReady, kustomization, type Site, startSite } from './site.ts';

const secret = (ns: string, password: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: ns },
    stringData: { password },
  });

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('commands on objects of the cluster', () => {
  let cluster: ClusterAccess;
  let site: Site;
  let dir: TempDir;
  let kubeconfig = '';

  /** Runs a command as a person does in the namespace of the site. */
  async function holdfast(argv: readonly string[], more: { readonly signal?: AbortSignal } = {}): Promise<Said> {
    const said = { out: '', err: '' };
    const code = await dispatch(argv, {
      stdout: (text) => {
        said.out += text;
      },
      stderr: (text) => {
        said.err += text;
      },
      env: { KUBECONFIG: kubeconfig, FLUX_SYSTEM_NAMESPACE: site.ns },
      ...more,
    });
    return { code, ...said };
  }
  const words = (text: string): string => text.replace(/ +/g, ' ');
  const short = async (): Promise<string> => `main@sha1:${(await site.repo.head()).slice(0, 8)}`;

  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
    kubeconfig = cluster.kubeconfigFile();
  });
  beforeEach(async () => {
    dir = await tempDir('commands');
    site = await startSite(cluster, {
      seeds: (ns, url) => [
        git(ns, url),
        kustomization(ns, { path: './app', postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] } }),
        kustomization(ns, { path: './none' }, 'broken'),
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vars', namespace: ns }, data: { which: 'this' } },
      ],
      files: (ns) => ({
        'app/a.yaml': configMap(ns, 'a', { v: 'one' }),
        'app/b.yaml': configMap(ns, 'b', { v: '${which:=none}' }),
        'app/s.yaml': secret(ns, 'hunter2'),
      }),
    });
    await site.reaches('Kustomization', isReady);
    await site.reaches('Kustomization', (one) => one['status'] !== undefined, 'broken');
  });
  afterEach(async () => {
    await site.stop();
    await dir.remove();
  });
  afterAll(() => cluster.stop());

  it('get: tables, one object, formats, and what is not there', async () => {
    const table = await holdfast(['get', 'kustomizations']);
    expect([table.code, table.err]).toEqual([0, '']);
    expect(words(table.out)).toContain(
      `NAME REVISION SUSPENDED READY MESSAGE\napp ${await short()} False True Applied rev`,
    );
    expect(words(table.out)).toMatch(/\nbroken False False kustomization path not found/);
    expect(words((await holdfast(['get', 'all', '-A'])).out)).toContain(
      `${site.ns} gitrepository/app ${await short()} False True`,
    );
    expect((await holdfast(['get', 'ks', '--status-selector', 'ready=false', '--no-header'])).out).toMatch(
      /^broken .*\n$/,
    );
    const one = JSON.parse((await holdfast(['get', 'source', 'git', 'app', '-o', 'json'])).out) as JsonObject;
    expect(one).toMatchObject({ kind: 'GitRepository', metadata: { name: 'app', namespace: site.ns } });
    expect(textAt(one, 'metadata', 'managedFields')).toBeUndefined();
    expect(load((await holdfast(['get', 'ks', '-o', 'yaml'])).out)).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'app' } }, { metadata: { name: 'broken' } }],
    });
    const missing = await holdfast(['get', 'ks', 'nope']);
    expect(missing).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(`Kustomization object 'nope' not found`),
    });
    expect((await holdfast(['get', 'sources', 'bucket'])).code).toBe(1);
  });

  it('get --watch: a row for what changes, until it is stopped', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const done = dispatch(['get', 'ks', '-n', site.ns, '--watch'], {
      stdout: (text) => void lines.push(words(text)),
      stderr: () => undefined,
      env: { KUBECONFIG: kubeconfig },
      signal: stop.signal,
    });
    await until(() => lines.length === 3);
    await site.patch('Kustomization', 'broken', { metadata: { labels: { any: 'thing' } } });
    await site.patch('Kustomization', 'app', { spec: { suspend: true } });
    await until(() => lines.some((line) => line.startsWith(`app main@sha1:`) && line.includes(' True True ')));
    stop.abort();
    expect(await done).toBe(0);
    expect(lines.filter((line) => line.startsWith('broken '))).toHaveLength(1);
  });

  it('reconcile: waits for what it asked for, also for the source before, and fails with what failed', async () => {
    await site.repo.commit({ 'app/a.yaml': configMap(site.ns, 'a', { v: 'two' }) });
    const said = await holdfast(['reconcile', 'kustomization', 'app', '--with-source']);
    const revision = `main@sha1:${await site.repo.head()}`;
    expect([said.code, said.out]).toEqual([0, '']);
    expect(said.err).toMatch(new RegExp(`fetched revision ${revision}[\\s\\S]*applied revision ${revision}`));
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('two');
    expect(await holdfast(['reconcile', 'ks', 'broken'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('✗ Kustomization reconciliation failed: kustomization path not found'),
    });
    expect((await holdfast(['reconcile', 'ks', 'nope'])).err).toContain('not found');
    await site.agent.stop();
    expect(await holdfast(['reconcile', 'ks', 'app', '--timeout', '1s'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('did not become ready within 1s: no agent has taken the request'),
    });
  });

  it('suspend and resume: nothing happens between, everything after, and each missing one is told', async () => {
    const suspended = await holdfast(['suspend', 'ks', 'app', 'nope']);
    expect(suspended.code).toBe(1);
    expect(suspended.err).toMatch(/✔ kustomization suspended[\s\S]*✗ suspending kustomization nope/);
    expect((await holdfast(['reconcile', 'ks', 'app'])).err).toContain('is suspended');
    expect((await holdfast(['why', 'ks/app'])).out).toContain(`-> holdfast resume kustomization app -n ${site.ns}`);
    await site.repo.commit({ 'app/a.yaml': configMap(site.ns, 'a', { v: 'three' }) });
    expect((await holdfast(['reconcile', 'source', 'git', 'app'])).code).toBe(0);
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('one');
    const resumed = await holdfast(['resume', 'ks', 'app']);
    expect([resumed.code, resumed.err]).toEqual([
      0,
      expect.stringContaining(`applied revision main@sha1:${await site.repo.head()}`),
    ]);
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('three');
    expect((await holdfast(['suspend', 'source', 'git', '--all'])).code).toBe(0);
    expect(words((await holdfast(['get', 'sources', 'git'])).out)).toMatch(/app \S+ True True/);
    expect(await holdfast(['resume', 'source', 'git', '--all'])).toMatchObject({
      code: 0,
      err: expect.not.stringContaining('◎'),
    });
  });

  it('events: of an object and its source, by type', async () => {
    await until(async () => (await holdfast(['events', '--for', 'ks/app'])).out.includes('ReconciliationSucceeded'));
    const text = words((await holdfast(['events', '--for', 'Kustomization/app'])).out);
    expect(text).toMatch(/^LAST SEEN TYPE REASON OBJECT MESSAGE\n/);
    expect(text).toMatch(/Normal NewArtifact GitRepository\/app stored artifact/);
    expect(text).not.toContain('Kustomization/broken');
    const warnings = await until(async () => {
      const said = words((await holdfast(['events', '--types', 'warning'])).out);
      return said.includes('Kustomization/broken') ? said : undefined;
    });
    expect(warnings).not.toContain('Kustomization/app ');
    expect((await holdfast(['events', '--for', 'ks/nope'])).code).toBe(1);
  });

  it('why: one reason and what to do, and of any object who keeps it and who wrote to it', async () => {
    const broken = await holdfast(['why', 'ks/broken']);
    expect([broken.code, broken.out]).toEqual([0, expect.stringContaining('is not converged: ArtifactFailed\n')]);
    expect(broken.out).toContain('-> spec.path names a folder that the source does not have.');
    expect((await holdfast(['why', 'ks/app'])).out).toContain('is converged: main@sha1:');
    const json = JSON.parse((await holdfast(['why', 'gitrepo/app', '-o', 'json'])).out) as JsonObject;
    expect(json).toMatchObject({ state: 'converged', subject: `GitRepository ${site.ns}/app` });
    await site.patch('ConfigMap', 'a', { data: { more: 'x' } });
    const kept = (await holdfast(['why', 'cm/a', '-n', site.ns])).out;
    expect(kept).toContain(`is kept by Kustomization ${site.ns}/app, from GitRepository/${site.ns}/app at main@sha1:`);
    expect(kept).toMatch(/written last by (?!kustomize-controller)\S+ \(Update\)/);
    await site.patch('ConfigMap', 'a', {
      metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } },
    });
    expect((await holdfast(['why', 'cm/a', '-n', site.ns])).out).toContain('but is left alone: annotation');
    expect((await holdfast(['why', 'configmap/vars', '-n', site.ns])).out).toContain(
      'carries no labels of a Kustomization',
    );
    expect(await holdfast(['why', 'cm/nope', '-n', site.ns])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no Kustomization has it in its inventory'),
    });
  });

  it('diff: what is created, drifts and goes, field by field, and no value of a Secret', async () => {
    const folder = join(dir.path, 'app');
    mkdirSync(folder);
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    put('a.yaml', configMap(site.ns, 'a', { v: 'one' }));
    put('b.yaml', configMap(site.ns, 'b', { v: '${which:=none}' }));
    put('s.yaml', secret(site.ns, 'hunter2'));
    expect(await holdfast(['diff', 'kustomization', 'app', '--path', folder])).toEqual({ code: 0, out: '', err: '' });
    put('a.yaml', configMap(site.ns, 'a', { v: 'two' }));
    put('b.yaml', configMap('fresh', 'new', {}));
    put('n.yaml', JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh' } }));
    put('s.yaml', secret(site.ns, 'topsecret'));
    const { code, out, err } = await holdfast(['diff', 'ks', 'app', '--path', folder]);
    expect([code, err]).toEqual([1, '']);
    expect(out).toContain(`► ConfigMap/${site.ns}/a drifted\n  data.v\n    - one\n    + two\n`);
    for (const line of [`ConfigMap/fresh/new created`, 'Namespace/fresh created', `ConfigMap/${site.ns}/b deleted`])
      expect(out).toContain(`► ${line}\n`);
    expect(out).toContain('data.password\n    - ***** (before)\n    + ***** (after)\n');
    expect(out).not.toMatch(/hunter2|topsecret|aHVudGVy|dG9wc2Vj/);
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('one');
    put(
      'bad.yaml',
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'X Y', namespace: site.ns } }),
    );
    expect(await holdfast(['diff', 'ks', 'app', '--path', folder])).toMatchObject({
      code: 2,
      err: expect.stringContaining('X Y'),
    });
  });

  it('diff: what is left alone, cannot be changed, is encrypted, or waits for what is made before it', async () => {
    const folder = join(dir.path, 'app');
    mkdirSync(folder);
    const put = (name: string, object: JsonObject): void => writeFileSync(join(folder, name), JSON.stringify(object));
    const of = (kind: string, name: string, fields: JsonObject, metadata: JsonObject = {}): JsonObject => ({
      apiVersion: 'v1',
      kind,
      metadata: { name, namespace: site.ns, ...metadata },
      ...fields,
    });
    const asks = (key: string, value: string): JsonObject => ({
      annotations: { [`kustomize.toolkit.fluxcd.io/${key}`]: value },
    });
    const live = (object: JsonObject) => site.apply(object);
    await live(of('ConfigMap', 'fixed', { data: { v: '1' }, immutable: true }));
    await live(of('ConfigMap', 'forced', { data: { v: '1' }, immutable: true }));
    await live(of('ConfigMap', 'once', { data: { v: '1' } }));
    await live(of('ConfigMap', 'shared', { data: { v: '1', w: '1' } }));
    await live(of('Secret', 'sealed', { stringData: { a: 'x', b: 'x' } }));
    put('fixed.yaml', of('ConfigMap', 'fixed', { data: { v: '2' }, immutable: true }));
    put('forced.yaml', of('ConfigMap', 'forced', { data: { v: '2' }, immutable: true }, asks('force', 'enabled')));
    put('once.yaml', of('ConfigMap', 'once', { data: { v: '2' } }, asks('ssa', 'IfNotPresent')));
    put('off.yaml', of('ConfigMap', 'off', {}, asks('reconcile', 'disabled')));
    put('shared.yaml', of('ConfigMap', 'shared', { data: { v: '2', w: '2' } }));
    put('sealed.yaml', of('Secret', 'sealed', { stringData: { a: 'ENC[x]', c: 'ENC[x]' }, sops: { mac: 'ENC[x]' } }));
    const names = { kind: 'Lamp', plural: 'lamps', singular: 'lamp', listKind: 'LampList' };
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    put('crd.yaml', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'lamps.commands.example' },
      spec: {
        group: 'commands.example',
        names,
        scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    put('lamp.yaml', { ...of('Lamp', 'one', {}), apiVersion: 'commands.example/v1' });
    await site.patch('Kustomization', 'app', {
      spec: { prune: false, ignore: [{ paths: ['/data/w'], target: { kind: 'ConfigMap' } }] },
    });
    const { code, out, err } = await holdfast(['diff', 'ks', 'app', '--path', folder]);
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(`^✗ ConfigMap/${site.ns}/fixed: .*immutable.*\n$`));
    const said = (name: string): string => out.split('► ').find((part) => part.includes(`/${name} `)) ?? '';
    expect(said('forced')).toContain('drifted (made anew: it cannot be changed in place)');
    expect(said('once')).toContain('skipped (ssa: IfNotPresent, and it exists)');
    expect(said('off')).toContain('skipped (reconcile: disabled)');
    expect(said('shared')).toContain('data.v\n    - "1"\n    + "2"');
    expect(said('shared')).not.toContain('data.w');
    expect(said('sealed')).toContain(
      'drifted (encrypted: only names are compared)\n  data.b\n    - *****\n  data.c\n    + *****\n',
    );
    expect(out).toContain(`► Lamp/${site.ns}/one created\n`);
    expect(out).toContain('► CustomResourceDefinition/lamps.commands.example created\n');
  });

  it('diff --config: of what the agent has on disk, with what its files declare', async () => {
    const objects = join(dir.path, 'objects');
    const config = join(dir.path, 'config.yaml');
    mkdirSync(objects);
    const declare = (spec: JsonObject): void => {
      const one = kustomization(site.ns, { path: './app', ...spec });
      writeFileSync(
        join(objects, 'all.yaml'),
        `${JSON.stringify(git(site.ns, site.repo.url))}\n---\n${JSON.stringify(one)}\n`,
      );
    };
    writeFileSync(
      config,
      `apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: test }\nstateDir: ${site.stateDir}\nkubeconfig: ${kubeconfig}\nobjects: { files: [${objects}] }\n`,
    );
    declare({ postBuild: { substitute: { which: 'this' } } });
    expect(await holdfast(['diff', 'ks', 'app', '--config', config])).toEqual({ code: 0, out: '', err: '' });
    declare({ postBuild: { substitute: { which: 'that' } } });
    const { code, out } = await holdfast(['diff', 'ks', 'app', '--config', config]);
    expect([code, out]).toEqual([1, `► ConfigMap/${site.ns}/b drifted\n  data.v\n    - this\n    + that\n\n`]);
  });

  it('take the context of a kubeconfig by --context', async () => {
    const good = load(cluster.kubeconfig()) as { clusters: JsonObject[]; contexts: JsonObject[]; users: JsonObject[] };
    const dead = { name: 'dead', cluster: { server: 'https://127.0.0.1:1' } };
    const [context] = good.contexts;
    const file = join(dir.path, 'two.yaml');
    const two = {
      ...good,
      clusters: [...good.clusters, dead],
      contexts: [
        { ...context, name: 'alive' },
        { name: 'dead', context: { ...(context?.['context'] as JsonObject), cluster: 'dead' } },
      ],
      'current-context': 'dead',
    };
    writeFileSync(file, JSON.stringify(two));
    const get = ['get', 'ks', 'app', '--kubeconfig', file];
    expect((await holdfast([...get, '--context', 'alive'])).code).toBe(0);
    expect(await holdfast([...get, '--timeout', '5s'])).toMatchObject({ code: 1, out: '' });
    expect((await holdfast([...get, '--context', 'none'])).err).toContain('no context "none"');
  });
});
