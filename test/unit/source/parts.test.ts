import { describe, expect, it } from 'vitest';
import { buildTree, objectId, parseCommit, parseTag, parseTree } from '../../../src/source/git/objects.ts';
import { lsRefsBody } from '../../../src/source/git/refs.ts';
import { highest } from '../../../src/source/git/semver.ts';
import { fetchBody } from '../../../src/source/git/upload-pack.ts';
import { checkNames, nameFault } from '../../../src/source/names.ts';

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

describe('tags in a range', () => {
  it('of equal rank tie, the greatest tag first', () => {
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

  it('may look like a drive, and not be there twice', () => {
    expect(() => checkNames(['c:x', 'b'], 'x')).not.toThrow();
    expect(() => checkNames(['ä.yaml', 'b', 'ä.yaml'], 'x')).toThrow("'x/?.yaml' is refused: it is there twice");
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
