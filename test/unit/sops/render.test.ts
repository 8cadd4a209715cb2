import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DataObject, Kustomization, KustomizationSpec } from '../../../src/flux/index.ts';
import {
  at,
  DEFAULT_LIMITS,
  Fault,
  fromJson,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../../../src/model/index.ts';
import { renderBuilt } from '../../../src/render/built/index.ts';
import { renderPlainly, sameRender } from '../../../src/render/index.ts';
import { decryptionFor } from '../../../src/sops/index.ts';
import { isSealed, keySource, sealer } from '../../../src/sops/seal/index.ts';
import { blockYaml, sopsEncrypt, sopsSecret, type TestKey, testKey } from '../../support/sops.ts';
import { memoryTree } from '../kustomize/memory-tree.ts';

let key: TestKey;
let other: TestKey;
beforeAll(async () => {
  [key, other] = await Promise.all([testKey(), testKey()]);
});

const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'token' },
  stringData: { password: 'correct-horse' },
};
const CONFIG = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n';
const META = {
  namespace: 'apps',
  name: 'app',
  annotations: {},
  labels: {},
  generation: 1,
  uid: '',
  requestedAt: '',
  origin: 'f',
};

function kustomization(spec: Partial<KustomizationSpec> = {}): Kustomization {
  const empty = {
    path: 'app',
    patches: [],
    images: [],
    components: [],
    buildMetadata: [],
    ignoreMissingComponents: false,
  };
  const decryption = { provider: 'sops', secretRef: { name: 'keys' } };
  return { kind: 'Kustomization', meta: META, spec: { ...empty, decryption, ...spec } } as unknown as Kustomization;
}

function keysOf(...identities: readonly string[]): DataObject {
  const data = new Map([['k.agekey', Buffer.from(`# comment\n${identities.join('\n')}\n`)]]);
  return { kind: 'Secret', name: 'keys', namespace: 'apps', type: 'Opaque', data, origin: 'f' };
}

interface Made {
  /** By kind/name, opened. */
  readonly objects: Readonly<Record<string, KubeObject>>;
  /** Those that are stored sealed. */
  readonly sealed: readonly string[];
  readonly stored: string;
  readonly outcome: Awaited<ReturnType<typeof renderBuilt>>;
}

async function render(
  files: Readonly<Record<string, string | Uint8Array>>,
  spec: Partial<KustomizationSpec> = {},
  data: readonly DataObject[] = [keysOf(key.identity)],
): Promise<Made> {
  const one = kustomization(spec);
  const tree = memoryTree(files);
  const decryption = decryptionFor(one, data, DEFAULT_LIMITS);
  expect(renderPlainly(tree, one, { limits: DEFAULT_LIMITS, data })).toBeUndefined();
  const outcome = await renderBuilt(tree, one, { limits: DEFAULT_LIMITS, data, decryption });
  const { open } = sealer(keySource(one, data), 'apps/app');
  const objects: Record<string, KubeObject> = {};
  const sealed: string[] = [];
  for (const { ref, digest } of outcome.set.objects) {
    const body = outcome.bodies.get(digest) ?? new Uint8Array();
    const name = `${ref.kind}/${ref.name}`;
    if (isSealed(body)) sealed.push(name);
    objects[name] = fromJson(Buffer.from(isSealed(body) ? open(body) : body).toString('utf8')) as KubeObject;
  }
  const stored = [...outcome.bodies.values()].map((body) => Buffer.from(body).toString('latin1')).join('\n');
  return { objects, sealed, stored: stored + outcome.memo + outcome.key + JSON.stringify(outcome.set), outcome };
}

const failure = async (act: Promise<unknown>): Promise<Fault> => {
  const error = await act.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
};

