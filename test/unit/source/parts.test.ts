import ignore from 'ignore';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { checkNames, nameFault } from '../../../src/source/git/names.ts';
import { buildTree, objectId, parseCommit, parseTag, parseTree } from '../../../src/source/git/objects.ts';
import { lsRefsBody } from '../../../src/source/git/refs.ts';
import { createRules, specId } from '../../../src/source/git/rules.ts';
import { highest, parseRange, versionOf } from '../../../src/source/git/semver.ts';
import { fetchBody } from '../../../src/source/git/upload-pack.ts';

describe('requests of protocol v2', () => {
  it('are what the protocol says, and small', () => {
    const query = { prefixes: ['refs/heads/main'], peel: false, keep: () => true };
    expect(lsRefsBody(query)).toBe('0014command=ls-refs\n0001001fref-prefix refs/heads/main\n0000');
    const [want, have] = ['a'.repeat(40), 'b'.repeat(40)];
    expect(fetchBody({ wants: [want], have })).toBe(
      `0012command=fetch\n0001000ethin-pack\n0010no-progress\n000eofs-delta\n0035shallow ${have}\n000ddeepen 1\n0032want ${want}\n0032have ${have}\n0009done\n0000`,
    );
    expect(fetchBody({ wants: [want] })).not.toMatch(/thin-pack|have|shallow/);
  });
});

describe('version ranges', () => {
  const pass = (range: string, versions: readonly string[]): string[] => {
    const test = parseRange(range);
    return versions.filter((text) => {
      const version = versionOf(text);
      return version !== undefined && test(version);
    });
  };
  const all = ['0.9.0', '1.0.0', 'v1.2.0', '1.2.3', '1.3.0-rc.1', '1.3.0', '2.0.0-alpha', '2.0.0'];
  it.each([
    ['*', ['0.9.0', '1.0.0', 'v1.2.0', '1.2.3', '1.3.0', '2.0.0']],
    ['', ['0.9.0', '1.0.0', 'v1.2.0', '1.2.3', '1.3.0', '2.0.0']],
    ['1.x', ['1.0.0', 'v1.2.0', '1.2.3', '1.3.0']],
    ['1', ['1.0.0', 'v1.2.0', '1.2.3', '1.3.0']],
    ['1.2', ['v1.2.0', '1.2.3']],
    ['v1.2.3', ['1.2.3']],
    ['=1.2.3', ['1.2.3']],
    ['!=1.2.3', ['0.9.0', '1.0.0', 'v1.2.0', '1.3.0', '2.0.0']],
    ['!=1.x', ['0.9.0', '2.0.0']],
    ['>1.2', ['1.3.0', '2.0.0']],
    ['>= 1.2, < 2', ['v1.2.0', '1.2.3', '1.3.0']],
    ['>=1.2 <2', ['v1.2.0', '1.2.3', '1.3.0']],
    ['=>1.2.3', ['1.2.3', '1.3.0', '2.0.0']],
    ['~1.2', ['v1.2.0', '1.2.3']],
    ['~> 1.2.1', ['1.2.3']],
    ['^1.2', ['v1.2.0', '1.2.3', '1.3.0']],
    ['0.9.0 || ^2', ['0.9.0', '2.0.0']],
    ['1.0 - 1.2.0', ['1.0.0', 'v1.2.0']],
    ['>=1.3.0-0', ['1.3.0-rc.1', '1.3.0', '2.0.0-alpha', '2.0.0']],
    ['>=1.3.0-0, <2', ['1.3.0']],
    ['>=1.3.0-0, <2.0.0-0', ['1.3.0-rc.1', '1.3.0']],
    ['^1.2.0-0', ['v1.2.0', '1.2.3', '1.3.0-rc.1', '1.3.0']],
  ])('%j takes %j', (range, taken) => {
    expect(pass(range, all)).toEqual(taken);
  });

  it.each(['latest', '>=', '1.2.3.4', '>>1', '1.x; rm', '>=a.b.c'])('refuse %j', (range) => {
    expect(() => parseRange(range)).toThrow(Fault);
  });

  it('take strict versions only, keep the tag as it is written, and order by precedence', () => {
    expect(['1.2', '01.2.3', 'release-1.2.3', 'V1.2.3', '=1.2.3', ''].map(versionOf)).toEqual(Array(6).fill(undefined));
    const refs = ['v1.10.5', '1.10.0', '1.9.9', '1.10.5+build'].map((n) => ({
      name: `refs/tags/${n}`,
      oid: '',
      peeled: undefined,
    }));
    expect(highest(refs, '1.x').map((r) => r.name)).toEqual(['refs/tags/v1.10.5', 'refs/tags/1.10.5+build']);
  });
});

