import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceStatus } from '../../../src/model/index.ts';
import { fluxArtifact, pushBundles, pusher, type Registry, startRegistry } from '../../ociregistry/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { type AgentProcess, startProcess } from '../../support/process.ts';
import { createSigner, dsseBundle, statement } from '../../support/signatures.ts';
import { createSigstore, ISSUER } from '../../support/sigstore.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

/** No API server: sources are fetched and verified all the same. */
const NOWHERE = `apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
users: [{ name: u, user: {} }]
`;
const says = ({ conditions }: SourceStatus, text: string): boolean =>
  conditions.some(({ type, message }) => type === 'Ready' && message.includes(text));
const SUBJECT = 'https://git.example.com/org/app/.ci/release.yaml@refs/heads/main';

const POLICY = {
  name: 'all',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['*'],
};

describe('the built agent and signed artifacts', () => {
  let registry: Registry;
  let dir: TempDir;
  let agent: AgentProcess | undefined;
  beforeAll(async () => {
    [registry, dir] = await Promise.all([startRegistry(), tempDir('verify-oci')]);
  });
  afterAll(async () => {
    await agent?.stop();
    await registry.stop();
    await dir.remove();
  });

  it('proves them by keys and by identities, in a child and in itself, and keeps that over a restart offline', async () => {
    const push = pusher(registry);
    const [alice, sigstore] = [createSigner(), createSigstore()];
    const by = { keyed: alice, keyless: sigstore.signer(SUBJECT) };
    let n = 0;
    const release = async (name: 'keyed' | 'keyless', signed = true): Promise<string> => {
      n += 1;
      const artifact = await push.artifact(
        fluxArtifact({ name, tag: 'latest', content: tarGz({ 'a.yaml': `n: ${n}\n` }) }),
      );
      const payload = statement(artifact.digest);
      const bundle = name === 'keyed' ? dsseBundle(alice, payload) : by.keyless.dsse(payload);
      if (signed) await pushBundles(push, name, artifact, [bundle]);
      return `latest@${artifact.digest}`;
    };
    await push.artifact(fluxArtifact({ name: 'notary', tag: 'latest', content: tarGz({ 'a.yaml': 'n: 0\n' }) }));
    const first = { keyed: await release('keyed'), keyless: await release('keyless') };
    writeFileSync(join(dir.path, 'root.json'), sigstore.root());
    const kubeconfig = join(dir.path, 'kubeconfig');
    writeFileSync(kubeconfig, NOWHERE);
    const source = (name: string, verify: object) => ({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'OCIRepository',
      metadata: { name, namespace: 'ns' },
      spec: { url: `oci://${registry.host}/${name}`, interval: '1h', verify: { provider: 'cosign', ...verify } },
    });
    const objects = [
      source('keyed', { secretRef: { name: 'keys' } }),
      source('keyless', {
        matchOIDCIdentity: [{ issuer: `^${ISSUER}$`, subject: '^https://git\\.example\\.com/org/' }],
      }),
      source('notary', { provider: 'notation', secretRef: { name: 'keys' } }),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'keys', namespace: 'ns' },
        stringData: {
          'a.pub': alice.publicPem,
          'a.crt': createAuthority('notary').certPem,
          'trustpolicy.json': JSON.stringify({ version: '1.0', trustPolicies: [POLICY] }),
        },
      },
    ];
    const start = async (): Promise<AgentProcess> => {
      agent = await startProcess({
        dir: dir.path,
        kubeconfig,
        objects: objects.map((one) => JSON.stringify(one)).join('\n---\n'),
        config: 'verification: { trustedRootFile: ./root.json }\n',
      });
      return agent;
    };
    const reaches = (running: AgentProcess, name: string, check: (one: SourceStatus) => boolean): Promise<unknown> =>
      until(async () => (await running.status()).sources.some((one) => one.name === name && check(one)), {
        within: 60_000,
        what: `${name}; log: ${running.log().slice(-3_000)}`,
      });
    const proven = (revision: string) => (one: SourceStatus) =>
      one.ready === 'True' &&
      one.conditions.some(({ type, message }) => type === 'SourceVerified' && message.endsWith(` ${revision}`));
    // The first fetch is done in a child, which also verifies; the difference in the agent itself.
    const running = await start();
    for (const name of ['keyed', 'keyless'] as const) await reaches(running, name, proven(first[name]));
    await reaches(running, 'notary', (one) => says(one, "using provider 'notation': no matching signatures"));
    for (const name of ['keyed', 'keyless'] as const) {
      const next = await release(name);
      running.nudge();
      await reaches(running, name, proven(next));
      await release(name, false);
      running.nudge();
      await reaches(running, name, (one) => one.ready === 'False' && says(one, 'the registry has none'));
      expect((await running.status()).sources.find((one) => one.name === name)?.revision).toBe(next);
    }
    await running.stop();
    await registry.stop();
    const again = await start();
    for (const name of ['keyed', 'keyless'])
      await reaches(again, name, (one) => one.revision !== '' && says(one, 'connection refused'));
  });
});