describe('manifests', () => {
  it('are decrypted, and only what was decrypted is stored sealed', async () => {
    const { objects, sealed, stored } = await render(
      {
        'app/a.yaml': await sopsSecret(SECRET, key.recipient),
        'app/b.yaml': CONFIG,
      },
      { targetNamespace: 'shop', namePrefix: 'x-' },
    );
    expect(objects['Secret/x-token']).toMatchObject({
      metadata: { namespace: 'shop' },
      // As Flux does, text of stringData is put into data.
      data: { password: Buffer.from('correct-horse').toString('base64') },
    });
    expect(objects['Secret/x-token']).not.toHaveProperty('sops');
    expect(JSON.stringify(objects)).not.toContain('holdfast.dev');
    expect(objects['Secret/x-token']?.metadata['annotations']).toBeUndefined();
    expect(sealed).toEqual(['Secret/x-token']);
    expect(stored).not.toMatch(/correct-horse|Y29ycmVjdC1ob3JzZQ|AGE-SECRET/);
  });

  it('may be encrypted as a whole, name and kind too; as JSON; one document of several; with their own annotations', async () => {
    const whole = await sopsEncrypt(
      [{ ...SECRET, metadata: { name: 'whole', annotations: { a: 'b' } } }],
      [key.recipient],
    );
    const json = await sopsEncrypt([{ ...SECRET, metadata: { name: 'json' } }], [key.recipient], {
      encrypted_regex: '^stringData$',
    });
    const { objects, sealed } = await render({
      'app/w.yaml': blockYaml(whole.documents[0] as JsonObject),
      'app/kustomization.yaml': 'resources: [w.yaml, j.json, many.yaml]\n',
      'app/j.json': JSON.stringify(json.documents[0], null, 2),
      'app/many.yaml': `${CONFIG}---\n# first\n${await sopsSecret(SECRET, key.recipient)}---\n${await sopsSecret({ ...SECRET, metadata: { name: 'two' } }, key.recipient)}`,
    });
    expect(Object.keys(objects).sort()).toEqual([
      'ConfigMap/plain',
      'Secret/json',
      'Secret/token',
      'Secret/two',
      'Secret/whole',
    ]);
    expect(objects['Secret/whole']?.metadata['annotations']).toEqual({ a: 'b' });
    // A file is marked whole.
    expect(sealed).toEqual(['ConfigMap/plain', 'Secret/json', 'Secret/token', 'Secret/two', 'Secret/whole']);
  });

  it('that say decrypt: Disabled stay encrypted, also beside one that does not', async () => {
    const off = { 'kustomize.toolkit.fluxcd.io/decrypt': 'Disabled' };
    const { documents } = await sopsEncrypt(
      [SECRET, { ...SECRET, metadata: { name: 'off', annotations: off } }],
      [key.recipient],
      { encrypted_regex: '^stringData$' },
    );
    const { objects } = await render({
      'app/a.yaml': documents.map((one) => blockYaml(one)).join('---\n'),
      'app/b.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: raw\n  annotations: {kustomize.toolkit.fluxcd.io/decrypt: disabled}\ndata: {x: 'ENC[AES256_GCM,data:opaque]'}\nsops: {mac: 'ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]'}\n`,
    });
    expect(objects['Secret/token']).toMatchObject({ data: { password: expect.any(String) as unknown } });
    expect(Buffer.from(String(at(objects['Secret/off'], 'data', 'password')), 'base64').toString()).toContain('ENC[');
    expect(objects['ConfigMap/raw']).toHaveProperty('sops');
  });

  it('of kinds other than Secret, and in components and bases, are decrypted', async () => {
    const custom = {
      apiVersion: 'x.io/v1',
      kind: 'Thing',
      metadata: { name: 't' },
      spec: { token: 'hidden-token', size: 3, on: true },
    };
    const { documents } = await sopsEncrypt([custom], [key.recipient], { encrypted_regex: '^spec$' });
    const { objects, sealed } = await render({
      'app/kustomization.yaml': 'resources: [../base]\ncomponents: [../part]\n',
      'base/kustomization.yaml': 'resources: [t.yaml]\n',
      'base/t.yaml': blockYaml(documents[0] as JsonObject),
      'part/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [s.yaml]\n',
      'part/s.yaml': await sopsSecret(SECRET, key.recipient),
    });
    expect(objects['Thing/t']?.['spec']).toEqual({ token: 'hidden-token', size: 3, on: true });
    expect(sealed).toEqual(['Secret/token', 'Thing/t']);
  });

  it('whose MAC does not match are refused, and so is one that was put together by a patch', async () => {
    const text = await sopsSecret(SECRET, key.recipient);
    const changed = await failure(render({ 'app/a.yaml': text.replace('"token"', '"stolen"') }));
    expect([changed.code, changed.reason]).toEqual(['decryption-failed', 'BuildFailed']);
    expect(changed.message).toMatch(/app\/a\.yaml \(Secret\/stolen\): failed to verify sops data integrity: the MAC/);
    const { documents } = await sopsEncrypt([SECRET], [key.recipient], { encrypted_regex: '^stringData$' });
    const patch = JSON.stringify({ ...(documents[0] as JsonObject), kind: 'Secret' });
    const patched = render(
      { 'app/a.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {more: plain}\n' },
      { patches: [{ patch }] },
    );
    expect((await failure(patched)).message).toMatch(
      /did not come out of one encrypted file, so its MAC cannot be checked/,
    );
  });

  it('that kept only encrypted values in their MAC may be changed elsewhere, and are decrypted after the build too', async () => {
    const rules = { encrypted_regex: '^stringData$', mac_only_encrypted: true };
    const { documents } = await sopsEncrypt([SECRET], [key.recipient], rules);
    const text = blockYaml(documents[0] as JsonObject);
    const { objects } = await render({ 'app/a.yaml': text.replace('"token"', '"renamed"') });
    expect(objects['Secret/renamed']).toBeDefined();
    const inline = await render(
      { 'app/a.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: token}\n' },
      { patches: [{ patch: JSON.stringify(documents[0]) }] },
    );
    expect(inline.objects['Secret/token']).toMatchObject({ data: { password: expect.any(String) as unknown } });
    expect(inline.sealed).toEqual(['Secret/token']);
  });
});

