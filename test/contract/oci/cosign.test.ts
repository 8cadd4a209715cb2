import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { layoutWire, listManifests, openLayout } from '../../../src/source/bundle/index.ts';
import type { OciRequest } from '../../../src/source/oci/index.ts';
import { keyedCheck } from '../../../src/trust/artifact/index.ts';
import { findCosign } from '../../cosign/index.ts';
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
import type { TextCommand } from '../../parts/index.ts';
import { createSigner, dsseBundle, simplePayload, statement } from '../../support/signatures.ts';
import { createSigstore, ISSUER } from '../../support/sigstore.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { CONFIG_MAP, ociSite } from './support.ts';

const SUBJECT = 'https://git.example.com/org/app/.ci/release.yaml@refs/heads/main';
const dir: TempDir = await tempDir('cosign');
const found: TextCommand | undefined = await findCosign(dir.path);
const HTTP = '--allow-http-registry';
/** Without a transparency log; the older form is the one of cosign 2. */
const FORMS = {
  bundle: ['--signing-config', 'config.json'],
  simple: ['--use-signing-config=false', '--new-bundle-format=false', '--tlog-upload=false'],
} as const;

describe.skipIf(found === undefined)('cosign itself', () => {
  const cosign: TextCommand = found ?? (() => Promise.reject(new Error('it is not here')));
  const sigstore = createSigstore();
  let registry: Registry;
  let push: Pusher;
  let count = 0;
  beforeAll(async () => {
    registry = await startRegistry();
    push = pusher(registry);
    await mkdir(dir.path, { recursive: true });
    await writeFile(join(dir.path, 'root.json'), sigstore.root());
    const config = { mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json' };
    await writeFile(join(dir.path, 'config.json'), JSON.stringify(config));
    await cosign('generate-key-pair');
  }, 600_000);
  afterAll(async () => {
    await registry.stop();
    await dir.remove();
  });

  const app = async (): Promise<Pushed & { readonly name: string; readonly url: string; readonly ref: string }> => {
    const name = `cosign/app-${count++}`;
    const content = tarGz({ 'app.yaml': CONFIG_MAP, 'n.yaml': `n: ${count}\n` });
    const pushed = await push.artifact(fluxArtifact({ name, tag: 'latest', content }));
    return { ...pushed, name, url: `oci://${registry.host}/${name}`, ref: `${registry.host}/${name}@${pushed.digest}` };
  };
  const trusting = (pem: string): Pick<OciRequest, 'verify'> => {
    const check = keyedCheck([{ name: 'a.pub', pem }]);
    return { verify: { provider: 'cosign', form: 'cosign', key: pem, check: () => Promise.resolve(check) } };
  };
  const keyOf = async (kind: string): Promise<string> => {
    const pairs = {
      rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
      'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    };
    const make = pairs[kind as keyof typeof pairs];
    if (make === undefined) return 'cosign';
    const pem = make().privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(dir.path, `${kind}.pem`), pem);
    await cosign('import-key-pair', '--key', `${kind}.pem`, '--output-key-prefix', kind);
    return kind;
  };

  it.each([
    ['P-256', 'bundle'],
    ['P-256', 'simple'],
    ['rsa', 'bundle'],
    ['rsa', 'simple'],
    ['P-384', 'bundle'],
    ['P-384', 'simple'],
  ] as const)('signs with %s what is taken, and nothing else: %s', async (kind, form) => {
    const artifact = await app();
    const key = await keyOf(kind);
    await using site = await ociSite({
      url: artifact.url,
      ...trusting(await readFile(join(dir.path, `${key}.pub`), 'utf8')),
    });
    expect((await site.fails()).code).toBe('signature-invalid');
    await cosign('sign', '--key', `${key}.key`, ...FORMS[form], '--trusted-root', 'root.json', HTTP, artifact.ref);
    expect((await site.fails(trusting(createSigner().publicPem))).message).toContain('by none of the keys');
    expect((await site.fetch()).kind).toBe('fetched');
    expect(site.have?.verified?.message).toBe(`verified signature of revision latest@${artifact.digest}`);
  });

  it('saves a layout that is taken with its signature, and without it is not', async () => {
    const artifact = await app();
    const pem = await readFile(join(dir.path, 'cosign.pub'), 'utf8');
    await cosign('sign', '--key', 'cosign.key', ...FORMS.simple, '--trusted-root', 'root.json', HTTP, artifact.ref);
    await cosign('save', '--dir', 'saved', HTTP, artifact.ref);
    const tar = execFileSync('tar', ['-c', '-C', join(dir.path, 'saved'), '.'], { maxBuffer: 64 * 1024 * 1024 });
    const file = { size: tar.length, read: async (at: number, length: number) => tar.subarray(at, at + length) };
    const layout = await openLayout(file, DEFAULT_LIMITS);
    if (layout === undefined) throw new Error('no layout');
    const listed = await listManifests(layout);
    await using site = await ociSite({ url: artifact.url, ref: { digest: artifact.digest }, ...trusting(pem) });
    const take = (manifests: typeof listed) => site.fetch({}, {}, layoutWire(layout, manifests));
    await expect(take(listed.slice(0, 1))).rejects.toMatchObject({ code: 'signature-invalid' });
    expect(await take(listed)).toMatchObject({ kind: 'fetched', count: { requests: 0 } });
    expect(site.text('app.yaml')).toBe(CONFIG_MAP);
  });

  it('attests what is no signature', async () => {
    const artifact = await app();
    await writeFile(join(dir.path, 'predicate.json'), '{"builder":"x"}');
    const more = [
      '--type',
      'https://example.com/scan/v1',
      '--predicate',
      'predicate.json',
      '--trusted-root',
      'root.json',
    ];
    await cosign('attest', '--key', 'cosign.key', ...FORMS.bundle, ...more, HTTP, artifact.ref);
    const pem = await readFile(join(dir.path, 'cosign.pub'), 'utf8');
    await using site = await ociSite({ url: artifact.url, ...trusting(pem) });
    expect((await site.fails()).message).toContain("it states 'https://example.com/scan/v1', which is no signature");
  });

  it('takes what these tests sign by a key', async () => {
    const artifact = await app();
    const alice = createSigner();
    await writeFile(join(dir.path, 'alice.pub'), alice.publicPem);
    const byKey = ['verify', '--key', 'alice.pub', '--insecure-ignore-tlog', '--trusted-root', 'root.json', HTTP];
    await expect(cosign(...byKey, artifact.ref)).rejects.toThrow();
    await pushBundles(push, artifact.name, artifact, [dsseBundle(alice, statement(artifact.digest))]);
    expect(await cosign(...byKey, artifact.ref)).toContain(artifact.digest);
  });

  it('takes what these tests sign by an identity of their own instance', async () => {
    const artifact = await app();
    const release = sigstore.signer(SUBJECT);
    const exact = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
    const verify = (): Promise<string> =>
      cosign('verify', ...exact, '--trusted-root', 'root.json', '--offline', HTTP, artifact.ref);
    const payload = simplePayload(artifact.digest);
    await pushSimple(push, artifact.name, artifact.digest, [{ payload, annotations: release.simple(payload) }]);
    expect(await verify()).toContain(artifact.digest);
    await pushBundles(push, artifact.name, artifact, [
      createSigstore().signer(SUBJECT).dsse(statement(artifact.digest)),
    ]);
    await expect(verify()).rejects.toThrow();
    await pushBundles(push, artifact.name, artifact, [release.dsse(statement(artifact.digest))]);
    expect(await verify()).toContain(artifact.digest);
  });
});
