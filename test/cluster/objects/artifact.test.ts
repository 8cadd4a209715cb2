import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { at, type JsonObject, type KubeObject, sha256 } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { launch, requireBundle } from '../../fault/agent/launch.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import {
  conditionOf,
  configMap,
  git,
  installDefinitions,
  isReady,
  kustomization,
  messageOf,
  type Site,
  type SiteOptions,
  startSite,
} from './site.ts';

const HOLDFAST = fileURLToPath(new URL('../../../dist/holdfast', import.meta.url));

/** `status.artifact` as other controllers read it. */
interface Artifact {
  readonly path: string;
  readonly url: string;
  readonly revision: string;
  readonly digest: string;
  readonly size: number;
  readonly lastUpdateTime: string;
}

const artifactOf = (object: KubeObject | undefined): Artifact =>
  (at(object?.['status'], 'artifact') ?? {}) as unknown as Artifact;

/** Downloads, and checks digest and size, as helm-controller and others do before they unpack. */
async function download({ url, digest, size }: Artifact): Promise<Buffer> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect([sha256(bytes), bytes.length, answer.headers.get('content-length')]).toEqual([digest, size, `${size}`]);
  return bytes;
}

const statusOf = async (url: string): Promise<number> => (await fetch(url, { method: 'HEAD' })).status;

const FILES = (ns: string): Readonly<Record<string, string>> => ({
  'deploy/kustomization.yaml': 'resources: [../base]\nnamePrefix: site-\n',
  'base/kustomization.yaml': 'resources: [a.yaml]\nconfigMapGenerator: [{ name: made, files: [size=Größe.txt] }]\n',
  'base/a.yaml': configMap(ns, 'a', { v: '1' }),
  'base/Größe.txt': 'groß\n',
  [`${'long/'.repeat(40)}file`]: 'deep\n',
});

