import { openCluster } from '../../../agent/adapters/cluster/index.ts';
import { sharedControlPlane } from '../../controlplane/index.ts';
import { clusterSuite } from './suite.ts';

const WIDGETS = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

clusterSuite('kube-apiserver', async () => {
  const server = await sharedControlPlane();
  const cluster = openCluster({ kubeconfig: await server.kubeconfigFile(), watchTimes: { unservedMs: 1_000 } });
  const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com';
  return {
    cluster,
    namespace: () => server.namespace('cluster-port'),
    serveWidgets: async () => void (await server.api('PATCH', definition, WIDGETS, { type: 'apply' })),
    stop: async () => {
      cluster.close();
      await server.api('DELETE', definition);
      await server.stop();
    },
  };
});
