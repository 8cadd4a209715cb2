import { describe, expect, it } from 'vitest';
import type { BucketRequest, TemporaryKeys } from '../../../src/source/bucket/index.ts';
import { type BucketSite, bucketSite, type SitePorts } from '../../contract/bucket/support.ts';
import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { errorXml, type FakeObject, type FakeS3, fakeS3 } from './fake-s3.ts';

function siteOf(
  s3: FakeS3,
  change: Partial<BucketRequest>,
  { others, options = {} }: { others: Map<string, FakeServer>; options?: NonNullable<SitePorts['options']> },
): BucketSite {
  const wire = fakeWire(new Map([['http://s3.test', s3.server], ...others]));
  return bucketSite({ bucket: 'b', endpoint: 's3.test', ...change }, { wire, options });
}

const object = (key: string, body = key): FakeObject => ({ key, body });

describe('temporary keys', () => {
  const LDAP = { kind: 'ldap', endpoint: 'http://sts.test/', username: 'me', password: 'pass word' } as const;
  const granted = (until: string): string =>
    `<AssumeRoleWithLDAPIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithLDAPIdentityResult><Credentials><AccessKeyId>TK</AccessKeyId><SecretAccessKey>TS</SecretAccessKey><SessionToken>token</SessionToken><Expiration>${until}</Expiration></Credentials></AssumeRoleWithLDAPIdentityResult></AssumeRoleWithLDAPIdentityResponse>`;

  it('are asked for, signed with, and kept while they hold', async () => {
    const asked: string[] = [];
    let until = '2099-01-01T00:00:00Z';
    const others = new Map<string, FakeServer>([
      [
        'http://sts.test',
        ({ body }) => {
          asked.push(body);
          return { parts: [granted(until)] };
        },
      ],
    ]);
    const s3 = fakeS3([object('a')]);
    const site = siteOf(s3, { login: LDAP }, { others, options: { logins: new Map() } });
    await site.fetch();
    await site.fetch();
    expect(asked).toEqual([
      'Action=AssumeRoleWithLDAPIdentity&LDAPPassword=pass%20word&LDAPUsername=me&Version=2011-06-15',
    ]);
    expect(s3.requests[0]?.headers).toMatchObject({
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining('SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token'),
    });
    until = '2001-01-01T00:00:00Z';
    const soon = siteOf(s3, { login: LDAP }, { others, options: { logins: new Map() } });
    await soon.fetch();
    await soon.fetch();
    expect(asked).toHaveLength(3);
  });

  it('that are refused are told of', async () => {
    const answers = [
      { status: 403, parts: [errorXml('AccessDenied')] },
      { parts: ['<html></html>'] },
      { parts: ['<AssumeRoleWithLDAPIdentityResponse/>'] },
    ];
    for (const [i, code] of ['source-auth', 'wire-protocol', 'wire-protocol'].entries()) {
      const others = new Map<string, FakeServer>([['http://sts.test', () => answers[i] ?? {}]]);
      const fault = await siteOf(fakeS3(), { login: LDAP }, { others }).fails();
      expect(fault).toMatchObject({ code, message: expect.stringContaining('sts.test') });
      expect(fault.message).not.toContain('pass word');
    }
  });

  /** A service that grants what is asked for; the bodies that it was asked with. */
  function granting(until: () => string): { readonly asked: string[]; readonly others: Map<string, FakeServer> } {
    const asked: string[] = [];
    const server: FakeServer = ({ body }) => {
      asked.push(body);
      return { parts: [granted(until())] };
    };
    return { asked, others: new Map([['http://sts.test', server]]) };
  }

  it('are kept for their own source and login, and are no names in memory that hold a password', async () => {
    const { asked, others } = granting(() => '2099-01-01T00:00:00Z');
    const logins = new Map<string, TemporaryKeys>();
    const site = siteOf(fakeS3([object('a')]), { login: LDAP }, { others, options: { logins } });
    await site.fetch();
    expect([...logins.keys()]).toEqual(['Bucket/apps/store']);
    expect(JSON.stringify([...logins])).not.toContain('pass word');
    await site.fetch({ owner: 'Bucket/apps/other' });
    await site.fetch({ login: { ...LDAP, password: 'another' } });
    expect(asked).toHaveLength(3);
    // Those of another password are let go of.
    expect(logins.size).toBe(2);
  });

  it('that the storage refuses are asked for anew, though they would still hold', async () => {
    const { asked, others } = granting(() => '2099-01-01T00:00:00Z');
    const s3 = fakeS3([object('a')]);
    const site = siteOf(s3, { login: LDAP }, { others, options: { logins: new Map() } });
    await site.fetch();
    s3.instead = () => ({ status: 403, parts: [errorXml('InvalidAccessKeyId')] });
    expect((await site.fails()).code).toBe('source-auth');
    s3.instead = undefined;
    await site.fetch();
    expect(asked).toHaveLength(2);
  });

  it('are not asked for where the service sends the password on', async () => {
    const { asked, others } = granting(() => '2099-01-01T00:00:00Z');
    const moved = new Map<string, FakeServer>([
      ['http://sts.test', () => ({ status: 307, headers: { location: 'http://evil.test/' } })],
      ['http://evil.test', others.get('http://sts.test') ?? expect.fail()],
    ]);
    expect((await siteOf(fakeS3(), { login: LDAP }, { others: moved }).fails()).code).toBe('wire-protocol');
    expect(asked).toEqual([]);
  });
});
