import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { functionsOf } from './functions.ts';
import { bannedCalls, importFaults, isDoor, RANKS, rings, roomOf } from './rules.ts';
import { ROOT, sources } from './source.ts';

const MAX_FILE = 300;
/** Tests are lists of cases, read one at a time. */
const MAX_TEST_FILE = 500;
const MAX_FUNCTION = 60;

/** Files that may be longer, each with its reason. Only tables and generated text belong here. */
const LONG_FILES: Readonly<Record<string, string>> = {};

const bound = (path: string): number => (path.startsWith('test/') ? MAX_TEST_FILE : MAX_FILE);

const product = sources('src', 'agent');
const all = [...product, ...sources('test', 'scripts')];

/** Fails with all faults, one a line. */
const expectNone = (faults: readonly string[]): void => expect(faults.join('\n')).toBe('');

describe('the rooms', () => {
  it('import only downwards, never agent, and each other only by the door', () => {
    expect(product.length).toBeGreaterThan(20);
    expectNone(product.flatMap(importFaults));
  });

  it('all have a rank', () => {
    const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map(({ name }) => name).filter((name) => RANKS[name] === undefined)).toEqual([]);
  });

  it('all have a door', () => {
    const rooms = new Set(product.map(({ path }) => roomOf(path)).filter((room) => room !== ''));
    const doors = new Set(product.filter(({ path }) => isDoor(path)).map(({ path }) => roomOf(path)));
    expect([...rooms].filter((room) => !doors.has(room))).toEqual([]);
  });

  it('are not tied in a ring of imports, types included', () => {
    expectNone(rings(product).map((ring) => `${ring}: move what they share down into a file of its own.`));
  });
});

describe('every file', () => {
  it('takes its effects as ports and keeps to the language', () => {
    expectNone(product.flatMap(bannedCalls));
  });

  it(`has at most ${MAX_FILE} lines, tests ${MAX_TEST_FILE}`, () => {
    const long = all.filter(
      ({ path, text }) => !(path in LONG_FILES) && text.trimEnd().split('\n').length > bound(path),
    );
    expectNone(
      long.map(
        ({ path, text }) =>
          `${path} has ${text.trimEnd().split('\n').length} lines, at most ${bound(path)}: split it by what changes together.`,
      ),
    );
  });

  it('that is excused from its length is there and still long', () => {
    const files = new Map(all.map(({ path, text }) => [path, text.split('\n').length]));
    expect(Object.keys(LONG_FILES).filter((path) => (files.get(path) ?? 0) <= bound(path))).toEqual([]);
  });

  it(`has functions of at most ${MAX_FUNCTION} lines`, () => {
    const faults = [...product, ...sources('scripts')].flatMap((file) =>
      functionsOf(file)
        .filter(({ lines }) => lines > MAX_FUNCTION)
        .map(
          ({ name, line, lines }) =>
            `${file.path}:${line} ${name} has ${lines} lines, at most ${MAX_FUNCTION}: name its parts.`,
        ),
    );
    expectNone(faults);
  });
});

it('every script of package.json is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const there = new Set(readdirSync(join(ROOT, 'scripts')));
  const names = Object.values(scripts).map((command) => /^node scripts\/run\.mjs (\w+)(?: --\w+)?$/.exec(command)?.[1]);
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !there.has(`${name}.ts`))).toEqual([]);
});
