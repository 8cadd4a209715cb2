import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InboxStatus, SourceStatus } from '../../../src/model/index.ts';
import { startTestAgent, type TestAgent, type TestAgentOptions } from '../../support/agent.ts';
import { NO_CLUSTER } from '../../support/no-cluster.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

/** A state folder and a stick, for agents one after another, with no cluster. */
export interface InboxBench {
  readonly dir: string;
  /** Path of a file on the stick. */
  stick(name?: string): string;
  agent(objects: string, change?: Partial<TestAgentOptions>): Promise<TestAgent>;
  /** Sorted names in a folder of the stick. */
  listed(name?: string): Promise<readonly string[]>;
  /** Waits until a file was looked at. */
  shown(agent: TestAgent, name: string): Promise<InboxStatus>;
  becomes(agent: TestAgent, name: string, state: InboxStatus['state'], code: string): Promise<InboxStatus>;
  /** Ends the agents. */
  rest(): Promise<void>;
  remove(): Promise<void>;
}

export async function inboxBench(): Promise<InboxBench> {
  const dir = await tempDir('inbox');
  let agents: TestAgent[] = [];
  const stick = (name = ''): string => join(dir.path, 'stick', name);
  await mkdir(stick());
  await writeFile(join(dir.path, 'kubeconfig'), NO_CLUSTER);
  const rest = async (): Promise<void> => {
    await Promise.all(agents.map((agent) => agent.stop()));
    agents = [];
  };
  const inbox = (one: TestAgent, name: string): readonly InboxStatus[] =>
    one.loop.status().inbox.filter(({ file }) => file === stick(name));
  return {
    dir: dir.path,
    stick,
    agent: async (objects, change = {}) => {
      const started = await startTestAgent({
        stateDir: join(dir.path, 'state'),
        kubeconfig: join(dir.path, 'kubeconfig'),
        objects,
        inbox: { paths: [stick()], intervalMs: 100, patienceMs: 600, moveAside: true },
        ...change,
      });
      agents.push(started);
      return started;
    },
    listed: async (name = '') => (await readdir(stick(name)).catch(() => [])).sort(),
    shown: (one, name) =>
      until(() => inbox(one, name).find(({ message }) => !message.includes('stands still')), {
        what: `${name} looked at`,
      }),
    becomes: (one, name, state, code) =>
      until(() => inbox(one, name).find((f) => f.state === state && f.code === code), {
        what: `${name} ${state} ${code}, it is ${JSON.stringify(one.loop.status().inbox)}`,
      }),
    rest,
    remove: async () => {
      await rest();
      await dir.remove();
    },
  };
}

export function sourceOf(one: TestAgent, name = 'app'): SourceStatus {
  const found = one.loop.status().sources.find((s) => s.name === name);
  if (found === undefined) throw new Error(`no source ${name}`);
  return found;
}
