import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { at, type JsonObject, type KubeObject, textAt } from '../../../src/model/index.ts';
import { type ClusterAccess, sharedControlPlane } from '../../controlplane/index.ts';
import {
  fluxArtifact,
  type Pusher,
  pusher,
  pushSimple,
  type Registry,
  startRegistry,
} from '../../ociregistry/index.ts';
import { createSigner, type Signer, simplePayload } from '../../support/signatures.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { until } from '../../support/until.ts';
import { conditionOf, configMap, installDefinitions, isReady, kustomization, type Site, startSite } from './site.ts';

const alice = createSigner();
const bob = createSigner();

/** `STATUS/REASON MESSAGE` of the condition that tells of signatures; '' without. */
function proofOf(object: KubeObject): string {
  const all = (at(object['status'], 'conditions') ?? []) as readonly JsonObject[];
  const one = all.find((condition) => condition['type'] === 'SourceVerified');
  return one === undefined ? '' : `${one['status']}/${one['reason']} ${one['message']}`;
}

describe('an OCIRepository with verify', () => {
  let cluster: ClusterAccess;
  let registry: Registry;
  let push: Pusher;
  let site: Site;
  beforeAll(async () => {
    cluster = await sharedControlPlane();
    await installDefinitions(cluster);
    registry = await startRegistry();
    push = pusher(registry);
  });
  afterEach(() => site.stop());
  afterAll(async () => {
    await registry.stop();
    await cluster.stop();
  });

  const keys = (ns: string, signer: Signer): JsonObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: ns },
    stringData: { 'release.pub': signer.publicPem },
  });
  const repository = (ns: string): JsonObject => ({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'OCIRepository',
    metadata: { name: 'app', namespace: ns },
    spec: {
      interval: '1h',
      url: `oci://${registry.host}/${ns}`,
      verify: { provider: 'cosign', secretRef: { name: 'keys' } },
    },
  });
  const pushApp = async (ns: string, v: string): Promise<string> => {
    const content = tarGz({ 'a.yaml': configMap(ns, 'a', { v }) });
    return (await push.artifact(fluxArtifact({ name: ns, tag: 'latest', content }))).digest;
  };
  const sign = async (ns: string, digest: string, ...signers: readonly Signer[]): Promise<void> => {
    const payload = simplePayload(digest);
    const all = signers.map((signer) => ({ payload, signature: signer.raw(payload) }));
    await pushSimple(push, ns, digest, all);
  };
  const value = async (): Promise<string> => textAt(await site.get('ConfigMap', 'a'), 'data', 'v') ?? '';

  it('is told of as in Flux, holds what is not signed back, and takes other keys at once', async () => {
    site = await startSite(cluster, {
      seeds: (ns) => [
        keys(ns, alice),
        repository(ns),
        kustomization(ns, { sourceRef: { kind: 'OCIRepository', name: 'app' } }),
      ],
    });
    const first = await pushApp(site.ns, '1');
    await site.reconcile('OCIRepository');
    const refused = await site.reaches('OCIRepository', (one) => conditionOf(one) === 'False/VerificationError');
    const none = `no matching signatures were found for '${registry.host}/${site.ns}@`;
    expect(proofOf(refused)).toBe(
      `False/VerificationError failed to verify the signature using provider 'cosign': ${none}${first}': the registry has none`,
    );
    await sign(site.ns, first, alice, bob);
    await site.reconcile('OCIRepository');
    const ready = await site.reaches('OCIRepository', isReady);
    expect(proofOf(ready)).toBe(`True/Succeeded verified signature of revision latest@${first}`);
    await until(async () => (await value()) === '1');

    // Signed for another digest: refused, and the last one stays, also over a restart.
    const second = await pushApp(site.ns, '2');
    const stolen = simplePayload(first);
    await pushSimple(push, site.ns, second, [{ payload: stolen, signature: alice.raw(stolen) }]);
    await site.reconcile('OCIRepository');
    await site.reaches('OCIRepository', (one) => proofOf(one).endsWith(`${second}': it signs '${first}'`));
    expect((await site.events()).join('\n')).toContain(
      "OCIRepository Warning VerificationError: failed to verify the signature using provider 'cosign'",
    );
    await site.restart();
    await site.reaches('OCIRepository', (one) => proofOf(one).startsWith('False/'));
    expect(await value()).toBe('1');
    const kept = await site.get('OCIRepository', 'app');
    expect(textAt(kept?.['status'], 'artifact', 'revision')).toBe(`latest@${first}`);

    // Other keys count at once, for what is here as well.
    await sign(site.ns, second, alice);
    await site.reconcile('OCIRepository');
    await until(async () => (await value()) === '2');
    await site.apply(keys(site.ns, bob));
    await site.reconcile('OCIRepository');
    await site.reaches('OCIRepository', (one) => proofOf(one).includes('it is by none of the keys'));
    expect(await value()).toBe('2');
    await site.apply(keys(site.ns, alice));
    await site.reconcile('OCIRepository');
    const again = await site.reaches('OCIRepository', isReady);
    expect(proofOf(again)).toBe(`True/Succeeded verified signature of revision latest@${second}`);
  });
});
