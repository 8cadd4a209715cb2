import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Workshop } from '../../../agent/loop/env.ts';
import { createWorkshop } from '../../../agent/workshop/index.ts';
import { forgetSource, workMemory } from '../../../agent/workshop/jobs.ts';
import { openCache } from '../../../src/cache/index.ts';
import { type DataObject, parseFluxObjects, type SourceObject } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, type JsonObject } from '../../../src/model/index.ts';
import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { realTime, silentLog } from '../../support/quiet.ts';

const KEY = 'OCIRepository/apps/app';
/** A source `apps/app` of a kind. */
function sourceOf(kind: string, spec: JsonObject): SourceObject {
  const apiVersion = 'source.toolkit.fluxcd.io/v1';
  const value = { apiVersion, kind, metadata: { name: 'app', namespace: 'apps' }, spec: { interval: '1m', ...spec } };
  const { objects } = parseFluxObjects([{ value, file: 'a.yaml', line: 1 }]);
  const source = objects.find((one) => one.kind === kind);
  if (source === undefined || source.kind === 'Kustomization') throw new Error('not read');
  return source;
}

function workshopAt(servers: Readonly<Record<string, FakeServer>>): Workshop {
  const wire = fakeWire(new Map(Object.entries(servers)));
  const cache = openCache({ disk: faultDisk().disk, limits: DEFAULT_LIMITS });
  const given = { wire, cache, clock: realTime, log: silentLog, limits: DEFAULT_LIMITS };
  const ssh = { hostKeyAlgorithms: [], kexAlgorithms: [] };
  const proxy = { http: '', https: '', no: [] };
  return createWorkshop(given as never, { use: 'never', stateDir: '/state', proxy, ssh });
}

/** A workshop that polls a registry which wants tokens; `during` is called while it gets one. */
function polling(during: () => void) {
  let asked = 0;
  const offered = 'Bearer realm="http://registry.test/token",service="registry.test"';
  const server: FakeServer = ({ path, headers }) => {
    if (path.startsWith('/token')) {
      asked += 1;
      during();
      return { parts: ['{"token":"of-the-site","expires_in":300}'] };
    }
    if (headers['authorization'] === undefined) return { status: 401, headers: { 'www-authenticate': offered } };
    return { status: 404, parts: ['{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'] };
  };
  const workshop = workshopAt({ 'http://registry.test': server });
  const source = sourceOf('OCIRepository', { url: 'oci://registry.test/org/app', insecure: true });
  const poll = async (): Promise<number> => {
    const work = { source, data: [], have: undefined, includes: [] };
    const never = new AbortController().signal;
    await expect(workshop.fetch(work, never)).rejects.toMatchObject({ code: 'source-ref-missing' });
    return asked;
  };
  return { workshop, poll };
}

/** A workshop for a GitRepository that logs in as a GitHub App; `during` is called while it gets a token. */
function appPolling(during: () => void) {
  let asked = 0;
  const api: FakeServer = () => {
    asked += 1;
    during();
    return {
      status: 201,
      parts: [JSON.stringify({ token: 't', expires_at: new Date(Date.now() + 3_600_000).toISOString() })],
    };
  };
  const git: FakeServer = () => ({ status: 404 });
  const workshop = workshopAt({ 'http://api.test': api, 'http://git.test': git });
  const values = {
    githubAppID: '7',
    githubAppInstallationID: '1',
    githubAppBaseURL: 'http://api.test',
    githubAppPrivateKey: generateKeyPairSync('rsa', { modulusLength: 1_024 })
      .privateKey.export({ type: 'pkcs1', format: 'pem' })
      .toString(),
  };
  const data = new Map(Object.entries(values).map(([key, text]) => [key, Buffer.from(text)]));
  const secret: DataObject = { kind: 'Secret', name: 'app', namespace: 'apps', type: 'Opaque', data, origin: '' };
  const source = sourceOf('GitRepository', {
    url: 'http://git.test/a',
    provider: 'github',
    secretRef: { name: 'app' },
  });
  const poll = async (): Promise<number> => {
    const work = { source, data: [secret], have: undefined, includes: [] };
    const ended = workshop.fetch(work, new AbortController().signal);
    await expect(ended).rejects.toMatchObject({ code: 'source-not-found' });
    return asked;
  };
  return { workshop, poll };
}

describe('a token of a GitHub App', () => {
  const APP = 'GitRepository/apps/app';

  it('is kept between polls, and let go of with its source', async () => {
    const { workshop, poll } = appPolling(() => undefined);
    expect([await poll(), await poll()]).toEqual([1, 1]);
    workshop.forget('GitRepository/apps/other');
    expect(await poll()).toBe(1);
    workshop.forget(APP);
    expect([await poll(), await poll()]).toEqual([2, 2]);
  });

  it('is not kept that comes for a source which went meanwhile', async () => {
    let goes = true;
    const { workshop, poll } = appPolling(() => {
      if (goes) workshop.forget(APP);
      goes = false;
    });
    expect([await poll(), await poll(), await poll()]).toEqual([1, 2, 2]);
  });
});

describe('a token of a registry', () => {
  it('is kept between polls, and let go of with its source', async () => {
    const { workshop, poll } = polling(() => undefined);
    expect([await poll(), await poll()]).toEqual([1, 1]);
    workshop.forget('OCIRepository/apps/other');
    expect(await poll()).toBe(1);
    workshop.forget(KEY);
    expect([await poll(), await poll()]).toEqual([2, 2]);
  });

  it('is not kept that comes for a source which went meanwhile', async () => {
    let goes = true;
    const { workshop, poll } = polling(() => {
      if (goes) workshop.forget(KEY);
      goes = false;
    });
    expect([await poll(), await poll(), await poll()]).toEqual([1, 2, 2]);
  });

  it('stays as long as another source uses it', () => {
    const memory = workMemory();
    const token = { authorization: 'Bearer x', until: 1, users: new Set([KEY, 'OCIRepository/apps/other']) };
    memory.tokens.set('name', token);
    forgetSource(memory, KEY);
    expect([...(memory.tokens.get('name')?.users ?? [])]).toEqual(['OCIRepository/apps/other']);
    forgetSource(memory, 'OCIRepository/apps/other');
    expect(memory.tokens.size).toBe(0);
  });
});
