import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/model/index.ts';
import { RANKS } from './rules.ts';
import { ROOT, sources } from './source.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Sections of a Markdown file by the code span in their heading. */
function sections(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of text.split(/^(?=#{2,4} )/m)) {
    const name = /^#{2,4} .*?`([^`]+)`/.exec(part)?.[1];
    if (name !== undefined) found.set(name, part);
  }
  return found;
}

describe('docs/operations.md', () => {
  const parts = sections(read('docs/operations.md'));

  it('has a section for every fault code and for no other', () => {
    expect([...parts.keys()].sort()).toEqual(Object.keys(FAULTS).sort());
  });

  it.each(Object.entries(FAULTS))('says of %s the reason, what happens next and what to do', (code, row) => {
    const part = parts.get(code) ?? '';
    expect(part).toContain(`\`${row.reason}\``);
    expect(part).toMatch(new RegExp(`\\*\\*Next:\\*\\* ${row.next}\\b`));
    expect(part).toContain('**Means:**');
    expect(part).toContain(`**Do:** ${row.help}`);
  });
});

describe('docs/dependencies.md', () => {
  it('says of every package that is shipped or used to build why it is there', () => {
    const text = read('docs/dependencies.md');
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(names.filter((name) => !new RegExp(`^\\| \`${name}\``, 'm').test(text))).toEqual([]);
  });

  it('lists no package that is not there', () => {
    const text = read('docs/dependencies.md').split(/^## Turned down/m)[0] ?? '';
    const manifest = read('package.json');
    const listed = [...text.matchAll(/^\| `([^`]+)`/gm)].map((m) => m[1] ?? '');
    expect(listed.filter((name) => !manifest.includes(`"${name}"`))).toEqual([]);
  });

  it('covers every import of the product', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const faults = sources('src', 'agent').flatMap(({ path, imports }) =>
      imports
        .filter(({ spec }) => !spec.startsWith('.') && !spec.startsWith('node:'))
        .map(({ spec, line }) => ({ at: `${path}:${line}`, name: /^(?:@[^/]+\/)?[^/]+/.exec(spec)?.[0] ?? spec }))
        .filter(({ name }) => dependencies[name] === undefined)
        .map(({ at, name }) => `${at} imports ${name}, which package.json does not list under dependencies`),
    );
    expect(faults.join('\n')).toBe('');
  });
});

describe('the documents', () => {
  it('name every room in docs/architecture.md', () => {
    const text = read('docs/architecture.md');
    expect(Object.keys(RANKS).filter((room) => !text.includes(`\`${room}\``))).toEqual([]);
  });

  it.each([
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'docs/architecture.md',
    'docs/bundles.md',
    'docs/cli.md',
    'docs/flux.md',
    'docs/flux-cli.md',
    'docs/install.md',
    'docs/migrate-from-flux.md',
    'docs/operations.md',
    'docs/sources.md',
    'docs/dependencies.md',
  ])('link only to files that are there: %s', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((m) => m[1] ?? '');
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(path), link)))).toEqual([]);
  });
});
