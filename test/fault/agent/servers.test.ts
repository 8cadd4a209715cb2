import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NotConverged, SourceStatus } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitFault, type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { freePorts } from '../../support/ports.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Launched, launch, requireBundle, scandals, writeSite } from './launch.ts';
import { configMap, pairOf } from './pairs.ts';

const SECRET = 'do-not-tell-anybody';

interface Case {
  readonly title: string;
  readonly fault: GitFault;
  readonly on: 'any' | 'info' | 'fetch';
  readonly code: RegExp;
  readonly message: RegExp;
}

const CASES: readonly Case[] = [
  { title: 'a pack that is cut', fault: { cut: 700 }, on: 'fetch', code: /^wire-cut$/, message: /./ },
  {
    title: 'a pack that ends too early',
    fault: { truncate: 700 },
    on: 'fetch',
    code: /^(wire-cut|source-corrupt)$/,
    message: /./,
  },
  {
    title: 'a pack with a flipped bit',
    fault: { flip: 1_500 },
    on: 'fetch',
    code: /^(source-corrupt|wire-protocol)$/,
    message: /./,
  },
  {
    title: 'a server that takes the connection and says nothing',
    fault: { hang: 'head' },
    on: 'any',
    code: /^wire-timeout$/,
    message: /./,
  },
  {
    title: 'a server that stops in the middle',
    fault: { hang: 900 },
    on: 'fetch',
    code: /^wire-timeout$/,
    message: /./,
  },
  {
    title: 'a server that sends 200 bytes a second',
    fault: { drip: 200 },
    on: 'fetch',
    code: /^wire-timeout$/,
    message: /./,
  },
  {
    title: 'a login page',
    fault: { portal: true },
    on: 'any',
    code: /^wire-protocol$/,
    message: /login page|text\/html/,
  },
  {
    title: 'an error of the server',
    fault: { status: 503, retryAfter: 1 },
    on: 'any',
    code: /^wire-server$/,
    message: /503/,
  },
];

