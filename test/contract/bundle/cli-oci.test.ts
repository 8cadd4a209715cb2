import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
import { PASSWORD, USER } from '../../ociregistry/registry.ts';
import { startTokenServer, type TokenServer } from '../../ociregistry/tokens.ts';
import { holdfast as run } from '../../support/cli.ts';
import { startRelay } from '../../support/relay.ts';
import { createSigner, dsseBundle, simplePayload, statement } from '../../support/signatures.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type InboxBench, inboxBench, sourceOf } from '../inbox/support.ts';
import { ociSite } from '../oci/support.ts';

const MIB = 1024 * 1024;
let registry: Registry;
let locked: Record<'token' | 'password', Registry>;
let tokens: TokenServer;
let oras: string;
let dir: TempDir;
let count = 0;
beforeAll(async () => {
  tokens = await startTokenServer();
  const [token, password] = await Promise.all([
    startRegistry({ token: tokens }),
    startRegistry({ tls: true, basic: true }),
  ]);
  locked = { token, password };
  [registry, { oras }] = await Promise.all([startRegistry(), requireOci(['oras'])]);
}, 600_000);
afterAll(async () => {
  await Promise.all([registry, tokens, ...Object.values(locked)].map((one) => one.stop()));
});
beforeEach(async () => {
  dir = await tempDir('bundle-oci');
  count += 1;
});
afterEach(() => dir.remove());

const at = (name: string): string => join(dir.path, name);
const holdfast = (...argv: string[]) => run(['bundle', ...argv]);
const repository = (): string => `fleet/app-${count}`;
const KEY = 'OCIRepository/apps/app';

interface Declared {
  readonly host?: string;
  readonly ref?: string;
  /** More of the spec, in YAML's flow style. */
  readonly spec?: string;
  readonly more?: readonly string[];
  readonly state?: string;
}

const objectOf = ({ host = registry.host, ref = '{ tag: v1 }', spec = '', more = [] }: Declared): string =>
  [
    `apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: { name: app, namespace: apps }\nspec: { url: "oci://${host}/${repository()}", interval: 1h, ref: ${ref}${spec} }\n`,
    ...more,
  ].join('---\n');

/** A configuration that declares the repository of this test. */
function config(of: Declared = {}): string {
  mkdirSync(at('objects'), { recursive: true });
  writeFileSync(at('objects/all.yaml'), objectOf(of));
  writeFileSync(
    at('config.yaml'),
    `apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: maker }\nstateDir: ./${of.state ?? 'state'}\nobjects: { files: [./objects] }\n`,
  );
  return at('config.yaml');
}

const push = (v: string, tag = 'v1'): Promise<Pushed> =>
  pusher(registry).artifact(fluxArtifact({ name: repository(), tag, content: tarGz({ 'a.yaml': `v: ${v}\n` }) }));

const tool = (...args: string[]): string =>
  execFileSync(oras, args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] }).toString();

