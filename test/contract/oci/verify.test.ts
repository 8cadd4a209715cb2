import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_ROOT, type DataObject, type OCIRepository, type OciRepositorySpec } from '../../../src/flux/index.ts';
import { Fault } from '../../../src/model/index.ts';
import { type OciRequest, ociRequestOf } from '../../../src/source/oci/index.ts';
import {
  fluxArtifact,
  type Pushed,
  type Pusher,
  pushBundles,
  pusher,
  pushSimple,
  type Registry,
  startRegistry,
} from '../../ociregistry/index.ts';
import {
  createSigner,
  dsseBundle,
  messageBundle,
  type Signer,
  simplePayload,
  statement,
} from '../../support/signatures.ts';
import { createSigstore, ISSUER } from '../../support/sigstore.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { CONFIG_MAP, ociSite } from './support.ts';

let registry: Registry;
let push: Pusher;
let count = 0;
beforeAll(async () => {
  registry = await startRegistry();
  push = pusher(registry);
}, 600_000);
afterAll(() => registry.stop());

const alice = createSigner();
const bob = createSigner('ed25519');
const mallory = createSigner();

const secret = (keys: Record<string, string>): DataObject => ({
  kind: 'Secret',
  name: 'keys',
  namespace: 'apps',
  type: 'Opaque',
  data: new Map(Object.entries(keys).map(([name, text]) => [name, Buffer.from(text)])),
  origin: 'test',
});
const pems = (...signers: readonly Signer[]): Record<string, string> =>
  Object.fromEntries(signers.map(({ publicPem }, i) => [`key${i}.pub`, publicPem]));
const meta = { generation: 1, uid: '', labels: {}, annotations: {}, requestedAt: '', origin: '' };
const source = (verify: OciRepositorySpec['verify']): OCIRepository => ({
  kind: 'OCIRepository',
  meta: { ...meta, name: 'app', namespace: 'apps' },
  spec: {
    url: `oci://${registry.host}/any`,
    interval: 60_000,
    timeout: 60_000,
    ref: { tag: 'latest' },
    provider: 'generic',
    insecure: false,
    suspend: false,
    ...(verify === undefined ? {} : { verify }),
  },
});
const keyed = { provider: 'cosign', secretRef: { name: 'keys' }, matchOIDCIdentity: [] } as const;
const trusting = (...signers: readonly Signer[]): Pick<OciRequest, 'verify'> => {
  const { verify } = ociRequestOf(source(keyed), [secret({ ...pems(...signers), 'readme.txt': 'no key' })], undefined);
  return verify === undefined ? {} : { verify };
};

interface App {
  readonly name: string;
  readonly url: string;
  push(tag?: string): Promise<Pushed & { readonly bytes: Buffer }>;
}
function app(): App {
  const name = `signed/app-${count++}`;
  return {
    name,
    url: `oci://${registry.host}/${name}`,
    push: async (tag = 'latest') => {
      const content = tarGz({ 'app.yaml': CONFIG_MAP, 'n.yaml': `n: ${count++}\n` });
      const pushed = await push.artifact(fluxArtifact({ name, tag, content }));
      return { ...pushed, bytes: await readFile(registry.blobFile(pushed.digest)) };
    },
  };
}
const signed = (signer: Signer, digest: string) => {
  const payload = simplePayload(digest);
  return { payload, signature: signer.raw(payload) };
};

