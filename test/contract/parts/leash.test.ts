import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startLeash } from '../../support/leash.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it('ends what it holds when it is released, and removes the folder', async () => {
  const { path } = await tempDir('leash');
  const leash = startLeash(path);
  const [kept, held] = [spawn('sleep', ['60']), spawn('sleep', ['60'])];
  const ended = new Promise((done) => held.once('exit', (_code, signal) => done(signal)));
  leash.hold([kept.pid ?? 0, held.pid ?? 0]);
  leash.hold([held.pid ?? 0]);
  await leash.release();
  expect(await ended).toBe('SIGKILL');
  expect(existsSync(path)).toBe(false);
  expect(alive(kept.pid ?? 0)).toBe(true);
  kept.kill('SIGKILL');
});

it('ends what it holds when its owner is killed', async () => {
  const { path, remove } = await tempDir('leash');
  const module = join(import.meta.dirname, '../../support/leash.ts');
  const script = `
    const { startLeash } = await import(${JSON.stringify(module)});
    const { spawn } = await import('node:child_process');
    const child = spawn('sleep', ['60']);
    child.kill('SIGSTOP');
    startLeash(${JSON.stringify(path)}).hold([child.pid]);
    console.log(child.pid);
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(
    await new Promise<string>((done) => owner.stdout.once('data', (chunk: Buffer) => done(String(chunk)))),
  );
  expect(alive(pid)).toBe(true);
  owner.kill('SIGKILL');
  await until(() => !alive(pid) && !existsSync(path), { what: 'the end of the orphan' });
  await remove();
});
