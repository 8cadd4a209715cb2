import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type JsonObject, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import {
  fluxArtifact,
  type Pushed,
  pushBundles,
  pusher,
  pushSimple,
  type Registry,
  requireOci,
  startRegistry,
} from '../../ociregistry/index.ts';
import { createSigner, dsseBundle, simplePayload, statement } from '../../support/signatures.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { configMap, installDefinitions, isReady, kustomization, type Site, startSite } from '../objects/site.ts';

describe('a stick for a source that verifies', () => {
  let cluster: ClusterAccess;
  let registry: Registry;
  let dir: TempDir;
  let site: Site;
  let oras: string;
  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
    [registry, dir, { oras }] = await Promise.all([startRegistry(), tempDir('signed-stick'), requireOci(['oras'])]);
  });
  afterEach(() => site.stop());
  afterAll(async () => {
    await registry.stop();
    await dir.remove();
    await cluster.stop();
  });

  const repository = (): string => `fleet/${site.ns}`;
  const push = (v: string): Promise<Pushed> => {
    const content = tarGz({ 'a.yaml': configMap(site.ns, 'a', { v }) });
    return pusher(registry).artifact(fluxArtifact({ name: repository(), tag: 'latest', content }));
  };
  /** As a person does it: oras copies tags into a folder, tar makes a file of that. */
  const carry = (stick: string, name: string, ...tags: readonly string[]): void => {
    const layout = join(dir.path, name);
    for (const tag of tags)
      execFileSync(
        oras,
        [
          'copy',
          '-r',
          '--from-plain-http',
          `${registry.host}/${repository()}:${tag}`,
          '--to-oci-layout',
          `${layout}:${tag}`,
        ],
        { stdio: 'pipe' },
      );
    execFileSync('tar', ['-cf', join(stick, `${name}.tar`), '-C', layout, '.']);
  };

  it('is taken where its signatures are in it and hold, and refused otherwise', async () => {
    const stick = join(dir.path, 'stick');
    await mkdir(stick);
    const [alice, mallory] = [createSigner(), createSigner()];
    const source = (ns: string): JsonObject => ({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'OCIRepository',
      metadata: { name: 'app', namespace: ns },
      spec: {
        interval: '1h',
        url: `oci://127.0.0.1:1/fleet/${ns}`,
        verify: { provider: 'cosign', secretRef: { name: 'keys' } },
      },
    });
    const keys = (ns: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: ns },
      stringData: { 'a.pub': alice.publicPem },
    });
    site = await startSite(cluster, {
      seeds: (ns) => [keys(ns), source(ns), kustomization(ns, { sourceRef: { kind: 'OCIRepository', name: 'app' } })],
      inbox: { paths: [stick], intervalMs: 100, patienceMs: 500, moveAside: true },
    });
    const applied = (pushed: Pushed) =>
      site.reaches(
        'Kustomization',
        (one) => isReady(one) && textAt(one['status'], 'lastAppliedRevision') === `latest@${pushed.digest}`,
      );
    const refused = (name: string) =>
      until(() => site.agent.loop.status().inbox.some((one) => one.file.includes(name) && one.state === 'refused'), {
        what: JSON.stringify(site.agent.loop.status().inbox),
      });
    const first = await push('1');
    carry(stick, 'unsigned', 'latest');
    await refused('unsigned');
    await pushBundles(pusher(registry), repository(), first, [dsseBundle(mallory, statement(first.digest))]);
    carry(stick, 'foreign', 'latest');
    await refused('foreign');
    expect(JSON.stringify(site.agent.loop.status().inbox)).toContain('it is by none of the keys');
    await pushBundles(pusher(registry), repository(), first, [dsseBundle(alice, statement(first.digest))]);
    carry(stick, 'signed', 'latest');
    await applied(first);
    // The older form, carried by its tag.
    const second = await push('2');
    const payload = simplePayload(second.digest);
    await pushSimple(pusher(registry), repository(), second.digest, [{ payload, signature: alice.raw(payload) }]);
    carry(stick, 'older', 'latest', `${second.digest.replace(':', '-')}.sig`);
    await applied(second);
    expect(textAt(await site.get('ConfigMap', 'a'), 'data', 'v')).toBe('2');
  });
});
