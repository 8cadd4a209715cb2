import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { keptData } from '../../../agent/objects/kept-data.ts';
import { createVault, type Vault } from '../../../agent/objects/vault.ts';
import { sealKey } from '../../../agent/seal-key.ts';
import { openCache } from '../../../src/cache/index.ts';
import { dataKey } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, Fault, type KubeObject } from '../../../src/model/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

const REF = { kind: 'Secret', namespace: 'apps', name: 'login' } as const;
const SECRET: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'login', namespace: 'apps', labels: { a: 'b' }, uid: 'u', resourceVersion: '7' },
  type: 'Opaque',
  data: { password: Buffer.from('correct-horse').toString('base64') },
};
const { metadata, ...fields } = SECRET;
const WRITTEN = { ...fields, metadata: { name: metadata.name, namespace: 'apps', labels: { a: 'b' } } };

let dir: TempDir;
let told: string[];
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (event) => void told.push(event),
  error: () => undefined,
  with: () => log,
};

/** A vault over the folder as a process finds it. */
function open(file = ''): Vault {
  const disk = createDisk(dir.path);
  return createVault({ states: openCache({ disk, limits: DEFAULT_LIMITS }).secrets, key: sealKey(disk, file), log });
}

const files = (): string[] =>
  readdirSync(dir.path, { recursive: true, encoding: 'utf8' }).filter((one) => statSync(join(dir.path, one)).isFile());

async function kept(object = SECRET, uid = 'one'): Promise<void> {
  const vault = open();
  vault.keep(object, uid);
  await vault.settle();
}

const NAMED = new Set([dataKey(REF)]);
const ACCOUNT = { kind: 'ServiceAccount', namespace: 'apps', name: 'puller' } as const;
const PULLER: KubeObject = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'puller', namespace: 'apps', annotations: { rotates: 'often' } },
  imagePullSecrets: [{ name: 'login' }],
};

/** What a cluster that is new gets back. */
const lost = (vault = open(), named: ReadonlySet<string> = NAMED): ReturnType<Vault['lost']> =>
  vault.lost(named, 'new one');

