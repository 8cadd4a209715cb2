import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OciRequest } from '../../../src/source/oci/index.ts';
import { notationCheck } from '../../../src/trust/notation/index.ts';
import { findNotation } from '../../notation/index.ts';
import {
  fluxArtifact,
  type Pushed,
  type Pusher,
  pusher,
  type Registry,
  startRegistry,
} from '../../ociregistry/index.ts';
import type { TextCommand } from '../../parts/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { CONFIG_MAP, ociSite } from './support.ts';

const dir: TempDir = await tempDir('notation');
const found: TextCommand | undefined = await findNotation(dir.path);

describe.skipIf(found === undefined)('notation itself', () => {
  const notation: TextCommand = found ?? (() => Promise.reject(new Error('it is not here')));
  let registry: Registry;
  let push: Pusher;
  let certificate: Buffer;
  let count = 0;
  beforeAll(async () => {
    registry = await startRegistry();
    push = pusher(registry);
    await notation('cert', 'generate-test', '--default', 'release.test');
    certificate = await readFile(join(dir.path, 'config/notation/localkeys/release.test.crt'));
  }, 600_000);
  afterAll(async () => {
    await registry.stop();
    await dir.remove();
  });

  const app = async (): Promise<Pushed & { readonly url: string; readonly ref: string }> => {
    const name = `notation/app-${count++}`;
    const content = tarGz({ 'app.yaml': CONFIG_MAP, 'n.yaml': `n: ${count}\n` });
    const pushed = await push.artifact(fluxArtifact({ name, tag: 'latest', content }));
    return { ...pushed, url: `oci://${registry.host}/${name}`, ref: `${registry.host}/${name}@${pushed.digest}` };
  };
  const trusting = (identity: string, bytes: Uint8Array = certificate): Pick<OciRequest, 'verify'> => {
    const policy = JSON.stringify({
      version: '1.0',
      trustPolicies: [
        {
          name: 'all',
          registryScopes: ['*'],
          signatureVerification: { level: 'strict' },
          trustStores: ['ca:any'],
          trustedIdentities: [identity],
        },
      ],
    });
    const trust = { name: 'Secret apps/trust', policy, certificates: [{ name: 'a.crt', bytes }] };
    return {
      verify: {
        provider: 'notation',
        form: 'notation',
        key: policy + Buffer.from(bytes).toString('hex'),
        check: ({ repository, now }) => Promise.resolve(notationCheck(trust, repository, now)),
      },
    };
  };

  it.each(['jws', 'cose'])('signs what is taken, and nothing else: %s', async (format) => {
    const artifact = await app();
    await using site = await ociSite({ url: artifact.url, ...trusting('*') });
    expect((await site.fails()).message).toContain("provider 'notation': no matching signatures were found");
    await notation('sign', '--insecure-registry', '--signature-format', format, artifact.ref);
    const other = createAuthority('other').issue({ name: 'other' });
    expect((await site.fails(trusting('*', Buffer.from(other.certPem)))).message).toContain(
      'none of the trusted certificates is in its chain',
    );
    expect((await site.fails(trusting('x509.subject:C=DE, ST=X, O=Other'))).message).toContain(
      "it is by 'C=US, ST=WA, L=Seattle, O=Notary, CN=release.test', whom the trust policy does not name",
    );
    expect((await site.fetch(trusting('x509.subject:C=US, ST=WA, O=Notary'))).kind).toBe('fetched');
    expect(site.have?.verified?.message).toBe(`verified signature of revision latest@${artifact.digest}`);
    // By what is kept.
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 1 } });
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
  });

  it.each(['jws', 'cose'])('signs with an end that is held to: %s', async (format) => {
    const artifact = await app();
    await notation('sign', '--insecure-registry', '--signature-format', format, '--expiry', '24h', artifact.ref);
    await using site = await ociSite({ url: artifact.url, ...trusting('*') });
    const { verify } = trusting('*');
    const later = Date.now() + 25 * 3_600_000;
    const tomorrow: OciRequest['verify'] =
      verify === undefined ? undefined : { ...verify, check: (on) => verify.check({ ...on, now: later }) };
    if (tomorrow !== undefined) expect((await site.fails({ verify: tomorrow })).message).toContain('has expired');
    expect((await site.fetch()).kind).toBe('fetched');
  });
});