describe('generators and patches', () => {
  const files = async (format: Readonly<Record<string, Json>>): Promise<string> => {
    const { documents } = await sopsEncrypt([format as JsonObject], [key.recipient]);
    return JSON.stringify(documents[0], null, '\t').replaceAll('": "', '": "');
  };
  const dotenv = (): string =>
    readFileSync(join(import.meta.dirname, '../../golden/sops/testdata/login.enc.env'), 'utf8');
  const vectorKey = (): DataObject => {
    const dir = join(import.meta.dirname, '../../golden/sops/testdata/keys');
    const entries = readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))] as const);
    return { ...keysOf(), data: new Map([...entries, ['own.agekey', Buffer.from(key.identity)]]) };
  };

  it('read files and envs decrypted: the name they go by says the format; the hash is of what was decrypted', async () => {
    const build = 'secretGenerator:\n- {name: s, files: [conf.json=c.enc, note=n.enc], envs: [login.env.encrypted]}\n';
    const { objects, sealed, stored } = await render(
      {
        'app/kustomization.yaml': build,
        'app/c.enc': await files({ token: 'hidden-token', n: 1 }),
        'app/n.enc': await files({ data: 'free text\n' }),
        'app/login.env.encrypted': dotenv(),
      },
      {},
      [vectorKey()],
    );
    const [name = ''] = Object.keys(objects);
    const data = (objects[name]?.['data'] ?? {}) as JsonObject;
    const plain = Object.fromEntries(
      Object.entries(data).map(([k, v]) => [k, Buffer.from(String(v), 'base64').toString()]),
    );
    expect(plain).toMatchObject({ USER: 'alice', PASS: 's3cr=et', note: 'free text\n' });
    expect(JSON.parse(plain['conf.json'] ?? '')).toEqual({ token: 'hidden-token', n: 1 });
    expect(name).toMatch(/^Secret\/s-[a-z0-9]{10}$/);
    expect(sealed).toEqual([name]);
    expect(stored).not.toMatch(/hidden-token|s3cr=et/);
  });

  it('of ConfigMaps read a file decrypted only where a generator of Secrets names it, too; then it is sealed', async () => {
    const both = { 'app/c.json': await files({ token: 'hidden-token' }) };
    const generator = (kind: string): string =>
      `${kind}Generator: [{name: m, files: [c.json]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n`;
    const alone = await render({ ...both, 'app/kustomization.yaml': generator('configMap') });
    expect(JSON.stringify(alone.objects['ConfigMap/m'])).toContain('ENC[');
    const shared = await render({
      ...both,
      'app/kustomization.yaml': `${generator('configMap')}${generator('secret').split('\n')[0]}\n`,
    });
    expect(JSON.stringify(shared.objects['ConfigMap/m'])).toContain('hidden-token');
    expect(shared.sealed).toEqual(['ConfigMap/m', 'Secret/m']);
  });

  it('that are encrypted patches reach any object, so all are sealed; so they are where values are copied', async () => {
    const base = {
      'app/b.yaml': CONFIG,
      'app/s.yaml': await sopsSecret({ ...SECRET, metadata: { name: 'other' } }, key.recipient),
    };
    const { documents } = await sopsEncrypt(
      [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'plain' }, data: { b: 'patched-value' } }],
      [key.recipient],
      { encrypted_regex: '^data$' },
    );
    const patched = await render({
      ...base,
      'app/kustomization.yaml': 'resources: [b.yaml, s.yaml]\npatches: [{path: p.yaml}]\n',
      'app/p.yaml': blockYaml(documents[0] as JsonObject),
    });
    expect(patched.objects['ConfigMap/plain']?.['data']).toEqual({ a: 'b', b: 'patched-value' });
    expect(patched.sealed).toEqual(['ConfigMap/plain', 'Secret/other']);
    const copy = `replacements:\n- source: {kind: Secret, name: other, fieldPath: stringData.password}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]\n`;
    const copied = await render({ ...base, 'app/kustomization.yaml': `resources: [b.yaml, s.yaml]\n${copy}` });
    expect(copied.objects['ConfigMap/plain']?.['data']).toEqual({ a: 'correct-horse' });
    expect(copied.sealed).toEqual(['ConfigMap/plain', 'Secret/other']);
    expect(copied.stored).not.toContain('correct-horse');
  });

  it('values of a Secret that are encrypted files are decrypted after the build', async () => {
    const inner = Buffer.from(await files({ data: 'inner text' })).toString('base64');
    const { objects, sealed } = await render({
      'app/a.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: ${inner}, plain: YQ==}\n`,
      'app/b.yaml': CONFIG,
    });
    expect(objects['Secret/s']?.['data']).toEqual({ k: Buffer.from('inner text').toString('base64'), plain: 'YQ==' });
    expect(sealed).toEqual(['Secret/s']);
  });
});

