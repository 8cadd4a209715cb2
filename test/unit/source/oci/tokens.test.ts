import { describe, expect, it } from 'vitest';
import { openPartials } from '../../../../src/cache/partials.ts';
import { DEFAULT_LIMITS } from '../../../../src/model/index.ts';
import { fetchOci, type OciRequest } from '../../../../src/source/oci/index.ts';
import { type FakeServer, fakeWire } from '../../../support/fake-wire.ts';
import { faultDisk } from '../../../support/fault-disk.ts';
import { memoryStore } from '../../../support/memory-store.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };

const REQUEST: OciRequest = {
  url: 'oci://registry.test/org/app',
  ref: {},
  layer: { operation: 'extract' },
  tenant: 'apps',
  owner: 'OCIRepository/apps/app',
  logins: [
    { pattern: 'registry.test', username: '', password: '', identityToken: 'identity-of-the-site', registryToken: '' },
  ],
  insecure: true,
  timeoutMs: 5_000,
};

/** The registry asks for a token of a server that answers as given; tells what another host was asked. */
async function fetchBy(tokens: FakeServer): Promise<{ readonly error: unknown; readonly elsewhere: string[] }> {
  const elsewhere: string[] = [];
  const offered = 'Bearer realm="http://tokens.test/token",service="registry.test"';
  const servers = new Map<string, FakeServer>([
    ['http://registry.test', () => ({ status: 401, headers: { 'www-authenticate': offered } })],
    ['http://tokens.test', tokens],
    [
      'http://evil.test',
      ({ body, headers }) => {
        elsewhere.push(body + JSON.stringify(headers));
        return { parts: ['{"token":"of-evil"}'] };
      },
    ],
  ]);
  const partials = openPartials(faultDisk().disk, DEFAULT_LIMITS);
  const ports = { wire: fakeWire(servers), store: memoryStore(), partials, clock, log: silent };
  const error = await fetchOci(ports, REQUEST, { limits: DEFAULT_LIMITS }).then(
    () => undefined,
    (e: unknown) => e,
  );
  return { error, elsewhere };
}

describe('an identity token', () => {
  it.each([301, 302, 303, 307, 308])('does not go along with a redirect (%i)', async (status) => {
    const { error, elsewhere } = await fetchBy(() => ({ status, headers: { location: 'http://evil.test/token' } }));
    expect(elsewhere).toEqual([]);
    expect(error).toMatchObject({
      code: 'source-refused',
      reason: 'OCIArtifactPullFailed',
      message: expect.stringContaining('evil.test'),
    });
    expect(String(error)).not.toContain('identity-of-the-site');
  });

  it('is sent to the token server itself', async () => {
    const bodies: string[] = [];
    await fetchBy(({ body }) => {
      bodies.push(body);
      return { parts: ['{"token":"good"}'] };
    });
    expect(bodies[0]).toContain('refresh_token=identity-of-the-site');
  });
});
