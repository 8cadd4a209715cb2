import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Binary, ensure } from '../../controlplane/index.ts';
import { builtFolder, ETCD_VERSION, envtestFolder, KUBERNETES_VERSION } from '../../controlplane/versions.ts';
import { platform, withLock } from '../../parts/index.ts';
import { portOf } from '../../support/ports.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let dir: TempDir;
let said: string[];
beforeEach(async () => {
  dir = await tempDir('ensure');
  said = [];
});
afterEach(() => dir.remove());

const path = (...parts: string[]) => join(dir.path, ...parts);
const put = async (file: string, text = '#!/bin/sh\n') => {
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text, { mode: 0o755 });
  return file;
};
const cache = (...parts: string[]) => path('cache', 'holdfast', 'controlplane', ...parts);

/** A `go` that plays the real one: what it is told to build is written where `-o` says. */
const fakeGo = (build: string) =>
  put(
    path('bin', 'go'),
    `#!/bin/sh
case $1 in
env) echo go1.26.8 ;;
list) echo one; echo two ;;
build)
  echo run >> ${path('builds')}
  while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; last=$1; shift; done
  ${build}
esac
`,
  );
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: `${path('bin')}${delimiter}${process.env['PATH']}`,
  XDG_CACHE_HOME: path('cache'),
  ...more,
});
const noGo = () => env({ PATH: path('bin') });
const find = (names: readonly Binary[], environment: NodeJS.ProcessEnv, envtestIndex = 'http://127.0.0.1:1/index') =>
  ensure(names, { env: environment, say: (line) => said.push(line), envtestIndex });
const builds = async () => (await readFile(path('builds'), 'utf8')).split('\n').length - 1;

it('takes KUBEBUILDER_ASSETS first, then the cache, without a word', async () => {
  const asset = await put(path('assets', 'etcd'));
  await put(cache(builtFolder(), 'etcd'));
  const cached = await put(cache(builtFolder(), 'kubectl'));
  const found = await find(['etcd', 'kubectl'], env({ KUBEBUILDER_ASSETS: path('assets') }));
  expect(found).toEqual({ etcd: asset, kubectl: cached });
  expect(said).toEqual([]);
});

it('passes over files that cannot be executed', async () => {
  await chmod(await put(path('assets', 'etcd')), 0o644);
  const cached = await put(cache(builtFolder(), 'etcd'));
  expect(await find(['etcd'], env({ KUBEBUILDER_ASSETS: path('assets') }))).toEqual({ etcd: cached });
});

describe('building', () => {
  it('builds only what is missing, says how it goes, and leaves whole binaries only', async () => {
    await fakeGo('echo building >&2; echo binary > "$out"; chmod 755 "$out"');
    const found = await find(['etcd'], env());
    expect(found).toEqual({ etcd: cache(builtFolder(), 'etcd') });
    expect(await readdir(cache(builtFolder()))).toEqual(['etcd']);
    expect(said.join('\n')).toMatch(/5 minutes[\s\S]*fetching modules[\s\S]*built etcd in \d+ s/);
    await find(['etcd'], env());
    expect(await builds()).toBe(1);
  });

  it('leaves nothing half built when Go fails, and says what Go said', async () => {
    await fakeGo('echo half > "$out"; chmod 755 "$out"; echo "disk is full" >&2; exit 1');
    await expect(find(['etcd'], env())).rejects.toThrow('disk is full');
    expect(await readdir(cache(builtFolder()))).toEqual([]);
  });

  it('builds once when two ask at the same time', async () => {
    await fakeGo('sleep 0.3; echo binary > "$out"; chmod 755 "$out"');
    const both = await Promise.all([find(['etcd'], env()), find(['etcd'], env())]);
    expect(both[0]).toEqual(both[1]);
    expect(await builds()).toBe(1);
    expect(said.some((line) => line.includes('waiting for process'))).toBe(true);
  });

  it('builds the versions that its modules pin', async () => {
    const module = (name: string) => readFile(join(import.meta.dirname, '../../controlplane', name, 'go.mod'), 'utf8');
    expect(await module('etcd')).toContain(`go.etcd.io/etcd/server/v3 ${ETCD_VERSION} `);
    expect(await module('kubernetes')).toContain(`k8s.io/kubernetes ${KUBERNETES_VERSION} `);
    expect((await module('kubernetes')).match(/ => /g)).toHaveLength(31);
  });
});

