import { readFileSync } from 'node:fs';
import { it } from 'vitest';
import { startGitServer } from '../../gitserver/index.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { launch, requireBundle, writeSite } from './launch.ts';
import { pairOf } from './pairs.ts';

const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
    .filter((one) => one > 0);

/** A process that has ended, or waits to be buried. */
const isGone = (pid: number): boolean => {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

it('a child at work ends with its killed agent, so that it writes nothing beside the next one', async () => {
  requireBundle();
  const git = await startGitServer();
  await using dir = await tempDir('orphan');
  const repo = await git.repo('slow');
  await repo.commit({ 'a.yaml': 'a: 1', 'b.txt': Array.from({ length: 5_000 }, (_, i) => Math.sin(i)).join('\n') });
  repo.fault({ drip: 2_000 }, { on: 'fetch' });
  const agent = launch(
    writeSite({ dir: dir.path, kubeconfig: './none', objects: pairOf({ name: 'slow', url: repo.url }) }),
  );
  const [child = 0] = await until(() => {
    const found = children(agent.pid);
    return found.length > 0 && repo.requests().some((one) => one.kind === 'fetch') ? found : undefined;
  });
  await agent.stop('SIGKILL');
  await until(() => isGone(child), { within: 1_000 });
  await git.stop();
});
