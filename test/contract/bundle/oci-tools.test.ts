import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findNotation } from '../../notation/index.ts';
import {
  fluxArtifact,
  type Pushed,
  pushBundles,
  pusher,
  type Registry,
  requireOci,
  startRegistry,
} from '../../ociregistry/index.ts';
import type { TextCommand } from '../../parts/index.ts';
import { holdfast as run } from '../../support/cli.ts';
import { createSigner, dsseBundle, statement } from '../../support/signatures.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { type InboxBench, inboxBench, sourceOf } from '../inbox/support.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const dir: TempDir = await tempDir('bundle-tools');
const found: TextCommand | undefined = await findNotation(dir.path);

let registry: Registry;
let oras: string;
let bench: InboxBench | undefined;
let count = 0;
beforeAll(async () => {
  [registry, { oras }] = await Promise.all([startRegistry(), requireOci(['oras'])]);
}, 600_000);
afterEach(async () => {
  await bench?.remove();
  bench = undefined;
});
afterAll(async () => {
  await registry.stop();
  await dir.remove();
});

const at = (name: string): string => join(dir.path, name);
const tool = (...args: string[]): string =>
  execFileSync(oras, args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
const push = (name: string): Promise<Pushed> =>
  pusher(registry).artifact(fluxArtifact({ name, tag: 'v1', content: tarGz({ 'a.yaml': `n: ${count}\n` }) }));
const object = (host: string, name: string, more = '', data = ''): string =>
  `apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: { name: app, namespace: apps }\nspec: { url: "oci://${host}/${name}", interval: 1h, ref: { tag: v1 }${more} }\n${data}`;

/** The file that `holdfast bundle create` makes of a repository. */
async function packed(name: string, more = '', data = ''): Promise<string> {
  const folder = at(`maker-${++count}`);
  mkdirSync(join(folder, 'objects'), { recursive: true });
  writeFileSync(join(folder, 'objects/all.yaml'), object(registry.host, name, more, data));
  const config = join(folder, 'config.yaml');
  writeFileSync(
    config,
    'apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./state\nobjects: { files: [./objects] }\n',
  );
  const file = `b${count}.tar`;
  const made = await run(['bundle', 'create', '-c', config, '-o', at(file)]);
  expect(made.code, made.err).toBe(0);
  return file;
}

/** The revision that an agent without a network takes from it. */
async function taken(file: string, name: string, more = '', data = ''): Promise<string> {
  bench = await inboxBench();
  const agent = await bench.agent(object('127.0.0.1:1', name, more, data));
  writeFileSync(bench.stick(file), readFileSync(at(file)));
  await bench.becomes(agent, file, 'taken', '');
  return sourceOf(agent).revision;
}

const VERIFY = ', verify: { provider: cosign, secretRef: { name: keys } }';
const secret = (data: Readonly<Record<string, string>>): string =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: { name: keys, namespace: apps }\nstringData: ${JSON.stringify(data)}\n`;

describe('a bundle with an OCIRepository, in the hands of other tools', () => {
  it('gives oras the artifact with its signatures, and what oras copies is taken again', async () => {
    const alice = createSigner();
    const data = secret({ 'a.pub': alice.publicPem });
    const pushed = await push('tools/signed');
    await pushBundles(pusher(registry), 'tools/signed', pushed, [dsseBundle(alice, statement(pushed.digest))]);
    const file = await packed('tools/signed', VERIFY, data);
    const tag = 'ocirepository-apps-app';
    const mirror = `${registry.host}/mirror/signed:v1`;
    tool('copy', '-r', '--to-plain-http', '--from-oci-layout', `${file}:${tag}`, mirror);
    expect(tool('resolve', '--plain-http', mirror).trim()).toBe(pushed.digest);
    const again = await packed('mirror/signed', VERIFY, data);
    expect(await taken(again, 'mirror/signed', VERIFY, data)).toBe(`v1@${pushed.digest}`);
    await bench?.remove();
    // A copy of the file itself, under the name that a registry would have.
    tool('copy', '-r', '--from-oci-layout', `${file}:${tag}`, '--to-oci-layout', 'copied:v1');
    execFileSync('tar', ['-C', at('copied'), '-cf', at('OCIRepository_apps_app.tar'), '.']);
    expect(await taken('OCIRepository_apps_app.tar', 'any/name', VERIFY, data)).toBe(`v1@${pushed.digest}`);
  });

  it('of an index has what is for linux/amd64, for oras too', async () => {
    const own = pusher(registry);
    const manifests: object[] = [];
    for (const architecture of ['arm64', 'amd64']) {
      const content = tarGz({ 'a.yaml': `for: ${architecture}\n` });
      const { digest, size } = await own.artifact(fluxArtifact({ name: 'tools/index', content }));
      manifests.push({ mediaType: MANIFEST, digest, size, platform: { os: 'linux', architecture } });
    }
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
    const digest = await own.manifest('tools/index', 'v1', INDEX, index);
    const file = await packed('tools/index');
    expect((await run(['bundle', 'verify', at(file)])).out).toContain('whole: 2 manifests and 2 blobs');
    expect(await taken(file, 'tools/index')).toBe(`v1@${digest}`);
    const from = ['--from-oci-layout', `${file}:ocirepository-apps-app`];
    tool('copy', '--platform', 'linux/amd64', ...from, '--to-oci-layout', 'platform:v1');
    expect(JSON.parse(tool('manifest', 'fetch', '--oci-layout', 'platform:v1'))).toHaveProperty('layers');
  });

  it.skipIf(found === undefined)(
    'has the signatures of notation, which the site judges by its own policy',
    async () => {
      const notation: TextCommand = found ?? (() => Promise.reject(new Error('it is not here')));
      await notation('cert', 'generate-test', '--default', 'release.test');
      const certificate = readFileSync(at('config/notation/localkeys/release.test.crt'), 'utf8');
      const policy = JSON.stringify({
        version: '1.0',
        trustPolicies: [
          {
            name: 'all',
            registryScopes: ['*'],
            signatureVerification: { level: 'strict' },
            trustStores: ['ca:any'],
            trustedIdentities: ['*'],
          },
        ],
      });
      const data = secret({ 'trustpolicy.json': policy, 'a.crt': certificate });
      const verify = VERIFY.replace('cosign', 'notation');
      for (const format of ['jws', 'cose']) {
        const name = `tools/notation-${format}`;
        const pushed = await push(name);
        const ref = `${registry.host}/${name}@${pushed.digest}`;
        await notation('sign', '--insecure-registry', '--signature-format', format, ref);
        const file = await packed(name, verify, data);
        expect((await run(['bundle', 'inspect', at(file)])).out).toMatch(/signed +1 manifests/);
        expect(await taken(file, name, verify, data)).toBe(`v1@${pushed.digest}`);
        await bench?.remove();
      }
    },
  );
});
