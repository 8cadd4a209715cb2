import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { diskLow, watchedDisk } from '../../../agent/disk-state.ts';
import { createCounters, isConverged, metricsText, statusText } from '../../../src/report/index.ts';
import { type Errno, faultDisk } from '../../support/fault-disk.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';
import { sampleStatus } from '../../support/status-sample.ts';
import { tempDir } from '../../support/temp.ts';

const BYTES = Buffer.from('{}');

/** A disk with something on it, and how often it came back. */
async function world() {
  const model = faultDisk();
  const clock = manualClock();
  const back = { count: 0 };
  const { disk, state } = watchedDisk(model.disk, { clock, log: silentLog });
  await disk.writeAtomic('a/b', BYTES);
  state.start(() => {
    back.count += 1;
  });
  const breaks = (code: Errno): void => model.failAt(model.steps() + 1, code, { stays: true });
  const mends = (): void => model.failAt(Number.POSITIVE_INFINITY, 'EIO');
  return { model, clock, disk, state, back, breaks, mends };
}

describe('a state folder that takes no writes', () => {
  it.each([
    ['ENOSPC', 'cache-full', /no space left on the disk of stateDir \(ENOSPC\)/, /Free space/],
    ['EDQUOT', 'cache-full', /quota/, /Free space/],
    ['EROFS', 'cache-io', /read-only \(EROFS\)/, /writable again/],
    ['EIO', 'cache-io', /input\/output error/, /change the disk/],
  ] as const)(
    'is told of after the first write that fails (%s), and by itself no longer',
    async (errno, code, why, what) => {
      const { clock, disk, state, back, breaks, mends } = await world();
      expect(state.trouble()).toBeUndefined();
      breaks(errno);
      await expect(disk.append('log', BYTES, { sync: true })).rejects.toMatchObject({ code });
      await clock.advance(0);
      expect(state.trouble()).toEqual({
        code,
        reason: 'StorageOperationFailed',
        message: expect.stringMatching(why),
        help: expect.stringMatching(what),
        since: '2026-01-01T00:00:00Z',
      });
      await clock.advance(60_000);
      expect(state.trouble()?.since).toBe('2026-01-01T00:00:00Z');
      expect(back.count).toBe(0);
      mends();
      await clock.advance(5_000);
      expect(state.trouble()).toBeUndefined();
      expect(back.count).toBe(1);
      await clock.advance(600_000);
      expect(back.count).toBe(1);
      expect(disk.list('')).toEqual(['a']);
    },
  );

  it('is not blamed for one write that fails', async () => {
    const { model, clock, disk, state } = await world();
    model.failAt(model.steps() + 1, 'ENOSPC');
    const file = disk.create('a');
    await expect(file).rejects.toMatchObject({ code: 'cache-full' });
    await clock.advance(0);
    expect(state.trouble()).toBeUndefined();
  });

  it('shows at once where the kernel tells without a write, and to nobody who asks later than it lasted', async () => {
    const { clock, state, breaks, mends } = await world();
    breaks('EROFS');
    expect(state.trouble()?.code).toBe('cache-io');
    mends();
    await clock.advance(5_000);
    expect(state.trouble()).toBeUndefined();
  });

  it('is looked at while nothing is written', async () => {
    const { model, clock, state, breaks } = await world();
    breaks('EROFS');
    const before = model.steps();
    await clock.advance(60_000);
    expect(model.steps()).toBeGreaterThan(before);
    state.stop();
    const after = model.steps();
    await clock.advance(600_000);
    expect(model.steps()).toBe(after);
  });

  it('is told by the rights of a real folder as well', async (context) => {
    if (process.getuid?.() === 0) return context.skip();
    const temp = await tempDir('rights');
    try {
      const { state } = watchedDisk(createDisk(temp.path), { clock: manualClock(), log: silentLog });
      chmodSync(temp.path, 0o500);
      expect(state.trouble()).toMatchObject({
        code: 'cache-io',
        message: expect.stringContaining('permission denied'),
      });
      chmodSync(temp.path, 0o700);
    } finally {
      await temp.remove();
    }
  });

  it('is a metric', () => {
    const { cache } = sampleStatus();
    const text = (change: object): string =>
      metricsText(sampleStatus({ cache: { ...cache, ...change } }), { counters: createCounters() });
    expect(text({})).toContain('\nholdfast_cache_writable 1\n');
    expect(text({})).toContain('\nholdfast_cache_free_bytes 5368709120\n');
    const why = { code: 'cache-full', reason: '', message: '', help: '', since: '' } as const;
    expect(text({ notConverged: why })).toContain('\nholdfast_cache_writable 0\n');
  });
});

describe('a disk with little room', () => {
  const MIB = 1024 * 1024;

  it.each([
    ['whose room is not known', undefined, 0, undefined],
    ['with as much as asked for', 32 * MIB, 0, undefined],
    ['with less', 32 * MIB - 1, 0, /^low, less than limits\.diskRoomBytes \(32 MiB\): the next revision may not fit$/],
    ['with less than what is about to come, too', 40 * MIB, 20 * MIB, /^low, and 20 MiB are about to come: /],
    ['with nothing', 0, 0, /^full: the next revision does not fit$/],
  ])('%s', (_what, free, coming, message) => {
    const low = diskLow(free, 32 * MIB, coming);
    if (message === undefined) expect(low).toBeUndefined();
    else
      expect(low).toEqual({
        needBytes: 32 * MIB + coming,
        message: expect.stringMatching(message),
        help: expect.stringContaining('Free space'),
      });
  });

  it('is a metric, and a line of the status with what to do, and no failure', () => {
    const { cache } = sampleStatus();
    const status = (change: object) => sampleStatus({ cache: { ...cache, freeBytes: 0, ...change } });
    const metric = (change: object): string => metricsText(status(change), { counters: createCounters() });
    const low = diskLow(0, MIB, 0);
    expect(metric({})).toContain('\nholdfast_cache_low 0\n');
    expect(metric({ low })).toContain('\nholdfast_cache_low 1\n');
    expect(metric({ low })).toContain('\nholdfast_cache_writable 1\n');
    const why = { code: 'cache-full', reason: '', message: '', help: '', since: '' } as const;
    expect(metric({ notConverged: why })).toContain('\nholdfast_cache_low 1\n');
    expect(statusText(status({ low }), { width: 100, color: false })).toMatch(
      /^ {2}disk .*, 0 B free, full: the next revision does not fit\n {6}-> Free space on the disk/m,
    );
    expect(isConverged(status({ low }))).toBe(isConverged(status({})));
  });
});
