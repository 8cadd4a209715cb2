import { describe, expect, it } from 'vitest';
import { type DataObject, type GitRepository, parseFluxObjects } from '../../../src/flux/index.ts';
import { asFault, type JsonObject } from '../../../src/model/index.ts';
import { gitRequestOf } from '../../../src/source/index.ts';

function source(spec: JsonObject = {}): GitRepository {
  const value = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace: 'apps' },
    spec: { url: 'https://git.test/app', interval: '1m', secretRef: { name: 'login' }, ...spec },
  };
  return parseFluxObjects([{ value, file: 'f', line: 1 }]).objects[0] as GitRepository;
}

function secret(values: Readonly<Record<string, string>>): DataObject {
  const data = new Map(Object.entries(values).map(([key, text]) => [key, Buffer.from(text)]));
  return { kind: 'Secret', name: 'login', namespace: 'apps', type: 'Opaque', data, origin: '' };
}

describe('the login of a Git server', () => {
  it.each([
    [{}, undefined],
    [{ username: '', password: '' }, undefined],
    [{ username: 'me' }, { kind: 'basic', username: 'me', password: '' }],
    [
      { username: 'me', password: 'pw' },
      { kind: 'basic', username: 'me', password: 'pw' },
    ],
    [{ bearerToken: 'abc\n' }, { kind: 'bearer', token: 'abc' }],
    [
      { bearerToken: 'abc', username: 'me', password: 'pw' },
      { kind: 'bearer', token: 'abc' },
    ],
  ])('of %j is that of Flux', (values, auth) => {
    expect(gitRequestOf(source(), [secret(values)], undefined).auth).toEqual(auth);
  });

  it.each([
    [{ password: 'hush-hush' }, 'secret-invalid AuthenticationFailed'],
    [{ username: '', password: 'hush-hush' }, 'secret-invalid AuthenticationFailed'],
    [{ githubAppID: '7' }, 'secret-invalid InvalidProviderConfiguration'],
  ])('is refused of %j, by a reason of Flux and without the secret', (values, said) => {
    try {
      gitRequestOf(source(), [secret(values)], undefined);
      expect.unreachable();
    } catch (error) {
      const fault = asFault(error);
      expect(`${fault.code} ${fault.reason}`).toBe(said);
      expect(fault.message).not.toContain('hush-hush');
    }
  });

  it('of a GitHub App is not looked at again once it is a token', () => {
    const login = secret({ username: 'x-access-token', password: 'ghs_1', githubAppID: '7' });
    expect(gitRequestOf(source({ provider: 'github' }), [login], undefined).auth).toMatchObject({ kind: 'basic' });
  });
});
