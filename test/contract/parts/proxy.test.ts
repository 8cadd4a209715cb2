import { createServer, get, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type GitServer, type Repo, runGit, startGitServer } from '../../gitserver/index.ts';
import { portOf } from '../../support/ports.ts';
import { type ForwardProxy, startProxy } from '../../support/proxy.ts';

let git: GitServer;
let repo: Repo;
let proxy: ForwardProxy;

beforeEach(async () => {
  git = await startGitServer({ tls: true });
  repo = await git.repo('r');
  await repo.commit({ a: '1' });
  proxy = await startProxy({ auth: { username: 'u', password: 'p' } });
});
afterEach(async () => {
  await proxy.stop();
  await git.stop();
});

const list = (through: string) =>
  runGit(['-c', `http.proxy=${through}`, '-c', 'http.sslVerify=false', 'ls-remote', repo.url], {
    env: { no_proxy: '' },
  });
const signedIn = () => proxy.url.replace('://', '://u:p@');

it('tunnels TLS for who signs in, and says so', async () => {
  expect(await list(signedIn())).toContain('refs/heads/main');
  const last = proxy.requests().at(-1);
  expect(last).toMatchObject({ method: 'CONNECT', target: `127.0.0.1:${git.port}`, status: 200 });
  expect(proxy.tunnelBytes()).toBeGreaterThan(1000);
});

it('asks for credentials', async () => {
  await expect(list(proxy.url)).rejects.toThrow('407');
  expect(repo.requests()).toEqual([]);
});

it('refuses with a status and works again afterwards', async () => {
  proxy.refuse(503);
  await expect(list(signedIn())).rejects.toThrow('503');
  proxy.restore();
  expect(await list(signedIn())).toContain('refs/heads/main');
});

it('answers 502 for a server that is not there', async () => {
  await git.pause();
  await expect(list(signedIn())).rejects.toThrow('502');
});

it('forwards plain requests in absolute form, without its own credentials', async () => {
  const seen: unknown[] = [];
  const server: Server = createServer((request, answer) => {
    seen.push(request.url, request.headers['proxy-authorization']);
    answer.end('plain');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
  const path = `http://127.0.0.1:${portOf(server)}/x?y=1`;
  const options = {
    host: '127.0.0.1',
    port: proxy.port,
    path,
    headers: { 'Proxy-Authorization': authorization },
    agent: false,
  };
  const text = await new Promise<string>((done, failed) => {
    get(options, async (answer) => done((await answer.setEncoding('utf8').toArray()).join(''))).once('error', failed);
  });
  expect([text, seen]).toEqual(['plain', ['/x?y=1', undefined]]);
  expect(proxy.requests()).toMatchObject([{ method: 'GET', target: path, status: 200, authorization }]);
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});
