import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GitServer, type Repo, runGit, startGitServer } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

let server: GitServer;
let dir: TempDir;
let repo: Repo;
let clones = 0;
let repos = 0;

beforeAll(async () => {
  [server, dir] = await Promise.all([startGitServer(), tempDir('clones')]);
});
afterAll(() => Promise.all([server.stop(), dir.remove()]));
beforeEach(async () => {
  repo = await server.repo(`r${repos++}`);
});

const clone = async (url: string, ...options: string[]): Promise<string> => {
  const target = join(dir.path, `c${clones++}`);
  await runGit([...options, 'clone', '-q', url, target]);
  return target;
};
const fetchText = (url: string): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString('latin1');
        resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers });
      });
    }).once('error', reject);
  });
const refs = () => `${repo.url}/info/refs?service=git-upload-pack`;

describe('repositories', () => {
  it('holds files, executables, links, submodules, deletions and merges as git sees them', async () => {
    const one = await repo.commit({
      'a/x.yaml': 'x: 1\n',
      run: { exec: '#!/bin/sh\n' },
      gone: 'g',
      'with "quote\\"': 'q',
    });
    const two = await repo.commit({ gone: null, link: { link: 'a' }, sub: { submodule: one } }, { message: 'second' });
    const side = await repo.commit({ s: 's' }, { branch: 'side', from: one });
    await repo.commit({}, { merge: side });
    const at = await clone(repo.url);
    expect(await readFile(join(at, 'link/x.yaml'), 'utf8')).toBe('x: 1\n');
    expect((await runGit(['ls-tree', '-r', two], { cwd: at })).split('\n').map((l) => l.split(/\s/)[0])).toEqual([
      '100644',
      '120000',
      '100755',
      '160000',
      '100644',
    ]);
    expect(await runGit(['log', '-1', '--format=%P'], { cwd: at })).toBe(`${two} ${side}`);
    expect(await runGit(['log', '--format=%s', two], { cwd: at })).toBe('second\nChange');
  });

  it('gives the same ids for the same calls', async () => {
    const other = await server.repo('same');
    expect(await repo.commit({ a: '1' })).toBe(await other.commit({ a: '1' }));
  });

  it('empties the tree, rewrites history, and moves and deletes references', async () => {
    await repo.commit({ a: '1', b: '2' });
    await repo.commit({ c: '3' }, { replace: true });
    expect(await repo.git('ls-tree', '--name-only', 'main')).toBe('c');
    const root = await repo.rewrite({ d: '4' });
    expect(await repo.git('rev-list', 'main')).toBe(root);
    expect(await repo.tag('light')).toBe(root);
    const annotated = await repo.tag('v1', { message: 'one' });
    expect(await repo.git('cat-file', '-t', annotated)).toBe('tag');
    await repo.deleteRef('refs/tags/light');
    expect(await repo.git('tag')).toBe('v1');
    await repo.commit({ e: '5' }, { branch: 'trunk' });
    await repo.setHead('trunk');
    expect(await repo.git('symbolic-ref', 'HEAD')).toBe('refs/heads/trunk');
  });

  it('has 10,000 references at once and still those from before', async () => {
    await repo.commit({ a: '1' });
    await repo.tag('v1', { message: 'one' });
    await repo.manyRefs(10_000);
    const listed = (await runGit(['ls-remote', repo.url])).split('\n');
    expect(listed).toHaveLength(10_004);
    expect(await repo.git('fsck', '--full')).not.toContain('error');
  });

  it('stores hostile objects that git would not write', async () => {
    const blob = await repo.object('blob', 'evil');
    const tree = await repo.rawTree([{ mode: '100644', name: '../escape', id: blob }]);
    const id = await repo.commitTree(tree);
    expect(await repo.head()).toBe(id);
    expect(await repo.git('cat-file', '-p', tree)).toContain('../escape');
  });
});

describe('the wire', () => {
  it('counts requests and bytes by kind, and speaks protocol 2', async () => {
    await repo.commit({ big: 'x'.repeat(10_000) });
    await clone(repo.url);
    const seen = repo.requests();
    expect(seen.map((request) => request.kind)).toEqual(['info', 'ls-refs', 'fetch']);
    expect(seen.every((request) => request.status === 200 && request.protocol === 'version=2')).toBe(true);
    expect(repo.totals().bodyOut).toBeGreaterThan(300);
    expect(seen[2]?.bodyIn).toBeGreaterThan(50);
    repo.resetRequests();
    expect(repo.totals()).toEqual({ requests: 0, bodyIn: 0, bodyOut: 0 });
  });

  it.each([
    [0, 'version 0', ['info', 'fetch']],
    [1, 'version 1', ['info', 'fetch']],
  ] as const)('speaks only protocol %i when told so', async (protocol, _name, kinds) => {
    const old = await server.repo(`protocol${protocol}`, { protocol });
    await old.commit({ a: '1' });
    await clone(old.url);
    expect(old.requests().map((request) => request.kind)).toEqual(kinds);
    const answer = await fetchText(`${old.url}/info/refs?service=git-upload-pack`);
    expect(answer.text).not.toContain('version 2');
  });

  it('takes chunked and compressed bodies and pushes', async () => {
    await repo.commit({ a: '1' });
    const at = await clone(repo.url);
    await writeFile(join(at, 'big'), Buffer.alloc(3_000_000, 'abcdefg'));
    await runGit(['add', '.'], { cwd: at });
    await runGit(['commit', '-q', '-m', 'big'], { cwd: at });
    await runGit(['-c', 'http.postBuffer=1000', '-c', 'core.compression=0', 'push', '-q'], { cwd: at });
    expect(await repo.head()).toBe(await runGit(['rev-parse', 'HEAD'], { cwd: at }));
    // Many "have" lines make git compress its request.
    for (let n = 0; n < 60; n++) await runGit(['commit', '-q', '--allow-empty', '-m', `${n}`], { cwd: at });
    await repo.commit({ b: '2' });
    repo.resetRequests();
    await runGit(['fetch', '-q'], { cwd: at });
    expect(repo.requests().at(-1)?.kind).toBe('fetch');
  });

  it('answers 404 for what it does not have', async () => {
    expect((await fetchText(`${server.url}/none.git/info/refs`)).status).toBe(404);
  });

  it('asks for basic credentials or a bearer token, and takes changes of them', async () => {
    await repo.commit({ a: '1' });
    repo.setAuth({ basic: { username: 'u', password: 'p' } });
    await expect(clone(repo.url)).rejects.toThrow(/could not read Username|Authentication failed/);
    await clone(repo.url.replace('://', '://u:p@'));
    repo.setAuth({ bearer: 'secret' });
    await expect(clone(repo.url)).rejects.toThrow();
    await clone(repo.url, '-c', 'http.extraHeader=Authorization: Bearer secret');
    expect(repo.requests().some((request) => request.status === 401)).toBe(true);
  });

  it('refuses connections while paused and listens again on the same port', async () => {
    await repo.commit({ a: '1' });
    await server.pause();
    await expect(fetchText(refs())).rejects.toThrow('ECONNREFUSED');
    await server.resume();
    expect((await fetchText(refs())).status).toBe(200);
  });
});

