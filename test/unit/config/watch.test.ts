import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../agent/adapters/clock/index.ts';
import {
  type ObjectsSnapshot,
  type ObjectsWatch,
  type SnapshotLimits,
  watchObjects,
} from '../../../agent/config/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const git = (name: string, interval = '1m'): string =>
  `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: ${name}}\nspec: {url: https://e.com/${name}, interval: ${interval}}\n`;
const names = ({ objects }: ObjectsSnapshot): string[] => objects.map(({ meta }) => meta.name).sort();

interface Rig extends AsyncDisposable {
  readonly path: string;
  readonly clock: ManualClock;
  readonly seen: ObjectsSnapshot[];
  readonly watch: ObjectsWatch;
  /** Lets a poll, its debounce and the wait for half-written files pass. */
  readonly settle: () => Promise<void>;
}

/** A watch by poll alone, on a clock moved by hand; signs of fs.watch are tested apart. */
async function rig(files: Readonly<Record<string, string>>, limits: Partial<SnapshotLimits> = {}): Promise<Rig> {
  const folder = await tempDir('objects');
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  const clock = manualClock();
  const seen: ObjectsSnapshot[] = [];
  const watch = watchObjects([folder.path], (snapshot) => seen.push(snapshot), {
    limits: { ...DEFAULT_LIMITS, ...limits },
    clock,
    pollMs: 100,
  });
  const dispose = async (): Promise<void> => {
    watch.close();
    await folder.remove();
  };
  return { path: folder.path, clock, seen, watch, settle: () => clock.advance(3_000), [Symbol.asyncDispose]: dispose };
}

