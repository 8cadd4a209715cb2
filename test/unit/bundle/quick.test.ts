import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { diskTree } from '../../../agent/cli/disk-tree.ts';
import { BUILD_FLAGS } from '../../../scripts/bundle/launcher.ts';
import { writeQuick } from '../../../scripts/bundle/quick.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';

const scripts = join(import.meta.dirname, '..', '..', '..', 'scripts', 'bundle');
const sample = join(scripts, 'sample', 'overlay');
/** What stands for the whole bundle: it says that it was asked. */
const WHOLE = `process.stdout.write('whole ' + process.argv.slice(2).join(' '));`;

let made = '';
let id = '';
let dir = '';
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'hf-quick-'));
  id = await writeQuick(made);
  writeFileSync(join(made, 'holdfast.cjs'), WHOLE);
}, 60_000);
afterAll(() => rmSync(made, { recursive: true, force: true }));
beforeEach(() => {
  dir = mkdtempSync(join(made, 'copy-'));
  for (const file of ['holdfast-build.cjs', 'holdfast-build.bin', 'holdfast.cjs'])
    cpSync(join(made, file), join(dir, file));
});

function start(args: readonly string[], flags: readonly string[] = BUILD_FLAGS) {
  const done = spawnSync(process.execPath, [...flags, join(dir, 'holdfast-build.cjs'), ...args], { encoding: 'utf8' });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** The parts of holdfast-build.bin. */
function parts(): { head: { node: string; arch: string; length: number }; text: string; cache: Buffer; at: number } {
  const bytes = readFileSync(join(dir, 'holdfast-build.bin'));
  const end = bytes.indexOf('\n');
  const head = JSON.parse(bytes.toString('latin1', 0, end));
  const at = end + 1 + head.length;
  return { head, text: bytes.toString('latin1', end + 1, at), cache: bytes.subarray(at), at };
}

describe('the program for builds', () => {
  it('prints what the library builds', () => {
    const tree = diskTree('/');
    const text = toYaml(build(tree, sample.slice(1), { reorder: 'legacy' }));
    expect(start([id, 'build', sample])).toEqual({ code: 0, out: text, err: '' });
    expect(text).toContain('name: p-web-s');
  });

  it('keeps exit codes and messages', () => {
    expect(start([id, 'build', '/not/there'])).toMatchObject({ code: 1, out: '' });
    expect(start([id, 'build', '/not/there']).err).toMatch(/^Error: must build at directory: not a valid directory/);
    expect(start([id, 'build', '--what'])).toMatchObject({ code: 2, out: '' });
  });

  it('is the same bytes each time that it is made', async () => {
    const before = readFileSync(join(made, 'holdfast-build.bin'));
    expect(await writeQuick(made)).toBe(id);
    expect(readFileSync(join(made, 'holdfast-build.bin')).equals(before)).toBe(true);
  });

  it('carries code that V8 takes, at a place where it needs no copy of it', () => {
    const { head, cache, at } = parts();
    expect([head.node, head.arch]).toEqual([process.version, process.arch]);
    expect(at % 8).toBe(0);
    const look = `const [file, end, at] = process.argv.slice(1);
      const bytes = require('fs').readFileSync(file);
      const script = new (require('vm').Script)(bytes.toString('latin1', Number(end), Number(at)), { filename: file, cachedData: bytes.subarray(Number(at)) });
      process.stdout.write(String(script.cachedDataRejected));`;
    const file = join(dir, 'holdfast-build.bin');
    const where = [file, String(at - head.length), String(at)];
    const done = spawnSync(process.execPath, [...BUILD_FLAGS, '-e', look, ...where], { encoding: 'utf8' });
    expect(done.stdout).toBe('false');
    expect(cache.length).toBeGreaterThan(100_000);
  });

  it('works without that code, with that of another Node or processor, and with half of it', () => {
    const { head, text, cache } = parts();
    const variants = [
      { ...head, node: 'v24.0.0', cache: Buffer.alloc(64, 1) },
      { ...head, arch: 'z80', cache: Buffer.alloc(64, 1) },
      { ...head, cache: Buffer.alloc(0) },
      { ...head, cache: cache.subarray(0, 1_000) },
    ];
    const want = start([id, 'build', sample]);
    for (const { cache: other, ...fields } of variants) {
      writeFileSync(
        join(dir, 'holdfast-build.bin'),
        Buffer.concat([Buffer.from(`${JSON.stringify(fields)}\n${text}`, 'latin1'), other]),
      );
      expect(start([id, 'build', sample])).toEqual(want);
    }
    expect(start([id, 'build', sample], [])).toEqual(want);
  });

  it('leaves to the whole bundle what is not its own', () => {
    const whole = (text: string) => ({ code: 0, out: `whole ${text}`, err: '' });
    expect(start(['quick:0123456789abcdef', 'build', 'x'])).toEqual(whole('build x'));
    expect(start(['build', 'x'])).toEqual(whole('build x'));
    expect(start([])).toEqual(whole(''));
    expect(start([id, 'build', '--help'])).toEqual(whole('build --help'));
    rmSync(join(dir, 'holdfast-build.bin'));
    expect(start([id, 'build', 'x'])).toEqual(whole('build x'));
  });

  it('is text that old parsers can read, and loads no module of Node that takes long', () => {
    const { text } = parts();
    expect(() => new Script(text)).not.toThrow();
    expect(Buffer.byteLength(text)).toBe(text.length);
    const list = `const [entry] = process.argv.splice(1, 1, '');
      const before = new Set(process.moduleLoadList);
      process.on('exit', () => {
        const loaded = process.moduleLoadList.filter((one) => !before.has(one)).join();
        process.stderr.write(loaded);
      });
      require(entry);`;
    const args = [join(dir, 'holdfast-build.cjs'), id, 'build', sample];
    const done = spawnSync(process.execPath, [...BUILD_FLAGS, '-e', list, ...args], { encoding: 'utf8' });
    expect(done.stdout).toContain('name: p-web-s');
    expect(done.stderr).not.toMatch(/NativeModule (?:crypto|stream|net|tty|zlib|http|internal\/crypto)/);
  });

  it('writes all of a long text to a reader that waits, and ends well when it goes away', async () => {
    const args = [...BUILD_FLAGS, join(dir, 'holdfast-build.cjs'), id, 'build', await large()];
    const ended = (take: (child: ReturnType<typeof spawn>) => void): Promise<number | null> =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        child.once('close', resolve);
        take(child);
      });
    let length = 0;
    const all = await ended((child) => {
      setTimeout(() => child.stdout?.on('data', (part: Buffer) => (length += part.length)), 300);
    });
    expect([all, length > 400_000]).toEqual([0, true]);
    expect(await ended((child) => child.stdout?.once('data', () => child.stdout?.destroy()))).toBe(0);
  });
});

/** A folder whose build is longer than a pipe. */
async function large(): Promise<string> {
  const folder = mkdtempSync(join(dir, 'large-'));
  const one = (i: number): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c${i}}\ndata: {a: "${'x'.repeat(1_000)}"}\n`;
  writeFileSync(join(folder, 'all.yaml'), Array.from({ length: 500 }, (_, i) => one(i)).join('---\n'));
  writeFileSync(join(folder, 'kustomization.yaml'), 'resources: [all.yaml]\n');
  return folder;
}