describe('status.artifact', () => {
  let cluster: ClusterAccess;
  let site: Site;
  let dir: TempDir;
  const start = async (options: SiteOptions = {}): Promise<Site> => {
    site = await startSite(cluster, options);
    return site;
  };
  const ready = async (name = 'app'): Promise<Artifact> =>
    artifactOf(await site.reaches('GitRepository', (one) => isReady(one) && artifactOf(one).url !== undefined, name));
  /** After a restart the port is another one: what is shown is that of now. */
  const readyAt = async (base: (url: string) => boolean): Promise<Artifact> =>
    artifactOf(await site.reaches('GitRepository', (one) => isReady(one) && base(artifactOf(one).url)));
  const unpacked = (bytes: Buffer, name: string): string => {
    const out = join(dir.path, name);
    mkdirSync(out, { recursive: true });
    const tar = spawnSync('tar', ['-xpzf', '-', '-C', out], { input: bytes, encoding: 'utf8' });
    expect([tar.status, tar.stderr]).toEqual([0, '']);
    return out;
  };
  const built = (folder: string): string => {
    const done = spawnSync(HOLDFAST, ['build', folder], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(done.stderr);
    return done.stdout;
  };

  beforeAll(async () => {
    requireBundle();
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
    dir = await tempDir('artifact');
  });
  afterEach(() => site.stop());
  afterAll(async () => {
    await cluster.stop();
    await dir.remove();
  });

  it('is an archive that others download, check, unpack and build', async () => {
    await start({
      files: FILES,
      seeds: (ns, url) => [git(ns, url), kustomization(ns, { path: './deploy', targetNamespace: ns })],
    });
    await site.reaches('Kustomization', isReady);
    const artifact = await ready();
    const head = await site.repo.head();
    expect(artifact).toMatchObject({
      path: `gitrepository/${site.ns}/app/${head}.tar.gz`,
      revision: `main@sha1:${head}`,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      lastUpdateTime: expect.stringMatching(/^2.*Z$/),
    });
    const folder = unpacked(await download(artifact), 'first');
    expect(readdirSync(folder).sort()).toEqual(['base', 'deploy', 'long']);
    const clone = join(dir.path, 'clone');
    expect(spawnSync('git', ['clone', '-q', site.repo.dir, clone]).status).toBe(0);
    const diff = spawnSync('diff', ['-r', '-x', '.git', folder, clone], { encoding: 'utf8' });
    expect([diff.status, diff.stdout]).toEqual([0, '']);
    expect((lstatSync(join(folder, 'base/a.yaml')).mode & 0o777).toString(8)).toBe('600');
    const theirs = built(join(folder, 'deploy'));
    expect(theirs).toBe(built(join(clone, 'deploy')));
    const made = /name: (site-made-\w+)/.exec(theirs)?.[1] ?? '';
    expect((await site.get('ConfigMap', made))?.['data']).toEqual({ size: 'groß\n' });
  });

  it('is of what is needed where only that is fetched, and grows with it', async () => {
    const files = (ns: string): Readonly<Record<string, string>> => ({
      ...Object.fromEntries(
        Array.from({ length: 50 }, (_, i) => [`sites/s${i}/a.yaml`, configMap(ns, `s${i}`, { v: 'x'.repeat(5_000) })]),
      ),
      ...FILES(ns),
    });
    await start({
      files,
      seeds: (ns, url) => [
        { ...git(ns, url), metadata: { name: 'app', namespace: ns, annotations: { 'holdfast.dev/fetch': 'needed' } } },
        kustomization(ns, { path: './deploy', targetNamespace: ns }),
      ],
    });
    await site.reaches('Kustomization', isReady);
    const part = await ready();
    const folder = unpacked(await download(part), 'part');
    expect(readdirSync(folder).sort()).toEqual(['base', 'deploy']);
    expect(built(join(folder, 'deploy'))).toContain('site-made-');
    expect(messageOf(await site.get('GitRepository'), 'ArtifactInStorage')).toMatch(
      /only the 2 paths that are needed$/,
    );
    expect(site.repo.totals().bodyOut).toBeLessThan(20_000);

    await site.apply(kustomization(site.ns, { path: './sites/s7' }, 'seven'));
    await site.reaches('Kustomization', isReady, 'seven');
    const more = artifactOf(
      await site.reaches('GitRepository', (one) => isReady(one) && artifactOf(one).digest !== part.digest),
    );
    expect(more.revision).toBe(part.revision);
    const grown = unpacked(await download(more), 'grown');
    expect(readdirSync(join(grown, 'sites'))).toEqual(['s7']);
    // What is here is enough without the server, after a restart too.
    await site.restart();
    await site.reaches('Kustomization', isReady, 'seven');
    expect((await readyAt((url) => url !== more.url)).digest).toBe(more.digest);
  });

  it('is the same from the real program, made by its child', async () => {
    await start({ files: FILES });
    const here = await ready();
    const bytes = await download(here);
    await site.agent.stop();
    const config = join(dir.path, 'config.yaml');
    writeFileSync(
      config,
      `apiVersion: holdfast.dev/v1alpha1
kind: AgentConfiguration
cluster: { name: test }
stateDir: ./state
objects: { files: [], cluster: { enabled: true, namespaces: [${site.ns}] } }
kubeconfig: ${cluster.kubeconfigFile({ name: `program-${site.ns}`, groups: ['system:masters'] })}
listen: 127.0.0.1:0
artifacts: { listen: '127.0.0.1:0' }
workers: always
`,
    );
    const program = launch(config);
    try {
      const there = await readyAt((url) => url !== undefined && url !== here.url);
      expect([there.digest, there.size, there.path]).toEqual([here.digest, here.size, here.path]);
      expect(await download(there)).toEqual(bytes);
    } finally {
      await program.stop();
    }
  });

  it('stays as it is without a new commit, over a restart, and while the source is suspended', async () => {
    await start({ files: FILES });
    const first = await ready();
    const bytes = await download(first);
    await site.reconcile('GitRepository');
    expect(await ready()).toEqual(first);
    await site.restart();
    const second = await readyAt((url) => url !== first.url);
    expect({ ...second, url: first.url }).toEqual(first);
    expect(await download(second)).toEqual(bytes);
    await site.patch('GitRepository', 'app', { spec: { suspend: true } });
    await site.repo.commit({ 'base/a.yaml': configMap(site.ns, 'a', { v: '2' }) });
    await site.restart();
    const third = artifactOf(
      await site.reaches('GitRepository', (one) => ![first.url, second.url].includes(artifactOf(one).url)),
    );
    expect(await download(third)).toEqual(bytes);
  });

  it('of a new commit is another one; the one before can still be read, nothing older, nothing that is deleted', async () => {
    await start();
    const first = await ready();
    const next = async (v: string): Promise<Artifact> => {
      const sha = await site.repo.commit({ 'a.yaml': configMap(site.ns, 'a', { v }) });
      await site.reconcile('GitRepository');
      return artifactOf(await site.reaches('GitRepository', (one) => artifactOf(one).revision === `main@sha1:${sha}`));
    };
    const second = await next('2');
    expect(second.digest).not.toBe(first.digest);
    const folder = unpacked(await download(second), 'second');
    expect(readFileSync(join(folder, 'a.yaml'), 'utf8')).toBe(configMap(site.ns, 'a', { v: '2' }));
    await download(first);
    const third = await next('3');
    await download(third);
    await download(second);
    expect(await statusOf(first.url)).toBe(404);
    await site.remove('Kustomization');
    await until(async () => (await site.get('Kustomization')) === undefined, { within: 20_000 });
    await site.remove('GitRepository');
    await until(async () => (await statusOf(third.url)) === 404, { within: 20_000 });
    expect(await statusOf(second.url)).toBe(404);
  });

  it('has what is left in by ignore rules, and what is included', async () => {
    const other = (ns: string, url: string): JsonObject => git(ns, url, { ignore: '/*\n!/a.yaml\n' }, 'other');
    await start({
      files: (ns) => ({ 'a.yaml': configMap(ns, 'a', { v: '1' }), 'b.txt': 'b' }),
      seeds: (ns, url) => [
        other(ns, url),
        git(ns, url, { ignore: '/a.yaml\n', include: [{ repository: { name: 'other' }, toPath: 'in' }] }),
      ],
    });
    expect(readdirSync(unpacked(await download(await ready('other')), 'other'))).toEqual(['a.yaml']);
    const folder = unpacked(await download(await ready()), 'outer');
    expect([readdirSync(folder).sort(), readdirSync(join(folder, 'in'))]).toEqual([['b.txt', 'in'], ['a.yaml']]);
  });

  it('whose bytes would be others than was told is never sent whole, and is told anew', async () => {
    await start();
    const right = await ready();
    const key = `GitRepository/${site.ns}/app`;
    const { sources } = site.agent.parts.cache;
    await site.agent.stop();
    const notes = sources.get(key)?.artifacts ?? [];
    expect(notes).toHaveLength(1);
    await sources.noteArtifacts(
      key,
      notes.map((one) => ({ ...one, digest: sha256('what another zlib made') })),
    );
    await site.restart();
    const wrong = await readyAt((url) => url !== right.url);
    expect(wrong.digest).toBe(sha256('what another zlib made'));
    await expect(download(wrong)).rejects.toThrow();
    const again = artifactOf(await site.reaches('GitRepository', (one) => artifactOf(one).digest === right.digest));
    await download(again);
  });

  it('is told anew after an update of what packs it, also where nothing can be fetched', async () => {
    await start();
    const before = await ready();
    const key = `GitRepository/${site.ns}/app`;
    const { sources } = site.agent.parts.cache;
    await site.agent.stop();
    const digest = sha256('what an older zlib made');
    const notes = sources.get(key)?.artifacts ?? [];
    await sources.noteArtifacts(
      key,
      notes.map((one) => ({ ...one, maker: 'an older zlib', digest })),
    );
    site.repo.setAuth({ basic: { username: 'somebody', password: 'else' } });
    await site.restart();
    const after = artifactOf(
      await site.reaches(
        'GitRepository',
        (one) => artifactOf(one).url !== before.url && artifactOf(one).digest !== digest,
      ),
    );
    expect({ ...after, url: before.url }).toEqual(before);
    await download(after);
    await site.reaches('GitRepository', (one) => conditionOf(one, 'FetchFailed').startsWith('True/'));
  });

  it('is at another address where its own is taken, and the log says so', async () => {
    await start();
    const first = await ready();
    const taken = new URL(first.url).host;
    const other = await startSite(cluster, { served: taken });
    try {
      const second = artifactOf(await other.reaches('GitRepository', isReady));
      expect(new URL(second.url).host).not.toBe(taken);
      const told = other.agent.lines.find((line) => line['msg'] === 'artifacts are served at another address');
      expect(told?.['error']).toContain(`${taken} is taken by another process`);
      await download(second);
      await download(first);
    } finally {
      await other.stop();
    }
  });
});
