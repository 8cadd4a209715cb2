import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, readKubeconfig } from '../../../agent/adapters/cluster/kubeconfig.ts';
import { asFault, DEFAULT_LIMITS, type JsonObject } from '../../../src/model/index.ts';
import { createAuthority } from '../../support/certificates.ts';

const authority = createAuthority('test');
const pair = authority.issue({ name: 'someone', groups: [] });
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const CA = base64(authority.certPem);

/** A kubeconfig with these fields. */
function text(cluster: JsonObject = {}, user: JsonObject = { token: 'abc' }, rest: JsonObject = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'there',
    contexts: [{ name: 'there', context: { cluster: 'c', user: 'u', namespace: 'ignored' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://far.example:6443/k8s/', ...cluster } }],
    users: [{ name: 'u', user }],
    ...rest,
  });
}

const read = (content: string | Uint8Array) =>
  readKubeconfig(typeof content === 'string' ? Buffer.from(content) : content, DEFAULT_LIMITS);
function refusal(content: string | Uint8Array): string {
  try {
    read(content);
  } catch (error) {
    const fault = asFault(error);
    expect(fault.code).toBe('kubeconfig-refused');
    return fault.message;
  }
  return 'taken';
}

describe('a kubeconfig of a Secret', () => {
  it('gives where the server is and how to prove who we are', () => {
    const link = read(text({ 'certificate-authority-data': CA, 'tls-server-name': 'inside' }));
    expect(link).toMatchObject({ secure: true, host: 'far.example', port: 6443, prefix: '/k8s' });
    expect(link.headers).toEqual({ Authorization: 'Bearer abc' });
    expect(link.tls.servername).toBe('inside');
    expect(new X509Certificate(link.tls.ca ?? '').subject).toContain('test');
    expect(link.tls.rejectUnauthorized).toBeUndefined();
  });

  it('may have a client certificate, a name and password, an address of numbers, no credentials', () => {
    const mutual = read(
      text({}, { 'client-certificate-data': base64(pair.certPem), 'client-key-data': base64(pair.keyPem) }),
    );
    expect(String(mutual.tls.cert)).toBe(pair.certPem);
    expect(mutual.headers).toEqual({});
    expect(read(text({}, { username: 'me', password: 'x' })).headers).toEqual({
      Authorization: `Basic ${base64('me:x')}`,
    });
    expect(read(text({ server: 'https://[::1]' }))).toMatchObject({ host: '::1', port: 443, prefix: '' });
    expect(read(text({}, {})).headers).toEqual({});
    expect(
      read(
        'current-context: a\ncontexts: [{name: a, context: {cluster: b, user: c}}]\nclusters: [{name: b, cluster: {server: "https://h"}}]\nusers: [{name: c, user: {token: t}}]\n',
      ).host,
    ).toBe('h');
  });

  it('has an address that is the same for all users of a cluster, and another one for another authority', () => {
    const one = addressOf(read(text({ 'certificate-authority-data': CA })));
    expect(addressOf(read(text({ 'certificate-authority-data': CA }, { token: 'other' })))).toBe(one);
    expect(addressOf(read(text()))).not.toBe(one);
  });

  it.each([
    ['an exec plugin', text({}, { exec: { command: 'hush' } }), 'user.exec'],
    ['an exec plugin beside a token', text({}, { token: 'hush', exec: { command: 'hush' } }), 'user.exec'],
    [
      'a login plugin',
      text({}, { 'auth-provider': { name: 'gcp', config: { 'cmd-path': 'hush' } } }),
      'user.auth-provider',
    ],
    ['a token in a file', text({}, { tokenFile: '/hush' }), 'user.tokenFile'],
    [
      'a certificate in a file',
      text({}, { 'client-certificate': '/hush', 'client-key': '/hush' }),
      'user.client-certificate',
    ],
    ['a key in a file', text({}, { 'client-certificate-data': 'aHVzaA==', 'client-key': '/hush' }), 'user.client-key'],
    ['an authority in a file', text({ 'certificate-authority': '/hush' }), 'cluster.certificate-authority'],
    ['no check of certificates', text({ 'insecure-skip-tls-verify': true }), 'cluster.insecure-skip-tls-verify'],
    ['a proxy', text({ 'proxy-url': 'http://hush' }), 'cluster.proxy-url'],
    ['an impersonation', text({}, { token: 'hush', as: 'hush' }), 'user.as'],
    ['impersonated groups', text({}, { token: 'hush', 'as-groups': ['hush'] }), 'user.as-groups'],
    ['plain http', text({ server: 'http://hush' }), 'not an https URL'],
    ['another scheme', text({ server: 'file:///hush' }), 'not an https URL'],
    ['credentials in the URL', text({ server: 'https://hush:hush@h' }), 'without credentials'],
    ['no server', text({ server: '' }), 'not an https URL'],
    ['an authority that is none', text({ 'certificate-authority-data': base64('hush') }), 'no certificate'],
    ['an authority that is not base64', text({ 'certificate-authority-data': 'hush-hush' }), 'not base64'],
    ['an authority that is no text', text({ 'certificate-authority-data': 7 }), 'not base64'],
    ['a certificate without key', text({}, { 'client-certificate-data': base64(pair.certPem) }), 'only one of'],
    [
      'a certificate that is none',
      text({}, { 'client-certificate-data': 'aHVzaA==', 'client-key-data': 'aHVzaA==' }),
      'cannot be read',
    ],
    [
      "another one's key",
      text(
        {},
        {
          'client-certificate-data': base64(pair.certPem),
          'client-key-data': base64(authority.issue({ name: 'x', groups: [] }).keyPem),
        },
      ),
      'do not belong together',
    ],
    ['a token that breaks a header', text({}, { token: 'hush\r\nImpersonate-User: admin' }), 'user.token'],
    ['no current context', text({}, {}, { 'current-context': '' }), 'current-context'],
    ['a context that is not there', text({}, {}, { 'current-context': 'hush' }), 'current-context among its contexts'],
    ['no user', text({}, {}, { users: [] }), 'the user of its context'],
    ['lists that are none', text({}, {}, { clusters: 'hush' }), 'the cluster of its context'],
    ['a list of nothing', text({}, {}, { clusters: [null, 7, 'hush'] }), 'the cluster of its context'],
    ['names of the prototype', text({}, {}, { 'current-context': '__proto__' }), 'current-context'],
    ['no YAML', 'hush: [', 'cannot be read as YAML (line 1)'],
    ['bytes', Buffer.from([0xff, 0xfe, 0, 1, 2]), 'cannot be read as YAML'],
    ['nothing', '', 'is not one YAML document'],
    ['a text', 'hush', 'is not one YAML document'],
    ['two documents', `${text()}\n---\n${text()}`, 'is not one YAML document'],
    [
      'a bomb of aliases',
      `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghi'
        .split('')
        .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
        .join('\n')}\n`,
      'cannot be read as YAML',
    ],
    ['too deep a nest', '['.repeat(10_000), 'cannot be read as YAML'],
    ['too much', ' '.repeat(DEFAULT_LIMITS.kubeconfigBytes + 1), 'limits.kubeconfigBytes = 262144'],
  ])('is refused with %s, which is named without its content', (_title, content, words) => {
    const message = refusal(content);
    expect(message).toContain(words);
    expect(message).not.toContain('hush');
  });
});

describe('the files of the agent', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('are read by no path in a kubeconfig, also where the file is there', () => {
    const path = join(dir, 'token');
    writeFileSync(path, 'hush');
    for (const user of [{ tokenFile: path }, { 'client-certificate': path, 'client-key': path }])
      expect(refusal(text({}, user))).toMatch(/names a file of the agent/);
    expect(refusal(text({ 'certificate-authority': path }))).toMatch(/names a file of the agent/);
    // client-node's own spelling is no field of a kubeconfig.
    expect(
      read(text({}, { certFile: path, keyFile: path, authProvider: { config: { tokenFile: path } } })),
    ).toMatchObject({
      headers: {},
      tls: {},
    });
  });
});
