import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../agent/adapters/clock/index.ts';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { startTestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** A server that hangs up. */
async function hangsUp(): Promise<{ readonly port: number; readonly calls: () => number; readonly close: () => void }> {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { port: portOf(server), calls: () => calls, close: () => server.close() };
}

it('an agent whose address is taken says so and ends all that it had begun', async () => {
  const dir = await tempDir('start');
  const api = await hangsUp();
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const kubeconfig = join(dir.path, 'kubeconfig');
  const server = `http://127.0.0.1:${api.port}`;
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'a', cluster: { server } }],
      users: [{ name: 'a', user: {} }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      'current-context': 'a',
    }),
  );
  const stateDir = join(dir.path, 'state');
  const listen = `127.0.0.1:${portOf(other)}`;
  /** What the agent waits for, in milliseconds. */
  const timers: Set<{ readonly ms: number }> = new Set();
  const real = systemClock();
  const clock = {
    ...real,
    after: (ms: number, call: () => void) => {
      const mark = { ms };
      timers.add(mark);
      const cancel = real.after(ms, () => {
        timers.delete(mark);
        call();
      });
      return () => {
        timers.delete(mark);
        cancel();
      };
    },
  };
  const started = startTestAgent({ stateDir, kubeconfig, listen, clock, objects: '' });
  await expect(started).rejects.toMatchObject({
    code: 'config-invalid',
    message: `listen: ${listen} is taken by another process.`,
  });
  // What was under way may end a moment later; a loop that runs on sets timers for ever.
  await until(() => timers.size === 0, { what: `the end of ${JSON.stringify([...timers])}` });
  // A connection that was on its way has come by then.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = api.calls();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(api.calls()).toBe(before);
  // The folder is free, and the next start on it works.
  await (await createDisk(stateDir).lock())();
  const again = await startTestAgent({ stateDir, kubeconfig, objects: '' });
  await until(() => again.loop.ready());
  await again.stop();
  api.close();
  other.close();
  await dir.remove();
});
