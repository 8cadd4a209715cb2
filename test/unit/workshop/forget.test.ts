import { describe, expect, it } from 'vitest';
import { createWorkshop } from '../../../agent/workshop/index.ts';
import { forgetSource, workMemory } from '../../../agent/workshop/jobs.ts';
import { openCache } from '../../../src/cache/index.ts';
import { parseFluxObjects } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { realTime, silentLog } from '../../support/quiet.ts';

const KEY = 'OCIRepository/apps/app';
const SOURCE = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'OCIRepository',
  metadata: { name: 'app', namespace: 'apps' },
  spec: { interval: '1m', url: 'oci://registry.test/org/app', insecure: true },
};

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
  const wire = fakeWire(new Map([['http://registry.test', server]]));
  const cache = openCache({ disk: faultDisk().disk, limits: DEFAULT_LIMITS });
  const given = { wire, cache, clock: realTime, log: silentLog, limits: DEFAULT_LIMITS };
  const ssh = { hostKeyAlgorithms: [], kexAlgorithms: [] };
  const proxy = { http: '', https: '', no: [] };
  const workshop = createWorkshop(given as never, { use: 'never', stateDir: '/state', proxy, ssh });
  const { objects } = parseFluxObjects([{ value: SOURCE, file: 'a.yaml', line: 1 }]);
  const source = objects.find((one) => one.kind === 'OCIRepository');
  if (source === undefined) throw new Error('not read');
  const poll = async (): Promise<number> => {
    const work = { source, data: [], have: undefined, includes: [] };
    const never = new AbortController().signal;
    await expect(workshop.fetch(work, never)).rejects.toMatchObject({ code: 'source-ref-missing' });
    return asked;
  };
  return { workshop, poll };
}

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
