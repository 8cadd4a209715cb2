import { randomBytes } from 'node:crypto';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { createWire } from '../../../agent/adapters/wire/index.ts';
import type { SourceRecord, Workshop } from '../../../agent/loop/env.ts';
import { createWorkshop } from '../../../agent/workshop/index.ts';
import { type Cache, openCache } from '../../../src/cache/index.ts';
import { parseFluxObjects } from '../../../src/flux/index.ts';
import { asFault, DEFAULT_LIMITS, type Digest, type FetchOutcome, sha256 } from '../../../src/model/index.ts';
import { parseDocuments } from '../../../src/render/yaml/index.ts';
import { MEDIA } from '../../../src/source/bundle/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { objectsOf } from '../../support/agent.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/quiet.ts';
import { tarGz, tarOf } from '../../support/tar-builder.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let git: GitServer;
beforeAll(async () => {
  git = await startGitServer();
});
afterAll(() => git.stop());

let [dir, repo, workshop, cache]: [TempDir?, Repo?, Workshop?, Cache?] = [];
let damaged = false;
let have: SourceRecord | undefined;
beforeEach(async () => {
  dir = await tempDir('take');
  repo = await git.repo(`take-${dir.path.slice(-6)}`);
  [damaged, have] = [false, undefined];
  const wire = createWire({ proxyFor: () => undefined, headerBytes: 65_536 });
  const real = openCache({ disk: createDisk(join(dir.path, 'state')), limits: DEFAULT_LIMITS });
  const damage: Cache['damage'] = () =>
    damaged ? [{ file: 'packs/1', digest: undefined, message: 'changed' }] : real.damage();
  cache = { ...real, damage };
  const ssh = { hostKeyAlgorithms: [], kexAlgorithms: [] };
  workshop = createWorkshop(
    { wire, cache, clock: manualClock(), log: silentLog, limits: DEFAULT_LIMITS },
    { use: 'never', stateDir: join(dir.path, 'state'), proxy: { http: '', https: '', no: [] }, ssh },
  );
});
afterEach(async () => {
  await workshop?.close();
  await dir?.remove();
});

const SOURCE = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: x }
spec: { url: "http://127.0.0.1:1/app.git", interval: 1h, ref: { branch: main } }
`;

async function take(name: string): Promise<FetchOutcome> {
  const [source] = objectsOf(SOURCE).sources;
  if (source === undefined || workshop === undefined) throw new Error('not set up');
  const path = join(dir?.path ?? '', name);
  const part = { path, form: 'git', span: { start: 0, size: (await stat(path)).size } } as const;
  const outcome = await workshop.take({ source, data: [], have, includes: [] }, part, new AbortController().signal);
  if (outcome.kind === 'fetched') {
    const { content, identity } = outcome as typeof outcome & { readonly identity: string };
    await cache?.sources.admit('GitRepository/x/app', content, { at: 1, request: identity, count: outcome.count });
    have = { current: content, fetchedAt: 1, identity };
  }
  return outcome;
}

describe('the workshop', () => {
  it('takes no older content while the disk is damaged, and takes anew what is here', async () => {
    const commit = async (v: string, date: number): Promise<void> => {
      await repo?.commit({ v }, { date });
      await repo?.git('bundle', 'create', join(dir?.path ?? '', `${v}.bundle`), 'main');
    };
    await commit('1', 1_700_000_000);
    await commit('2', 1_700_000_100);
    await take('2.bundle');
    damaged = true;
    expect(asFault(await take('1.bundle').catch((error: unknown) => error)).code).toBe('bundle-older');
    expect((await take('2.bundle')).kind).toBe('fetched');
  });

  it('takes a layer from a file beside what a transfer has kept of another, and keeps nothing of it', async () => {
    const sha = (bytes: Uint8Array | string): Digest => sha256(Buffer.from(bytes));
    const layer = tarGz({ 'a.yaml': randomBytes(600_000).toString('hex') });
    const entry = (bytes: Uint8Array | string, mediaType: string, annotations = {}): object => ({
      mediaType,
      digest: sha(bytes),
      size: bytes.length,
      annotations,
    });
    const manifest = JSON.stringify({
      schemaVersion: 2,
      config: entry('{}', 'application/vnd.cncf.flux.config.v1+json'),
      layers: [entry(layer, 'application/vnd.cncf.flux.content.v1.tar+gzip')],
    });
    const tag = { 'org.opencontainers.image.ref.name': 'latest' };
    const index = JSON.stringify({ manifests: [entry(manifest, MEDIA.manifest, tag)] });
    const blobs = [manifest, '{}', layer].map((content) => ({
      path: `blobs/${sha(content).replace(':', '/')}`,
      content,
    }));
    const bytes = tarOf([...blobs, { path: 'index.json', content: index }]);
    const path = join(dir?.path ?? '', 'layout.tar');
    await writeFile(path, bytes);

    const text = `apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: { name: app, namespace: x }\nspec: { url: "oci://127.0.0.1:1/app", interval: 1h }\n`;
    const { documents } = parseDocuments(Buffer.from(text), { limits: DEFAULT_LIMITS, file: 'a.yaml' });
    const { objects } = parseFluxObjects(documents.map(({ value, line }) => ({ value, line, file: 'a.yaml' })));
    const source = objects.find((one) => one.kind === 'OCIRepository');
    if (source === undefined || cache === undefined) throw new Error('not set up');
    const goal = { digest: sha('another'), size: 1_000_000, at: manualClock().now() };
    const kept = await cache.partials.open('OCIRepository/x/app', goal);
    await kept.append(Buffer.alloc(500_000, 'k'));
    await kept.keep();

    const part = { path, form: 'oci', span: { start: 0, size: bytes.length } } as const;
    const work = { source, data: [], have: undefined, includes: [] };
    const outcome = await workshop?.take(work, part, new AbortController().signal);
    expect(outcome).toMatchObject({ kind: 'fetched', content: { revision: `latest@${sha(manifest)}` } });
    expect((await cache.partials.open('OCIRepository/x/app', goal)).size()).toBe(500_000);
    expect(await readdir(join(dir?.path ?? '', 'state/partials'))).toHaveLength(2);
  });
});