describe('holdfast bundle create with an OCIRepository', () => {
  it('packs it whole, the same bytes each time, looks into it, and proves it', async () => {
    const { digest } = await push('1');
    const made = await holdfast('create', '-c', config(), '-o', at('a.tar'));
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining(`${KEY}: v1@${digest}, `) });
    await holdfast('create', '-c', config(), '-o', at('again.tar'));
    expect(readFileSync(at('again.tar')).equals(readFileSync(at('a.tar')))).toBe(true);
    const seen = JSON.parse((await holdfast('inspect', at('a.tar'), '-o', 'json')).out);
    expect(seen).toMatchObject({
      others: [],
      sources: [
        {
          source: KEY,
          revision: `v1@${digest}`,
          base: '',
          created: '2026-01-01T00:00:00Z',
          content: 'oci',
          needs: [],
          manifests: 1,
          blobs: 2,
          leftOut: [],
          signatures: 0,
        },
      ],
    });
    expect((await holdfast('inspect', at('a.tar'))).out).toContain('bytes, whole');
    expect((await holdfast('verify', at('a.tar'))).out).toBe(
      `${KEY}: whole: 1 manifests and 2 blobs, each with its digest\n`,
    );
    // Nothing of it stays behind.
    expect(readdirSync(at('state')).includes('partials') ? readdirSync(at('state/partials')) : []).toEqual([]);
    const bytes = readFileSync(at('a.tar'));
    const at3 = bytes.indexOf('.tar+gzip');
    bytes[at3] = 0x58;
    writeFileSync(at('broken.tar'), bytes);
    expect(await holdfast('verify', at('broken.tar'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('(bundle-damaged)'),
    });
  });

  it.each(['token', 'password'] as const)('logs in with a %s, and chooses by version', async (how) => {
    const { host, ca, dir: storage } = locked[how];
    const login = JSON.stringify({ auths: { [host]: { username: USER, password: PASSWORD } } });
    const secret = (name: string, type: string, key: string, text: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: apps }\ntype: ${type}\nstringData: { ${key}: ${JSON.stringify(text)} }\n`;
    const more = [
      secret('login', 'kubernetes.io/dockerconfigjson', '.dockerconfigjson', login),
      ...(ca === '' ? [] : [secret('ca', 'Opaque', 'ca.crt', ca)]),
    ];
    await push('1', '1.0.0');
    const { digest } = await push('2', '1.4.0');
    await push('3', '2.0.0');
    // Our pusher has no tokens: what one registry has on its disk the other one has, too.
    cpSync(registry.dir, storage, { recursive: true });
    const trust = ca === '' ? '' : ', certSecretRef: { name: ca }';
    const declared = { host, ref: '{ semver: 1.x }', spec: `, secretRef: { name: login }${trust}`, more };
    const made = await holdfast('create', '-c', config(declared), '-o', at('a.tar'));
    expect([made.code, made.out], made.err).toEqual([0, expect.stringContaining(`1.4.0@${digest}`)]);
    if (how === 'token') expect(tokens.asked.some(({ who }) => who === USER)).toBe(true);
    const wrong = more.map((one) => one.replace(PASSWORD, 'not-this-one'));
    const refused = await holdfast('create', '-c', config({ ...declared, more: wrong }), '-o', at('b.tar'));
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('failed to determine') });
    expect(refused.err).not.toContain('not-this-one');
    expect(readdirSync(dir.path).filter((name) => name.startsWith('b.tar'))).toEqual([]);
  });

  it('is read by oras, which puts it into a registry with the digest that it had', async () => {
    const { digest } = await push('1');
    await holdfast('create', '-c', config(), '-o', at('a.tar'));
    const tag = 'ocirepository-apps-app';
    expect(tool('repo', 'tags', '--oci-layout', 'a.tar').trim()).toBe(tag);
    const to = `${registry.host}/mirror/app-${count}:v1`;
    tool('copy', '--to-plain-http', '--from-oci-layout', `a.tar:${tag}`, to);
    expect(tool('resolve', '--plain-http', to).trim()).toBe(digest);
    await using site = await ociSite({ url: `oci://${registry.host}/mirror/app-${count}`, ref: { tag: 'v1' } });
    expect(await site.fetch()).toMatchObject({ content: { revision: `v1@${digest}` } });
  });

  it('as a difference has what the base does not have, which need not be in the state folder', async () => {
    const content = tarGz({ 'a.yaml': 'v: 1\n' });
    const artifact = { name: repository(), tag: 'v1', content };
    const first = await pusher(registry).artifact(fluxArtifact(artifact));
    const second = await pusher(registry).artifact(fluxArtifact({ ...artifact, revision: 'main@sha1:2' }));
    const base = `v1@${first.digest}`;
    const made = await holdfast('create', '-c', config(), '-o', at('d.tar'), '--base', base);
    expect(made.out).toContain(`v1@${second.digest} since ${base}`);
    const text = (await holdfast('inspect', at('d.tar'))).out;
    expect(text).toMatch(/blobs +1, 1 left out/);
    expect(text).toContain(`needs     ${base}`);
    expect((await holdfast('verify', at('d.tar'))).out).toContain(
      `a difference to ${base}, without 1 of its blobs: 1 manifests and 1 blobs`,
    );
    // A layer that has changed is another one.
    const third = await push('3');
    const whole = await holdfast('create', '-c', config(), '-o', at('w.tar'), '--base', base);
    expect(whole.out).toContain(`${KEY}: v1@${third.digest}, `);
    expect(await holdfast('create', '-c', config(), '-o', at('n.tar'), '--base', 'v1')).toMatchObject({ code: 1 });
  });

  it('goes on at the byte where a link broke', async () => {
    const layer = randomBytes(3 * MIB);
    await pusher(registry).artifact({ name: repository(), tag: 'v1', layers: [{ mediaType: 'x/y', bytes: layer }] });
    const relay = await startRelay({ port: registry.port });
    try {
      const configured = config({ host: `127.0.0.1:${relay.port}`, spec: ', timeout: 8s' });
      relay.cutAfter(2 * MIB);
      const making = holdfast('create', '-c', configured, '-o', at('a.tar'));
      await until(() => relay.out() >= 2 * MIB - 1);
      await relay.refuse();
      expect(await making).toMatchObject({ code: 1, err: expect.stringContaining('failed to pull artifact') });
      const parts = readdirSync(at('state/partials')).filter((file) => file.endsWith('.part'));
      const kept = parts.reduce((sum, file) => sum + statSync(at(`state/partials/${file}`)).size, 0);
      expect(kept).toBeGreaterThan(100_000);
      await relay.restore();
      relay.resetCounts();
      // A stick that is not there, then one that is: what came has to come once.
      expect(await holdfast('create', '-c', configured, '-o', at('none/a.tar'))).toMatchObject({ code: 1 });
      expect(await holdfast('create', '-c', configured, '-o', at('a.tar'))).toMatchObject({ code: 0 });
      expect(relay.out()).toBeLessThan(layer.length - kept + 10_000);
      expect(readdirSync(at('state/partials'))).toEqual([]);
    } finally {
      await relay.stop();
    }
  });

  it('is packed from a state folder where its layer was kept, and else says what to do', async () => {
    const { digest } = await push('1');
    for (const operation of ['copy', 'extract']) {
      const bench = await inboxBench();
      const object = objectOf({ spec: `, layerSelector: { operation: ${operation} }` });
      const agent = await bench.agent(object);
      await until(() => sourceOf(agent).revision === `v1@${digest}`);
      await bench.rest();
      const made = await holdfast('create', '--from', join(bench.dir, 'state'), '-o', at('f.tar'));
      if (operation === 'copy') {
        expect(made.out).toContain(`${KEY}: v1@${digest}, `);
        expect((await holdfast('verify', at('f.tar'))).out).toContain('without 1 of its blobs');
        const other = await broughtTo('f.tar', object);
        expect(other).toBe(`v1@${digest}`);
      } else expect(made).toMatchObject({ code: 1, err: expect.stringContaining('pack it with --config') });
      await bench.remove();
    }
  });
});

