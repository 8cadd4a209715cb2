import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENT_FLAGS, BUILD_FLAGS, launcher, V8_FLAGS } from '../../../scripts/bundle/launcher.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hf launcher's "));
  mkdirSync(join(dir, 'dist'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A program that says which one it is and what it was given. */
function fakeNode(path: string, version: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit 0\necho "${version}|$*|arena=$MALLOC_ARENA_MAX trim=$MALLOC_TRIM_THRESHOLD_"\nexit 7\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

function install(built: { readonly node: string; readonly fromDist?: string; readonly root?: string }): string {
  const path = join(dir, 'dist', 'holdfast');
  writeFileSync(path, launcher({ fromDist: '', root: '/nowhere', quick: 'quick:1', ...built }));
  chmodSync(path, 0o755);
  return path;
}

function start(path: string, env: Record<string, string> = {}, args: readonly string[] = ['a b', "it's"]) {
  const done = spawnSync(path, args, { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', ...env }, cwd: '/' });
  return { code: done.status, out: done.stdout.trim(), err: done.stderr.trim() };
}

describe('launcher', () => {
  it('runs the bundle beside it on the Node of the build, with its flags, arguments and exit code', () => {
    const node = fakeNode(join(dir, 'built', 'node'), 'v24.1.0');
    const got = start(install({ node }));
    expect(got).toEqual({
      code: 7,
      out: `v24.1.0|${join(dir, 'dist', 'holdfast.cjs')} a b it's|arena= trim=`,
      err: '',
    });
  });

  it('gives the agent, and nothing else, the flags of a resident process', () => {
    const path = install({ node: fakeNode(join(dir, 'built', 'node'), 'v24.1.0') });
    const flags = (args: readonly string[]): string => start(path, {}, args).out.split('|')[1] ?? '';
    expect(flags(['agent', '--config', 'x'])).toBe(
      [...V8_FLAGS, ...AGENT_FLAGS, join(dir, 'dist', 'holdfast.cjs'), 'agent --config x'].join(' '),
    );
    for (const other of [['worker'], ['plan'], []])
      expect(flags(other)).toBe([join(dir, 'dist', 'holdfast.cjs'), ...other].join(' '));
  });

  it('has a build done by the program for it, where there is one', () => {
    const path = install({ node: fakeNode(join(dir, 'built', 'node'), 'v24.1.0') });
    const got = (args: readonly string[]): string => start(path, {}, args).out.split('|')[1] ?? '';
    expect(got(['build', 'a b'])).toBe(`${join(dir, 'dist', 'holdfast.cjs')} build a b`);
    const quick = join(dir, 'dist', 'holdfast-build.cjs');
    writeFileSync(quick, '');
    expect(got(['build', 'a b'])).toBe([...BUILD_FLAGS, quick, 'quick:1 build a b'].join(' '));
    expect(got(['plan'])).toBe(`${join(dir, 'dist', 'holdfast.cjs')} plan`);
  });

  it('finds the Node of the build again after the checkout was moved', () => {
    fakeNode(join(dir, 'node_modules', 'n', 'node'), 'v24.2.0');
    const got = start(install({ node: '/old/node_modules/n/node', fromDist: '../node_modules/n/node', root: '/old' }));
    expect(got.out).toMatch(/^v24\.2\.0\|/);
  });

  it('takes HOLDFAST_NODE before all others', () => {
    const node = fakeNode(join(dir, 'built', 'node'), 'v24.1.0');
    const mine = fakeNode(join(dir, 'mine', 'node'), 'v26.0.0');
    expect(start(install({ node }), { HOLDFAST_NODE: mine }).out).toMatch(/^v26\.0\.0\|/);
  });

  it('refuses a HOLDFAST_NODE that is too old or not there, in one line', () => {
    const node = fakeNode(join(dir, 'built', 'node'), 'v24.1.0');
    const old = fakeNode(join(dir, 'old', 'node'), 'v20.20.2');
    for (const mine of [old, '/not/there']) {
      const got = start(install({ node }), { HOLDFAST_NODE: mine });
      expect(got.code).toBe(1);
      expect(got.err).toBe(`holdfast: HOLDFAST_NODE=${mine} is not a Node 24 or newer.`);
    }
  });

  it('goes on to the one beside it and to PATH, past those that are too old', () => {
    const path = install({ node: '/gone/node' });
    const beside = fakeNode(join(dir, 'dist', 'node'), 'v22.1.0');
    fakeNode(join(dir, 'bin', 'node'), 'v25.0.0');
    const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` };
    expect(start(path, env).out).toMatch(/^v25\.0\.0\|/);
    fakeNode(beside, 'v24.9.9');
    expect(start(path, env).out).toMatch(/^v24\.9\.9\|/);
  });

  it('says what to do when there is none', () => {
    fakeNode(join(dir, 'bin', 'node'), 'v18.0.0');
    const got = start(install({ node: '/gone/node' }), { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` });
    expect(got.code).toBe(1);
    expect(got.err).toContain('no Node 24 or newer found: set HOLDFAST_NODE');
    expect(got.err.split('\n')).toHaveLength(1);
  });

  it('works through a symlink', () => {
    const node = fakeNode(join(dir, 'built', 'node'), 'v24.1.0');
    install({ node });
    mkdirSync(join(dir, 'usr'));
    symlinkSync('../dist/holdfast', join(dir, 'usr', 'first'));
    symlinkSync(join(dir, 'usr', 'first'), join(dir, 'usr', 'holdfast'));
    expect(start(join(dir, 'usr', 'holdfast')).out).toContain(join('dist', 'holdfast.cjs'));
  });

  it('leaves memory settings of the operator', () => {
    const node = fakeNode(join(dir, 'built', 'node'), 'v24.1.0');
    const path = install({ node });
    expect(start(path, {}, ['agent']).out).toContain('arena=1 trim=32768');
    expect(start(path, { MALLOC_ARENA_MAX: '3', MALLOC_TRIM_THRESHOLD_: '7' }, ['agent']).out).toContain(
      'arena=3 trim=7',
    );
  });

  it('gives flags that Node takes, with which memory can be given back', () => {
    const program = `
      let much = Array.from({ length: 300_000 }, (_, i) => ({ i, text: 'x' + i }));
      const before = process.memoryUsage().heapUsed;
      much = [];
      gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      console.log(JSON.stringify([before, process.memoryUsage().heapUsed]));`;
    const done = spawnSync(process.execPath, [...V8_FLAGS, ...AGENT_FLAGS, '-e', program], { encoding: 'utf8' });
    expect(done.stderr).toBe('');
    const [before, after] = JSON.parse(done.stdout) as [number, number];
    expect(after).toBeLessThan(before / 3);
  });

  /** Starts it as process 1 of a PID namespace, as a container does; undefined where that may not be done. */
  function startFirst(node: string, ...args: readonly string[]): ReturnType<typeof spawnSync> | undefined {
    const own = ['-p', '-f', '--kill-child', ...(process.getuid?.() === 0 ? [] : ['-r'])];
    if (spawnSync('unshare', [...own, 'true']).status !== 0) return undefined;
    const path = install({ node });
    return spawnSync('unshare', [...own, 'sh', path, ...args], { encoding: 'utf8', timeout: 10_000 });
  }

  const script = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  it('as process 1 lets a SIGTERM end a Node that has no handler yet', ({ skip }) => {
    const done = startFirst(script('node', 'kill -TERM 1; sleep 30 & wait'), 'agent');
    if (done === undefined) return skip('no PID namespace can be made here');
    expect({ status: done.status, signal: done.signal }).toEqual({ status: 143, signal: null });
  });

  it('as process 1 gives the exit code of an agent that ends by itself after a signal', ({ skip }) => {
    const own = 'trap \'ended=1\' TERM; kill -TERM 1; while [ -z "$ended" ]; do sleep 0.05; done; exit 7';
    const done = startFirst(script('node', own), 'agent');
    if (done === undefined) return skip('no PID namespace can be made here');
    expect({ status: done.status, signal: done.signal }).toEqual({ status: 7, signal: null });
  });
});
