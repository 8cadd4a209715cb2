import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataObject, OCIRepository } from '../../../src/flux/index.ts';
import { type KeptToken, type OciRequest, ociRequestOf, type RegistryNote } from '../../../src/source/oci/index.ts';
import {
  fluxArtifact,
  PASSWORD,
  pusher,
  type Registry,
  startRegistry,
  startTokenServer,
  type TokenServer,
  USER,
} from '../../ociregistry/index.ts';
import { IDENTITY_TOKEN } from '../../ociregistry/tokens.ts';
import { createAuthority } from '../../support/certificates.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { CONFIG_MAP, ociSite } from './support.ts';

const content = tarGz({ 'app.yaml': CONFIG_MAP });
const login = (host: string, change = {}): OciRequest['logins'] => [
  { pattern: host, username: USER, password: PASSWORD, identityToken: '', registryToken: '', ...change },
];
const loopback = /^127\./;

describe('a registry with user and password', () => {
  let registry: Registry;
  let url: string;
  beforeAll(async () => {
    registry = await startRegistry({ basic: true });
    url = `oci://${registry.host}/org/app`;
    const push = pusher(registry, 'basic');
    await push.artifact(fluxArtifact({ name: 'org/app', tag: 'latest', content }));
  }, 600_000);
  afterAll(() => registry.stop());

  it('lets in with a login, asked for once and sent from then on', async () => {
    const registries = new Map<string, RegistryNote>();
    await using site = await ociSite({ url, logins: login(registry.host) }, { registries });
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 3 } });
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
  });

  it.each([
    ['none', {}, 'source-auth', 'OCIArtifactPullFailed', 'UNAUTHORIZED'],
    ['a wrong password', { password: 'wrong' }, 'source-auth', 'OCIArtifactPullFailed', 'UNAUTHORIZED'],
  ])('keeps out with %s', async (what, change, code, reason, text) => {
    await using site = await ociSite({ url, logins: what === 'none' ? [] : login(registry.host, change) });
    expect(await site.fails()).toMatchObject({ code, reason, message: expect.stringContaining(text) });
    const listed = await site.fails({ ref: { semver: '*' } });
    expect(listed).toMatchObject({ code, reason: 'ReadOperationFailed' });
    expect(listed.message).toContain('failed to determine the artifact tag');
    expect(listed.message).not.toContain(what === 'none' ? 'Basic' : 'wrong');
  });

  it('takes the login for the host alone', async () => {
    await using site = await ociSite({ url, logins: login('registry.example.com') });
    expect((await site.fails()).code).toBe('source-auth');
  });
});

/** Into its folder: our pusher has no tokens. */
async function pushByHand(registry: Registry): Promise<void> {
  const put = async (bytes: Buffer, kind: 'layers' | 'manifest') => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const repository = join(registry.dir, 'repositories/org/app');
    const file = registry.blobFile(`sha256:${hex}`);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, bytes);
    const links = [join(repository, `_layers/sha256/${hex}`)];
    if (kind === 'manifest')
      links.push(
        join(repository, `_manifests/revisions/sha256/${hex}`),
        join(repository, '_manifests/tags/latest/current'),
      );
    for (const link of links) {
      await mkdir(link, { recursive: true });
      await writeFile(join(link, 'link'), `sha256:${hex}`);
    }
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const config = await put(Buffer.from('{}'), 'layers');
  const layer = { mediaType: 'application/vnd.cncf.flux.content.v1.tar+gzip', ...(await put(content, 'layers')) };
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', ...config };
  await put(
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, config: empty, layers: [layer] })),
    'manifest',
  );
}

