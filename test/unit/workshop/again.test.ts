import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FetchWork } from '../../../agent/loop/env.ts';
import { createWorkshop } from '../../../agent/workshop/index.ts';
import type { Cache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { silentLog } from '../../support/quiet.ts';
import { fakeProcess } from './world.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MINUTE_MS = 60_000;
const NO_ROOM = { code: 'cache-full', message: 'no room', reason: '', spent: null, progress: false, paths: [] };

/** A bundle that is being taken in a process which answers when the test says so. */
async function taking() {
  const { ahead, hand, ...process } = fakeProcess();
  const cache = {
    reserve: () => 1,
    damage: () => [],
    rescan: () => undefined,
    relieve: async () => true,
  } as unknown as Cache;
  const workshop = createWorkshop({ cache, limits: DEFAULT_LIMITS, log: silentLog } as never, {
    use: 'always',
    stateDir: '/state',
    proxy: { http: '', https: '', no: [] },
    ssh: { hostKeyAlgorithms: [], kexAlgorithms: [] },
    ahead,
  });
  const work = {
    source: { kind: 'GitRepository', spec: { url: 'u' } },
    data: [],
    includes: [],
  } as unknown as FetchWork;
  const part = { path: '/f', form: 'git', span: { start: 0, size: 1 } } as const;
  const taken = workshop.take(work, part, new AbortController().signal).then(
    (value) => value,
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(0);
  hand();
  await vi.advanceTimersByTimeAsync(0);
  return { ...process, taken };
}

it('a bundle that is taken again when room was made has the time of one', async () => {
  const { taken, said, answer, ends } = await taking();
  await vi.advanceTimersByTimeAsync(15 * MINUTE_MS);
  answer({ id: 1, answer: { ok: false, fault: NO_ROOM } });
  await vi.advanceTimersByTimeAsync(0);
  expect(said.at(-1)).toMatchObject({ id: 2 });
  await vi.advanceTimersByTimeAsync(5 * MINUTE_MS - 1);
  expect(ends).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toEqual(['SIGKILL']);
  expect(await taken).toMatchObject({
    code: 'wire-timeout',
    message: expect.stringContaining('limits.bundleMs = 1200000'),
  });
});

it('and is done when there is time enough', async () => {
  const { taken, answer } = await taking();
  await vi.advanceTimersByTimeAsync(15 * MINUTE_MS);
  answer({ id: 1, answer: { ok: false, fault: NO_ROOM } });
  await vi.advanceTimersByTimeAsync(4 * MINUTE_MS);
  answer({ id: 2, answer: { ok: true, value: { kind: 'unchanged', revision: 'r' } } });
  await vi.advanceTimersByTimeAsync(0);
  expect(await taken).toMatchObject({ kind: 'unchanged' });
});
