import { describe, expect, it } from 'vitest';
import { appObjects, startTestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/temp.ts';
import { usePlace } from './app.ts';

const base = {
  'base/kustomization.yaml': 'resources: [conf.yaml]\nconfigMapGenerator:\n- name: made\n  literals: [a=1]\n',
  'base/conf.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: conf }\ndata: { region: "${region:=nowhere}", till: "${till}" }\n',
};

describe('a folder with a kustomization', () => {
  const place = usePlace();

  it('is built with its bases, the fields of the Kustomization and substitution, and only when a file it uses changes', async () => {
    const ns = await place.cluster.namespace('kustomize');
    const repo = await place.git.repo('kustomize');
    const first = await repo.commit({
      ...base,
      'site/kustomization.yaml': `namespace: ${ns}\nresources: [../base]\n`,
      'other/readme.md': '1',
    });
    const spec = `path: ./site
namePrefix: s1-
images: [{ name: nothing, newTag: "1" }]
postBuild:
  substitute: { till: seven }
  substituteFrom: [{ kind: ConfigMap, name: vars }]`;
    const vars = (region: string): string =>
      `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: vars, namespace: flux-system }\ndata: { region: ${region} }\n`;
    const dir = await tempDir('kustomize');
    const objects = appObjects({ url: repo.url, spec });
    const agent = await startTestAgent({
      stateDir: dir.path,
      kubeconfig: await place.cluster.kubeconfigFile(),
      objects: objects + vars('north'),
    });
    await agent.reaches((s) => s.converged && s.lastAppliedRevision === `main@sha1:${first}`);
    const conf = async () => (await place.cluster.get(`/api/v1/namespaces/${ns}/configmaps/s1-conf`))?.['data'];
    expect(await conf()).toEqual({ region: 'north', till: 'seven' });
    expect(agent.kustomization().inventory).toHaveLength(2);

    const mark = place.cluster.auditMark();
    const second = await repo.commit({ 'other/readme.md': '2' });
    agent.loop.nudge('GitRepository/flux-system/app');
    await agent.reaches((s) => s.converged && s.lastAppliedRevision === `main@sha1:${second}`);
    expect(place.cluster.audited({ since: mark, namespace: ns, verb: 'patch' })).toEqual([]);

    const third = await repo.commit({
      'base/conf.yaml': base['base/conf.yaml'].replace('till:', 'more: "yes", till:'),
    });
    agent.loop.nudge('GitRepository/flux-system/app');
    await agent.reaches((s) => s.converged && s.lastAppliedRevision === `main@sha1:${third}`);
    expect(await conf()).toEqual({ region: 'north', till: 'seven', more: 'yes' });

    agent.declare(objects + vars('south'));
    await agent.reaches((s) => s.converged && s.objects.total === 2);
    await expect.poll(conf, { timeout: 5000 }).toMatchObject({ region: 'south' });
    await agent.stop();
  });

  it('keeps what is applied when it does not build, and names the file', async () => {
    const ns = await place.cluster.namespace('broken');
    const repo = await place.git.repo('broken');
    const good = await repo.commit({ ...base, 'site/kustomization.yaml': `namespace: ${ns}\nresources: [../base]\n` });
    const dir = await tempDir('broken');
    const agent = await startTestAgent({
      stateDir: dir.path,
      kubeconfig: await place.cluster.kubeconfigFile(),
      objects: appObjects({ url: repo.url, spec: 'path: ./site' }),
    });
    await agent.reaches((s) => s.converged);
    await repo.commit({ 'site/kustomization.yaml': `namespace: ${ns}\nresources: [../base, missing.yaml]\n` });
    agent.loop.nudge('GitRepository/flux-system/app');
    const status = await agent.reaches((s) => s.notConverged?.code === 'build-failed');
    expect(status.notConverged?.message).toContain('missing.yaml');
    expect(status.lastAppliedRevision).toBe(`main@sha1:${good}`);
    await place.cluster.api('DELETE', `/api/v1/namespaces/${ns}/configmaps/conf`);
    await expect
      .poll(() => place.cluster.get(`/api/v1/namespaces/${ns}/configmaps/conf`), { timeout: 5000 })
      .toBeDefined();
    await agent.stop();
  });
});
