import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { tempDir } from '../../support/temp.ts';

const CHILD = fileURLToPath(new URL('./locker.ts', import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Locker {
  readonly child: ChildProcess;
  /** The first line it says: `locked`, or the error. */
  readonly answer: Promise<string>;
}

function locker(dir: string): Locker {
  const child = spawn(process.execPath, [CHILD, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const answer = new Promise<string>((done) => {
    let said = '';
    child.stdout?.on('data', (part: Buffer) => {
      said += part.toString();
      if (said.includes('\n')) done(said.slice(0, said.indexOf('\n')));
    });
    child.on('exit', () => done(`exit ${said}`));
  });
  return { child, answer };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

describe('the lock of stateDir', () => {
  it('names the process that has it', async () => {
    await using temp = await tempDir('lock');
    const first = locker(temp.path);
    expect(await first.answer).toBe('locked');
    await expect(createDisk(temp.path).lock()).rejects.toMatchObject({
      code: 'cache-locked',
      message: expect.stringContaining(`pid ${first.child.pid} on `),
    });
  });

  it('is free as soon as its holder is killed with -9, ten times over', async () => {
    await using temp = await tempDir('lock');
    for (let round = 0; round < 10; round++) {
      const { child, answer } = locker(temp.path);
      expect(await answer).toBe('locked');
      await kill(child, 'SIGKILL');
    }
    const unlock = await createDisk(temp.path).lock();
    expect(readdirSync(join(temp.path, '.lock'))).toHaveLength(1);
    await unlock();
    expect(readdirSync(join(temp.path, '.lock'))).toHaveLength(0);
  });

  it('is kept by a process that is stopped and cannot answer', async () => {
    await using temp = await tempDir('lock');
    const { child, answer } = locker(temp.path);
    expect(await answer).toBe('locked');
    child.kill('SIGSTOP');
    await expect(createDisk(temp.path).lock()).rejects.toMatchObject({ code: 'cache-locked' });
    child.kill('SIGCONT');
  });

  it('is had by exactly one of six that start at once, beside a dead one', async () => {
    await using temp = await tempDir('lock');
    for (let round = 0; round < 4; round++) {
      const lockers = Array.from({ length: 6 }, () => locker(temp.path));
      const answers = await Promise.all(lockers.map((one) => one.answer));
      expect(answers.filter((one) => one === 'locked')).toHaveLength(1);
      expect(answers.filter((one) => one !== 'locked' && !one.startsWith('cache-locked'))).toEqual([]);
      expect(answers).toHaveLength(6);
      await Promise.all(
        lockers.map(({ child }) => (child.exitCode === null ? kill(child, 'SIGKILL') : Promise.resolve())),
      );
    }
  });

  it('works where the path is longer than a socket address holds', async () => {
    await using temp = await tempDir('lock');
    const dir = join(temp.path, 'x'.repeat(120), 'y'.repeat(120));
    const first = createDisk(dir);
    const unlock = await first.lock();
    await expect(createDisk(dir).lock()).rejects.toMatchObject({ code: 'cache-locked' });
    const { answer } = locker(dir);
    expect(await answer).toMatch(/^cache-locked .*pid/);
    await unlock();
    expect(existsSync(dir)).toBe(true);
    await (await createDisk(dir).lock())();
  });
});
