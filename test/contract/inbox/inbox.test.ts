import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { until } from '../../support/until.ts';
import { sealed } from '../bundle/sealed.ts';
import { type InboxBench, inboxBench, sourceOf } from './support.ts';

let git: GitServer;
beforeAll(async () => {
  git = await startGitServer();
});
afterAll(() => git.stop());

let bench: InboxBench;
let repo: Repo;
let count = 0;
beforeEach(async () => {
  bench = await inboxBench();
  repo = await git.repo(`inbox-${++count}`);
});
afterEach(() => bench.remove());

const agent: InboxBench['agent'] = (...how) => bench.agent(...how);
const stick: InboxBench['stick'] = (name) => bench.stick(name);
const shown: InboxBench['shown'] = (...how) => bench.shown(...how);
const becomes: InboxBench['becomes'] = (...how) => bench.becomes(...how);
const listed: InboxBench['listed'] = (name) => bench.listed(name);

/** The server of the sources is not reached. */
const source = (name: string, more = ''): string => `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: ${name}, namespace: flux-system }
spec: { url: "http://127.0.0.1:1/${name}.git", interval: 1h, ref: { branch: main }${more} }
`;

/** `git bundle create` into the stick, under a name of its own while it is written. */
async function put(name: string, ...what: string[]): Promise<void> {
  const path = join(bench.dir, 'made.bundle');
  await repo.git('bundle', 'create', path, ...what);
  await rename(path, stick(name));
}

describe('a Git bundle in the inbox', () => {
  it('is taken without a network, moved aside with its reason, and kept over a restart', async () => {
    const sha = await repo.commit({ 'a.yaml': '' });
    const one = await agent(source('app'));
    await put('any-name.bundle', 'main');
    const taken = await becomes(one, 'any-name.bundle', 'taken', '');
    expect(taken.sources).toEqual([{ source: 'GitRepository/flux-system/app', revision: `main@sha1:${sha}` }]);
    await until(async () => (await listed('done')).length === 2);
    expect(await listed()).toEqual(['done']);
    expect(await readFile(stick('done/any-name.bundle.reason'), 'utf8')).toContain(
      `taken: GitRepository/flux-system/app: main@sha1:${sha}`,
    );
    expect(sourceOf(one).revision).toBe(`main@sha1:${sha}`);
    expect(sourceOf(one).conditions.find(({ type }) => type === 'ArtifactInStorage')?.message).toContain(sha);
    await bench.rest();
    expect(sourceOf(await agent(source('app'))).revision).toBe(`main@sha1:${sha}`);
  });

  it('waits for the one that it is a difference to, and follows it at once', async () => {
    const first = await repo.commit({ 'a.yaml': '1' });
    const second = await repo.commit({ 'a.yaml': '2' });
    const one = await agent(source('app'));
    await put('a-second.bundle', 'main', `^${first}`);
    const held = await becomes(one, 'a-second.bundle', 'held', 'bundle-base-missing');
    expect(held.message).toContain(first);
    await repo.git('branch', '-f', 'old', first);
    await repo.git('update-ref', 'refs/heads/main', first);
    await put('b-first.bundle', 'main');
    await becomes(one, 'a-second.bundle', 'taken', '');
    expect(sourceOf(one).revision).toBe(`main@sha1:${second}`);
  });

  it('is refused when it is older than what is here, and changes nothing', async () => {
    await repo.commit({ 'a.yaml': '1' });
    const one = await agent(source('app'));
    await put('old.bundle', 'main');
    await becomes(one, 'old.bundle', 'taken', '');
    await until(async () => (await listed('done')).length === 2);
    await rename(stick('done/old.bundle'), join(bench.dir, 'old'));
    const sha = await repo.commit({ 'a.yaml': '2' });
    await put('new.bundle', 'main');
    await becomes(one, 'new.bundle', 'taken', '');
    await rename(join(bench.dir, 'old'), stick('again.bundle'));
    const refused = await becomes(one, 'again.bundle', 'refused', 'bundle-older');
    expect(refused.message).toContain('ancestor');
    await until(async () => (await listed('refused')).length === 2);
    expect(await readFile(stick('refused/again.bundle.reason'), 'utf8')).toContain('(bundle-older)');
    expect(sourceOf(one).revision).toBe(`main@sha1:${sha}`);
  });

  it('is held while it is being copied, and taken when it is whole', async () => {
    await repo.commit({ 'a.yaml': 'x'.repeat(5_000) });
    const path = join(bench.dir, 'whole');
    await repo.git('bundle', 'create', path, 'main');
    const bytes = await readFile(path);
    const one = await agent(source('app'), {
      inbox: { paths: [stick()], intervalMs: 60, patienceMs: 60_000, moveAside: true },
    });
    await writeFile(stick('slow.bundle'), bytes.subarray(0, 100));
    await becomes(one, 'slow.bundle', 'held', 'bundle-damaged');
    await appendFile(stick('slow.bundle'), bytes.subarray(100));
    await becomes(one, 'slow.bundle', 'taken', '');
  });

  it('that stays cut is refused after the patience', async () => {
    await repo.commit({ 'a.yaml': 'x'.repeat(5_000) });
    const path = join(bench.dir, 'whole');
    await repo.git('bundle', 'create', path, 'main');
    await writeFile(stick('cut.bundle'), (await readFile(path)).subarray(0, 200));
    const one = await agent(source('app'));
    await becomes(one, 'cut.bundle', 'held', 'bundle-damaged');
    await becomes(one, 'cut.bundle', 'refused', 'bundle-damaged');
    await until(async () => (await listed('refused')).join() === 'cut.bundle,cut.bundle.reason');
    expect(sourceOf(one).revision).toBe('');
  });

  it('on a medium that takes no writes is taken once, also after a restart, and looked at anew when told to', async () => {
    const sha = await repo.commit({ 'a.yaml': '1' });
    // What cannot be made a folder stands for a file system that is read-only.
    await writeFile(stick('done'), '');
    await writeFile(stick('refused'), '');
    await put('r.bundle', 'main');
    await writeFile(stick('bad.bundle'), 'not a bundle');
    const one = await agent(source('app'));
    await becomes(one, 'r.bundle', 'taken', '');
    await becomes(one, 'bad.bundle', 'refused', 'bundle-unreadable');
    await bench.rest();
    expect(JSON.parse(await readFile(join(bench.dir, 'state/inbox.json'), 'utf8')).files).toHaveLength(2);
    const two = await agent(source('app'));
    expect((await becomes(two, 'r.bundle', 'taken', '')).message).toContain(sha);
    expect((await becomes(two, 'bad.bundle', 'refused', 'bundle-unreadable')).message).toContain('neither');
    expect(two.lines.filter(({ msg }) => msg === 'revision admitted')).toEqual([]);
    expect(await listed()).toEqual(['bad.bundle', 'done', 'r.bundle', 'refused']);
    two.nudge();
    await until(() => two.lines.filter(({ msg }) => msg === 'file refused').length === 2);
  });

  it('names its source, and waits until that is declared and not suspended', async () => {
    const sha = await repo.commit({ 'a.yaml': '1' });
    const one = await agent(`${source('app')}---\n${source('other')}`);
    await put('nameless.bundle', 'main');
    await put('GitRepository_flux-system_third@main.bundle', 'main');
    expect((await becomes(one, 'nameless.bundle', 'held', 'bundle-unclaimed')).message).toContain(
      'GitRepository_NAMESPACE',
    );
    await becomes(one, 'GitRepository_flux-system_third@main.bundle', 'held', 'bundle-unclaimed');
    one.declare(`${source('app')}---\n${source('other')}---\n${source('third', ', suspend: true')}`);
    await until(() => sourceOf(one, 'third').suspended);
    await until(async () =>
      (await shown(one, 'GitRepository_flux-system_third@main.bundle')).message.includes('suspended'),
    );
    one.declare(`${source('app')}---\n${source('other')}---\n${source('third')}`);
    await becomes(one, 'GitRepository_flux-system_third@main.bundle', 'taken', '');
    expect([sourceOf(one, 'third').revision, sourceOf(one).revision]).toEqual([`main@sha1:${sha}`, '']);
  });

  it('is held to the signatures of its source', async () => {
    await repo.commit({ 'a.yaml': '1' });
    const verify = ', verify: { mode: HEAD, secretRef: { name: keys } }';
    const one = await agent(source('app', verify));
    await put('app.bundle', 'main');
    await becomes(one, 'app.bundle', 'held', 'signature-keys');
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0vd8nCyaSPpqLPvQnVZ7dGqGvWsvvfY0dZ0zpJ4Ebo a';
    one.declare(
      `${source('app', verify)}---\napiVersion: v1\nkind: Secret\nmetadata: { name: keys, namespace: flux-system }\nstringData: { a.sshpub: "${key}" }\n`,
    );
    one.nudge();
    await becomes(one, 'app.bundle', 'refused', 'signature-invalid');
    expect(sourceOf(one).revision).toBe('');
  });
});

