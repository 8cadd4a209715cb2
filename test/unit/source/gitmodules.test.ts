import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { parseGitmodules, submoduleUrl } from '../../../src/source/git/gitmodules.ts';

const parse = (text: string) => parseGitmodules(text, { submodules: 10 });
const url = (parent: string, written: string): string => submoduleUrl(parent, { path: 'lib', url: written });

describe('.gitmodules', () => {
  it('is read as git-config reads it', () => {
    const text = `# comment
[core]
  path = not/this
[submodule "a"] path = vendor/a ; comment
\tURL = "http://h/a#1"  # comment
\tbranch = lib
[ submodule "b \\"q\\" ]" ]
  path = "vendor/b c"
  url = ht\\
tp://h/b
  ignore
[submodule "later"]
  path = x
[submodule "a"]
  path = vendor/moved/
[submodule "none"]
`;
    expect(parse(`\ufeff${text.replaceAll('\n', '\r\n')}`)).toEqual([
      { path: 'vendor/moved', url: 'http://h/a#1' },
      { path: 'vendor/b c', url: 'http://h/b' },
    ]);
  });

  it('is bounded', () => {
    const many = Array.from({ length: 11 }, (_, i) => `[submodule "${i}"]`).join('\n');
    expect(() => parse(many)).toThrow(/limits.submodules/);
  });

  it.each(['..', '../x', 'a/../../x', 'a/./b', '/etc', '-x', '.git', 'a/.GIT/hooks', 'a\\\\b', '"a\\nb"'])(
    'refuses the path %s',
    (path) => {
      expect(() => parse(`[submodule "x"]\npath = ${path}\nurl = http://h/x\n`)).toThrow(/is refused/);
    },
  );

  it('takes no time for hostile text', () => {
    const long = 200_000;
    for (const text of [
      `[${' '.repeat(long)}`,
      `[submodule ${'"'.repeat(long)}`,
      `[${'"\\'.repeat(long)}`,
      `a${' '.repeat(long)}b`,
      `x = ${'"'.repeat(long)}`,
      '[submodule "x"]\n'.repeat(long / 10),
    ])
      expect(parse(text)).toEqual([]);
  });
});

describe('the url of a submodule', () => {
  it.each([
    ['https://h/org/app.git', '../lib.git', 'https://h/org/lib.git'],
    ['https://h/org/app', './lib', 'https://h/org/app/lib'],
    ['https://h:8443/a/b/c', '../../x/y', 'https://h:8443/a/x/y'],
    ['https://u:p@h/org/app', '../lib', 'https://u:p@h/org/lib'],
    ['ssh://git@h:22/org/app', '../lib', 'ssh://git@h:22/org/lib'],
    ['https://h/org/app', 'http://other/x', 'http://other/x'],
    ['https://h/org/app', 'git@other:org/x.git', 'ssh://git@other/org/x.git'],
    ['https://h/org/app', 'other:/abs/x.git', 'ssh://git@other/abs/x.git'],
    ['https://h/org/app', 'ssh://git@other:2222/x', 'ssh://git@other:2222/x'],
  ])('of %s, written %s, is %s', (parent, written, wanted) => expect(url(parent, written)).toBe(wanted));

  it.each([
    '../../../x',
    '-u',
    '--upload-pack=x',
    '/etc/passwd',
    'file:///etc',
    'FILE:///etc',
    'git://h/x',
    'ftp://h/x',
    'ext::sh',
    'ext::sh -c x',
    'fd::3',
    'http://',
    'ssh://-oProxyCommand=x/y',
    '-oProxyCommand=x:y',
    'http://h/x\ny',
    'javascript:x//y',
    'lib',
    '',
  ])('is refused when it is %j', (written) => {
    const refused = (): string => url('https://h/org/app', written);
    if (written === 'javascript:x//y') return expect(refused()).toBe('ssh://git@javascript/x//y');
    expect(refused).toThrow(Fault);
    return expect(refused).toThrow(/is refused/);
  });

  it('is shown without its credentials', () => {
    expect(() => url('https://h/a', 'ftp://user:secret@h/x')).toThrow(/^((?!secret).)*$/);
  });
});
