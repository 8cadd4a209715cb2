import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { checkNames, nameFault } from '../../../src/source/git/names.ts';
import { buildTree, objectId, parseCommit, parseTag, parseTree } from '../../../src/source/git/objects.ts';
import { parseRange } from '../../../src/source/git/range.ts';
import { lsRefsBody } from '../../../src/source/git/refs.ts';
import { createRules, patternsOf, specId } from '../../../src/source/git/rules.ts';
import { highest } from '../../../src/source/git/semver.ts';
import { fetchBody } from '../../../src/source/git/upload-pack.ts';
import { compareVersions, versionOf } from '../../../src/source/git/version.ts';

const testdata = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8'));

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

/** Answers of Masterminds/semver 3.5.0 and pkg/version 0.16.0, with which source-controller 1.9.1 is built. */
const RANGES = testdata('ranges.json') as {
  readonly tags: readonly string[];
  readonly versions: readonly string[];
  readonly cases: readonly { readonly range: string; readonly takes?: readonly string[]; readonly error?: string }[];
};

describe('version ranges', () => {
  it.each(RANGES.cases)('$range', ({ range, takes, error }) => {
    if (error !== undefined) {
      const refused = error === 'constraint parser error' ? error : `improper constraint: "${improper(error)}"`;
      expect(() => parseRange(range)).toThrow(new Fault('source-ref-missing', refused));
      return;
    }
    const test = parseRange(range);
    const taken = RANGES.tags.filter((tag) => {
      const version = versionOf(tag);
      return version !== undefined && test(version);
    });
    expect(taken).toEqual(takes);
  });

  it('are bounded as in Flux', () => {
    expect(() => parseRange('1'.repeat(513))).toThrow('too long (max 512 bytes)');
    expect(() => parseRange(Array(33).fill('1').join('||'))).toThrow('too many constraint groups (max 32)');
  });

  it('are read in time that does not explode', () => {
    const start = performance.now();
    for (const hard of ['1  '.repeat(170), '1-'.repeat(255), `${'1 - '.repeat(127)}!`, '*'.repeat(511)])
      expect(() => parseRange(`${hard}!`)).toThrow(Fault);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

/** The part of the text that the message quotes. */
const improper = (error: string): string => String(JSON.parse(error.slice(error.indexOf('"'))));

describe('versions', () => {
  it('are what Flux takes for one: zeros in front too, three parts, a v', () => {
    expect(RANGES.tags.filter((tag) => versionOf(tag) !== undefined)).toEqual(RANGES.versions);
  });

  it('are ordered by number, then by prerelease, part by part', () => {
    const inOrder = [
      '1.2.3--',
      '1.2.3-0',
      '1.2.3-2',
      '1.2.3-10',
      '1.2.3-a',
      '1.2.3-a.1',
      '1.2.3-a.b',
      '1.2.3',
      '1.10.0',
    ];
    const order = (a: string, b: string): number => {
      const [x, y] = [versionOf(a), versionOf(b)];
      return x === undefined || y === undefined ? Number.NaN : Math.sign(compareVersions(x, y));
    };
    // A word of hyphens comes behind numbers.
    const sorted = [...inOrder].sort(order);
    expect(sorted).toEqual(['1.2.3-0', '1.2.3-2', '1.2.3-10', '1.2.3--', '1.2.3-a', ...inOrder.slice(5)]);
    expect([order('1.2.3+a', '1.2.3+b'), order('v2025.02.03', '2025.2.3'), order('2.0.0', '1.99.99')]).toEqual([
      0, 0, 1,
    ]);
  });

  it('of equal rank tie, the greatest tag first', () => {
    const refs = ['v1.10.5', '1.10.0', '1.9.9', '1.10.5+build'].map((n) => ({
      name: `refs/tags/${n}`,
      oid: '',
      peeled: undefined,
    }));
    expect(highest(refs, '1.x').map((r) => r.name)).toEqual(['refs/tags/v1.10.5', 'refs/tags/1.10.5+build']);
  });
});

/** Answers of pkg/sourceignore 0.18.0, with which source-controller 1.9.1 is built. */
const IGNORES = testdata('ignore.json') as {
  readonly paths: readonly string[];
  readonly cases: readonly {
    readonly files: Readonly<Record<string, string>>;
    readonly spec: string | null;
    readonly leftOut: readonly string[];
  }[];
};

describe('ignore patterns', () => {
  it.each(IGNORES.cases)('$files and $spec', ({ files, spec, leftOut }) => {
    const read = Object.entries(files)
      .filter(([, text]) => patternsOf(text).length > 0)
      .map(([folder, text]) => ({ folder, oid: folder, text }))
      .sort((a, b) => a.folder.length - b.folder.length);
    const rules = createRules(read, spec ?? undefined, []);
    expect(IGNORES.paths.filter((path) => rules.leavesOut(path.replace(/\/$/, ''), path.endsWith('/')))).toEqual(
      leftOut,
    );
  });

  it('take time that grows with their length alone', () => {
    const rules = createRules(
      [{ folder: '', oid: '', text: `${'*a'.repeat(100)}b\n${'[a-z]*'.repeat(80)}!` }],
      undefined,
      [],
    );
    const start = performance.now();
    for (let i = 0; i < 100; i++) expect(rules.leavesOut(`${'a'.repeat(250)}`, false)).toBe(false);
    expect(performance.now() - start).toBeLessThan(2_000);
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

describe('ids of ignore rules', () => {
  const file = (folder: string, oid: string) => ({ folder, oid, text: 'x' });
  it('differ by folder, by the files above it, by spec and sparse checkout, not by files elsewhere', () => {
    const id = (folder: string, files: Parameters<typeof createRules>[0], spec?: string, sparse: string[] = []) =>
      createRules(files, spec, sparse).id(folder);
    const base = id('a', [file('a', '1')]);
    const others = [id('b', [file('a', '1')]), id('a', []), id('a', [file('a', '2')]), id('a', [file('', '1')])];
    others.push(id('a', [file('a', '1')], 'y'), id('a', [file('a', '1')], undefined, ['a']));
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
    expect(id('a', [file('a', '1'), file('ab', '3'), file('c/d', '4')])).toBe(base);
    expect(id('', [file('', '1')], 'y')).toBe(specId('y', []));
  });
});