describe('names in a repository', () => {
  it('are taken when they are safe, whatever their script', () => {
    const good = [
      'a',
      '.gitignore',
      '.github',
      '.gitx',
      'git',
      'git~',
      'a~1',
      'x.git',
      'ö',
      '文',
      'a b',
      '...',
      'ab:c',
      '-rf',
      'n'.repeat(255),
    ];
    expect(good.filter((name) => nameFault(name) !== undefined)).toEqual([]);
    expect(() => checkNames(good, '')).not.toThrow();
  });

  it('clash in case also beyond ASCII', () => {
    expect(() => checkNames(['Ä.yaml', 'ä.yaml'], 'x')).toThrow("'x/?.yaml' is refused");
    expect(() => checkNames(['\u00c4', 'a\u0308'], '')).toThrow('in case or form only');
  });
});

describe('objects', () => {
  it('of a tree are written again as they were read', () => {
    const entries = [
      { mode: 'dir', name: 'a', oid: '1'.repeat(40) },
      { mode: 'file', name: 'a.b', oid: '2'.repeat(40) },
      { mode: 'exec', name: 'a0', oid: '3'.repeat(40) },
      { mode: 'link', name: 'ö', oid: '4'.repeat(40) },
      { mode: 'module', name: 'z', oid: '5'.repeat(40) },
    ] as const;
    const tree = buildTree(entries);
    expect(parseTree(tree, '').map((e) => e.name)).toEqual(['a.b', 'a', 'a0', 'z', 'ö']);
    expect(buildTree(parseTree(tree, '')).equals(tree)).toBe(true);
    expect(objectId('tree', Buffer.alloc(0))).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904');
  });

  it('that are malformed are named', () => {
    for (const bytes of ['x', '100644 a', '100644 a\0short', '999999 a\0aaaaaaaaaaaaaaaaaaaa'])
      expect(() => parseTree(Buffer.from(bytes), 'f00')).toThrow('tree f00 is malformed');
    expect(() => parseCommit(Buffer.from('author x'), 'f00')).toThrow('commit f00 is malformed');
    expect(() => parseTag(Buffer.from('object x'), 'f00')).toThrow('tag f00 is malformed');
  });

  it('of a commit give subject and time also without message or with a strange clock', () => {
    const head = `tree ${'1'.repeat(40)}\nauthor A <a> 1 +0000\ncommitter C <c> -5 +0100`;
    expect(parseCommit(Buffer.from(head), '')).toMatchObject({ subject: '', author: 'A <a>', time: -5 });
    expect(parseCommit(Buffer.from(`${head}\n\n\n  \nline\nmore`), '').subject).toBe('line');
  });
});

describe('ids of ignore rules', () => {
  const make = () => ignore({ ignorecase: false });
  const file = (folder: string, oid: string) => ({ folder, oid, text: 'x' });
  it('differ by folder, by the files above it, by spec and sparse checkout, not by files elsewhere', () => {
    const id = (folder: string, files: Parameters<typeof createRules>[0], spec?: string, sparse: string[] = []) =>
      createRules(files, spec, sparse, make).id(folder);
    const base = id('a', [file('a', '1')]);
    const others = [id('b', [file('a', '1')]), id('a', []), id('a', [file('a', '2')]), id('a', [file('', '1')])];
    others.push(id('a', [file('a', '1')], 'y'), id('a', [file('a', '1')], undefined, ['a']));
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
    expect(id('a', [file('a', '1'), file('ab', '3'), file('c/d', '4')])).toBe(base);
    expect(id('', [file('', '1')], 'y')).toBe(specId('y', []));
  });
});
