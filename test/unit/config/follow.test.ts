import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { followConfig, loadConfig, markOf } from '../../../agent/config/index.ts';
import { createCounters, metricsText, statusText } from '../../../src/report/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';
import { sampleStatus } from '../../support/status-sample.ts';
import { tempDir } from '../../support/temp.ts';

const HEAD = 'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: a }\n';
const NO_ENV = {};

/** A file in a folder as the kubelet mounts a ConfigMap, followed by what was read of it. */
async function mounted(text: string) {
  const dir = await tempDir('follow');
  const at = (...names: string[]): string => join(dir.path, ...names);
  let generation = 0;
  const put = async (change: string): Promise<void> => {
    generation += 1;
    await mkdir(at(`..${generation}`));
    await writeFile(at(`..${generation}`, 'config.yaml'), change);
    await symlink(`..${generation}`, at('..next'));
    await rename(at('..next'), at('..data'));
  };
  await put(text);
  await symlink('..data/config.yaml', at('config.yaml'));
  const file = at('config.yaml');
  const mark = markOf(file);
  const clock = manualClock();
  const running = await loadConfig(file, NO_ENV);
  const lines: string[] = [];
  const line = (message: string): void => void lines.push(message);
  const log = { ...silentLog, info: line, warn: line, error: line };
  const follow = followConfig(file, { env: NO_ENV, clock, log, running, mark });
  /** A look, the wait for half-written files, and the read. */
  const settle = async (): Promise<void> => {
    await clock.advance(13_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const dispose = async (): Promise<void> => {
    follow.close();
    await dir.remove();
  };
  return { file, put, follow, clock, lines, settle, [Symbol.asyncDispose]: dispose };
}

describe('the AgentConfiguration of an agent that runs', () => {
  it('is told of when it changes, by the names of its settings, and no longer when that is undone', async () => {
    await using at = await mounted(HEAD);
    await at.settle();
    expect([at.follow.state(), at.lines]).toEqual([undefined, []]);
    await at.put(`${HEAD}fullCheckInterval: 1h\nlimits: { backoffMs: 10s, treeFiles: 7 }\nlogLevel: debug\n`);
    await at.settle();
    expect(at.follow.state()).toEqual({
      state: 'changed',
      message: 'fullCheckInterval, limits.backoffMs, limits.treeFiles, logLevel',
      help: expect.stringContaining('Restart the agent'),
      since: '2026-01-01T00:00:22Z',
    });
    await at.settle();
    expect(at.lines).toEqual(['the configuration has changed: restart to take it']);
    await at.put(`${HEAD}# nothing else\n`);
    await at.settle();
    expect([at.follow.state(), at.lines.length]).toEqual([undefined, 2]);
  });

  it.each([
    ['broken', 'a: [', /config\.yaml:/],
    ['with an unknown field', `${HEAD}statedir: /x\n`, /config\.yaml:4: .*statedir/],
    [
      'with a schedule that is none',
      `${HEAD}fetchSchedule: [{ source: GitRepository/a/b, cron: "61 * * * *" }]\n`,
      /cron/,
    ],
    ['empty', '', /no AgentConfiguration/],
  ])('is told of when it is %s, and stops nothing', async (_what, text, message) => {
    await using at = await mounted(HEAD);
    await at.put(text);
    await at.settle();
    expect(at.follow.state()).toMatchObject({
      state: 'invalid',
      message: expect.stringMatching(message),
      help: expect.stringContaining('goes on with what it has read at its start'),
    });
    await at.put(HEAD);
    await at.settle();
    expect(at.follow.state()).toBeUndefined();
  });

  it('may be gone for a while, and is read at once when somebody asks', async () => {
    await using at = await mounted(HEAD);
    await rm(at.file);
    await at.settle();
    expect(at.follow.state()).toMatchObject({ state: 'invalid', message: expect.stringContaining('no such file') });
    await writeFile(at.file, `${HEAD}logLevel: warn\n`);
    await at.follow.refresh();
    expect(at.follow.state()).toMatchObject({ state: 'changed', message: 'logLevel' });
  });

  it('is believed only after it stood still: half a file is no mistake', async () => {
    await using at = await mounted(HEAD);
    await writeFile(at.file, HEAD.slice(0, 40));
    await at.clock.advance(11_000);
    await writeFile(at.file, HEAD);
    await at.settle();
    expect([at.follow.state(), at.lines]).toEqual([undefined, []]);
  });

  it('leaves no timer behind', async () => {
    await using at = await mounted(HEAD);
    at.follow.close();
    await at.follow.refresh();
    expect(at.clock.waiting()).toBe(0);
  });
});

describe('a configuration that is not what runs', () => {
  const configuration = {
    state: 'changed',
    message: 'limits.backoffMs, logLevel',
    help: 'Restart the agent to take it.',
    since: '2025-12-31T23:59:00Z',
  } as const;
  const status = sampleStatus({ agent: { ...sampleStatus().agent, configuration } });

  it('has a line of the status with what to do, and leaves the site converged', () => {
    const text = statusText(status, { width: 100, color: false });
    expect(text).toContain(
      '\n  config   changed, for 1m\n      limits.backoffMs, logLevel\n      -> Restart the agent to take it.\n',
    );
    expect(text.split('\n')[0]).toBe('store-0417  converged');
  });

  it('is a metric', () => {
    const text = metricsText(status, { counters: createCounters() });
    expect(text).toContain('holdfast_configuration_file_state{state="changed"} 1\n');
    expect(text).toContain('holdfast_configuration_file_state{state="current"} 0\n');
    expect(metricsText(sampleStatus(), { counters: createCounters() })).toContain(
      'holdfast_configuration_file_state{state="current"} 1\n',
    );
  });
});