describe('TLS', () => {
  it('is trusted by its authority only, and knows clients by certificate', async () => {
    const secure = await startGitServer({ tls: { clientCertificate: 'required' } });
    try {
      const hidden = await secure.repo('hidden', { auth: { certificate: 'agent' } });
      await hidden.commit({ a: '1' });
      const files: string[] = [];
      const put = async (name: string, text: string) => {
        files.push(join(dir.path, name));
        await writeFile(join(dir.path, name), text);
        return join(dir.path, name);
      };
      const ca = ['-c', `http.sslCAInfo=${await put('ca.pem', secure.caPem)}`];
      const as = async (name: string) => {
        const own = secure.clientCredentials(name);
        const cert = await put(`${name}.crt`, own.certPem);
        return [...ca, '-c', `http.sslCert=${cert}`, '-c', `http.sslKey=${await put(`${name}.key`, own.keyPem)}`];
      };
      await expect(clone(hidden.url)).rejects.toThrow(/certificate/);
      await expect(clone(hidden.url, ...ca)).rejects.toThrow();
      await expect(clone(hidden.url, ...(await as('stranger')))).rejects.toThrow('403');
      await clone(hidden.url, ...(await as('agent')));
      expect(hidden.requests().at(-1)?.certificate).toBe('agent');
    } finally {
      await secure.stop();
    }
  });
});

describe('faults', () => {
  const size = async () => (await fetchText(refs())).text.length;
  const oneOf = async (request: Promise<unknown>, ms: number) =>
    Promise.race([request.then(() => 'done'), new Promise((done) => setTimeout(done, ms, 'hangs'))]);

  beforeEach(async () => {
    await repo.commit({ a: 'x'.repeat(5000) });
  });

  it('cuts the connection after exactly so many bytes', async () => {
    repo.fault({ cut: 20 }, { on: 'info' });
    await expect(fetchText(refs())).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect(repo.requests().at(-1)?.bodyOut).toBe(20);
    await expect(clone(repo.url)).rejects.toThrow();
    repo.fault({ cut: 100 }, { on: 'fetch' });
    await expect(clone(repo.url)).rejects.toThrow();
  });

  it('ends a body too early without an error', async () => {
    repo.fault({ truncate: 20 });
    expect(await size()).toBe(20);
  });

  it('hangs before the head or in the body', async () => {
    repo.fault({ hang: 'head' }, { times: 1 });
    expect(await oneOf(fetchText(refs()), 300)).toBe('hangs');
    repo.fault({ hang: 10 }, { times: 1 });
    expect(await oneOf(fetchText(refs()), 300)).toBe('hangs');
    expect(await oneOf(fetchText(refs()), 5000)).toBe('done');
    await until(() => repo.requests().filter((request) => request.bodyOut === 10).length === 1);
  });

  it('answers with a status and Retry-After, a login page, or another address', async () => {
    repo.fault({ status: 429, retryAfter: 7 });
    expect(await fetchText(refs())).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    repo.fault({ portal: true });
    expect(await fetchText(refs())).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
    });
    repo.fault({ redirect: 'http://other.example/base' });
    const { status, headers } = await fetchText(refs());
    expect([status, headers['location']]).toEqual([
      302,
      `http://other.example/base/${repo.name}.git/info/refs?service=git-upload-pack`,
    ]);
  });

  it('drips at a pace', async () => {
    const all = await size();
    repo.fault({ drip: all * 2 });
    const start = performance.now();
    expect(await size()).toBe(all);
    expect(performance.now() - start).toBeGreaterThan(350);
  });

  it('changes one bit', async () => {
    const whole = (await fetchText(refs())).text;
    repo.fault({ flip: 30 });
    const broken = (await fetchText(refs())).text;
    expect([...broken].filter((c, index) => c !== whole[index])).toHaveLength(1);
    expect(broken[30]).not.toBe(whole[30]);
  });

  it('strikes only the kind and the number of requests it is told to, and heals', async () => {
    repo.fault({ status: 500 }, { on: 'fetch', times: 1 });
    await expect(clone(repo.url)).rejects.toThrow('500');
    await clone(repo.url);
    repo.fault({ status: 500 });
    repo.fault();
    await clone(repo.url);
    expect(repo.requests().filter((request) => request.status === 500)).toHaveLength(1);
  });
});
