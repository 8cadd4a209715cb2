import { describe, expect, it } from 'vitest';
import { functionsOf } from './functions.ts';
import { bannedCalls, importFaults, rings } from './rules.ts';
import { codeOf, parse } from './source.ts';

describe('import rules', () => {
  it.each([
    ['src/plan/a.ts', "import { x } from '../../agent/main.ts';", 'src never imports agent'],
    ['src/plan/a.ts', "import type { x } from '../../test/support/x.ts';", 'src never imports agent'],
    ['src/plan/a.ts', "import { x } from '../render/index.ts';", 'only lower ranks'],
    ['src/model/a.ts', "export * from '../ports/index.ts';", 'only lower ranks'],
    ['src/apply/a.ts', "import type { x } from '../cache/index.ts';", 'only lower ranks'],
    ['src/flux/a.ts', "type A = import('../ports/index.ts').Clock;", 'only lower ranks'],
    ['src/cycle/a.ts', "const x = await import('../apply/one.ts');", 'through its index.ts'],
    ['agent/loop/a.ts', "import { x } from '../../src/plan/order.ts';", 'through its index.ts'],
    ['agent/loop/a.ts', "import { x } from '../../test/support/x.ts';", 'does not import tests'],
    ['src/plan/a.ts', "import { x } from './order';", 'extension .ts'],
    ['src/source/oci/a.ts', "import { x } from '../git/index.ts';", 'do not know one another'],
  ])('find in %s: %s', (path, text, rule) => {
    expect(importFaults(parse(path, text)).join('\n')).toContain(rule);
  });

  it.each([
    ['src/plan/a.ts', "import { x } from '../model/index.ts';"],
    ['src/plan/a.ts', "import { x } from './order.ts';"],
    ['src/render/yaml/a.ts', "import { x } from '../files.ts';"],
    ['src/cycle/a.ts', "import { x } from '../source/git/index.ts';"],
    ['src/source/oci/a.ts', "import { x } from '../semver/index.ts'; import { y } from '../scope.ts';"],
    ['src/source/bundle/a.ts', "import { x } from '../git/index.ts'; import { y } from '../oci/index.ts';"],
    ['src/apply/a.ts', "import { x } from '../health/index.ts';"],
    ['agent/loop/a.ts', "import { x } from '../adapters/clock/index.ts'; import y from 'pino';"],
    ['src/plan/a.ts', "// import { x } from '../render/index.ts';\nconst s = \"import '../render/index.ts'\";"],
  ])('accept in %s: %s', (path, text) => {
    expect(importFaults(parse(path, text))).toEqual([]);
  });

  it('find a ring, also one of types, and not one that is only closed when called', () => {
    const a = parse('src/plan/a.ts', "import type { B } from './b.ts';");
    const b = parse('src/plan/b.ts', "export { C } from './c.ts';");
    const ring = parse('src/plan/c.ts', "import { A } from './a.ts';");
    const late = parse('src/plan/c.ts', "const c = () => import('./a.ts');");
    expect(rings([a, b, ring])).toEqual(['src/plan/a.ts -> src/plan/b.ts -> src/plan/c.ts -> src/plan/a.ts']);
    expect(rings([a, b, late])).toEqual([]);
  });
});

describe('banned calls', () => {
  it.each([
    'const t = Date.now();',
    'const t = new Date();',
    'const t = new  Date( );',
    'const t = Date();',
    'setTimeout(f, 1);',
    'const s = AbortSignal.timeout(5);',
    'const r = Math.random();',
    'const e = process.env;',
    'console.log(1);',
    'const r = await fetch(u);',
    "import fs from 'node:fs';",
    "import { request } from 'node:https';",
    "import { spawn } from 'node:child_process';",
    "const x = await import('node:net');",
    'function f(a: any): void {}',
    'const a = b as any;',
    'const a: any[] = [];',
    'const m = new Map<string, any>();',
    'const t = `${Date.now()}`;',
    'a.sort((x, y) => x.localeCompare(y));',
    'const f = new Intl.DateTimeFormat();',
    'let count = 0;',
    'export let count = 0;',
    'enum A { B }',
    "import { readFileSync } from 'fs';",
  ])('are found: %s', (text) => {
    expect(bannedCalls(parse('src/plan/a.ts', text))).toHaveLength(1);
  });

  it.each([
    'const t = new Date(now).toISOString();',
    'const t = Date.parse(text) + Date.UTC(2026, 0);',
    "const s = 'Date.now() console.log process.env';",
    '// Date.now()\n/* setTimeout(f) */',
    'const t = `Date.now() ${clock.now()}`;',
    'clock.setTimeout(1); wire.fetch(u);',
    "import { createHash } from 'node:crypto';",
    'const many = { any: 1 }; if (x.any) f(company);',
    'const r = /["\'`]/.test(a) ? Promise.any([]) : many;',
    'function f() {\n  let count = 0;\n  return count;\n}',
    'const f = (any: number) => any;',
    'const n = negated ? not(any) : any;',
    'f(x, any); if (a && any) b(any, c);',
  ])('are not seen in: %s', (text) => {
    expect(bannedCalls(parse('src/plan/a.ts', text))).toEqual([]);
  });

  it('keep the environment to where settings are read', () => {
    const text = 'const e = process.env["X"];';
    expect(bannedCalls(parse('agent/loop/a.ts', text))).toHaveLength(1);
    for (const path of ['agent/config/a.ts', 'agent/cli/a.ts', 'agent/main.ts'])
      expect(bannedCalls(parse(path, text))).toEqual([]);
  });
});

describe('the scanner', () => {
  it('keeps length and lines while it blanks comments, strings, templates and regular expressions', () => {
    const text = [
      "const a = \"x{\" + 'y\\'{' // {",
      'const b = `t{ ${f({ a: `in{ ${1}` })} }`;',
      'const c = /[/"{]\\/"/g.test(a) / 2;',
      '/* { \n { */ const d = { e: 1 };',
    ].join('\n');
    const code = codeOf(text);
    expect(code).toHaveLength(text.length);
    expect(code.split('\n')).toHaveLength(text.split('\n').length);
    expect(code.split('{')).toHaveLength(code.split('}').length);
    expect(code).not.toMatch(/[xy"]\{/);
  });

  it('measures functions of every form', () => {
    const body = '\n  a;\n'.repeat(2);
    const names = (text: string): readonly string[] =>
      functionsOf(parse('src/x/a.ts', text)).map((f) => `${f.name} ${f.lines}`);
    expect(names(`export async function one<T>(a: { b: T }): Promise<{ c: T }> {${body}}`)).toEqual(['one 5']);
    expect(names(`const two = async (a: number): Promise<void> => {${body}};`)).toEqual(['two 5']);
    expect(names(`  three(a: string): { b: string } {${body}}`)).toEqual(['three 5']);
    expect(names(`function outer() {\n  const inner = () => {${body}};\n  return 1;\n}`)).toEqual([
      'outer 4',
      'inner 5',
    ]);
    expect(names(`  four(a, b);\n  if (x) {${body}}`)).toEqual([]);
    expect(names(`interface A {\n  five(a: string): void;\n}`)).toEqual([]);
  });
});
