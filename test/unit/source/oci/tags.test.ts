import { describe, expect, it } from 'vitest';
import { openPartials } from '../../../../src/cache/partials.ts';
import { DEFAULT_LIMITS } from '../../../../src/model/index.ts';
import { fetchOci } from '../../../../src/source/oci/index.ts';
import { type FakeAnswer, fakeWire } from '../../../support/fake-wire.ts';
import { faultDisk } from '../../../support/fault-disk.ts';
import { memoryStore } from '../../../support/memory-store.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };

/** What a fetch of the newest version ends with, where the list of tags is answered so; and what was asked for. */
async function newestBy(list: (path: string) => FakeAnswer): Promise<{ error: unknown; asked: string[] }> {
  const asked: string[] = [];
  const wire = fakeWire(
    new Map([
      [
        'http://registry.test',
        ({ path }) => {
          asked.push(path);
          return path.includes('/tags/list') ? list(path) : { status: 404 };
        },
      ],
    ]),
  );
  const ports = {
    wire,
    store: memoryStore(),
    partials: openPartials(faultDisk().disk, DEFAULT_LIMITS),
    clock,
    log: silent,
  };
  const request = {
    url: 'oci://registry.test/org/app',
    ref: { semver: '>=1.0.0' },
    layer: { operation: 'extract' },
    tenant: 'apps',
    owner: 'OCIRepository/apps/app',
    logins: [],
    insecure: true,
    timeoutMs: 5_000,
  } as const;
  const error = await fetchOci(ports, request, { limits: DEFAULT_LIMITS }).catch((e: unknown) => e);
  return { error, asked };
}

const page = (tags: readonly string[], link?: string): FakeAnswer => ({
  parts: [JSON.stringify({ name: 'org/app', tags })],
  ...(link === undefined ? {} : { headers: { link } }),
});
const to = (last: string): string => `</v2/org/app/tags/list?n=1&last=${last}>; rel="next"`;

describe('a list of tags', () => {
  it('is read to its end', async () => {
    const { asked } = await newestBy((path) =>
      path.includes('last=') ? page(['1.2.0']) : page(['1.1.0'], to('1.1.0')),
    );
    expect(asked.at(-1)).toBe('/v2/org/app/manifests/1.2.0');
  });

  it('gives the first of equal versions, as Flux takes it', async () => {
    const { asked } = await newestBy(() => page(['1.1.0', '1.1.0+b', 'v1.1.0', 'v01.1.0', '1.0.9']));
    expect(asked.at(-1)).toBe('/v2/org/app/manifests/1.1.0');
  });

  it.each([
    ['comes back to where it is', (path: string) => page(['1.0.0'], `<${path}>; rel="next"`)],
    ['goes in a circle', (path: string) => page(['1.0.0'], to(path.includes('last=a') ? 'b' : 'a'))],
    ['does not say where it goes on', () => page(['1.0.0'], 'somewhere; rel="next"')],
  ])('that %s is not taken as whole', async (_, list) => {
    const { error, asked } = await newestBy(list);
    expect(error).toMatchObject({ code: 'wire-protocol', reason: 'ReadOperationFailed' });
    expect(asked.length).toBeLessThan(5);
    expect(asked.join()).not.toContain('/manifests/');
  });
});