describe('keys', () => {
  it('that are missing, wrong or no keys fail the build, each with its reason and without showing one', async () => {
    const tree = { 'app/a.yaml': await sopsSecret(SECRET, key.recipient) };
    const missing = await failure(render(tree, {}, []));
    expect(missing.message).toBe('cannot get sops decryption Secret apps/keys: secrets "keys" not found');
    const wrong = await failure(render(tree, {}, [keysOf(other.identity)]));
    expect(wrong.message).toContain(
      `cannot get sops data key: Secret apps/keys (1 age key) does not hold the private key; it is encrypted to age ${key.recipient}`,
    );
    const broken = await failure(render(tree, {}, [keysOf('AGE-SECRET-KEY-1NOPE')]));
    expect(broken.message).toBe(
      'failed to import Secret apps/keys: k.agekey: line 2: is no age identity (AGE-SECRET-KEY-1…, AGE-SECRET-KEY-PQ-1…)',
    );
    const flipped = `${key.identity.slice(0, -1)}${key.identity.endsWith('Q') ? 'P' : 'Q'}`;
    expect((await failure(render(tree, {}, [keysOf(flipped)]))).message).not.toContain(flipped.slice(0, 30));
    for (const fault of [missing, wrong, broken])
      expect([fault.code, fault.reason]).toEqual(['decryption-failed', 'BuildFailed']);
    expect((await render(tree, {}, [keysOf(other.identity, key.identity)])).sealed).toEqual(['Secret/token']);
  });

  it('of the agent count without secretRef, and where the Secret that is named does not exist', async () => {
    const tree = { 'app/a.yaml': await sopsSecret(SECRET, key.recipient) };
    const own = { ...keysOf(key.identity), name: '', origin: 'decryption.ageKeyFile /keys' };
    expect((await render(tree, { decryption: { provider: 'sops' } }, [own])).sealed).toEqual(['Secret/token']);
    expect((await render(tree, {}, [own])).sealed).toEqual(['Secret/token']);
    const none = await failure(render(tree, { decryption: { provider: 'sops' } }, []));
    expect(none.message).toContain('without decryption.ageKeyFile');
    expect((await render({ 'app/b.yaml': CONFIG }, { decryption: { provider: 'sops' } }, [])).sealed).toEqual([]);
  });

  it('of a key service only are refused with the reason; beside age they are passed over', async () => {
    const { documents } = await sopsEncrypt([SECRET], [key.recipient], { encrypted_regex: '^stringData$' });
    const [document] = documents as readonly [JsonObject & { sops: JsonObject }];
    const kms = [{ arn: 'arn:aws:kms:x', created_at: '2026-01-01T00:00:00Z', enc: 'AAAA' }];
    const only = { ...document, sops: { ...document.sops, age: [], kms } };
    expect((await failure(render({ 'app/a.yaml': blockYaml(only) }))).message).toMatch(
      /it is encrypted to AWS KMS only\. A site must come up without a network/,
    );
    const beside = { ...document, sops: { ...document.sops, kms } };
    expect((await render({ 'app/a.yaml': blockYaml(beside) })).sealed).toEqual(['Secret/token']);
  });

  it('are part of what a render depends on', async () => {
    const files = { 'app/a.yaml': await sopsSecret(SECRET, key.recipient, other.recipient) };
    const data = [keysOf(key.identity)];
    const { outcome } = await render(files, {}, data);
    const last = { key: outcome.key, memo: () => outcome.memo };
    const tree = memoryTree(files);
    expect(sameRender(tree, kustomization(), { ...last, data })).toBe(true);
    expect(sameRender(tree, kustomization(), { ...last, data: [keysOf(other.identity)] })).toBe(false);
    expect(sameRender(tree, kustomization(), { ...last, data: [] })).toBe(false);
    expect(
      sameRender(memoryTree({ 'app/a.yaml': files['app/a.yaml'].replace('ENC', 'EMC') }), kustomization(), {
        ...last,
        data,
      }),
    ).toBe(false);
  });
});