describe('a registry with tokens', () => {
  let registry: Registry;
  let tokens: TokenServer;
  let url: string;
  beforeAll(async () => {
    tokens = await startTokenServer();
    registry = await startRegistry({ token: tokens });
    url = `oci://${registry.host}/org/app`;
  }, 600_000);
  afterAll(async () => {
    await registry.stop();
    await tokens.stop();
  });

  it('gives what an anonymous token may read', async () => {
    tokens.allow('everybody');
    await using site = await ociSite({ url });
    // Nothing was pushed yet: who is let in learns that.
    expect(await site.fails()).toMatchObject({
      code: 'source-ref-missing',
      message: expect.stringContaining('MANIFEST_UNKNOWN'),
    });
    expect(tokens.asked.at(-1)).toMatchObject({
      who: '',
      service: 'registry-test',
      scopes: ['repository:org/app:pull'],
    });
    tokens.allow('nobody');
    expect(await site.fails()).toMatchObject({ code: 'source-auth', message: expect.stringContaining('UNAUTHORIZED') });
  });

  it('wants one token a fetch, by password or identity token', async () => {
    tokens.allow('user');
    await pushByHand(registry);
    await using site = await ociSite({ url, logins: login(registry.host) });
    const before = tokens.asked.length;
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 4 } });
    expect(tokens.asked.slice(before)).toMatchObject([{ method: 'GET', who: USER }]);
    site.forget();
    await site.fetch({
      logins: login(registry.host, { password: '', identityToken: IDENTITY_TOKEN }),
      tenant: 'other',
    });
    expect(tokens.asked.at(-1)).toMatchObject({ method: 'POST', who: 'refresh' });
    expect((await site.fails({ logins: login(registry.host, { password: 'wrong' }) })).code).toBe('source-auth');
    expect((await site.fails({ logins: login(registry.host, { registryToken: 'x.y.z', password: '' }) })).code).toBe(
      'source-auth',
    );
  });

  it('gives one token for many polls, until shortly before its end', async () => {
    tokens.allow('user');
    tokens.life(300);
    await pushByHand(registry);
    const kept = new Map<string, KeptToken>();
    const registries = new Map<string, RegistryNote>();
    await using site = await ociSite({ url, logins: login(registry.host) }, { tokens: kept, registries });
    const start = performance.now();
    expect(await site.fetch()).toMatchObject({ count: { requests: 4 } });
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    const [[name, one] = ['', undefined]] = kept;
    expect(one?.until).toBeGreaterThanOrEqual(start + 290_000);
    expect(one?.until).toBeLessThan(performance.now() + 290_001);
    // What has run out is not sent, and a server that takes it no more is asked for another one, once.
    const users = new Set<string>();
    kept.set(name, { authorization: one?.authorization ?? '', until: performance.now() - 1, users });
    expect(await site.fetch()).toMatchObject({ count: { requests: 3 } });
    kept.set(name, { authorization: 'Bearer e30.e30.e30', until: performance.now() + 60_000, users });
    expect(await site.fetch()).toMatchObject({ count: { requests: 3 } });
    expect(await site.fetch()).toMatchObject({ count: { requests: 1 } });
    expect(JSON.stringify([...kept.keys()])).not.toContain(PASSWORD);
  });

  it('gives a token to the login, the tenant and the repository alone that it was asked for by', async () => {
    tokens.allow('user');
    tokens.life(300);
    await pushByHand(registry);
    const kept = new Map<string, KeptToken>();
    await using site = await ociSite({ url, logins: login(registry.host) }, { tokens: kept });
    await site.fetch();
    const others = [{ logins: [] }, { logins: login(registry.host, { password: 'wrong' }) }];
    for (const other of others) expect((await site.fails(other)).code).toBe('source-auth');
    const before = tokens.asked.length;
    await site.fetch({ tenant: 'other' });
    await site.fails({ url: `${url}-2` });
    expect(tokens.asked.length - before).toBe(2);
  });

  it('gives a token for 60 seconds where it does not say, and one that ends soon for one fetch', async () => {
    tokens.allow('user');
    await pushByHand(registry);
    const kept = new Map<string, KeptToken>();
    await using site = await ociSite({ url, logins: login(registry.host) }, { tokens: kept });
    tokens.life(10);
    await site.fetch();
    expect(kept.size).toBe(0);
    tokens.life(300, 'silent');
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 3 } });
    const [one] = kept.values();
    expect(one?.until).toBeLessThan(performance.now() + 50_001);
    expect(one?.until).toBeGreaterThan(performance.now() + 20_000);
    expect(await site.fetch()).toMatchObject({ count: { requests: 1 } });
  });
});

describe('a registry with TLS', () => {
  let registry: Registry;
  let url: string;
  beforeAll(async () => {
    registry = await startRegistry({ tls: true });
    url = `oci://${registry.host}/org/app`;
    await pusher(registry).artifact(fluxArtifact({ name: 'org/app', tag: 'latest', content }));
  }, 600_000);
  afterAll(() => registry.stop());

  it('is believed by its authority, and with insecure in any case', async () => {
    await using site = await ociSite({ url });
    expect(await site.fails()).toMatchObject({ code: 'wire-tls', reason: 'OCIArtifactPullFailed' });
    expect((await site.fails({ tls: { ca: createAuthority('other').certPem } })).code).toBe('wire-tls');
    expect((await site.fetch({ tls: { ca: registry.ca } })).kind).toBe('fetched');
    await using careless = await ociSite({ url, insecure: true, tls: { anyServer: true } });
    expect((await careless.fetch()).kind).toBe('fetched');
  });

  it('is not spoken to in plain text elsewhere than on this machine, unless it may', async () => {
    expect(registry.host).toMatch(loopback);
    await using site = await ociSite({ url: 'oci://registry.invalid:5000/org/app', timeoutMs: 5_000 });
    expect(await site.fails()).toMatchObject({ code: 'wire-unreachable', reason: 'OCIArtifactPullFailed' });
  });
});

