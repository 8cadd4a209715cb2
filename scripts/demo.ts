import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { until } from '../test/support/until.ts';
import { applied, countObjects, openSite, type StoreSite, storeFiles, storeObjects } from './demo/site.ts';
import { type Story, tell } from './demo/story.ts';

/** `npm run demo [-- --keep]`: the main job, on a real API server and a real Git server that it sets up itself. */
const keep = process.argv.includes('--keep');
const story = tell((text) => process.stdout.write(text), process.stdout.isTTY === true);

function setUp(script: string, ...args: string[]): void {
  const done = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join('scripts', `${script}.ts`), ...args],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (done.status !== 0) throw new Error(`scripts/${script}.ts failed`);
}

const deployment = '/apis/apps/v1/namespaces/store/deployments/pos';
const config = '/api/v1/namespaces/store/configmaps/pos';

async function present(site: StoreSite, path: string): Promise<void> {
  await until(async () => (await site.cluster.get(path)) !== undefined, {
    within: 20_000,
    every: 5,
    what: `${path} to be back`,
  });
}

async function currency(site: StoreSite, wanted: string): Promise<void> {
  const value = async (): Promise<unknown> =>
    ((await site.cluster.get(config))?.['data'] as Record<string, unknown> | undefined)?.['currency'];
  await until(async () => (await value()) === wanted, {
    within: 20_000,
    every: 5,
    what: `the till to take ${wanted} again`,
  });
}

async function online(site: StoreSite, tale: Story, all: number): Promise<void> {
  tale.title('A commit reaches the store');
  const commit = await site.repo.commit(storeFiles());
  await site.startAgent();
  await tale.step('a commit is fetched, rendered and applied', async () => {
    await applied(site, commit);
    return `${await countObjects(site.cluster)} of ${all} objects on the API server`;
  });
  await tale.step('someone deletes a Deployment by hand', async () => {
    await site.cluster.api('DELETE', deployment);
    await present(site, deployment);
    return 'it is back';
  });
  await tale.step('someone edits a ConfigMap by hand', async () => {
    await site.cluster.api('PATCH', config, { data: { currency: 'XXX' } });
    await currency(site, 'EUR');
    return 'it says EUR again';
  });
}

async function offline(site: StoreSite, tale: Story, all: number): Promise<void> {
  tale.title('The link is cut');
  site.git.pause();
  await tale.step('without the link, someone edits again', async () => {
    await site.cluster.api('PATCH', config, { data: { currency: 'YYY' } });
    await currency(site, 'EUR');
    return 'healed from disk';
  });
  await site.agent.stop('SIGKILL');
  await site.cluster.api('DELETE', deployment);
  await tale.step('the agent is killed; a new one starts offline', async () => {
    await site.startAgent();
    await present(site, deployment);
    return 'it healed what was deleted meanwhile';
  });
  await site.agent.stop();
  await tale.step("the cluster's datastore is wiped", async () => {
    await site.cluster.wipe();
    return `an empty cluster: ${await countObjects(site.cluster)} objects`;
  });
  await tale.step('still offline, the agent starts on the empty cluster', async () => {
    await site.startAgent();
    await until(async () => (await countObjects(site.cluster)) === all, {
      within: 60_000,
      every: 20,
      what: 'the store to be rebuilt',
    });
    return `${all} of ${all} objects rebuilt from disk`;
  });
}

async function back(site: StoreSite, tale: Story): Promise<void> {
  tale.title('The link returns');
  const { 'store/pos.yaml': pos = '' } = storeFiles();
  const commit = await site.repo.commit({
    'store/pos.yaml': pos.replace('currency: EUR', 'currency: SEK'),
    'store/signage.yaml': null,
  });
  site.git.resume();
  site.agent.nudge();
  await tale.step('a new commit waits there', async () => {
    await applied(site, commit);
    await currency(site, 'SEK');
    return 'the till takes SEK';
  });
  await tale.step('a file was removed from Git', async () => {
    await until(
      async () => (await site.cluster.get('/apis/apps/v1/namespaces/store/daemonsets/signage')) === undefined,
      { within: 10_000 },
    );
    return 'its DaemonSet and ConfigMap are pruned';
  });
  const { rss } = site.agent.memory();
  tale.say(`The agent now uses ${rss.toFixed(0)} MiB of memory.`);
}

async function main(): Promise<void> {
  process.stderr.write('holdfast: building the agent ...\n');
  setUp('build');
  setUp('parts', 'etcd', 'kube-apiserver', 'kube-controller-manager');
  process.stderr.write('holdfast: starting a control plane and a Git server ...\n');
  const site = await openSite();
  try {
    const all = storeObjects();
    await online(site, story, all);
    await offline(site, story, all);
    await back(site, story);
    if (keep) await stay(site);
    await site.stop();
  } catch (error) {
    process.stderr.write(
      `\nholdfast: the demo failed: ${error instanceof Error ? error.message : String(error)}\n${site.agent?.log() ?? ''}\n`,
    );
    await site.stop().catch(() => undefined);
    process.exitCode = 1;
  }
}

async function stay(site: StoreSite): Promise<void> {
  story.title('Left running; Ctrl-C ends it');
  story.say(`status      http://127.0.0.1:${site.agent.port}/status`);
  story.say(`            dist/holdfast status --config ${join(site.dir.path, 'config.yaml')}`);
  story.say(`kubeconfig  ${await site.cluster.kubeconfigFile()}`);
  story.say(`repository  ${site.repo.dir} (commit to main)`);
  await new Promise<void>((resolve) => process.once('SIGINT', resolve));
}

await main();