describe('an artifact signed by cosign with a key', () => {
  it.each(['simple', 'bundle', 'message'] as const)('is taken by its signature: %s', async (form) => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    const bundles = {
      bundle: dsseBundle(alice, statement(artifact.digest)),
      message: messageBundle(alice, artifact.bytes),
    };
    if (form === 'simple') await pushSimple(push, name, artifact.digest, [signed(alice, artifact.digest)]);
    else await pushBundles(push, name, artifact, [bundles[form]]);
    await using site = await ociSite({ url, ...trusting(mallory, alice) });
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have?.verified?.message).toBe(`verified signature of revision latest@${artifact.digest}`);
    expect(site.text('app.yaml')).toBe(CONFIG_MAP);
    // The manifest, the API, the tag, of a bundle its manifest, else the tag `.sig`; the signature, the layer.
    expect(site.count.requests).toBe(6);
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
  });

  it('is not taken without a signature, by another key, of another digest; and the last one stays', async () => {
    const { name, url, push: pushApp } = app();
    const first = await pushApp();
    await pushSimple(push, name, first.digest, [signed(alice, first.digest)]);
    await using site = await ociSite({ url, ...trusting(alice) });
    await site.fetch();
    const { have } = site;
    const second = await pushApp();
    const refused = async (why: string): Promise<void> => {
      const fault = await site.fails();
      expect(fault).toMatchObject({ code: 'signature-invalid', reason: 'VerificationError' });
      expect(fault.message).toBe(
        `failed to verify the signature using provider 'cosign': no matching signatures were found for '${registry.host}/${name}@${second.digest}': ${why}`,
      );
      expect(site.have).toBe(have);
    };
    await refused('the registry has none');
    await pushSimple(push, name, second.digest, [signed(mallory, second.digest)]);
    await refused('it is by none of the keys');
    // The signature of the first artifact, put beside the second.
    await pushSimple(push, name, second.digest, [signed(alice, first.digest)]);
    await refused(`it signs '${first.digest}'`);
    await pushBundles(push, name, second, [
      dsseBundle(mallory, statement(second.digest)),
      dsseBundle(alice, statement(first.digest)),
      dsseBundle(alice, statement(second.digest, { predicateType: 'https://slsa.dev/provenance/v1' })),
    ]);
    const { message } = await site.fails();
    const [, slsa, others, keys] = /'cosign': .*': (.*); (.*); (.*)$/.exec(message) ?? [];
    expect(slsa).toBe("it states 'https://slsa.dev/provenance/v1', which is no signature");
    expect(others).toBe(`it signs '${first.digest}' (2 of them)`);
    expect(keys).toBe('it is by none of the keys');
    // One that holds among others that do not is enough, of either form.
    await pushSimple(push, name, second.digest, [
      signed(alice, second.digest),
      signed(mallory, second.digest),
      { payload: simplePayload(second.digest), signature: '!' },
    ]);
    expect((await site.fetch()).kind).toBe('fetched');
  });

  it('fetches nothing of it before its signature holds', async () => {
    const { url, push: pushApp } = app();
    await pushApp();
    await using site = await ociSite({ url, ...trusting(alice) });
    await site.fails();
    expect(site.count.requests).toBe(4);
    expect(site.cache.usage().packs).toBe(0);
    expect(site.count.down).toBeLessThan(4_000);
  });

  it('is proven anew with other keys, by what is on this disk where that is enough', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    await pushSimple(push, name, artifact.digest, [signed(alice, artifact.digest), signed(bob, artifact.digest)]);
    await using site = await ociSite({ url, ...trusting(alice) });
    await site.fetch();
    const key = site.have?.verified?.key;
    // Bob's came first, and alice's after it: both are here.
    expect(await site.fetch(trusting(bob))).toMatchObject({ kind: 'fetched', count: { requests: 1 } });
    expect(site.have?.verified?.key).not.toBe(key);
    expect(await site.fails(trusting(mallory))).toMatchObject({ code: 'signature-invalid' });
    // A signature that came later is asked for.
    await pushSimple(push, name, artifact.digest, [signed(mallory, artifact.digest)]);
    expect((await site.fetch(trusting(mallory))).kind).toBe('fetched');
    expect(await site.fetch(trusting(mallory))).toMatchObject({ kind: 'unchanged' });
  });

  it('was proven by what is kept: after damage the registry is not asked for it again', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    await pushBundles(push, name, artifact, [dsseBundle(alice, statement(artifact.digest))]);
    await using site = await ociSite({ url, ref: { digest: artifact.digest }, ...trusting(alice) });
    await site.fetch();
    const keep = site.have?.keep;
    expect(keep).toHaveLength(2);
    site.forget();
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 0 } });
    expect(site.have?.keep).toEqual(keep);
    const request = { ...trusting(mallory) };
    expect((await site.fails(request)).code).toBe('signature-invalid');
  });

  it('counts with its tag: the same digest under another tag needs no signature again', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp('v1');
    await push.manifest(name, 'v2', 'application/vnd.oci.image.manifest.v1+json', artifact.bytes);
    await pushSimple(push, name, artifact.digest, [signed(alice, artifact.digest)]);
    await using site = await ociSite({ url, ref: { tag: 'v1' }, ...trusting(alice) });
    await site.fetch();
    expect(await site.fetch({ ref: { tag: 'v2' } })).toMatchObject({ kind: 'fetched', count: { requests: 1 } });
    expect(site.have?.verified?.message).toBe(`verified signature of revision v2@${artifact.digest}`);
  });

  it('is proven when it begins to be asked for, and no longer when it is not', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    await using site = await ociSite({ url });
    await site.fetch();
    expect((await site.fails(trusting(alice))).code).toBe('signature-invalid');
    await pushSimple(push, name, artifact.digest, [signed(alice, artifact.digest)]);
    expect((await site.fetch(trusting(alice))).kind).toBe('fetched');
    expect(site.have?.verified).toBeDefined();
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have?.verified).toBeUndefined();
  });

  it('under an index is signed by the digest of the index', async () => {
    const { name, url, push: pushApp } = app();
    const child = await pushApp('child');
    const type = 'application/vnd.oci.image.index.v1+json';
    const manifest = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: child.digest,
      size: child.size,
    };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [manifest] }));
    const digest = await push.manifest(name, 'latest', type, index);
    await pushSimple(push, name, child.digest, [signed(alice, child.digest)]);
    await using site = await ociSite({ url, ...trusting(alice) });
    expect((await site.fails()).message).toContain(`${digest}': the registry has none`);
    await pushBundles(push, name, { digest, size: index.length }, [messageBundle(alice, index)]);
    expect((await site.fetch()).kind).toBe('fetched');
  });
});

