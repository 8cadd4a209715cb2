import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../agent/cli/index.ts';
import { FAULTS } from '../../src/model/index.ts';
import { helpFor } from '../../src/report/objects/index.ts';
import { RANKS } from './rules.ts';
import { ROOT, sources } from './source.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Whether a link of a page leads to a file and, in a page, to a heading by the name that GitHub gives it. */
function leads(from: string, to: string, anchor: string | undefined): boolean {
  const target = to === '' ? from : join(dirname(from), to);
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  const headings = [...read(target).matchAll(/^#{1,6} (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return headings.includes(anchor);
}

/** Reasons that conditions and faults give beside those of the table of faults. */
function reasonsInCode(): readonly string[] {
  const found = sources('src', 'agent')
    .filter(({ path }) => !path.startsWith('src/model/'))
    .flatMap(({ text }) => [
      ...text.matchAll(/\breason: '([A-Z]\w+)'|\bunavailable\(\s*'(\w+)'|: '(\w+(?:Failed|Succeeded))',/g),
    ])
    .map((match) => match.slice(1).find((part) => part !== undefined) ?? '');
  return [...new Set(found)].sort();
}

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

  it('names every reason that a condition can have', () => {
    const text = read('docs/operations.md');
    const reasons = reasonsInCode();
    for (const known of ['URLInvalid', 'IncludeCycle', 'BucketOperationFailed']) expect(reasons).toContain(known);
    expect(reasons.filter((reason) => !text.includes(`\`${reason}\``))).toEqual([]);
  });

  it('knows what to do about each reason that something can fail for, whatever the message', () => {
    const good = /Succeeded$|^Progressing|^NewArtifact$/;
    const all = [...Object.values(FAULTS).map(({ reason }) => reason), ...reasonsInCode()];
    const failing = [...new Set(all)].filter((reason) => !good.test(reason));
    expect(failing.length).toBeGreaterThan(35);
    const general = helpFor('NoSuchReason', '');
    expect(failing.filter((reason) => helpFor(reason, '') === general)).toEqual([]);
    // One that is none of these says what it is, and what happens meanwhile.
    expect(new Set(failing.map((reason) => helpFor(reason, ''))).size).toBeGreaterThan(30);
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
  it('name every room with its rank in docs/architecture.md', () => {
    const rows = read('docs/architecture.md').matchAll(/^\| (\d) \| `(\w+)` \|/gm);
    expect(Object.fromEntries([...rows].map(([, rank, room = '']) => [room, Number(rank)]))).toEqual(RANKS);
  });

  it('name every command in docs/cli.md', () => {
    const text = read('docs/cli.md');
    const named = (name: string): boolean => new RegExp(`^\\|.*\`${name}\\b`, 'm').test(text);
    const shown = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.hidden !== true);
    expect(shown.filter((name) => !named(name))).toEqual([]);
  });

  it.each(PAGES)('link only to files and headings that are there: %s', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    expect(links.filter(([, to = '', anchor]) => !leads(path, to, anchor)).map(([link]) => link)).toEqual([]);
  });
});
