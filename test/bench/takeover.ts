import { join } from 'node:path';
import type { ControlPlane } from '../controlplane/index.ts';
import { type AgentProcess, startProcess } from '../support/process.ts';
import { until } from '../support/until.ts';
import { ms, type Row } from './table.ts';

const LEASE_S = 15;
const leads = (agent: AgentProcess): boolean => agent.log().includes('"msg":"leads"');

/** How long a cluster is without a leader: after one that vanished, and after one that ended. */
export async function leaseRows(cluster: ControlPlane, dir: string): Promise<readonly Row[]> {
  const namespace = await cluster.namespace('lease');
  const kubeconfig = await cluster.kubeconfigFile();
  const config = `leaderElection: { enabled: true, namespace: ${namespace}, leaseDuration: ${LEASE_S}s }\n`;
  const start = (name: string): Promise<AgentProcess> =>
    startProcess({ dir: join(dir, name), kubeconfig, objects: '', config });
  const after = async (next: AgentProcess, end: () => Promise<unknown>): Promise<number> => {
    // The next one has seen the lease, at some moment of its renewal.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const began = performance.now();
    await end();
    await until(() => leads(next), { within: 60_000, every: 5, what: 'the next one leads' });
    return performance.now() - began;
  };
  const one = await start('lease-one');
  await until(() => leads(one), { within: 20_000, what: 'the first one leads' });
  const two = await start('lease-two');
  const vanished = await after(two, () => one.stop('SIGKILL'));
  const three = await start('lease-three');
  const ended = await after(three, () => two.stop());
  await three.stop();
  return [
    { what: `takeover from a leader that vanished, lease of ${LEASE_S} s`, ours: ms(vanished), target: `${LEASE_S} s` },
    { what: '  from one that ended', ours: ms(ended), target: 'at once' },
  ];
}
