import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import { type GitServer, startGitServer } from '../../gitserver/index.ts';
import { appObjects, startTestAgent, type TestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const configMap = (name: string, namespace: string, value: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: ${namespace} }
data: { v: "${value}" }
`;

describe('a commit', () => {
  let cluster: ClusterAccess;
  let git: GitServer;
  let agent: TestAgent | undefined;
  beforeAll(async () => {
    cluster = await sharedControlPlane();
    git = await startGitServer();
  });
  afterAll(async () => {
    await agent?.stop();
    await git.stop();
    await cluster.stop();
  });

  it('reaches the cluster, is kept there, and is pruned again', async () => {
    const ns = await cluster.namespace('first');
    const repo = await git.repo('first');
    const sha = await repo.commit({ 'a.yaml': configMap('a', ns, '1'), 'b.yaml': configMap('b', ns, '1') });
    const dir = await tempDir('first');
    agent = await startTestAgent({
      stateDir: dir.path,
      kubeconfig: await cluster.kubeconfigFile(),
      objects: appObjects({ url: repo.url }),
    });
    const status = await agent.reaches((s) => s.lastAppliedRevision === `main@sha1:${sha}`);
    expect(status).toMatchObject({ ready: 'True', converged: true });
    const at = (name: string) => cluster.get(`/api/v1/namespaces/${ns}/configmaps/${name}`);
    expect(await at('a')).toMatchObject({ data: { v: '1' } });

    await cluster.api('PATCH', `/api/v1/namespaces/${ns}/configmaps/a`, { data: { v: 'by hand' } });
    await until(async () => ((await at('a')) as { data: { v: string } } | undefined)?.data.v === '1');
    await cluster.api('DELETE', `/api/v1/namespaces/${ns}/configmaps/b`);
    await until(async () => (await at('b')) !== undefined);

    const next = await repo.commit({ 'a.yaml': configMap('a', ns, '2'), 'b.yaml': null });
    agent.loop.nudge('GitRepository/flux-system/app');
    await agent.reaches((s) => s.lastAppliedRevision === `main@sha1:${next}`);
    expect(await at('a')).toMatchObject({ data: { v: '2' } });
    expect(await at('b')).toBeUndefined();
  });
});