describe('Git servers and links that misbehave', () => {
  let cluster: ClusterAccess;
  let git: GitServer;
  let dir: TempDir;
  let agent: Launched;
  let healthy: Repo;
  let ns: string;
  /** Another host than the Git server's, which writes down what it is sent. */
  let thief: Server;
  const stolen: string[] = [];
  const repos: Repo[] = [];
  let many: Repo;
  let old: Repo;
  let rewritten: Repo;
  let locked: Repo;

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    git = await startGitServer();
    dir = await tempDir('servers');
    ns = await cluster.namespace('servers');
    const [port = 0] = await freePorts(1);
    thief = createServer((request, response) => {
      stolen.push(JSON.stringify([request.url, request.headers]));
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="give me"' }).end();
    });
    await new Promise<void>((done) => thief.listen(port, '127.0.0.1', done));
    healthy = await git.repo('healthy');
    await healthy.commit({
      'kustomization.yaml': `namespace: ${ns}\nresources: [a.yaml]\n`,
      'a.yaml': configMap('healthy', ns, '1'),
    });
    const noise = Array.from({ length: 2_000 }, (_, i) => `# ${i * 7_919} ${Math.sin(i)}`).join('\n');
    for (const [i, one] of CASES.entries()) {
      const repo = await git.repo(`wire-${i}`);
      await repo.commit({ 'a.yaml': configMap(`wire-${i}`, ns), 'noise.txt': noise });
      repo.fault(one.fault, { on: one.on });
      repos.push(repo);
    }
    many = await git.repo('many');
    await many.commit({ 'a.yaml': configMap('many', ns) });
    await many.manyRefs(50_000);
    old = await git.repo('old', { protocol: 0 });
    await old.commit({ 'a.yaml': configMap('old', ns) });
    await old.manyRefs(50_000);
    rewritten = await git.repo('rewritten');
    await rewritten.commit({ 'a.yaml': configMap('rewritten', ns, '1'), 'b.yaml': configMap('rewritten-b', ns) });
    locked = await git.repo('locked', { auth: { basic: { username: 'u', password: SECRET } } });
    await locked.commit({ 'a.yaml': configMap('locked', ns) });
    locked.fault({ redirect: `http://localhost:${port}` });
    const secret = `apiVersion: v1
kind: Secret
metadata: { name: login, namespace: flux-system }
stringData: { username: u, password: ${SECRET} }
`;
    const config = writeSite({
      dir: dir.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: [
        secret,
        ...CASES.map((_, i) => pairOf({ name: `wire-${i}`, url: repos[i]?.url ?? '', source: 'timeout: 4s' })),
        pairOf({ name: 'locked', url: locked.url, source: 'secretRef: { name: login }' }),
        pairOf({ name: 'many', url: many.url }),
        pairOf({ name: 'old', url: old.url }),
        pairOf({ name: 'rewritten', url: rewritten.url }),
        pairOf({ name: 'healthy', url: healthy.url }),
      ].join('---\n'),
      config: 'limits: { backoffMs: 2s }',
    });
    agent = launch(config);
    await agent.serving();
  });
  afterAll(async () => {
    await agent?.stop();
    await new Promise((done) => thief.close(done));
    await git.stop();
    await cluster.stop();
    await dir.remove();
  });

  const source = async (name: string): Promise<SourceStatus | undefined> =>
    (await agent.status()).sources.find((one) => one.name === name);
  const refusal = (name: string): Promise<NotConverged> =>
    until(async () => (await source(name))?.notConverged, { within: 60_000, what: `the refusal of ${name}` });

  it('a healthy repository comes through beside servers that hang', async () => {
    const began = performance.now();
    await agent.reaches('healthy', (one) => one.converged, { within: 30_000 });
    const sha = await healthy.commit({ 'a.yaml': configMap('healthy', ns, '2') });
    agent.signal('SIGHUP');
    await agent.reaches('healthy', (one) => one.lastAppliedRevision === `main@sha1:${sha}`, { within: 30_000 });
    console.info(`healthy beside hanging servers: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it.each(CASES.map((one, i) => ({ ...one, i })))('$title is told as what it is', async ({ i, code, message }) => {
    const found = await refusal(`wire-${i}`);
    expect(found.code).toMatch(code);
    expect(found.message).toMatch(message);
    expect(await cluster.get(`/api/v1/namespaces/${ns}/configmaps/wire-${i}`)).toBeUndefined();
  });

  it.each(CASES.map((one, i) => ({ ...one, i })))('after $title, the whole answer is taken', async ({ i }) => {
    repos[i]?.fault();
    await agent.reaches(`wire-${i}`, (one) => one.converged, { within: 60_000 });
  });

  it.each([['many'], ['old']])('50,000 references are no hindrance (%s)', async (name) => {
    await agent.reaches(name, (one) => one.converged, { within: 60_000 });
  });

  it('a redirect to another host gets no credentials', async () => {
    await refusal('locked');
    await until(() => stolen.length > 0);
    expect(stolen.join('\n')).not.toContain(Buffer.from(`u:${SECRET}`).toString('base64'));
    expect(stolen.join('\n').toLowerCase()).not.toContain('authorization');
    expect(agent.log() + JSON.stringify(await agent.status())).not.toContain(SECRET);
    locked.fault();
    await agent.reaches('locked', (one) => one.converged, { within: 60_000 });
  });

  it('a rewritten history is followed, and what it no longer has is pruned', async () => {
    await agent.reaches('rewritten', (one) => one.converged, { within: 60_000 });
    const sha = await rewritten.rewrite({ 'a.yaml': configMap('rewritten', ns, '2') });
    agent.signal('SIGHUP');
    await agent.reaches('rewritten', (one) => one.lastAppliedRevision === `main@sha1:${sha}`);
    const live = await cluster.get(`/api/v1/namespaces/${ns}/configmaps/rewritten`);
    expect(live?.['data']).toEqual({ v: '2' });
    expect(await cluster.get(`/api/v1/namespaces/${ns}/configmaps/rewritten-b`)).toBeUndefined();
  });

  it('an emptied repository deletes nothing', async () => {
    await rewritten.deleteRef('refs/heads/main');
    agent.signal('SIGHUP');
    const found = await refusal('rewritten');
    expect(found.code).toMatch(/^source-(empty|ref-missing)$/);
    expect(await cluster.get(`/api/v1/namespaces/${ns}/configmaps/rewritten`)).toBeDefined();
  });

  it('there is no bug in the log, and no more than 200 MiB in memory', async () => {
    expect(scandals(agent.lines())).toEqual([]);
    console.info(`misbehaving servers: at most ${agent.peak().toFixed(0)} MiB in agent and child`);
    expect(agent.peak()).toBeLessThan(200);
  });
});
