import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dispatch } from '../../../agent/cli/index.ts';
import type { InboxStatus, JsonObject } from '../../../src/model/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type App, configMap, dataOf, type Place, startPlace } from '../agent/app.ts';

let place: Place;
let dir: TempDir;
beforeAll(async () => {
  [place, dir] = [await startPlace(), await tempDir('stick')];
});
afterAll(async () => {
  await place.stop();
  await dir.remove();
});

let sticks = 0;
const KEY = 'GitRepository/flux-system/app';

/** No server is there: the bundles are made where there is one. */
const NOWHERE = { url: 'http://127.0.0.1:1/app.git' };

/** An app that has never reached its server, with a stick, which is not in yet. */
async function offline(
  source: JsonObject = NOWHERE,
  moveAside = true,
): Promise<{ app: App; stick: string; maker: string }> {
  const stick = join(dir.path, `stick-${++sticks}`);
  const app = await place.app({
    wait: false,
    source,
    limits: { backoffMs: 300_000 },
    inbox: { paths: [stick], intervalMs: 100, patienceMs: 500, moveAside },
    settings: { clusterName: 'store-1', clusterLabels: { ring: '2' } },
  });
  const maker = join(dir.path, `maker-${app.ns}`);
  await mkdir(join(maker, 'objects'), { recursive: true });
  await writeFile(
    join(maker, 'objects/app.yaml'),
    `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: { name: app, namespace: flux-system }\nspec: { url: ${app.repo.url}, interval: 1h, ref: { branch: main } }\n`,
  );
  await writeFile(
    join(maker, 'config.yaml'),
    'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./state\nobjects: { files: [./objects] }\n',
  );
  return { app, stick, maker };
}

/** Packs where there is a network, and carries it to the stick. */
async function carry(
  { stick, maker }: { stick: string; maker: string },
  name: string,
  ...flags: string[]
): Promise<void> {
  await mkdir(stick, { recursive: true });
  let said = '';
  const io = {
    stdout: () => undefined,
    stderr: (text: string) => {
      said += text;
    },
    env: {},
  };
  const argv = ['bundle', 'create', '-c', join(maker, 'config.yaml'), '-o', join(maker, name), ...flags];
  const code = await dispatch(argv, io);
  if (code !== 0) throw new Error(said);
  await rename(join(maker, name), join(stick, name));
}

const file = (app: App, stick: string, name: string, state: InboxStatus['state']): Promise<InboxStatus> =>
  until(() => app.agent.loop.status().inbox.find((one) => one.file === join(stick, name) && one.state === state), {
    what: `${name} ${state}`,
  });
const applied = (app: App, sha: string): Promise<unknown> =>
  app.agent.reaches((s) => s.lastAppliedRevision === `main@sha1:${sha}` && s.converged);

describe('a site without any network', () => {
  it('is brought up by a whole bundle on a stick, and on by a difference; nothing else moves it', async () => {
    const site = await offline();
    const { app, stick } = site;
    const first = await app.repo.head();
    await until(() => app.agent.loop.status().sources[0]?.link.state === 'down');
    expect(app.status().lastAppliedRevision).toBe('');

    await carry(site, 'whole.tar', '--cluster', 'store-1');
    await applied(app, first);
    expect(await dataOf(app, 'a')).toEqual({ v: '1' });
    expect(app.agent.loop.status().sources[0]?.link.state).toBe('down');
    await until(async () => (await readdir(join(stick, 'done'))).length === 2);

    const second = await app.repo.commit({
      'a.yaml': configMap(app.ns, 'a', { v: '2' }),
      'b.yaml': configMap(app.ns, 'b', { v: '1' }),
    });
    await carry(site, 'difference.tar', '--base', first, '--label', 'ring=2');
    await applied(app, second);
    expect([await dataOf(app, 'a'), await dataOf(app, 'b')]).toEqual([{ v: '2' }, { v: '1' }]);

    // Older, damaged, for another cluster, and one that leaps over a commit.
    await until(async () => (await readdir(join(stick, 'done'))).length === 4);
    await rename(join(stick, 'done/whole.tar'), join(stick, 'older.tar'));
    expect((await file(app, stick, 'older.tar', 'refused')).code).toBe('bundle-older');
    const bytes = await readFile(join(stick, 'done/difference.tar'));
    bytes[bytes.indexOf('PACK') + 20] = 0xff;
    await writeFile(join(stick, 'damaged.tar'), bytes);
    expect((await file(app, stick, 'damaged.tar', 'refused')).code).toBe('bundle-damaged');
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '3' }) });
    await carry(site, 'other.tar', '--cluster', 'store-2');
    expect((await file(app, stick, 'other.tar', 'refused')).code).toBe('bundle-elsewhere');
    const third = await app.repo.head();
    await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '4' }) });
    await carry(site, 'leap.tar', '--base', third);
    await until(() => app.agent.loop.status().inbox.some((one) => one.code === 'bundle-base-missing'));
    expect(app.status().lastAppliedRevision).toBe(`main@sha1:${second}`);
    expect(await dataOf(app, 'a')).toEqual({ v: '2' });

    // Pulled out; the agent starts anew, keeps what is applied, and follows the stick that has what was missing.
    await rename(stick, `${stick}-out`);
    await until(() => app.agent.loop.status().inbox.every((one) => !one.file.endsWith('leap.tar')));
    await app.restart();
    await app.remove('configmaps/b');
    await until(async () => JSON.stringify(await dataOf(app, 'b')) === '{"v":"1"}');
    await rename(`${stick}-out`, stick);
    await carry(site, 'all.tar');
    await applied(app, await app.repo.head());
    expect(await dataOf(app, 'a')).toEqual({ v: '4' });
    expect((await file(app, stick, 'leap.tar', 'taken')).message).toContain(KEY);
  });

  it('takes a bundle of plain git from a stick that stays as it is, once, and follows its server when the link is back', async () => {
    await place.git.pause();
    const site = await offline({}, false);
    const { app, stick } = site;
    await mkdir(stick);
    await app.repo.git('bundle', 'create', join(stick, `${KEY.replaceAll('/', '_')}.bundle`), 'main');
    await applied(app, await app.repo.head());
    await app.restart();
    await file(app, stick, `${KEY.replaceAll('/', '_')}.bundle`, 'taken');
    expect(await readdir(stick)).toEqual([`${KEY.replaceAll('/', '_')}.bundle`]);
    const next = await app.repo.commit({ 'a.yaml': configMap(app.ns, 'a', { v: '9' }) });
    await place.git.resume();
    app.agent.nudge();
    await applied(app, next);
    expect(await dataOf(app, 'a')).toEqual({ v: '9' });
  });

  it('waits for a bundle whose source is suspended, and takes it when that is resumed', async () => {
    const site = await offline();
    const { app, stick } = site;
    app.spec({}, { source: { ...NOWHERE, suspend: true } });
    await until(() => app.agent.loop.status().sources[0]?.suspended);
    await carry(site, 'whole.tar');
    await until(() => app.agent.loop.status().inbox.some((one) => one.code === 'bundle-unclaimed'));
    expect(app.status().lastAppliedRevision).toBe('');
    app.spec({}, { source: NOWHERE });
    await applied(app, await app.repo.head());
    await file(app, stick, 'whole.tar', 'taken');
  });
});
