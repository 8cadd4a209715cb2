import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { faultsOf, nothingTold, open } from '../../property/cache/world.ts';
import { seeded } from '../../support/fault-disk.ts';
import { tempDir } from '../../support/temp.ts';

const ROUNDS = 50;
const CHILD = fileURLToPath(new URL('./writer.ts', import.meta.url));

/** Starts the child, kills it at a random moment, answers what it said. */
async function killedRun(dir: string, first: number, afterMs: number): Promise<string> {
  const child = spawn(process.execPath, [CHILD, dir, `${first}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const ready = new Promise<void>((done) => {
    child.stdout.on('data', (part: Buffer) => {
      said += part.toString();
      if (said.includes('ready\n')) done();
    });
  });
  const ended = once(child, 'exit');
  await Promise.race([ready, ended.then(() => Promise.reject(new Error(`the child ended by itself: ${said}`)))]);
  await new Promise((done) => setTimeout(done, afterMs));
  child.kill('SIGKILL');
  await ended;
  return said;
}

describe('an agent killed with -9 at random moments', () => {
  it(`loses nothing that it said was done, in ${ROUNDS} rounds on the real disk`, async () => {
    const seed = Date.now() % 1_000_000;
    const random = seeded(seed);
    await using temp = await tempDir('kill');
    const dir = `${temp.path}/state`;
    const told = nothingTold();
    let next = 1;
    for (let round = 0; round < ROUNDS; round++) {
      const said = await killedRun(dir, next, random() * 120);
      for (const [, what, source, version] of said.matchAll(/^(begin|done) (\d+) (\d+)$/gm)) {
        const [key, value] = [Number(source), Number(version)];
        for (const map of [told.sources, told.apps, told.inventories])
          map.set(key, new Set(what === 'done' ? [value] : [...(map.get(key) ?? [undefined]), value]));
        next = value + 1;
      }
      const disk = createDisk(dir);
      const unlock = await disk.lock();
      const cache = open(disk);
      expect(await faultsOf(cache, told), `seed ${seed}, round ${round}`).toEqual([]);
      expect((await cache.verify()).damage, `seed ${seed}, round ${round}`).toEqual([]);
      await unlock();
    }
    expect(next).toBeGreaterThan(ROUNDS / 2);
    const disk = createDisk(dir);
    await disk.sweep();
    const cache = open(disk);
    await cache.gc();
    expect(await faultsOf(cache, told)).toEqual([]);
    expect(cache.usage().packs).toBeLessThan(20);
  });
});
