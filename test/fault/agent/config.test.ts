import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { configMap, pairOf } from './pairs.ts';

describe('a configuration that cannot be used', () => {
  let dir: TempDir;
  beforeAll(async () => {
    requireBundle();
    dir = await tempDir('broken');
  });
  afterAll(() => dir.remove());

  const said = async (config: string): Promise<string> => {
    const agent = launch(config);
    expect(await agent.ended).toEqual({ code: 1, signal: null });
    expect(agent.log().trimEnd().split('\n')).toHaveLength(1);
    return agent.log().replaceAll(dir.path, '');
  };
  const withText = (text: string): string => {
    const file = join(dir.path, 'config.yaml');
    writeFileSync(file, `apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\n${text}`);
    return file;
  };

  it.each([
    ['an unknown field', 'cluster: { name: a }\nstatedir: /x\n', /config\.yaml:4: .*statedir/],
    ['an unknown field of a field', 'cluster: { name: a }\nobjects:\n  file: [x]\n', /config\.yaml:5: objects.*file/],
    ['a wrong type', 'cluster: { name: a }\nlimits:\n  treeFiles: many\n', /config\.yaml:5: limits\.treeFiles: /],
    ['a missing field', 'stateDir: /x\n', /config\.yaml:1: cluster/],
    ['broken YAML', 'cluster: { name: a\nstateDir: "\n', /config\.yaml:\d+:\d+: /],
    [
      'a cron expression that is none',
      'cluster: { name: a }\nfetchSchedule:\n  - { source: GitRepository/a/b, cron: "61 * * * *" }\n',
      /config\.yaml:5: fetchSchedule\[0\]\.cron: /,
    ],
  ])('%s: exit 1, one line with file, line and path', async (_title, text, expected) => {
    expect(await said(withText(text))).toMatch(expected);
  });

  it('a file that is not there: exit 1, one line that names it', async () => {
    expect(await said(join(dir.path, 'nowhere.yaml'))).toMatch(/^holdfast agent: \/nowhere\.yaml: no such file\n$/);
  });

  it('a state folder that is a file: exit 1, one line that names it', async () => {
    writeFileSync(join(dir.path, 'plain'), '');
    const text = await said(withText('cluster: { name: a }\nstateDir: ./plain\nlisten: 127.0.0.1:0\n'));
    expect(text).toMatch(/\/plain/);
  });

  it('an address that is taken: exit 1, one line that names it', async () => {
    const { createServer } = await import('node:net');
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const agent = launch(
      withText(`cluster: { name: a }\nstateDir: ./state\nlisten: 127.0.0.1:${port}\nkubeconfig: ./none\n`),
    );
    expect((await agent.ended).code).toBe(1);
    expect(agent.log()).toMatch(/none|is taken by another process/);
    await new Promise((done) => server.close(done));
  });
});

describe('an agent whose files break while it runs', () => {
  let cluster: ClusterAccess;
  let git: GitServer;
  let dir: TempDir;
  let agent: Launched;
  let config: string;
  let ns: string;
  let good: Repo;
  let broken: Repo;
  const file = (name: string): string => join(dir.path, 'objects', `${name}.yaml`);
  const dataOf = async (name: string): Promise<unknown> =>
    (await cluster.get(`/api/v1/namespaces/${ns}/configmaps/${name}`))?.['data'];
  const edit = (name: string): Promise<unknown> =>
    cluster.api('PATCH', `/api/v1/namespaces/${ns}/configmaps/${name}`, { data: { v: 'by hand' } });

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    dir = await tempDir('breaking');
    ns = await cluster.namespace('breaking');
    good = await git.repo('good');
    broken = await git.repo('broken');
    await good.commit({ 'a.yaml': configMap('good', ns) });
    await broken.commit({ 'a.yaml': configMap('broken', ns) });
    mkdirSync(join(dir.path, 'objects'));
    writeFileSync(file('good'), pairOf({ name: 'good', url: good.url }));
    writeFileSync(file('broken'), pairOf({ name: 'broken', url: broken.url }));
    config = writeSite({ dir: dir.path, kubeconfig: await cluster.kubeconfigFile() });
    agent = launch(config);
    await agent.serving();
    for (const name of ['good', 'broken']) await agent.reaches(name, (one) => one.converged);
  });
  afterAll(async () => {
    await agent?.stop();
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  it('a second agent on its folder ends with 1 and one line, and disturbs nothing', async () => {
    const second = launch(config);
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.log()).toMatch(
      new RegExp(`^holdfast agent: stateDir .*/state is in use by pid ${agent.pid} [^\\n]*\\n$`),
    );
    await edit('good');
    await until(async () => JSON.stringify(await dataOf('good')) === '{"v":"1"}');
  });

  it.each([
    ['broken YAML', 'apiVersion: source.toolkit.fluxcd.io/v1\nkind: [\n', /broken\.yaml:\d/],
    ['an unknown field', undefined, /broken\.yaml:\d+$/],
  ])(
    '%s: told with file and line, others go on, its last good state is kept and healed',
    async (_title, text, where) => {
      const whole = pairOf({ name: 'broken', url: broken.url });
      writeFileSync(file('broken'), text ?? whole.replace('  prune: true', '  prune: true\n  purge: true'));
      const problems = await until(async () => {
        const found = (await agent.status()).problems;
        return found.length > 0 ? found : undefined;
      });
      expect(problems[0]?.where).toMatch(where);
      const sha = await good.commit({ 'a.yaml': configMap('good', ns, String(Date.now())) });
      agent.signal('SIGHUP');
      await agent.reaches('good', (one) => one.lastAppliedRevision === `main@sha1:${sha}`);
      await edit('broken');
      await until(async () => JSON.stringify(await dataOf('broken')) === '{"v":"1"}');
      writeFileSync(file('broken'), whole);
      await until(async () => (await agent.status()).problems.length === 0);
      await agent.reaches('broken', (one) => one.converged);
    },
  );

  it('its own configuration: told, and the running one stays, whatever is in the file', async () => {
    const before = readFileSync(config, 'utf8');
    const state = async (): Promise<unknown> => (await agent.status()).agent.configuration?.state;
    writeFileSync(config, `${before}\nnoSuchSetting: 1\n`);
    agent.signal('SIGHUP');
    await until(async () => (await state()) === 'invalid');
    await edit('good');
    await until(async () => JSON.stringify(await dataOf('good')) !== '{"v":"by hand"}');
    writeFileSync(config, `${before}\nfullCheckInterval: 7h\n`);
    agent.signal('SIGHUP');
    await until(async () => (await state()) === 'changed');
    expect((await agent.status()).agent.configuration?.message).toBe('fullCheckInterval');
    writeFileSync(config, before);
    await until(async () => (await state()) === undefined, { within: 20_000 });
    expect(agent.running()).toBe(true);
  });

  it('a file that is gone deletes nothing: its objects stay, unmanaged', async () => {
    rmSync(file('broken'));
    await until(async () => !(await agent.status()).kustomizations.some((one) => one.name === 'broken'));
    expect(await dataOf('broken')).toEqual({ v: '1' });
    expect(scandals(agent.lines())).toEqual([]);
  });
});
