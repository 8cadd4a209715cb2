import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority, openAuthority } from '../../support/certificates.ts';
import { portOf } from '../../support/ports.ts';

const authority = createAuthority('test authority');
let server: Server;

beforeAll(async () => {
  const own = authority.issue({ name: 'server', hosts: ['localhost', '127.0.0.1'] });
  server = createServer({ cert: own.certPem, key: own.keyPem, ca: authority.certPem, requestCert: true });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => new Promise((done) => server.close(done)));

const shake = (options: { ca: string; cert?: string; key?: string; servername?: string }) =>
  new Promise<string>((done) => {
    const socket = connect({ port: portOf(server), host: '127.0.0.1', ...options }, () => {
      done('trusted');
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });

it('makes certificates that OpenSSL trusts, and only with their authority', async () => {
  expect(await shake({ ca: authority.certPem })).toBe('trusted');
  expect(await shake({ ca: createAuthority('test authority').certPem })).not.toBe('trusted');
  expect(await shake({ ca: authority.certPem, servername: 'other.example' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
});

it('carries name, groups, addresses and dates', () => {
  const notAfter = new Date('2051-02-03T04:05:06Z');
  const { certPem, keyPem } = authority.issue({
    name: 'jane',
    groups: ['devs', 'system:masters'],
    hosts: ['a.example', '10.0.0.1'],
    notAfter,
  });
  const read = new X509Certificate(certPem);
  expect(read.subject).toBe('O=devs\nO=system:masters\nCN=jane');
  expect(read.subjectAltName).toBe('DNS:a.example, IP Address:10.0.0.1');
  expect(read.validToDate).toEqual(notAfter);
  expect(read.verify(new X509Certificate(authority.certPem).publicKey)).toBe(true);
  expect(keyPem).toContain('BEGIN PRIVATE KEY');
});

it('goes on issuing in another process', () => {
  const again = openAuthority('test authority', authority);
  const read = new X509Certificate(again.issue({ name: 'joe' }).certPem);
  expect(read.checkIssued(new X509Certificate(authority.certPem))).toBe(true);
  expect(read.issuer).toBe('CN=test authority');
});
