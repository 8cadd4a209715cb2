import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonObject, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import {
  fluxArtifact,
  type Pushed,
  pusher,
  type Registry,
  requireOci,
  startRegistry,
} from '../../ociregistry/index.ts';
import { holdfast } from '../../support/cli.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { configMap, installDefinitions, isReady, kustomization, type Site, startSite } from '../objects/site.ts';

describe('a site that cannot reach its registry', () => {
  let cluster: ClusterAccess;
  let registry: Registry;
  let dir: TempDir;
  let site: Site;
  let oras: string;
  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
    [registry, dir, { oras }] = await Promise.all([startRegistry(), tempDir('oci-stick'), requireOci(['oras'])]);
  });
  afterAll(async () => {
    await site.stop();
    await registry.stop();
    await dir.remove();
    await cluster.stop();
  });

  const push = (v: string): Promise<Pushed> => {
    const content = tarGz({ 'a.yaml': configMap(site.ns, 'a', { v }) });
    return pusher(registry).artifact(fluxArtifact({ name: `fleet/${site.ns}`, tag: 'latest', content }));
  };
  /** As a person does it: oras copies the artifact into a folder, tar makes a file of that. */
  const carry = (stick: string, name: string): void => {
    const layout = join(dir.path, name);
    const from = `${registry.host}/fleet/${site.ns}:latest`;
    execFileSync(oras, ['copy', '--from-plain-http', from, '--to-oci-layout', `${layout}:latest`], { stdio: 'pipe' });
    execFileSync('tar', ['-cf', join(stick, `${name}.tar`), '-C', layout, '.']);
  };

  it('takes an image layout that oras made from a stick, and goes on from the next one', async () => {
    const stick = join(dir.path, 'stick');
    await mkdir(stick);
    const source = (ns: string): JsonObject => ({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'OCIRepository',
      metadata: { name: 'app', namespace: ns },
      spec: { interval: '1h', url: `oci://127.0.0.1:1/fleet/${ns}`, secretRef: { name: 'not-here' } },
    });
    site = await startSite(cluster, {
      seeds: (ns) => [source(ns), kustomization(ns, { sourceRef: { kind: 'OCIRepository', name: 'app' } })],
      inbox: { paths: [stick], intervalMs: 100, patienceMs: 500, moveAside: true },
    });
    const first = await push('1');
    carry(stick, 'first');
    const applied = (pushed: Pushed) =>
      site.reaches(
        'Kustomization',
        (one) => isReady(one) && textAt(one['status'], 'lastAppliedRevision') === `latest@${pushed.digest}`,
      );
    await applied(first);
    const second = await push('2');
    carry(stick, 'second');
    await applied(second);
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('2');
    await until(() => site.agent.loop.status().inbox.filter((one) => one.state === 'taken').length >= 1);
    // And from one that was packed beside the registry, which calls the repository otherwise.
    const third = await push('3');
    const at = (file: string): string => join(dir.path, file);
    await mkdir(at('objects'));
    await writeFile(
      at('objects/app.yaml'),
      `apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: { name: app, namespace: ${site.ns} }\nspec: { url: "oci://${registry.host}/fleet/${site.ns}", interval: 1h }\n`,
    );
    await writeFile(
      at('config.yaml'),
      'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./maker\nobjects: { files: [./objects] }\n',
    );
    const made = await holdfast(['bundle', 'create', '-c', at('config.yaml'), '-o', join(stick, 'third.tar')]);
    expect(made.code, made.err).toBe(0);
    await applied(third);
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('3');
  });
});