describe('the watched objects', () => {
  it('are there at once, from all manifests of the folder', async () => {
    await using at = await rig({
      'a.yaml': git('a'),
      'b.yml': git('b'),
      'c.json': '{}',
      '.d.yaml': git('d'),
      'e.txt': git('e'),
    });
    expect(names(at.watch.current())).toEqual(['a', 'b']);
    expect(at.watch.current()).toMatchObject({ errors: [{ file: join(at.path, 'c.json') }], complete: false });
  });

  it('are told again only when something differs', async () => {
    await using at = await rig({ 'a.yaml': git('a') });
    await at.settle();
    await writeFile(join(at.path, 'a.yaml'), git('a'));
    await at.settle();
    expect(at.seen).toEqual([]);
    await writeFile(join(at.path, 'a.yaml'), git('a', '2m'));
    await writeFile(join(at.path, 'b.yaml'), git('b'));
    await at.settle();
    expect(at.seen.map(names)).toEqual([['a', 'b']]);
    expect(at.seen[0]?.objects[0]?.spec).toMatchObject({ interval: 120_000 });
  });

  it('that vanish are believed to be gone only after a second look', async () => {
    await using at = await rig({ 'a.yaml': `${git('a')}---\n${git('b')}` });
    await writeFile(join(at.path, 'a.yaml'), '');
    await at.clock.advance(500);
    expect(at.seen).toEqual([]);
    await writeFile(join(at.path, 'a.yaml'), `${git('a', '3m')}---\n${git('b')}`);
    await at.settle();
    expect(at.seen.map(names)).toEqual([['a', 'b']]);
    await rm(join(at.path, 'a.yaml'));
    await at.settle();
    expect(at.seen.map((one) => [names(one), one.complete])).toEqual([
      [['a', 'b'], true],
      [[], true],
    ]);
  });

  it('of a file that breaks stay as they were, beside the error', async () => {
    await using at = await rig({ 'a.yaml': git('a'), 'b.yaml': git('b') });
    await writeFile(join(at.path, 'a.yaml'), 'a: [\n');
    await writeFile(join(at.path, 'b.yaml'), git('b', '4m'));
    await at.settle();
    const broken = at.seen.at(-1);
    expect(broken && names(broken)).toEqual(['a', 'b']);
    expect(broken).toMatchObject({ complete: false, errors: [{ file: join(at.path, 'a.yaml'), line: 2 }] });
    expect(broken?.objects.find(({ meta }) => meta.name === 'b')?.spec).toMatchObject({ interval: 240_000 });
    await writeFile(join(at.path, 'a.yaml'), git('a', '5m'));
    await at.settle();
    expect(at.seen.at(-1)).toMatchObject({ complete: true, errors: [] });
  });

  it('that break alone keep their last good state, and one written anew elsewhere wins', async () => {
    await using at = await rig({ 'a.yaml': `${git('a')}---\n${git('b')}` });
    await writeFile(join(at.path, 'a.yaml'), `${git('a', 'often')}---\n${git('b', '2m')}`);
    await at.settle();
    expect(at.seen.at(-1)?.objects.map(({ meta, spec }) => [meta.name, Reflect.get(spec, 'interval')])).toEqual([
      ['b', 120_000],
      ['a', 60_000],
    ]);
    await writeFile(join(at.path, 'c.yaml'), git('a', '7m'));
    await at.settle();
    expect(at.seen.at(-1)?.objects.map(({ meta, spec }) => [meta.name, Reflect.get(spec, 'interval')])).toEqual([
      ['b', 120_000],
      ['a', 420_000],
    ]);
  });

  it('stay when the folder goes', async () => {
    await using at = await rig({ 'a.yaml': git('a') });
    await rename(at.path, `${at.path}-away`);
    await at.settle();
    expect(at.seen.map((one) => [names(one), one.complete])).toEqual([[['a'], false]]);
    expect(at.seen[0]?.errors[0]?.message).toBe(`${at.path}: no such file or folder`);
    await rename(`${at.path}-away`, at.path);
    await at.settle();
    expect(at.seen.at(-1)).toMatchObject({ complete: true });
  });

  it('of a mounted ConfigMap are read once, and follow the swap of its links', async () => {
    const folder = await tempDir('mount');
    const generation = async (name: string, interval: string): Promise<void> => {
      await mkdir(join(folder.path, name));
      await writeFile(join(folder.path, name, 'a.yaml'), git('a', interval));
    };
    await generation('..2026_01', '1m');
    await symlink('..2026_01', join(folder.path, '..data'));
    await symlink('..data/a.yaml', join(folder.path, 'a.yaml'));
    const clock = manualClock();
    const seen: ObjectsSnapshot[] = [];
    const watch = watchObjects([folder.path], (snapshot) => seen.push(snapshot), { limits: DEFAULT_LIMITS, clock });
    expect(watch.current()).toMatchObject({ objects: [{ spec: { interval: 60_000 } }], errors: [] });
    await generation('..2026_02', '9m');
    await symlink('..2026_02', join(folder.path, '..tmp'));
    await rename(join(folder.path, '..tmp'), join(folder.path, '..data'));
    await clock.advance(15_000);
    expect(seen).toMatchObject([{ objects: [{ spec: { interval: 540_000 } }], complete: true }]);
    watch.close();
    await folder.remove();
  });

  it('keep the limits of files and bytes, with what was known before', async () => {
    await using at = await rig({ 'a.yaml': git('a'), 'b.yaml': git('b') }, { configFiles: 2, configBytes: 1_000 });
    await writeFile(join(at.path, '0.yaml'), git('zero'));
    await at.settle();
    expect(at.seen.at(-1)).toMatchObject({
      complete: false,
      errors: [{ message: expect.stringContaining('limits.configFiles = 2') }],
    });
    expect(at.seen.map(names).at(-1)).toEqual(['a', 'b', 'zero']);
    await writeFile(join(at.path, '0.yaml'), `# ${'x'.repeat(2_000)}\n`);
    await at.settle();
    expect(at.seen.at(-1)?.errors[0]?.message).toContain('limits.configBytes = 1000');
  });

  it('end in rings of links without hanging', async () => {
    await using at = await rig({ 'a.yaml': git('a') });
    await symlink('.', join(at.path, 'loop'));
    at.watch.refresh();
    expect(at.watch.current()).toMatchObject({
      complete: false,
      errors: expect.arrayContaining([
        expect.objectContaining({ message: expect.stringMatching(/declared in|nested deeper/) }),
      ]),
    });
  });

  it('are seen to change without a poll', async () => {
    await using folder = await tempDir('signs');
    const seen: ObjectsSnapshot[] = [];
    const options = { limits: DEFAULT_LIMITS, clock: systemClock(), pollMs: 3_600_000, debounceMs: 20 };
    const watch = watchObjects([folder.path], (snapshot) => seen.push(snapshot), options);
    await mkdir(join(folder.path, 'sub'));
    await writeFile(join(folder.path, 'a.yaml'), git('a'));
    await until(() => seen.some((one) => names(one).join() === 'a'), { what: 'the new file' });
    await writeFile(join(folder.path, 'sub', 'b.yaml'), git('b'));
    await until(() => seen.some((one) => names(one).join() === 'a,b'), { what: 'a file in the new folder' });
    watch.close();
  });

  it('are no longer looked at once closed', async () => {
    await using at = await rig({ 'a.yaml': git('a') });
    at.watch.close();
    await writeFile(join(at.path, 'b.yaml'), git('b'));
    await at.settle();
    expect([at.seen, at.clock.waiting()]).toEqual([[], 0]);
  });
});
