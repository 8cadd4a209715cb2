import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Changes } from '../../gitserver/index.ts';
import { type Bench, type Site, startBench } from './support.ts';

describe('what a view leaves out', () => {
  let bench: Bench;
  let count = 0;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  const seen = async (files: Changes, request: Parameters<Bench['site']>[1] = {}): Promise<Site> => {
    const repo = await bench.server.repo(`view-${count++}`);
    await repo.commit(files);
    const site = bench.site(repo.url, request);
    await site.fetch();
    return site;
  };
  const usual = {
    'app.yaml': 'x',
    '.gitignore': 'x',
    '.gitmodules': '',
    'logo.png': 'x',
    'sub/photo.jpg': 'x',
    '.github/workflow.yaml': 'x',
    'appveyor.yml': 'x',
    'sub/.sops.yaml': 'x',
    'sub/app.yaml': 'x',
    'bundle.tar.gz': 'x',
  };

  it('is what Flux leaves out by default', async () => {
    expect((await seen(usual)).files()).toEqual(['app.yaml', 'sub/app.yaml']);
  });

  it("is only Git's own files and the own patterns once there is any pattern", async () => {
    const all = ['.github/workflow.yaml', 'app.yaml', 'appveyor.yml', 'bundle.tar.gz', 'logo.png', 'sub/.sops.yaml'];
    expect((await seen(usual, { ignore: '# a comment\n\nsub/*.yaml\n!sub/.sops.yaml\n' })).files()).toEqual([
      ...all,
      'sub/photo.jpg',
    ]);
    const file = await seen({
      ...usual,
      'deep/down/.sourceignore': '*.txt\n',
      'deep/down/a.txt': 'x',
      'deep/b.txt': 'x',
    });
    expect(file.files()).toEqual([
      ...all.slice(0, 4),
      'deep/b.txt',
      'deep/down/.sourceignore',
      'logo.png',
      'sub/.sops.yaml',
      'sub/app.yaml',
      'sub/photo.jpg',
    ]);
  });

  it('follows a .sourceignore in its own folder, and spec.ignore last, which brings files back', async () => {
    const files = {
      '.sourceignore': 'docs/\n*.md\n',
      'docs/keep.yaml': 'x',
      'docs/other.yaml': 'x',
      'a/.sourceignore': '/only-here.yaml\n!README.md\n',
      'a/only-here.yaml': 'x',
      'a/b/only-here.yaml': 'x',
      'a/README.md': 'x',
      'README.md': 'x',
    };
    expect((await seen(files, { ignore: '.sourceignore\n!docs/keep.yaml' })).files()).toEqual([
      'a/README.md',
      'a/b/only-here.yaml',
      'docs/keep.yaml',
    ]);
  });

  it('takes one folder by excluding all and including it', async () => {
    const files = {
      'deploy/a.yaml': 'x',
      'deploy/n/b.yaml': 'x',
      'deploy/n/c.md': 'x',
      'src/d.yaml': 'x',
      'e.yaml': 'x',
    };
    const ignore = '/*\n!/deploy\n/deploy/**/*.md\n';
    expect((await seen(files, { ignore })).files()).toEqual(['deploy/a.yaml', 'deploy/n/b.yaml']);
  });

  it('tells case apart', async () => {
    expect((await seen({ 'A.yaml': 'x', 'b.YAML': 'x' }, { ignore: '*.yaml' })).files()).toEqual(['b.YAML']);
  });

  it('forgets a .sourceignore that is gone, and sees a new one, without reading the rest anew', async () => {
    const repo = await bench.server.repo('moving');
    await repo.commit({ 'a/x.yaml': 'x', 'a/y.yaml': 'y', 'b/x.yaml': 'x', 'logo.png': 'x' });
    const site = bench.site(repo.url);
    await site.fetch();
    expect(site.files()).toEqual(['a/x.yaml', 'a/y.yaml', 'b/x.yaml']);
    await repo.commit({ 'a/.sourceignore': 'y.yaml\n.sourceignore\n' });
    await site.fetch();
    expect(site.files()).toEqual(['a/x.yaml', 'b/x.yaml', 'logo.png']);
    await repo.commit({ 'b/z.yaml': 'z' });
    await site.fetch();
    expect(site.files()).toEqual(['a/x.yaml', 'b/x.yaml', 'b/z.yaml', 'logo.png']);
    await repo.commit({ 'a/.sourceignore': null });
    await site.fetch();
    expect(site.files()).toEqual(['a/x.yaml', 'a/y.yaml', 'b/x.yaml', 'b/z.yaml']);
    const fresh = bench.site(repo.url);
    await fresh.fetch();
    expect(fresh.have?.root).toBe(site.have?.root);
  });

  it('hides what is outside a sparse checkout, the files of the root too', async () => {
    const files = {
      'one/a.yaml': 'x',
      'one/n/b.yaml': 'x',
      'two/c.yaml': 'x',
      'three/n/d.yaml': 'x',
      'root.yaml': 'x',
    };
    expect((await seen(files, { sparseCheckout: ['one'] })).files()).toEqual(['one/a.yaml', 'one/n/b.yaml']);
    expect((await seen(files, { sparseCheckout: ['./two', 'three/n/'] })).files()).toEqual([
      'three/n/d.yaml',
      'two/c.yaml',
    ]);
    const repo = await bench.server.repo('sparse');
    await repo.commit(files);
    expect((await seen(files, { sparseCheckout: ['one/a.yaml'] })).files()).toEqual(['one/a.yaml']);
    // Paths are held against the text, as in Flux, so that a folder's neighbours may come along.
    const near = {
      'app/a.yaml': 'x',
      'app-two/b.yaml': 'x',
      'app-two/.sourceignore': 'c.yaml\n',
      'app-two/c.yaml': '',
      'apps.yaml': 'x',
      'ap/x': '',
    };
    expect((await seen(near, { sparseCheckout: ['app'] })).files()).toEqual([
      'app-two/.sourceignore',
      'app-two/b.yaml',
      'app/a.yaml',
      'apps.yaml',
    ]);
    expect((await seen(near, { sparseCheckout: ['app/'] })).files()).toEqual(['app/a.yaml']);
    const failed = await bench.site(repo.url, { sparseCheckout: ['nope'] }).fails();
    expect(failed.message).toContain("sparse checkout dir 'nope' does not exist in repository");
  });

  it('shows no symbolic links and no submodules, and keeps both', async () => {
    const site = await seen({
      'a.yaml': 'x',
      'run.sh': { exec: '#!/bin/sh' },
      link: { link: '/etc/passwd' },
      mod: { submodule: '1'.repeat(40) },
    });
    expect(site.files()).toEqual(['a.yaml', 'run.sh']);
    const modes = site.store
      .folder(site.have?.root ?? 'sha256:')
      .map(({ name, mode, digest }) => [name, mode, digest !== undefined]);
    expect(modes).toEqual([
      ['a.yaml', 'file', true],
      ['link', 'link', true],
      ['mod', 'module', false],
      ['run.sh', 'exec', true],
    ]);
  });

  it.each([
    ['patterns of files and spec together', { ignorePatterns: 4 }, /more than 4 patterns \(limits\.ignorePatterns\)/],
    [
      'a file that is too large',
      { ignoreBytes: 8 },
      /'sub\/\.sourceignore' is larger than 8 bytes \(limits\.ignoreBytes\)/,
    ],
  ])('is bounded: %s', async (_what, limits, message) => {
    const repo = await bench.server.repo(`view-${count++}`);
    await repo.commit({ '.sourceignore': 'a\nb\n', 'sub/.sourceignore': '# note\n\nc\nd\n', 'x.yaml': 'x' });
    const site = bench.site(repo.url, { ignore: 'e' });
    expect(await site.fails({}, limits)).toEqual({ code: 'source-bounds', message: expect.stringMatching(message) });
    expect(site.store.open()).toBe(0);
    await site.fetch({}, { ignorePatterns: 5, ignoreBytes: 12 });
    expect(site.files()).toContain('x.yaml');
  });
});
