import { describe, expect, it } from 'vitest';
import { type GitRepository, parseFluxObjects } from '../../../src/flux/index.ts';
import { Fault, type SourceRevision, sha256 } from '../../../src/model/index.ts';
import { gitRequestOf, includedKeys, includesOf } from '../../../src/source/index.ts';

const repository = (name: string, includes: readonly string[] = [], more: object = {}): GitRepository => {
  const include = includes.map((one) => ({ repository: { name: one }, fromPath: './pub/', toPath: '' }));
  const value = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name, namespace: 'ns' },
    spec: { url: 'http://h/x', interval: '1m', include, ...more },
  };
  const { objects, errors } = parseFluxObjects([{ value, file: 'x', line: 1 }]);
  const [first] = objects;
  if (first?.kind !== 'GitRepository') throw new Error(JSON.stringify(errors));
  return first;
};
const revision = (text: string): SourceRevision => ({ revision: text, root: sha256(text), metadata: {}, keep: [] });

function world(sources: readonly GitRepository[], fetched: readonly string[]) {
  return {
    declared: (key: string) => sources.find((one) => `GitRepository/ns/${one.meta.name}` === key),
    current: (key: string) => (fetched.includes(key.slice(17)) ? revision(key) : undefined),
  };
}

function fault(act: () => unknown): Fault {
  try {
    act();
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  throw new Error('no fault');
}

describe('includesOf', () => {
  it('gives what is here, with Flux’s default place', () => {
    const [app, lib] = [repository('app', ['lib']), repository('lib')];
    expect(includedKeys(app)).toEqual(['GitRepository/ns/lib']);
    expect(includesOf(app, world([app, lib], ['lib']))).toEqual([
      {
        kind: 'include',
        source: 'lib',
        fromPath: 'pub',
        toPath: 'lib',
        revision: 'GitRepository/ns/lib',
        root: sha256('GitRepository/ns/lib'),
        keep: [],
      },
    ]);
  });

  it('names what is missing, with Flux’s reasons', () => {
    const app = repository('app', ['lib']);
    expect(fault(() => includesOf(app, world([app], ['lib'])))).toMatchObject({
      code: 'include-unavailable',
      reason: 'NotFound',
      message: expect.stringContaining("could not get resource for include 'lib'"),
    });
    expect(fault(() => includesOf(app, world([app, repository('lib')], [])))).toMatchObject({
      reason: 'NoArtifact',
      message: "no artifact available for include 'lib'",
    });
  });

  it('refuses circles of any length', () => {
    const own = repository('app', ['app']);
    expect(fault(() => includesOf(own, world([own], ['app']))).reason).toBe('IncludeCycle');
    const [a, b, c] = [repository('a', ['b']), repository('b', ['c']), repository('c', ['b', 'a'])];
    for (const one of [a, b, c])
      expect(fault(() => includesOf(one, world([a, b, c], ['a', 'b', 'c']))).reason).toBe('IncludeCycle');
    const outside = repository('d', ['a']);
    expect(includesOf(outside, world([a, b, c, outside], ['a', 'b', 'c']))).toHaveLength(1);
  });
});

describe('the login of a GitRepository', () => {
  const login = (data: Readonly<Record<string, string>>, url = 'https://h/x') => {
    const bytes = new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)]));
    const secret = { kind: 'Secret' as const, name: 'key', namespace: 'ns', type: 'Opaque', data: bytes, origin: 'x' };
    return gitRequestOf(repository('app', [], { url, secretRef: { name: 'key' } }), [secret], undefined).auth;
  };
  const basic = (username: string, password: string) => ({ kind: 'basic', username, password });

  it.each([
    [{ username: 'u', password: 'p' }, 'https://h/x', basic('u', 'p')],
    // Some servers take a token as the user.
    [{ username: 'token' }, 'https://h/x', basic('token', '')],
    [{ password: 'p' }, 'https://org%20a@h/x', basic('org a', 'p')],
    [{ username: 'u', password: 'p' }, 'https://org@h/x', basic('u', 'p')],
    [{ bearerToken: 't\n', username: 'u', password: 'p' }, 'https://h/x', { kind: 'bearer', token: 't' }],
    [{ bearerToken: '' }, 'https://h/x', undefined],
    [{ 'ca.crt': 'c' }, 'https://h/x', undefined],
  ] as [Record<string, string>, string, unknown][])('of %j for %s is as with Flux', (data, url, wanted) => {
    expect(login(data, url)).toEqual(wanted);
  });

  it('says of a proxy what Flux says', () => {
    const source = repository('app', [], { url: 'https://h/x', proxySecretRef: { name: 'proxy' } });
    expect(fault(() => gitRequestOf(source, [], undefined))).toMatchObject({
      code: 'secret-missing',
      message: "failed to configure proxy options: secret 'ns/proxy' not found",
    });
  });

  it('needs a user for a password', () => {
    expect(fault(() => login({ password: 'p' }, 'http://h/x'))).toMatchObject({
      code: 'secret-invalid',
      message: expect.stringContaining("invalid 'http' auth option: 'password' requires 'username' to be set"),
    });
  });

  it('is not taken from the data of an app', () => {
    expect(fault(() => login({ githubAppID: '1' }))).toMatchObject({
      code: 'secret-invalid',
      reason: 'InvalidProviderConfiguration',
      message: "secretRef 'ns/key' has github app data but provider is not set to github",
    });
  });
});

describe('the request of ssh', () => {
  const secret = (data: Readonly<Record<string, string>>) => [
    {
      kind: 'Secret' as const,
      name: 'key',
      namespace: 'ns',
      type: 'Opaque',
      data: new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
      origin: 'x',
    },
  ];
  const source = repository('app', [], { url: 'ssh://git@h/x', secretRef: { name: 'key' } });

  it('holds key, passphrase and known_hosts, and no password for HTTP', () => {
    const request = gitRequestOf(source, secret({ identity: 'k', known_hosts: 'h', password: 'p' }), undefined);
    expect(request).toMatchObject({ ssh: { identity: 'k', knownHosts: 'h', passphrase: 'p' } });
    expect(request.auth).toBeUndefined();
  });

  it.each([
    ['identity', { known_hosts: 'h' }],
    ['known_hosts', { identity: 'k' }],
    ['known_hosts', { identity: 'k', known_hosts: ' \n' }],
  ])('is refused without %s', (key, data) => {
    expect(() => gitRequestOf(source, secret(data as Record<string, string>), undefined)).toThrow(
      `invalid 'ssh' auth option: '${key}' is required`,
    );
  });

  it('is refused without a Secret', () => {
    const bare = repository('app', [], { url: 'ssh://git@h/x' });
    expect(() => gitRequestOf(bare, [], undefined)).toThrow(
      "'identity' is required, invalid 'ssh' auth option: 'known_hosts' is required (spec.secretRef names no Secret)",
    );
  });
});