describe('a bundle of ours in the inbox', () => {
  it('brings several sources, is for the clusters that it names, and is taken by none when a byte is wrong', async () => {
    const sha = await repo.commit({ 'a.yaml': 'x'.repeat(3_000) });
    const keys = ['GitRepository/flux-system/app', 'GitRepository/flux-system/other'];
    const bytes = await sealed(repo, keys);
    const one = await agent(`${source('app')}---\n${source('other')}`, {
      settings: { clusterName: 'store-1', clusterLabels: { ring: '2' } },
    });
    const broken = Buffer.from(bytes);
    const at = broken.indexOf('PACK') + 40;
    broken[at] = (broken[at] ?? 0) ^ 1;
    await writeFile(stick('a-broken.tar'), broken);
    const damaged = await becomes(one, 'a-broken.tar', 'held', 'bundle-damaged');
    expect(damaged.message).toContain('digest');
    expect([sourceOf(one).revision, sourceOf(one, 'other').revision]).toEqual(['', '']);

    await writeFile(stick('b-else.tar'), await sealed(repo, keys, { cluster: 'store-2', labels: {} }));
    await writeFile(stick('c-ring.tar'), await sealed(repo, keys, { cluster: '', labels: { ring: '3' } }));
    expect((await becomes(one, 'b-else.tar', 'refused', 'bundle-elsewhere')).message).toContain('store-2');
    expect((await becomes(one, 'c-ring.tar', 'refused', 'bundle-elsewhere')).message).toContain('ring=2');

    await writeFile(stick('d.tar'), await sealed(repo, keys, { cluster: 'store-1', labels: { ring: '2' } }));
    await becomes(one, 'd.tar', 'taken', '');
    expect([sourceOf(one).revision, sourceOf(one, 'other').revision]).toEqual([`main@sha1:${sha}`, `main@sha1:${sha}`]);
  });
});
