import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, textAt } from '../../../src/model/index.ts';
import { findFlux, runFlux, type Said } from '../../fluxcli/index.ts';
import { until } from '../../support/until.ts';
import { configMap } from '../agent/app.ts';
import { applied, type FluxPlace, gitRepository, isReady, kustomization, namespace, startFluxPlace } from './place.ts';

const FLUX = await findFlux();

let place: FluxPlace;
let repo: Awaited<ReturnType<FluxPlace['git']['repo']>>;
let kubeconfig = '';

const flux = (...args: readonly string[]): Promise<Said> => runFlux(FLUX, kubeconfig, args);

/** The same, and it must go well. */
async function ok(...args: readonly string[]): Promise<string> {
  const { code, text } = await flux(...args);
  expect(`${code} ${text}`).toMatch(/^0 /);
  return text;
}

const revision = async (): Promise<string> => `main@sha1:${await repo.head()}`;

describe.skipIf(FLUX === '')('the flux CLI', () => {
  beforeAll(async () => {
    place = await startFluxPlace();
    kubeconfig = place.cluster.kubeconfigFile();
    repo = await place.git.repo('apps');
    await repo.commit({
      'a.yaml': configMap('apps', 'a', { v: 'one' }),
      'b.yaml': configMap('apps', 'b', { v: '${which:=none}' }),
    });
    for (const name of ['flux-system', 'apps']) await place.put(namespace(name));
    await place.put(gitRepository('apps', { url: repo.url }));
    await place.put(kustomization('apps', { postBuild: { substitute: { which: 'this' } } }));
    await place.agent().serving();
    await place.reaches('Kustomization/flux-system/apps', isReady);
    await place.reaches('GitRepository/flux-system/apps', isReady);
  });
  afterAll(() => place?.stop());

  it('get: shows sources and Kustomizations with revision and message', async () => {
    const short = (await revision()).slice(0, 18);
    expect(await ok('get', 'sources', 'git')).toContain(
      `apps ${short} False True stored artifact for revision '${short}'`,
    );
    expect(await ok('get', 'kustomizations')).toContain(`apps ${short} False True Applied revision: ${short}`);
    const all = await ok('get', 'all', '-A');
    expect(all).toContain(`flux-system gitrepository/apps ${short} False True`);
    expect(all).toContain(`flux-system kustomization/apps ${short} False True`);
    expect(await ok('get', 'sources', 'all')).toContain('gitrepository/apps');
    expect(await ok('get', 'all', '--status-selector', 'ready=false')).not.toContain('kustomization/apps');
  });

  it('reconcile: waits for what it asked for', async () => {
    expect(await ok('reconcile', 'source', 'git', 'apps')).toContain(`fetched revision ${await revision()}`);
    expect(await ok('reconcile', 'kustomization', 'apps')).toContain(`applied revision ${await revision()}`);
    await repo.commit({ 'a.yaml': configMap('apps', 'a', { v: 'two' }) });
    const said = await ok('reconcile', 'kustomization', 'apps', '--with-source');
    expect(said).toContain(`fetched revision ${await revision()}`);
    expect(said).toContain(`applied revision ${await revision()}`);
    expect(textAt(await place.get('ConfigMap/apps/a'), 'data', 'v')).toBe('two');
  });

  it('suspend and resume: nothing happens between, everything after', async () => {
    await ok('suspend', 'kustomization', 'apps');
    await repo.commit({ 'a.yaml': configMap('apps', 'a', { v: 'three' }) });
    await ok('reconcile', 'source', 'git', 'apps');
    expect(await ok('get', 'kustomizations')).toMatch(/apps main@sha1:\w{8} True True/);
    expect((await flux('reconcile', 'kustomization', 'apps')).text).toContain('resource is suspended');
    expect(textAt(await place.get('ConfigMap/apps/a'), 'data', 'v')).toBe('two');
    expect(await ok('resume', 'kustomization', 'apps')).toContain(`applied revision ${await revision()}`);
    expect(textAt(await place.get('ConfigMap/apps/a'), 'data', 'v')).toBe('three');
    await ok('suspend', 'source', 'git', 'apps');
    await repo.commit({ 'c.yaml': configMap('apps', 'c', {}) });
    expect(await ok('resume', 'source', 'git', 'apps')).toContain(`fetched revision ${await revision()}`);
    const wanted = await revision();
    await place.reaches('Kustomization/flux-system/apps', (one) => applied(one) === wanted);
    await repo.commit({ 'c.yaml': null });
    await ok('reconcile', 'kustomization', 'apps', '--with-source');
  });

  it('tree and trace: from a Kustomization to its objects, and back', async () => {
    const tree = await ok('tree', 'kustomization', 'apps');
    expect(tree).toContain('Kustomization/flux-system/apps');
    for (const name of ['a', 'b']) expect(tree).toContain(`ConfigMap/apps/${name}`);
    const trace = await ok('trace', 'configmap', 'a', '-n', 'apps');
    expect(trace).toContain('Status: Managed by Flux');
    expect(trace).toContain(`Revision: ${await revision()}`);
    expect(trace).toContain(`URL: ${repo.url}`);
    expect(trace).toContain(`Message: Applied revision: ${await revision()}`);
  });

  it('events: tells what happened, by object', async () => {
    const text = await until(async () => {
      const said = await ok('events', '--for', 'Kustomization/apps');
      return said.includes('ReconciliationSucceeded') ? said : undefined;
    });
    expect(text).toMatch(/Normal Progressing Kustomization\/apps ConfigMap\/apps\/a (created|configured)/);
    expect(text).toMatch(/Normal NewArtifact GitRepository\/apps stored artifact for commit/);
    expect(await ok('events', '--types', 'Warning')).not.toContain('Kustomization/apps');
  });

  it('stats: counts', async () => {
    const text = await ok('stats');
    expect(text).toMatch(/GitRepository 1 0 0/);
    expect(text).toMatch(/Kustomization 1 0 0/);
  });

  it('export: gives the objects as they were declared', async () => {
    const text = await ok('export', 'kustomization', 'apps');
    expect(text).toContain('kind: Kustomization');
    expect(text).not.toContain('status:');
    expect(await ok('export', 'source', 'git', '--all')).toContain(`url: ${repo.url}`);
  });

  it('build and diff: against what is applied, without drift of their own', async () => {
    const dir = join(place.dir, 'local');
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'a.yaml'), configMap('apps', 'a', { v: 'three' }));
    writeFileSync(join(dir, 'b.yaml'), configMap('apps', 'b', { v: '${which:=none}' }));
    expect(await ok('build', 'kustomization', 'apps', '--path', dir)).toContain('v: this');
    expect(await flux('diff', 'kustomization', 'apps', '--path', dir)).toMatchObject({ code: 0 });
    writeFileSync(join(dir, 'a.yaml'), configMap('apps', 'a', { v: 'four' }));
    const differs = await flux('diff', 'kustomization', 'apps', '--path', dir);
    expect(differs.code).toBe(1);
    expect(differs.text).toContain('ConfigMap/apps/a drifted');
  });

  it('debug: shows variables and history', async () => {
    expect(await ok('debug', 'kustomization', 'apps', '--show-vars')).toContain('which=this');
    const history = await ok('debug', 'kustomization', 'apps', '--show-history');
    expect(history).toContain('lastReconciledStatus: ReconciliationSucceeded');
    expect(history).toContain(`revision: ${await revision()}`);
  });

  it('create and delete: whole life of a source and a Kustomization', async () => {
    await place.put(namespace('more'));
    const other = await place.git.repo('more');
    const sha = await other.commit({ 'm.yaml': configMap('more', 'm', {}) });
    const source = ['--url', other.url, '--branch', 'main', '--interval', '1m'];
    expect(await ok('create', 'source', 'git', 'more', ...source)).toContain(`fetched revision: main@sha1:${sha}`);
    const how = ['--source', 'GitRepository/more', '--path', './', '--prune', 'true', '--interval', '10m', '--wait'];
    expect(await ok('create', 'kustomization', 'more', ...how)).toContain(`applied revision main@sha1:${sha}`);
    expect(await place.get('ConfigMap/more/m')).toBeDefined();
    await ok('delete', 'kustomization', 'more', '--silent');
    await until(async () => (await place.get('ConfigMap/more/m')) === undefined);
    await ok('delete', 'source', 'git', 'more', '--silent');
    await until(async () => (await place.get('GitRepository/flux-system/more')) === undefined);
  });

  it('create: says what is wrong with a source', async () => {
    const { code, text } = await flux(
      'create',
      'source',
      'oci',
      'images',
      '--url',
      'oci://127.0.0.1:1/x',
      '--tag',
      'v1',
    );
    expect(code).toBe(1);
    expect(text).toMatch(/✗ /);
    expect(await ok('get', 'sources', 'oci')).toMatch(/images \S* ?False False/);
    await ok('delete', 'source', 'oci', 'images', '--silent');
    expect(at((await place.get('OCIRepository/flux-system/images')) ?? {}, 'metadata')).toBeUndefined();
  });

  it('logs, check, version: look for Deployments with a label, and say so where there is none', async () => {
    expect(await flux('logs')).toMatchObject({ code: 1, text: expect.stringContaining('no Flux pods found') });
    expect(await flux('check')).toMatchObject({ code: 1, text: expect.stringContaining('no controllers found') });
    expect(await ok('version', '--client')).toContain('flux: v2.');
  });
});