/** The revision of an agent without a network that is brought this file. */
async function broughtTo(file: string, object: string): Promise<string> {
  const bench = await inboxBench();
  try {
    const agent = await bench.agent(object.replace(/oci:\/\/[^"/]+/, 'oci://127.0.0.1:1'));
    writeFileSync(bench.stick('x.tar'), readFileSync(at(file)));
    await bench.becomes(agent, 'x.tar', 'taken', '');
    return sourceOf(agent).revision;
  } finally {
    await bench.remove();
  }
}

describe('an OCIRepository in a bundle of ours, in the inbox', () => {
  let bench: InboxBench;
  beforeEach(async () => {
    bench = await inboxBench();
  });
  afterEach(() => bench.remove());

  /** As a person does it: the bundle is made beside the registry and put on the stick. */
  async function carry(name: string, how: readonly string[] = [], declared: Declared = {}): Promise<Buffer> {
    const made = await holdfast('create', '-c', config(declared), '-o', at(name), ...how);
    expect(made.code, made.err).toBe(0);
    return readFileSync(at(name));
  }
  /** Nothing answers under this address. */
  const offline = (of: Declared = {}): string => objectOf({ ...of, host: '127.0.0.1:1' });

  it('has the revision of the network, and goes on from bundle to bundle, as a difference too', async () => {
    const first = await push('1');
    await using online = await ociSite({ url: `oci://${registry.host}/${repository()}`, ref: { tag: 'v1' } });
    await online.fetch();
    const agent = await bench.agent(offline());
    writeFileSync(bench.stick('1.tar'), await carry('1.tar'));
    await bench.becomes(agent, '1.tar', 'taken', '');
    expect(sourceOf(agent).revision).toBe(online.have?.revision);
    const second = await pusher(registry).artifact(
      fluxArtifact({
        name: repository(),
        tag: 'v1',
        content: tarGz({ 'a.yaml': 'v: 1\n' }),
        revision: 'main@sha1:2',
      }),
    );
    writeFileSync(bench.stick('2.tar'), await carry('2.tar', ['--base', `v1@${first.digest}`]));
    await bench.becomes(agent, '2.tar', 'taken', '');
    expect(sourceOf(agent).revision).toBe(`v1@${second.digest}`);
    // The first one is older now.
    writeFileSync(bench.stick('3.tar'), readFileSync(at('1.tar')));
    expect((await bench.becomes(agent, '3.tar', 'refused', 'bundle-older')).message).toContain('was here before');
    expect(sourceOf(agent).revision).toBe(`v1@${second.digest}`);
  });

  it('is held without its base, refused when it stays damaged or is for another cluster, and changes nothing', async () => {
    const first = await push('1');
    await pusher(registry).artifact(
      fluxArtifact({
        name: repository(),
        tag: 'v1',
        content: tarGz({ 'a.yaml': 'v: 1\n' }),
        revision: 'main@sha1:2',
      }),
    );
    const agent = await bench.agent(offline(), { settings: { clusterName: 'store-1', clusterLabels: {} } });
    writeFileSync(bench.stick('d.tar'), await carry('d.tar', ['--base', `v1@${first.digest}`]));
    expect((await bench.becomes(agent, 'd.tar', 'held', 'bundle-base-missing')).message).toContain(first.digest);
    const bytes = await carry('w.tar');
    writeFileSync(bench.stick('cut.tar'), bytes.subarray(0, bytes.length - 3_000));
    await bench.becomes(agent, 'cut.tar', 'held', 'bundle-damaged');
    await bench.becomes(agent, 'cut.tar', 'refused', 'bundle-damaged');
    const broken = Buffer.from(bytes);
    // The two bytes with which gzip begins.
    const gzip = broken.indexOf(Buffer.from([0x1f, 0x8b]));
    broken[gzip + 12] = (broken[gzip + 12] ?? 0) ^ 1;
    writeFileSync(bench.stick('byte.tar'), broken);
    await bench.becomes(agent, 'byte.tar', 'refused', 'bundle-damaged');
    writeFileSync(bench.stick('else.tar'), await carry('else.tar', ['--cluster', 'store-2']));
    await bench.becomes(agent, 'else.tar', 'refused', 'bundle-elsewhere');
    expect(sourceOf(agent).revision).toBe('');
    writeFileSync(bench.stick('mine.tar'), await carry('mine.tar', ['--cluster', 'store-1']));
    await bench.becomes(agent, 'mine.tar', 'taken', '');
  });

  it('as a folder is held while a blob is missing, and taken when all is there, also of a difference', async () => {
    const first = await push('1');
    const agent = await bench.agent(offline(), {
      inbox: { paths: [bench.stick()], intervalMs: 60, patienceMs: 60_000, moveAside: true },
    });
    const unpack = async (name: string, how: readonly string[] = []): Promise<void> => {
      await carry(`${name}.tar`, how);
      mkdirSync(bench.stick(name));
      execFileSync('tar', ['-xf', at(`${name}.tar`), '-C', bench.stick(name), 'index.json', 'oci-layout']);
      await bench.becomes(agent, name, 'held', 'bundle-damaged');
      execFileSync('tar', ['-xf', at(`${name}.tar`), '-C', bench.stick(name)]);
      await bench.becomes(agent, name, 'taken', '');
    };
    await unpack('whole');
    const second = await pusher(registry).artifact(
      fluxArtifact({
        name: repository(),
        tag: 'v1',
        content: tarGz({ 'a.yaml': 'v: 1\n' }),
        revision: 'main@sha1:2',
      }),
    );
    await unpack('difference', ['--base', `v1@${first.digest}`]);
    expect(sourceOf(agent).revision).toBe(`v1@${second.digest}`);
  });

  it.each(['bundle', 'simple'] as const)('brings its signatures, which the site judges (%s)', async (form) => {
    const [alice, mallory] = [createSigner(), createSigner()];
    const keys = (pem: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: keys, namespace: apps }\nstringData: { a.pub: ${JSON.stringify(pem)} }\n`;
    const spec = ', verify: { provider: cosign, secretRef: { name: keys } }';
    const pushed = await push('1');
    const own = pusher(registry);
    expect(
      await holdfast('create', '-c', config({ spec, more: [keys(alice.publicPem)] }), '-o', at('n.tar')),
    ).toMatchObject({ code: 1, err: expect.stringContaining('no matching signatures') });
    if (form === 'bundle') await pushBundles(own, repository(), pushed, [dsseBundle(alice, statement(pushed.digest))]);
    else {
      const payload = simplePayload(pushed.digest);
      await pushSimple(own, repository(), pushed.digest, [{ payload, signature: alice.raw(payload) }]);
    }
    const bytes = await carry('s.tar', [], { spec, more: [keys(alice.publicPem)] });
    expect((await holdfast('inspect', at('s.tar'))).out).toMatch(/signed +1 manifests/);
    const agent = await bench.agent(offline({ spec, more: [keys(mallory.publicPem)] }));
    writeFileSync(bench.stick('s.tar'), bytes);
    await bench.becomes(agent, 's.tar', 'refused', 'signature-invalid');
    expect(sourceOf(agent).revision).toBe('');
    agent.declare(offline({ spec, more: [keys(alice.publicPem)] }));
    writeFileSync(bench.stick('again.tar'), bytes);
    await bench.becomes(agent, 'again.tar', 'taken', '');
    expect(sourceOf(agent).revision).toBe(`v1@${pushed.digest}`);
  });
});