describe('the vault', () => {
  beforeEach(async () => {
    dir = await tempDir('vault');
    told = [];
  });
  afterEach(() => dir.remove());

  it('keeps what somebody has written of a Secret, for the next process, and shows nothing of it', async () => {
    await kept();
    expect(await lost()).toEqual([{ key: 'Secret/apps/login', clusterUid: 'one', object: WRITTEN }]);
    const all = files().map((one) => readFileSync(join(dir.path, one), 'latin1'));
    for (const text of ['correct-horse', Buffer.from('correct-horse').toString('base64'), 'password'])
      expect(all.filter((one) => one.includes(text))).toEqual([]);
    expect(statSync(join(dir.path, 'seal.key')).mode & 0o777).toBe(0o600);
  });

  it('writes nothing where nothing changed', async () => {
    await kept();
    const before = files().map((one) => [one, statSync(join(dir.path, one)).mtimeMs]);
    await kept();
    expect(files().map((one) => [one, statSync(join(dir.path, one)).mtimeMs])).toEqual(before);
  });

  it('forgets what is gone from the same cluster, and not what another one never had', async () => {
    await kept();
    const vault = open();
    vault.forget(REF, 'another');
    await vault.settle();
    expect(await vault.get(REF)).toBeDefined();
    vault.forget(REF, 'one');
    await vault.settle();
    expect(await vault.get(REF)).toBeUndefined();
  });

  it('gives a new cluster what objects name, of another cluster, and nothing else', async () => {
    await kept();
    const vault = open();
    expect(await vault.lost(NAMED, 'one')).toEqual([]);
    expect(await lost(vault, new Set())).toEqual([]);
    expect(await lost(vault, new Set(['Secret/apps/other', dataKey(ACCOUNT)]))).toEqual([]);
    expect(await lost(vault)).toHaveLength(1);
  });

  it('knows the pull secrets of an account by name, also of one that is gone, and gives the account to nobody', async () => {
    await kept();
    await kept(PULLER);
    const vault = open();
    const named = new Set([dataKey(ACCOUNT)]);
    expect((await lost(vault, named)).map(({ key }) => key)).toEqual(['Secret/apps/login']);
    await vault.trim(named);
    expect(await vault.get(REF)).toBeDefined();
    const before = files().map((one) => [one, statSync(join(dir.path, one)).mtimeMs]);
    await kept({ ...PULLER, metadata: { ...PULLER.metadata, annotations: { rotates: 'again' } } });
    expect(files().map((one) => [one, statSync(join(dir.path, one)).mtimeMs])).toEqual(before);
    const values = async (uid: string, read: () => Promise<readonly []>): Promise<number> =>
      (await keptData({ read, vault, uid: () => uid })([ACCOUNT], 0)).length;
    expect(await values('', () => Promise.reject(new Fault('cluster-unreachable', 'gone')))).toBe(1);
    expect(await values('two', async () => [])).toBe(0);
    // It names no Secret any more.
    await kept({ ...PULLER, imagePullSecrets: [] });
    await vault.trim(named);
    expect(await vault.get(REF)).toBeUndefined();
  });

  it('drops what no object names any more, whatever cluster it was kept of, and what cannot be read', async () => {
    await kept();
    await kept({ ...SECRET, metadata: { ...SECRET.metadata, name: 'other' } }, 'two');
    writeFileSync(join(dir.path, 'secrets', 'Secret_apps_torn.a.json'), '{');
    const vault = open();
    await vault.trim(NAMED);
    expect(readdirSync(join(dir.path, 'secrets'))).toEqual(['Secret_apps_login.a.json']);
    await vault.trim(new Set());
    expect(readdirSync(join(dir.path, 'secrets'))).toEqual([]);
  });

  it('reads what it is asked for and nothing else', async () => {
    await kept();
    const states = openCache({ disk: createDisk(dir.path), limits: DEFAULT_LIMITS }).secrets;
    const all = (): never => {
      throw new Error('read all');
    };
    const vault = createVault({ states: { ...states, all }, key: sealKey(createDisk(dir.path), ''), log });
    expect(await vault.get(REF)).toBeDefined();
    vault.forget(REF, 'one');
    await vault.settle();
    expect(await vault.get(REF)).toBeUndefined();
  });

  it('opens nothing with another key, nor what was moved or changed, says so, and goes on', async () => {
    await kept();
    const name = files().find((one) => one.startsWith('secrets/')) ?? '';
    writeFileSync(join(dir.path, 'key'), Buffer.alloc(32, 1));
    expect(await lost(open(join(dir.path, 'key')))).toEqual([]);
    const state = readFileSync(join(dir.path, name), 'utf8');
    writeFileSync(join(dir.path, name), state.replace('Secret/apps/login', 'Secret/apps/logan'));
    expect(await lost()).toEqual([]);
    expect(told.length).toBeGreaterThan(0);
    await kept();
    expect(await open().get(REF)).toBeDefined();
  });

  it('needs a named key file to be a key', async () => {
    writeFileSync(join(dir.path, 'short'), 'abc');
    for (const [file, message] of [
      ['short', /3 bytes are no key/],
      ['none', /cannot be read \(ENOENT\)/],
    ] as const)
      await expect(sealKey(createDisk(dir.path), join(dir.path, file))('')).rejects.toThrow(message);
  });

  it('stands in while the API server is away or has lost it, and not for what somebody took away', async () => {
    await kept();
    const vault = open();
    const away = new Fault('cluster-unreachable', 'gone');
    const values = async (uid: string, read: () => Promise<readonly []>): Promise<string[]> => {
      const found = await keptData({ read, vault, uid: () => uid })([REF], 0);
      return found.map((one) => Buffer.from(one.data.get('password') ?? []).toString('utf8'));
    };
    expect(await values('', () => Promise.reject(away))).toEqual(['correct-horse']);
    expect(await values('two', async () => [])).toEqual(['correct-horse']);
    expect(await values('one', async () => [])).toEqual([]);
    const denied = new Fault('cluster-denied', 'no');
    await expect(values('one', () => Promise.reject(denied))).rejects.toBe(denied);
    const more = keptData({ read: () => Promise.reject(away), vault, uid: () => 'one' });
    await expect(more([REF, { ...REF, name: 'other' }], 0)).rejects.toBe(away);
  });
});