describe('sealed objects', () => {
  it('are equal bytes for equal objects and keys, others for other keys and other Kustomizations', async () => {
    const files = { 'app/a.yaml': await sopsSecret(SECRET, key.recipient, other.recipient) };
    const digest = async (data: DataObject): Promise<string | undefined> =>
      (await render(files, {}, [data])).outcome.set.objects[0]?.digest;
    const again = await sopsSecret(SECRET, key.recipient);
    expect((await render({ 'app/a.yaml': again })).outcome.set.objects[0]?.digest).toBe(
      await digest(keysOf(key.identity)),
    );
    expect(await digest(keysOf(other.identity))).not.toBe(await digest(keysOf(key.identity)));
    const source = keySource(kustomization(), [keysOf(key.identity)]);
    const json = Buffer.from('{"a":1}');
    expect(sealer(source, 'apps/app').seal(json)).not.toEqual(sealer(source, 'apps/other').seal(json));
  });

  it('open with their keys only, and whole', () => {
    const source = keySource(kustomization(), [keysOf(key.identity)]);
    const own = sealer(source, 'apps/app');
    const sealed = own.seal(Buffer.from('{"a":1}'));
    expect(Buffer.from(own.open(sealed)).toString()).toBe('{"a":1}');
    const foreign = sealer(keySource(kustomization(), [keysOf(other.identity)]), 'apps/app');
    expect(() => foreign.open(sealed)).toThrow(/sealed with other keys than Secret apps\/keys holds now/);
    for (let i = 0; i < sealed.length; i++) {
      const bad = Uint8Array.from(sealed);
      bad[i] = (bad[i] ?? 0) ^ 1;
      expect(() => own.open(bad)).toThrow(Fault);
    }
    for (let n = 0; n < sealed.length; n++) expect(isSealed(sealed.subarray(0, n)) && n < 52).toBe(false);
    expect(isSealed(Buffer.from('{"kind":"Secret"}'))).toBe(false);
  });
});

describe('messages', () => {
  it('show nothing that was decrypted, whatever the build says', async () => {
    const odd = { ...SECRET, metadata: { name: 'token' }, stringData: { k: 'hidden-value ${NOT_SET} tail' } };
    const substituted = await failure(
      render(
        { 'app/a.yaml': await sopsSecret(odd, key.recipient) },
        { postBuild: { substitute: { A: 'x' }, substituteFrom: [], substituteStrategy: 'Always' } },
      ),
    );
    expect(substituted.message).not.toContain('hidden-value');
    // kustomize prints the annotations of what it does not take for an object.
    const nothing = { apiVersion: 'v1', metadata: { name: 'x', annotations: { a: 'hidden-value' } } };
    const { documents } = await sopsEncrypt([nothing], [key.recipient]);
    const odder = await failure(
      render({
        'app/kustomization.yaml': 'resources: [w.yaml]\n',
        'app/w.yaml': blockYaml(documents[0] as JsonObject),
      }),
    );
    expect(odder.code).toBe('build-failed');
    expect(odder.message).toContain('it is left out here');
    expect(odder.message).not.toContain('hidden-value');
  });

  it('of a Secret that is encrypted while nothing decrypts it are those of Flux', async () => {
    const one = kustomization();
    const { decryption: _none, ...spec } = one.spec;
    const plain = { ...one, spec } as Kustomization;
    const tree = memoryTree({ 'app/a.yaml': await sopsSecret(SECRET, key.recipient) });
    const act = (): unknown => renderPlainly(tree, plain, { limits: DEFAULT_LIMITS, data: [] });
    expect(act).toThrow(/is SOPS encrypted, configuring decryption is required for this secret to be reconciled/);
    expect((await failure((async () => act())())).reason).toBe('ReconciliationFailed');
  });
});