describe('the envtest download', () => {
  let server: Server;
  let archive: Buffer;
  let digest: string;
  const version = `${KUBERNETES_VERSION.split('.').slice(0, 2).join('.')}.0`;
  const name = `envtest-${version}-${platform()}.tar.gz`;
  const index = () => `http://127.0.0.1:${portOf(server)}/index`;

  beforeEach(async () => {
    for (const file of ['etcd', 'kube-apiserver', 'kubectl', 'other'])
      await put(path('in/controller-tools/envtest', file), file);
    await create({ file: path('a.tgz'), gzip: true, cwd: path('in') }, ['controller-tools']);
    archive = await readFile(path('a.tgz'));
    digest = createHash('sha512').update(archive).digest('hex');
    server = createServer((request, answer) => {
      if (request.url === '/archive') answer.end(archive);
      else if (request.url === '/moved') answer.writeHead(302, { Location: '/archive' }).end();
      else {
        const row = { hash: digest, selfLink: `http://127.0.0.1:${portOf(server)}/moved` };
        answer.end(JSON.stringify({ releases: { [version]: { [name]: row }, 'v1.2.3': {} } }));
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(() => new Promise((done) => server.close(done)));

  it('is the way where there is no Go', async () => {
    const found = await find(['etcd', 'kube-apiserver'], noGo(), index());
    expect(found).toEqual({
      etcd: cache(envtestFolder(), 'etcd'),
      'kube-apiserver': cache(envtestFolder(), 'kube-apiserver'),
    });
    expect((await readdir(cache(envtestFolder()))).sort()).toEqual(['etcd', 'kube-apiserver', 'kubectl']);
    expect(await readFile(found.etcd, 'utf8')).toBe('etcd');
  });

  it('refuses an archive with another digest', async () => {
    digest = digest.replace(/^./, (first) => (first === '0' ? '1' : '0'));
    await expect(find(['etcd'], noGo(), index())).rejects.toThrow('SHA-512');
    expect(await readdir(cache(envtestFolder()))).toEqual([]);
  });

  it('says that it has no kube-controller-manager', async () => {
    await expect(find(['kube-controller-manager'], noGo(), index())).rejects.toThrow(
      'it has no kube-controller-manager',
    );
  });
});

it('names all four ways when none does, at once when offline', async () => {
  const error: Error = await find(['etcd'], noGo()).then(
    () => new Error('found'),
    (thrown: Error) => thrown,
  );
  expect(error.message).toContain('cannot get etcd');
  expect(error.message).toContain('KUBEBUILDER_ASSETS, a folder with the binaries: is not set');
  expect(error.message).toContain(`the cache ${cache(builtFolder())}`);
  expect(error.message).toContain('no Go found in PATH');
  expect(error.message).toMatch(/the envtest download: .*ECONNREFUSED/);
});

describe('the lock', () => {
  // Longer than a busy machine makes anybody wait: who is slow is not taken for dead.
  const times = { beat: 20, stale: 2_000 };
  const waiting = (holder: string) => said.push(holder);

  it('lets one in at a time', async () => {
    let inside = 0;
    let most = 0;
    const task = async () => {
      most = Math.max(most, ++inside);
      await new Promise((done) => setTimeout(done, 30));
      inside--;
    };
    await Promise.all(
      Array.from({ length: 5 }, () => withLock(path('lock'), task, { waiting, times: { ...times, stale: 60_000 } })),
    );
    expect(most).toBe(1);
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('is taken over at once from a process that is gone', async () => {
    const ended = spawnSync('true');
    await writeFile(path('lock'), `${hostname()} ${ended.pid} x`);
    expect(await withLock(path('lock'), async () => 'done', { waiting, times: { beat: 20, stale: 60_000 } })).toBe(
      'done',
    );
    expect(said).toEqual([]);
  });

  it('is taken over from a holder elsewhere that no longer touches it', async () => {
    await writeFile(path('lock'), 'elsewhere 1 x');
    expect(await withLock(path('lock'), async () => 'done', { waiting, times })).toBe('done');
    expect(said).toEqual(['process 1 on elsewhere']);
  });

  it('goes free when the task fails', async () => {
    const failing = withLock(path('lock'), () => Promise.reject(new Error('no')), { waiting, times });
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(dir.path)).toEqual([]);
  });
});
