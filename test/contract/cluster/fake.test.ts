import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { clusterSuite } from './suite.ts';

clusterSuite('in memory', async () => {
  const cluster = createFakeCluster();
  return {
    cluster,
    namespace: async () => {
      cluster.namespaces('space');
      return 'space';
    },
    serveWidgets: async () => cluster.serve({ group: 'example.com', version: 'v1', kind: 'Widget' }, 'widgets'),
    stop: async () => undefined,
  };
});