describe('signatures that are hostile', () => {
  it('are looked at up to limits.signatures, the newest first', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    const good = signed(alice, artifact.digest);
    const bad = { payload: good.payload, signature: mallory.raw(good.payload) };
    const many = Array.from({ length: 10_000 }, () => bad);
    await pushSimple(push, name, artifact.digest, [good, ...many.slice(0, 9_000)]);
    await using site = await ociSite({ url, ...trusting(alice) });
    const start = performance.now();
    expect((await site.fails()).message).toContain(
      'it is by none of the keys (100 of them); there are more than 100 (limits.signatures)',
    );
    expect(performance.now() - start).toBeLessThan(5_000);
    await pushSimple(push, name, artifact.digest, [...many.slice(0, 9_000), good]);
    expect((await site.fetch()).kind).toBe('fetched');
  });

  it('are held to limits.signatureBytes together', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    const huge = Buffer.from(JSON.stringify({ optional: 'x'.repeat(600_000) }));
    const other = Buffer.from(JSON.stringify({ optional: 'y'.repeat(600_000) }));
    const all = [huge, other].map((payload) => ({ payload, signature: alice.raw(payload) }));
    await pushSimple(push, name, artifact.digest, all);
    await using site = await ociSite({ url, ...trusting(alice) });
    const { message } = await site.fails();
    expect(message).toContain('(limits.signatureBytes)');
    expect(site.count.down).toBeLessThan(700_000);
    // What is small is looked at all the same.
    await pushSimple(push, name, artifact.digest, [signed(alice, artifact.digest), ...all]);
    expect((await site.fetch()).kind).toBe('fetched');
  });

  it('with bytes that are not the digest’s, or gone, do not hide one that holds', async () => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    const payload = simplePayload(artifact.digest);
    const evil = simplePayload(artifact.digest, { identity: { 'docker-reference': 'evil' } });
    const pushed = await pushSimple(push, name, artifact.digest, [
      signed(alice, artifact.digest),
      { payload: evil, signature: alice.raw(evil) },
    ]);
    await writeFile(registry.blobFile(pushed.layers[1] ?? ''), Buffer.from(payload));
    await using site = await ociSite({ url, ...trusting(alice) });
    expect((await site.fetch()).kind).toBe('fetched');
  });

  it.each([
    ['no index under the tag of the digest', Buffer.from('{"schemaVersion":2,"layers":[],"config":{}}')],
    ['10,000 entries that are no bundles', Buffer.from('')],
  ])('%s: the older form counts', async (what, bytes) => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    const entry = { mediaType: 'x', digest: artifact.digest, size: 1, artifactType: 'application/spdx+json' };
    const type = 'application/vnd.oci.image.index.v1+json';
    const manifests = Array.from({ length: 10_000 }, () => entry);
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }));
    const tag = artifact.digest.replace(':', '-');
    if (bytes.length === 0) await push.manifest(name, tag, type, index);
    else await push.artifact({ name, tag, layers: [] });
    await pushSimple(push, name, artifact.digest, [signed(alice, artifact.digest)]);
    await using site = await ociSite({ url, ...trusting(alice) });
    expect((await site.fetch()).kind, what).toBe('fetched');
    expect(site.count.requests).toBe(6);
  });
});

