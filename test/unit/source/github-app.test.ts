import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { DataObject, GitRepository } from '../../../src/flux/index.ts';
import { asFault } from '../../../src/model/index.ts';
import { appLogins } from '../../../src/source/index.ts';
import { type FakeAnswer, fakeWire } from '../../support/fake-wire.ts';

const PEM = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  .privateKey.export({ type: 'pkcs1', format: 'pem' })
  .toString();
const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };
const source = {
  kind: 'GitRepository',
  meta: { namespace: 'apps', name: 'app' },
  spec: { url: 'https://git.test/app', provider: 'github', timeout: 5_000, secretRef: { name: 'app' } },
} as unknown as GitRepository;

/** The Secret of one of many installations. */
function secretOf(installation: number): DataObject {
  const values = {
    githubAppID: '7',
    githubAppInstallationID: String(installation),
    githubAppBaseURL: 'http://api.test',
    githubAppPrivateKey: PEM,
  };
  const data = new Map(Object.entries(values).map(([key, text]) => [key, Buffer.from(text)]));
  return { kind: 'Secret', name: 'app', namespace: 'apps', type: 'Opaque', data, origin: '' };
}

/** The same source by another name. */
const named = (name: string): GitRepository => ({ ...source, meta: { ...source.meta, name } });

/** Logs in by the Secret of an installation, a source for each, against an API that answers so. */
function loginsAt(answer: () => FakeAnswer) {
  const asked: string[] = [];
  const wire = fakeWire(
    new Map([
      [
        'http://api.test',
        ({ path }) => {
          asked.push(path);
          return answer();
        },
      ],
    ]),
  );
  const apps = appLogins({ wire, clock });
  const { signal } = new AbortController();
  const login = (installation: number, name = `app-${installation}`): Promise<unknown> =>
    apps.login(named(name), [secretOf(installation)], signal);
  return { asked, apps, login };
}

describe('a provider and a Secret that do not go together', () => {
  const { signal } = new AbortController();
  const apps = appLogins({ wire: fakeWire(new Map()), clock });

  it.each([
    ['no secretRef', undefined, [], 'object-invalid InvalidProviderConfiguration'],
    ['a Secret that is not there', { name: 'app' }, [], 'secret-missing AuthenticationFailed'],
    [
      'a Secret without an app',
      { name: 'app' },
      [{ ...secretOf(1), data: new Map() }],
      'secret-invalid InvalidProviderConfiguration',
    ],
  ])('github with %s', async (_, secretRef, data, said) => {
    const { secretRef: __, ...spec } = source.spec;
    const asked = { ...source, spec: { ...spec, ...(secretRef === undefined ? {} : { secretRef }) } };
    const fault = asFault(await apps.login(asked, data, signal).catch((error: unknown) => error));
    expect(`${fault.code} ${fault.reason}`).toBe(said);
  });
});

describe('tokens of GitHub Apps', () => {
  it.each([
    ['object-invalid', { ...source, spec: { ...source.spec, secretRef: undefined } }, []],
    ['secret-missing', source, []],
    ['secret-invalid', source, [{ ...secretOf(1), data: new Map([['username', Buffer.from('u')]]) }]],
  ] as unknown as [string, GitRepository, DataObject[]][])('want the data of an app (%s)', async (code, of, data) => {
    const apps = appLogins({ wire: fakeWire(new Map()), clock });
    const missing = code === 'secret-missing';
    await expect(apps.login(of, data, new AbortController().signal)).rejects.toMatchObject({
      code,
      reason: missing ? 'AuthenticationFailed' : 'InvalidProviderConfiguration',
      message: missing
        ? expect.stringContaining('secrets "app" not found')
        : 'secretRef with github app data must be specified when provider is set to github',
    });
  });

  it('are kept for so many Secrets, and no more', async () => {
    const body = JSON.stringify({ token: 'ghs_one', expires_at: new Date(3_600_000).toISOString() });
    const { asked, login } = loginsAt(() => ({ status: 201, parts: [body] }));
    for (let i = 0; i < 257; i++) await login(i);
    await login(256);
    expect(asked).toHaveLength(257);
    await login(0);
    expect(asked).toHaveLength(258);
  });

  const GOOD: FakeAnswer = {
    status: 201,
    parts: [JSON.stringify({ token: 'ghs_one', expires_at: new Date(3_600_000).toISOString() })],
  };

  it('go with the last source that used them', async () => {
    const { asked, apps, login } = loginsAt(() => GOOD);
    for (const name of ['a', 'b']) await login(1, name);
    expect(asked).toHaveLength(1);
    apps.leave('GitRepository/apps/a');
    await login(1, 'b');
    expect(asked).toHaveLength(1);
    apps.leave('GitRepository/apps/b');
    await login(1, 'b');
    expect(asked).toHaveLength(2);
  });

  it('go where the source that used them logs in by another Secret, or not as an app', async () => {
    const { asked, apps, login } = loginsAt(() => GOOD);
    await login(1, 'a');
    await login(2, 'a');
    await login(1, 'b');
    expect(asked).toHaveLength(3);
    const { spec } = named('b');
    const plain = { ...named('b'), spec: { ...spec, provider: 'generic' } } as GitRepository;
    await apps.login(plain, [], new AbortController().signal);
    await login(1, 'b');
    expect(asked).toHaveLength(4);
  });

  it('that two sources ask for at the same time belong to both', async () => {
    const { asked, apps, login } = loginsAt(() => GOOD);
    await Promise.all([login(1, 'a'), login(1, 'b')]);
    const before = asked.length;
    apps.leave('GitRepository/apps/b');
    await login(1, 'a');
    expect(asked).toHaveLength(before);
  });

  it.each([
    [429, { 'retry-after': '30' }, 'wire-throttled', 30_000],
    [403, { 'retry-after': '60' }, 'wire-throttled', 60_000],
    [403, {}, 'source-auth', undefined],
    [503, { 'retry-after': '5' }, 'wire-server', 5_000],
  ])('after status %i wait as long as the server says: %j', async (status, headers, code, retryAfterMs) => {
    const { login } = loginsAt(() => ({ status, headers, parts: ['{"message":"no"}'] }));
    await expect(login(1)).rejects.toMatchObject({ code, retryAfterMs });
  });
});
