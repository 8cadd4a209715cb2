import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DataObject, type GitRepository, parseFluxObjects } from '../../../src/flux/index.ts';
import { verifierOf } from '../../../src/source/index.ts';
import { verifyPgp } from '../../../src/trust/index.ts';
import type { Changes, Repo } from '../../gitserver/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { type Bench, type Site, startBench } from './support.ts';

const source = (mode: string): GitRepository => {
  const spec = { url: 'http://h/x', interval: '1m', verify: { mode, secretRef: { name: 'keys' } } };
  const metadata = { name: 'app', namespace: 'ns' };
  const value = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata, spec };
  const [first] = parseFluxObjects([{ value, file: 'x', line: 1 }]).objects;
  if (first?.kind !== 'GitRepository') throw new Error('no GitRepository');
  return first;
};
const secret = (data: Readonly<Record<string, string>>): DataObject => ({
  kind: 'Secret',
  name: 'keys',
  namespace: 'ns',
  type: 'Opaque',
  data: new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
  origin: 'x',
});

describe('spec.verify', () => {
  let bench: Bench;
  let dir: TempDir;
  let alice: string;
  let mallory: string;
  beforeAll(async () => {
    [bench, dir] = [await startBench(), await tempDir('signers')];
    [alice, mallory] = ['alice', 'mallory'].map((name) => {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir.path, name)]);
      return readFileSync(join(dir.path, `${name}.pub`), 'utf8');
    }) as [string, string];
  });
  afterAll(async () => {
    await bench.stop();
    await dir.remove();
  });

  const signing = (who: string): string[] => ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${join(dir.path, who)}`];
  /** A commit made by git itself, signed. */
  const commit = async (repo: Repo, who: string, changes: Changes): Promise<string> => {
    const plain = await repo.commit(changes, { branch: 'draft' });
    const parents = (await repo.git('rev-list', '--max-count=1', 'main').catch(() => '')).trim();
    const parent = parents === '' ? [] : ['-p', parents];
    const id = await repo.git(...signing(who), 'commit-tree', '-S', ...parent, '-m', 'signed', `${plain}^{tree}`);
    await repo.setRef('refs/heads/main', id);
    return id;
  };
  const with_ = (site: Site, mode: string, keys: Readonly<Record<string, string>>) => {
    const tools = { store: site.store, have: site.have, now: Date.now(), pgp: verifyPgp };
    const verify = verifierOf(source(mode), [secret(keys)], tools);
    if (verify === undefined) throw new Error('nothing is asked for');
    return { verify };
  };

  it('of a branch keeps what was proven until there is something new, where nobody asks for proof any more', async () => {
    const repo = await bench.server.repo('verify/until');
    const id = await commit(repo, 'alice', { 'a.yaml': 'a: 1' });
    const keys = { 'a.sshpub': alice };
    const [branch, one] = [bench.site(repo.url), bench.site(repo.url, { ref: { commit: id } })];
    for (const site of [branch, one]) await site.fetch(with_(site, 'HEAD', keys));
    expect([branch, one].map(({ have }) => have?.verified?.mode)).toEqual(['HEAD', 'HEAD']);
    expect((await branch.fetch()).kind).toBe('unchanged');
    expect(branch.have?.verified?.mode).toBe('HEAD');
    // Of a commit Flux looks at everything again.
    await one.fetch();
    expect([one.have?.revision, one.have?.verified]).toEqual([`sha1:${id}`, undefined]);
    await repo.commit({ 'a.yaml': 'a: 2' });
    await branch.fetch();
    expect([branch.text('a.yaml'), branch.have?.verified]).toEqual(['a: 2', undefined]);
  });

  it('takes what is signed by a trusted key, refuses what is not, and keeps what it had', async () => {
    const repo = await bench.server.repo('verify/head');
    const first = await commit(repo, 'alice', { 'a.yaml': 'a: 1' });
    const site = bench.site(repo.url);
    const keys = { 'a.sshpub': alice };
    await site.fetch(with_(site, 'HEAD', keys));
    expect(site.have).toMatchObject({
      revision: `main@sha1:${first}`,
      verified: { mode: 'HEAD', message: expect.stringContaining(`- commit '${first}' with key 'SHA256:`) },
    });
    expect((await site.fetch(with_(site, 'HEAD', keys))).kind).toBe('unchanged');
    const second = await commit(repo, 'mallory', { 'a.yaml': 'a: 2' });
    expect(await site.fails(with_(site, 'HEAD', keys))).toMatchObject({
      code: 'signature-invalid',
      message: expect.stringContaining(`signature verification of commit '${second}' failed`),
    });
    const third = await repo.commit({ 'a.yaml': 'a: 3' });
    expect((await site.fails(with_(site, 'HEAD', keys))).message).toContain('unsupported signature type: empty');
    expect(site.text('a.yaml')).toBe('a: 1');
    // What was refused is on the disk, and is not taken from there unchecked either.
    repo.resetRequests();
    expect((await site.fails(with_(site, 'HEAD', keys))).message).toContain(third);
    expect(repo.totals().requests).toBe(1);
    const fourth = await commit(repo, 'alice', { 'a.yaml': 'a: 4' });
    await site.fetch(with_(site, 'HEAD', keys));
    expect(site.have?.revision).toBe(`main@sha1:${fourth}`);
  });

  it('checks the same revision again when keys or mode change, and not otherwise', async () => {
    const repo = await bench.server.repo('verify/again');
    await commit(repo, 'alice', { 'a.yaml': 'a: 1' });
    const site = bench.site(repo.url);
    await site.fetch();
    expect(site.have?.verified).toBeUndefined();
    await site.fetch(with_(site, 'HEAD', { 'a.sshpub': alice }));
    const proof = site.have?.verified;
    expect(proof).toBeDefined();
    expect((await site.fails(with_(site, 'HEAD', { 'a.sshpub': mallory }))).code).toBe('signature-invalid');
    expect(site.have?.verified).toBe(proof);
    expect((await site.fetch(with_(site, 'HEAD', { 'a.sshpub': alice, 'b.sshpub': mallory }))).kind).toBe('fetched');
    expect(site.have?.verified?.key).not.toBe(proof?.key);
    expect((await site.fails(with_(site, 'Tag', { 'a.sshpub': alice }))).code).toBe('signature-mode');
    // As in Flux, where nobody asks any more and nothing is new.
    const last = site.have?.verified;
    expect((await site.fetch()).kind).toBe('unchanged');
    expect(site.have?.verified).toBe(last);
  });

  it('looks at the tag object in the modes for it', async () => {
    const repo = await bench.server.repo('verify/tag');
    const at = await commit(repo, 'alice', { 'a.yaml': 'a: 1' });
    await repo.git(...signing('mallory'), 'tag', '-s', '-m', 'tag', 'v1.0.0', at);
    await repo.git('tag', '-a', '-m', 'tag', 'v0.9.0', at);
    await repo.git('tag', 'v0.8.0', at);
    const site = (ref: object): Site => bench.site(repo.url, { ref });
    const both = { 'a.sshpub': alice, 'm.sshpub': mallory };
    for (const ref of [{ tag: 'v1.0.0' }, { semver: '>=1.0.0' }, { name: 'refs/tags/v1.0.0' }]) {
      const one = site(ref);
      await one.fetch(with_(one, 'TagAndHEAD', both));
      expect(one.have?.verified?.message).toMatch(/- tag 'v1\.0\.0@[0-9a-f]{40}' with key '.*'\n\t- commit '/);
    }
    const tag = site({ tag: 'v1.0.0' });
    expect((await tag.fails(with_(tag, 'Tag', { 'a.sshpub': alice }))).message).toContain("of tag 'v1.0.0@");
    await tag.fetch(with_(tag, 'Tag', { 'm.sshpub': mallory }));
    expect((await tag.fails(with_(tag, 'TagAndHEAD', { 'm.sshpub': mallory }))).message).toContain('of commit');
    for (const name of ['v0.9.0', 'v0.8.0']) {
      const one = site({ tag: name });
      expect((await one.fails(with_(one, 'Tag', both))).message).toContain('since it is not signed');
    }
    for (const ref of [{ branch: 'main' }, { commit: at }, { name: 'refs/heads/main' }]) {
      const one = site(ref);
      expect((await one.fails(with_(one, 'Tag', both))).code).toBe('signature-mode');
    }
    // The signed tag object under another name.
    await repo.setRef('refs/tags/v2.0.0', await repo.git('rev-parse', 'refs/tags/v1.0.0'));
    const renamed = site({ tag: 'v2.0.0' });
    expect((await renamed.fails(with_(renamed, 'Tag', both))).message).toContain("tag's name is 'v1.0.0'");
  });

  it('comes before submodules are looked at', async () => {
    const [lib, app] = [await bench.server.repo('verify/lib'), await bench.server.repo('verify/app')];
    const at = await lib.commit({ 'lib.yaml': 'lib: 1' });
    await app.commit({
      lib: { submodule: at },
      '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${lib.url}\n`,
    });
    const site = bench.site(app.url, { recurseSubmodules: true });
    expect((await site.fails(with_(site, 'HEAD', { 'a.sshpub': alice }))).code).toBe('signature-invalid');
    expect(lib.requests()).toEqual([]);
  });

  it('names a Secret that is missing', () => {
    const site = bench.site('http://h/x');
    const tools = { store: site.store, have: undefined, now: 0, pgp: verifyPgp };
    expect(() => verifierOf(source('HEAD'), [], tools)).toThrow(/^public keys secret error: secrets "keys" not found$/);
  });
});