describe('an artifact signed by an identity', () => {
  const RELEASE = 'https://git.example.com/org/app/.ci/release.yaml@refs/heads/main';
  const sigstore = createSigstore();
  const root = (name: string): DataObject => ({
    ...secret({ 'trusted_root.json': sigstore.root() }),
    name,
    origin: 'verification.trustedRootFile /etc/root.json',
  });
  const identity = { issuer: `^${ISSUER}$`, subject: '^https://git\\.example\\.com/org/app/' };
  const trusted = (identities = [identity], own = false): Pick<OciRequest, 'verify'> => {
    const ref = own ? {} : { trustedRootSecretRef: { name: 'root' } };
    const spec = { provider: 'cosign', matchOIDCIdentity: identities, ...ref } as const;
    const { verify } = ociRequestOf(source(spec), [root(own ? AGENT_ROOT : 'root')], undefined);
    return verify === undefined ? {} : { verify };
  };

  it.each(['simple', 'bundle'] as const)('is taken by its signature: %s', async (form) => {
    const { name, url, push: pushApp } = app();
    const artifact = await pushApp();
    const release = sigstore.signer(RELEASE);
    const payload = simplePayload(artifact.digest);
    if (form === 'bundle') await pushBundles(push, name, artifact, [release.dsse(statement(artifact.digest))]);
    else await pushSimple(push, name, artifact.digest, [{ payload, annotations: release.simple(payload) }]);
    await using site = await ociSite({ url, ...trusted() });
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have?.verified?.message).toBe(`verified signature of revision latest@${artifact.digest}`);
    // The agent's own root is the same one: nothing is proven again. Other identities are held against what is kept.
    expect((await site.fetch(trusted([identity], true))).kind).toBe('unchanged');
    const wide = trusted([{ issuer: 'token', subject: '.*' }]);
    expect(await site.fetch(wide)).toMatchObject({ kind: 'fetched', count: { requests: 1 } });
    const fault = await site.fails(trusted([{ ...identity, subject: '^https://git\\.example\\.com/other/' }]));
    expect(fault).toMatchObject({ code: 'signature-invalid', reason: 'VerificationError' });
    expect(fault.message).toContain("failed to verify the signature using provider 'cosign keyless': no matching");
    expect(fault.message).toContain(`it is by '${RELEASE}' of '${ISSUER}', whom matchOIDCIdentity does not name`);
  });
});

describe('ociRequestOf', () => {
  const faultOf = (verify: OciRepositorySpec['verify'], data: readonly DataObject[]): Fault => {
    try {
      ociRequestOf(source(verify), data, undefined);
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
    throw new Error('it was taken');
  };

  it('says which keys are missing', async () => {
    const lead = "failed to verify the signature using provider 'cosign': ";
    expect(faultOf(keyed, [])).toMatchObject({
      code: 'signature-keys',
      reason: 'VerificationError',
      message: `${lead}secrets "keys" not found`,
    });
    expect(faultOf(keyed, [secret({ 'a.txt': alice.publicPem })]).message).toContain('has no public key');
    const broken = ociRequestOf(source(keyed), [secret({ 'a.pub': 'x' })], undefined).verify;
    await expect(broken?.check({ repository: '', now: 0 })).rejects.toMatchObject({ code: 'signature-keys' });
  });

  it('says what of a trust policy is missing', async () => {
    const lead = "failed to verify the signature using provider 'notation': ";
    const spec = { provider: 'notation', matchOIDCIdentity: [] } as const;
    expect(faultOf(spec, []).message).toBe(
      `${lead}verification secret cannot be empty: name one in spec.verify.secretRef`,
    );
    const named = { ...spec, secretRef: { name: 'keys' } };
    const message = (keys: Record<string, string>): string => faultOf(named, [secret(keys)]).message;
    expect(faultOf(named, []).message).toBe(`${lead}secrets "keys" not found`);
    expect(message({ 'a.crt': 'x' })).toBe(`${lead}'trustpolicy.json' not found in secret 'apps/keys'`);
    expect(message({ 'trustpolicy.json': '{}' })).toBe(`${lead}no certificates found in secret 'apps/keys'`);
    const data = [secret({ 'trustpolicy.json': '{}', 'a.crt': 'x' })];
    const broken = ociRequestOf(source(named), data, undefined).verify;
    await expect(broken?.check({ repository: '', now: 0 })).rejects.toMatchObject({ code: 'signature-keys' });
  });

  it('says which trusted root is missing', async () => {
    const lead = "failed to verify the signature using provider 'cosign keyless': ";
    const anybody = { provider: 'cosign', matchOIDCIdentity: [] } as const;
    expect(faultOf(anybody, []).message).toContain('anybody could sign');
    const named = { ...anybody, matchOIDCIdentity: [{ issuer: 'i', subject: 's' }] };
    expect(faultOf(named, []).message).toBe(
      `${lead}there is no trusted root of Sigstore: name a Secret in spec.verify.trustedRootSecretRef, or set verification.trustedRootFile in the AgentConfiguration; none is fetched`,
    );
    const own = { ...named, trustedRootSecretRef: { name: 'keys' } };
    expect(faultOf(own, []).message).toBe(
      `${lead}failed to read trusted root from secret 'apps/keys': secrets "keys" not found`,
    );
    expect(faultOf(own, [secret({})]).message).toBe(
      `${lead}failed to read trusted root from secret 'apps/keys': 'trusted_root.json' not found in secret 'apps/keys'`,
    );
    const broken = ociRequestOf(source(own), [secret({ 'trusted_root.json': '{}' })], undefined).verify;
    await expect(broken?.check({ repository: '', now: 0 })).rejects.toMatchObject({
      code: 'signature-keys',
      message: 'trusted_root.json of Secret apps/keys is no trusted root of Sigstore: its mediaType is not that of one',
    });
  });
});
