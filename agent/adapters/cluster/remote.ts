import { Fault } from '../../../src/model/index.ts';
import type { AccountToken } from '../../loop/env.ts';
import { clusterOn, type HttpCluster } from './cluster.ts';
import type { Credentials } from './credentials.ts';
import { addressOf, type KubeconfigLimits, readKubeconfig } from './kubeconfig.ts';
import { tokenCredentials } from './token.ts';
import type { ClusterLimits } from './transport.ts';

/**
 * The API server of a kubeconfig that somebody else wrote. Throws Fault `kubeconfig-refused`; nothing is sent before the
 * first call. A cluster whose identity these credentials may not read is known by its address: that it was wiped then
 * shows only by what its watches miss. With `login` the kubeconfig has none of its own.
 */
export function openRemote(
  kubeconfig: Uint8Array,
  limits: ClusterLimits & KubeconfigLimits,
  login?: () => Promise<AccountToken>,
): HttpCluster {
  const link = readKubeconfig(kubeconfig, limits);
  const still: Credentials = { current: () => Promise.resolve(link), renew: () => Promise.resolve(link) };
  const credentials = login === undefined ? still : tokenCredentials(link, login);
  const cluster = clusterOn(credentials, { limits });
  return {
    ...cluster,
    identity: (signal) =>
      cluster.identity(signal).catch((error: unknown) => {
        if (!(error instanceof Fault) || error.code !== 'cluster-denied') throw error;
        return { uid: `address-${addressOf(link)}`, version: '' };
      }),
  };
}
