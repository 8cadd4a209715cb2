import { setTimeout as sleep } from 'node:timers/promises';
import type { Story } from '../demo/story.ts';
import { type Container, mibOf, processFacts, startContainer, ULIMITS } from './container.ts';
import { applied, healed, type Site, statusOf, USER } from './site.ts';
import { check, type Engine, IMAGE } from './tools.ts';

const ms = (milliseconds: number): string => `${Math.round(milliseconds)} ms`;

/** How long the engine itself takes to start a container: the floor. */
async function floorMs(engine: Engine): Promise<number> {
  const began = performance.now();
  await engine.podman(
    'run',
    '-d',
    '--name',
    'floor',
    '--network',
    'host',
    ...ULIMITS,
    '--entrypoint',
    '/bin/true',
    IMAGE,
  );
  const took = performance.now() - began;
  await engine.podman('rm', '-f', 'floor');
  return took;
}

async function confined(container: Container): Promise<string> {
  const pid = await container.pid();
  const { field, command, environment, root: rootfs } = processFacts(pid);
  check(
    field('Uid')
      .split('\t')
      .every((id) => Number(id) === USER),
    `its user is ${field('Uid')}`,
  );
  check(/^0+$/.test(field('CapEff')) && /^0+$/.test(field('CapBnd')), `it has capabilities ${field('CapBnd')}`);
  check(field('NoNewPrivs') === '1', 'it could gain rights');
  check(rootfs.split(',').includes('ro'), `its root file system is ${rootfs}`);
  check(command.includes('--max-semi-space-size=2') && command.includes('--no-opt'), `without the flags: ${command}`);
  check(environment.includes('MALLOC_ARENA_MAX=1'), 'without the settings of malloc');
  return `user ${USER}, no capability, root file system read-only; Node has the launcher's flags`;
}

async function commands(container: Container): Promise<string> {
  const version = await container.exec('holdfast', 'version');
  const status = await container.exec('holdfast', 'status', '-c', '/etc/holdfast/config.yaml');
  check(/^holdfast \d/.test(version), version);
  check(status.includes('app'), status);
  const refused = await container.exec(
    'sh',
    '-c',
    '! touch /opt/holdfast/x 2>/dev/null && touch /tmp/x && echo only /tmp',
  );
  check(refused === 'only /tmp', 'the root file system can be written');
  return `\n${[version, ...status.split('\n')].map((line) => `    ${line}`).join('\n')}`;
}

/** Ends a container as an engine does; `codes` are those that it may end with. */
async function terminate(engine: Engine, container: Container, codes: readonly string[] = ['0']): Promise<string> {
  const began = performance.now();
  await engine.podman('stop', container.name);
  const took = performance.now() - began;
  const code = await engine.podman('inspect', '--format', '{{.State.ExitCode}}', container.name);
  check(codes.includes(code), `it ended with ${code}: ${await container.log()}`);
  check(took < 10_000, `it took ${ms(took)} to end`);
  await engine.podman('rm', container.name);
  return `ended with ${code} after ${ms(took)}, of 60 s`;
}

const start = (engine: Engine, root: string, site: Site): Promise<Container> =>
  startContainer(engine, { root, name: 'holdfast', port: site.port, places: site.places });

interface Run {
  readonly engine: Engine;
  readonly tale: Story;
  readonly root: string;
  readonly site: Site;
}

/** With all there: apply, heal, look, end, start again. Answers the commit. */
export async function online({ engine, tale, root, site }: Run): Promise<string> {
  tale.title('Running as compose.yaml says');
  const floor = await floorMs(engine);
  const commit = await site.commit();
  let container = await start(engine, root, site);
  await tale.step('a commit is applied', async () => {
    await applied(container, commit);
    return `${site.objects} objects`;
  });
  await tale.step('it runs confined', () => confined(container));
  await tale.step(
    'drift is healed',
    async () => `${(await healed(site)).map(ms).join(' after a deletion, ')} after an edit`,
  );
  await tale.step('commands in the image', () => commands(container));
  await tale.step('at rest', () => atRest(container));
  await tale.step('SIGTERM', () => terminate(engine, container));
  await tale.step('a new container on the same volume', async () => {
    const began = performance.now();
    container = await start(engine, root, site);
    const took = performance.now() - began;
    return `/livez after ${ms(took)}, of which the engine ${ms(floor)}`;
  });
  await tale.step('SIGTERM while it starts', async () => {
    await engine.podman('kill', '--signal', 'KILL', container.name);
    await engine.podman('start', container.name);
    // 143: by the signal itself, before the agent had a handler for it.
    return terminate(engine, container, ['0', '143']);
  });
  return commit;
}

async function atRest(container: Container): Promise<string> {
  const pid = await container.pid();
  // The last collection comes seconds after the last work.
  await sleep(12_000);
  const [rss, anon, peak] = ['VmRSS', 'RssAnon', 'VmHWM'].map((name) => mibOf(pid, name).toFixed(1));
  return `VmRSS ${rss} MiB (of it private ${anon}), peak ${peak}`;
}

/** The same disk, no Git server: what was applied is kept, and the engine starts what was killed. */
export async function offline({ engine, tale, root, site }: Run, commit: string): Promise<void> {
  tale.title('Without the Git server');
  await site.git.pause();
  const container = await start(engine, root, site);
  await tale.step('what the volume holds is known and kept', async () => {
    await applied(container, commit);
    return (await healed(site)).map(ms).join(', ');
  });
  await tale.step('kill -9: the engine starts it again', async () => {
    const before = await container.pid();
    process.kill(before, 'SIGKILL');
    for (let left = 100; (await container.pid()) === before || (await container.pid()) === 0; left -= 1) {
      check(left > 0, 'it was not started again');
      await sleep(100);
    }
    await sleep(1_000);
    await applied(container, commit);
    return `${(await statusOf(container)).kustomizations.length} Kustomization converged`;
  });
  await tale.step('at rest after a restart', () => atRest(container));
  await tale.step('SIGTERM', () => terminate(engine, container));
}