describe('ociRequestOf', () => {
  const source = (spec: Partial<OCIRepository['spec']>): OCIRepository => ({
    kind: 'OCIRepository',
    meta: {
      name: 'app',
      namespace: 'apps',
      generation: 1,
      uid: '',
      labels: {},
      annotations: {},
      requestedAt: '',
      origin: '',
    },
    spec: {
      url: 'oci://registry.example.com/org/app',
      interval: 60_000,
      timeout: 60_000,
      ref: { tag: 'latest' },
      provider: 'generic',
      insecure: false,
      suspend: false,
      ...spec,
    },
  });
  const secret = (name: string, type: string, data: Record<string, string>): DataObject => ({
    kind: 'Secret',
    name,
    namespace: 'apps',
    type,
    data: new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
    origin: '',
  });
  const config = (auths: object): Record<string, string> => ({ '.dockerconfigjson': JSON.stringify({ auths }) });
  const DOCKER = 'kubernetes.io/dockerconfigjson';

  it('reads logins of the Secret, then of the pull secrets of the account', () => {
    const data = [
      secret(
        'own',
        DOCKER,
        config({ 'https://registry.example.com/v1/': { auth: Buffer.from('a:b:c').toString('base64') } }),
      ),
      secret('pull', DOCKER, config({ '*.example.com': { username: 'u', password: 'p' } })),
    ];
    const request = ociRequestOf(source({ secretRef: { name: 'own' }, serviceAccountName: 'robot' }), data, undefined, {
      pullSecrets: ['pull'],
    });
    expect(request.logins).toMatchObject([
      { pattern: 'registry.example.com', username: 'a', password: 'b:c' },
      { pattern: '*.example.com', username: 'u', password: 'p' },
    ]);
    expect(request).toMatchObject({ tenant: 'apps', owner: 'OCIRepository/apps/app' });
  });

  it('ignores a Secret of another type, as Flux', () => {
    const data = [secret('own', 'Opaque', config({ a: { username: 'u', password: 'p' } }))];
    expect(ociRequestOf(source({ secretRef: { name: 'own' } }), data, undefined).logins).toEqual([]);
  });

  it.each([
    [
      'a missing Secret',
      { secretRef: { name: 'nope' } },
      'failed to get credential: failed to get secret \'apps/nope\': secrets "nope" not found',
    ],
    [
      'a missing ServiceAccount',
      { serviceAccountName: 'gone' },
      "failed to get credential: serviceaccount 'apps/gone' not found",
    ],
    [
      'a missing proxy Secret',
      { proxySecretRef: { name: 'nope' } },
      "failed to get proxy address: secret 'apps/nope' not found",
    ],
    ['a missing certificate Secret', { certSecretRef: { name: 'nope' } }, "/org/app': secret 'apps/nope' not found"],
  ])('says of %s what Flux says', (_what, spec, message) => {
    expect(() => ociRequestOf(source(spec), [], undefined)).toThrowError(
      expect.objectContaining({
        code: 'secret-missing',
        reason: 'AuthenticationFailed',
        message: expect.stringContaining(message),
      }),
    );
  });

  it.each([
    ['{', 'it is not JSON'],
    ['{"auths":[]}', 'not a map'],
    ['{"auths":{"a":1}}', 'not a map'],
    ['{"auths":{"a":{"auth":"eA=="}}}', 'base64'],
  ])('refuses the docker config %s', (text, why) => {
    const data = [secret('own', DOCKER, { '.dockerconfigjson': text })];
    expect(() => ociRequestOf(source({ secretRef: { name: 'own' } }), data, undefined)).toThrowError(
      expect.objectContaining({ code: 'secret-invalid', message: expect.stringContaining(why) }),
    );
  });

  it('takes any certificate with insecure, unless a Secret names the authority', () => {
    expect(ociRequestOf(source({ insecure: true }), [], undefined).tls).toEqual({ anyServer: true });
    const ca = createAuthority('registry').certPem;
    const data = [secret('tls', 'Opaque', { 'ca.crt': ca })];
    expect(ociRequestOf(source({ insecure: true, certSecretRef: { name: 'tls' } }), data, undefined).tls).toEqual({
      ca,
    });
    expect(() =>
      ociRequestOf(
        source({ certSecretRef: { name: 'tls' } }),
        [secret('tls', 'Opaque', { 'ca.crt': 'PEM' })],
        undefined,
      ),
    ).toThrowError(
      expect.objectContaining({
        code: 'secret-invalid',
        message: expect.stringMatching(/^failed to generate transport for .*failed to parse CA certificate/),
      }),
    );
  });
});
