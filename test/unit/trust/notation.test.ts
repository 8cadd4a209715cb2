import { createHmac, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Fault, sha256 } from '../../../src/model/index.ts';
import { type Cbor, cborBytes, readCbor } from '../../../src/trust/notation/cbor.ts';
import { type NotationTrust, notationCheck } from '../../../src/trust/notation/index.ts';
import { parseNames } from '../../../src/trust/notation/names.ts';
import { createAuthority, der } from '../../support/certificates.ts';
import { CODE_SIGNING, cborOf, createNotary, type Item } from '../../support/notary.ts';

const bytes = Buffer.from('{"schemaVersion":2,"layers":[]}');
const digest = sha256(bytes);
const NOW = Date.parse('2026-03-01T12:00:00Z');
const notary = createNotary({ digest, size: bytes.length });
const { authority, leaf, leafOf, envelope } = notary;
const derOf = (pem: string): string => new X509Certificate(pem).raw.toString('base64');
const url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const statement = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: 'all',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['*'],
  ...change,
});
const policyOf = (...statements: readonly unknown[]): string =>
  JSON.stringify({ version: '1.0', trustPolicies: statements });
const trustOf = (policy = policyOf(statement()), pem = authority.certPem): NotationTrust => ({
  name: 'Secret apps/trust',
  policy,
  certificates: [{ name: 'ca.crt', bytes: Buffer.from(pem) }],
});
const why = (found: Buffer, trust = trustOf(), now = NOW): string => {
  const check = notationCheck(trust, 'registry.example.com/org/app', now);
  const verdict = check({ kind: 'envelope', mediaType: 'application/jose+json', bytes: found }, { digest, bytes });
  return verdict.ok ? 'ok' : verdict.why;
};

describe('a signature of notation', () => {
  it('holds by a root, by a certificate in between, and by the leaf itself', () => {
    expect(why(envelope())).toBe('ok');
    expect(why(envelope(), trustOf(policyOf(statement()), leaf.certPem))).toBe('ok');
    const der = { name: 'ca.pem', bytes: new X509Certificate(authority.certPem).raw };
    expect(why(envelope(), { ...trustOf(), certificates: [der] })).toBe('ok');
    expect(why(envelope(), trustOf(policyOf(statement()), createAuthority('notary.test').certPem))).toBe(
      'none of the trusted certificates is in its chain',
    );
  });

  it('speaks for its own digest and size', () => {
    const target = (change: object) =>
      envelope({ payload: { targetArtifact: { digest, size: bytes.length, ...change } } });
    const other = sha256('another manifest');
    expect(why(target({ digest: other }))).toBe(`it signs '${other}'`);
    expect(why(target({ size: bytes.length + 1 }))).toBe('it signs another size');
    expect(why(envelope({ payload: {} }))).toBe('it signs no digest');
    expect(why(envelope({ payload: [] }))).toBe('it signs no digest');
  });

  it('is by whom the trust policy names', () => {
    const named = (...identities: readonly string[]) => trustOf(policyOf(statement({ trustedIdentities: identities })));
    expect(why(envelope(), named('x509.subject: C=US, ST=WA, O=Acme'))).toBe('ok');
    expect(why(envelope(), named('x509.subject:C=US,S=WA,O=Acme,CN=release'))).toBe('ok');
    expect(why(envelope(), named('x509.subject:C=DE,ST=B,O=Other', 'x509.subject:C=US,ST=WA,O=Acme'))).toBe('ok');
    expect(why(envelope(), named('x509.subject:C=US,ST=WA,O=Acme,CN=other'))).toBe(
      "it is by 'C=US, ST=WA, O=Acme, CN=release', whom the trust policy does not name",
    );
    // A name twice cannot be compared.
    const twice = leafOf({ groups: ['Acme', 'Other'] });
    expect(why(envelope({ by: twice }), named('x509.subject:C=US,ST=WA,O=Acme'))).toContain('does not name');
  });

  it.each([
    ['none', { alg: 'none' }],
    ['a key of another kind', { alg: 'PS256' }],
    ['another hash', { alg: 'ES384' }],
    ['a shared secret', { alg: 'HS256' }],
  ])('by %s is none', (_what, header) => {
    const raw = (input: Buffer): Buffer => createHmac('sha256', derOf(leaf.certPem)).update(input).digest();
    expect(why(envelope({ header }))).toBe('its algorithm is not that of its certificate');
    expect(why(envelope({ header, raw }))).toBe('its algorithm is not that of its certificate');
  });

  it.each([
    ['another payload', (json: Record<string, unknown>) => ({ ...json, payload: url({ a: 1 }) }), 'does not hold'],
    [
      'another header',
      (json: Record<string, unknown>) => ({ ...json, protected: url({ alg: 'ES256' }) }),
      'does not hold',
    ],
    ['no signature', (json: Record<string, unknown>) => ({ ...json, signature: '' }), 'cannot be read'],
    ['no base64', (json: Record<string, unknown>) => ({ ...json, signature: '!' }), 'cannot be read'],
    ['no chain', (json: Record<string, unknown>) => ({ ...json, header: {} }), 'not the JWS'],
    ['an empty chain', (json: Record<string, unknown>) => ({ ...json, header: { x5c: [] } }), '0 certificates'],
    [
      'a long chain',
      (json: Record<string, unknown>) => ({ ...json, header: { x5c: Array(11).fill('AAAA') } }),
      '11 certificates',
    ],
    ['a chain of numbers', (json: Record<string, unknown>) => ({ ...json, header: { x5c: [7] } }), 'cannot be read'],
    [
      'a certificate nested without end',
      (json: Record<string, unknown>) => ({
        ...json,
        header: { x5c: [Buffer.alloc(60_000, 0x30).toString('base64')] },
      }),
      'cannot be read',
    ],
    [
      'several signatures',
      (json: Record<string, unknown>) => ({ payload: json['payload'], signatures: [json] }),
      'not the JWS',
    ],
  ])('with %s is none', (_what, change, said) => {
    const json = JSON.parse(envelope().toString()) as Record<string, unknown>;
    expect(why(Buffer.from(JSON.stringify(change(json))))).toContain(said);
  });

  it.each([
    ['not JSON', 'x'],
    ['a list', '[]'],
    ['null', 'null'],
    ['nested', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ])('that is %s is none', (_what, text) => {
    expect(why(Buffer.from(text))).toBe('it is not the JWS of a signature');
  });

  const SCHEME = 'io.cncf.notary.signingScheme';
  const EXPIRY = 'io.cncf.notary.expiry';
  const AUTHENTIC = 'io.cncf.notary.authenticSigningTime';
  it.each([
    ['another scheme', { [SCHEME]: 'x' }, 'scheme is not known'],
    ['no time', { 'io.cncf.notary.signingTime': undefined }, 'when it was made'],
    ['an unreadable time', { 'io.cncf.notary.signingTime': 'yesterday' }, 'when it was made'],
    ['nothing critical', { crit: undefined }, 'must be critical is not'],
    ['an unknown critical attribute', { crit: [SCHEME, 'x'], x: 1 }, "'x' is not known"],
    ['a critical attribute that is away', { crit: [SCHEME, EXPIRY] }, 'is not known'],
    ['an expiry that is not critical', { [EXPIRY]: '2027-01-01T00:00:00Z' }, 'must be critical is not'],
    ['an expiry before it was made', { crit: [SCHEME, EXPIRY], [EXPIRY]: '2026-01-01T00:00:00Z' }, 'ends before'],
    ['a plugin', { 'io.cncf.notary.verificationPlugin': 'x' }, 'by a plugin'],
    ['a time of another scheme', { [AUTHENTIC]: '2026-01-01T00:00:00Z' }, 'of another scheme'],
    ['another payload type', { cty: 'text/plain' }, 'no type that is known'],
  ])('that says %s is none', (_what, header, said) => {
    expect(why(envelope({ header }))).toContain(said);
  });

  it.each([
    ['a server', { uses: ['1.3.6.1.5.5.7.3.1'] }, 'for something else'],
    ['a client', { uses: ['1.3.6.1.5.5.7.3.2'] }, 'for something else'],
    ['timestamps', { uses: [CODE_SIGNING, '1.3.6.1.5.5.7.3.8'] }, 'for something else'],
    ['an authority', { authority: true }, 'by an authority itself'],
  ])('by a certificate of %s is none', (_what, options, said) => {
    expect(why(envelope({ by: leafOf(options) }))).toContain(said);
  });

  it('comes with its whole chain, in order', () => {
    const chains = (...chain: readonly string[]): string => why(envelope({ chain }));
    expect(chains(leaf.certPem)).toContain('do not make a chain');
    expect(chains(leaf.certPem, createAuthority('notary.test').certPem)).toContain('do not make a chain');
    expect(chains(leaf.certPem, authority.certPem, authority.certPem)).toContain('is a root');
    // A leaf that issues another one.
    const middle = leafOf({ name: 'middle' });
    const fake = createAuthority('middle');
    expect(chains(fake.certPem, middle.certPem, authority.certPem)).not.toBe('ok');
  });

  it('holds as long as the trust policy asks', () => {
    const short = leafOf({ notBefore: new Date('2026-02-01'), notAfter: new Date('2026-04-01') });
    const level = (signatureVerification: object) => trustOf(policyOf(statement({ signatureVerification })));
    const strict = level({ level: 'strict' });
    const found = envelope({ by: short });
    expect(why(found, strict, NOW)).toBe('ok');
    for (const time of ['2026-05-01', '2026-01-01', '1970-01-02'])
      expect(why(found, strict, Date.parse(time))).toBe('a certificate of it is not valid now');
    expect(why(found, level({ level: 'permissive' }), Date.parse('2026-05-01'))).toBe('ok');
    const expiring = envelope({
      header: { crit: [SCHEME, EXPIRY], [EXPIRY]: '2026-03-01T12:00:00Z' },
    });
    expect(why(expiring, strict, NOW - 1)).toBe('ok');
    expect(why(expiring, strict, NOW)).toBe('it has expired');
    expect(why(expiring, level({ level: 'strict', override: { expiry: 'log' } }), NOW)).toBe('ok');
    expect(why(expiring, level({ level: 'permissive', override: { expiry: 'enforce' } }), NOW)).toBe('it has expired');
  });

  it('of an authority that signs the time holds by that', () => {
    const header = {
      [SCHEME]: 'notary.x509.signingAuthority',
      [AUTHENTIC]: '2026-02-15T00:00:00Z',
      'io.cncf.notary.signingTime': undefined,
      crit: [SCHEME, AUTHENTIC],
    };
    const short = leafOf({ notBefore: new Date('2026-02-01'), notAfter: new Date('2026-04-01') });
    const stores = trustOf(policyOf(statement({ trustStores: ['signingAuthority:acme'] })));
    const later = Date.parse('2030-01-01');
    expect(why(envelope({ by: short, header }), stores, later)).toBe('ok');
    expect(why(envelope({ by: short, header }), trustOf(), NOW)).toContain('has no store for that');
    expect(why(envelope({ by: short }), stores, NOW)).toContain('has no store for that');
    const late = { ...header, [AUTHENTIC]: '2026-05-15T00:00:00Z' };
    expect(why(envelope({ by: short, header: late }), stores, later)).toContain('was not valid when it was made');
    expect(why(envelope({ header: { ...header, crit: [SCHEME] } }), stores, NOW)).toContain('must be critical');
  });

  it('is not taken where revocation, or a timestamp, would have to be asked for', () => {
    const list = der(0x30, der(0x30, der(0xa0, der(0xa0, der(0x86, Buffer.from('http://crl.test'))))));
    const revocable = leafOf({ extras: [{ id: '2.5.29.31', value: list }] });
    const level = (signatureVerification: object) => trustOf(policyOf(statement({ signatureVerification })));
    expect(why(envelope({ by: revocable }))).toContain('override: { revocation: skip }');
    expect(why(envelope({ by: revocable }), level({ level: 'strict', override: { revocation: 'skip' } }))).toBe('ok');
    expect(why(envelope({ by: revocable }), level({ level: 'permissive' }))).toBe('ok');
    const tsa = (signatureVerification: object) =>
      trustOf(policyOf(statement({ signatureVerification, trustStores: ['ca:a', 'tsa:b'] })));
    expect(why(envelope(), tsa({ level: 'strict' }))).toContain('asks for a timestamp');
    expect(why(envelope(), tsa({ level: 'strict', verifyTimestamp: 'afterCertExpiry' }))).toBe('ok');
  });

  it('is proven also where the policy would let others pass', () => {
    const audit = trustOf(policyOf(statement({ signatureVerification: { level: 'audit' } })));
    expect(why(envelope(), audit)).toBe('ok');
    const other = { ...audit, certificates: trustOf(audit.policy, createAuthority('x').certPem).certificates };
    expect(why(envelope(), other)).toBe('none of the trusted certificates is in its chain');
  });
});

describe('a COSE envelope', () => {
  const ofCose = (found: Buffer): string => {
    const check = notationCheck(trustOf(), 'registry.example.com/org/app', NOW);
    const verdict = check({ kind: 'envelope', mediaType: 'application/cose', bytes: found }, { digest, bytes });
    return verdict.ok ? 'ok' : verdict.why;
  };
  const SCHEME = 'io.cncf.notary.signingScheme';
  const EXPIRY = 'io.cncf.notary.expiry';
  const ends = (time: string): readonly [Item, Item] => [EXPIRY, { tag: 1, value: Date.parse(time) / 1000 }];

  it('holds as a JWS does', () => {
    expect(ofCose(notary.cose())).toBe('ok');
    expect(ofCose(notary.cose({ by: leafOf({ uses: ['1.3.6.1.5.5.7.3.1'] }) }))).toContain('for something else');
    const other = sha256('another manifest');
    expect(ofCose(notary.cose({ payload: { targetArtifact: { digest: other } } }))).toBe(`it signs '${other}'`);
    const critical: readonly [Item, Item] = [2, [SCHEME, EXPIRY]];
    expect(ofCose(notary.cose({ header: [critical, ends('2026-04-01')] }))).toBe('ok');
    expect(ofCose(notary.cose({ header: [critical, ends('2026-02-15')] }))).toBe('it has expired');
    expect(ofCose(notary.envelope())).toBe('it is not the COSE of a signature');
    expect(why(notary.cose())).toBe('it is not the JWS of a signature');
  });

  it.each([
    ['another algorithm', [[1, -37]], 'not that of its certificate'],
    ['an algorithm of text', [[1, 'ES256']], 'not that of its certificate'],
    ['another payload type', [[3, 'text/plain']], 'no type that is known'],
    ['nothing critical', [[2, []]], 'must be critical is not'],
    [
      'a critical number',
      [
        [2, [SCHEME, 99]],
        [99, 1],
      ],
      "'99' is not known",
    ],
    ['a time without a tag', [['io.cncf.notary.signingTime', 1_769_904_000]], 'when it was made'],
    ['a time out of reach', [['io.cncf.notary.signingTime', { tag: 1, value: 2 ** 32 - 1 }]], 'ok'],
    ['a plugin of bytes', [['io.cncf.notary.verificationPlugin', Buffer.from('x')]], 'by a plugin'],
    ['an expiry that is not critical', [ends('2026-04-01')], 'must be critical is not'],
  ] satisfies [string, readonly (readonly [Item, Item])[], string][])(
    'that says %s is judged',
    (_what, header, said) => {
      expect(ofCose(notary.cose({ header }))).toContain(said);
    },
  );

  const parts = (change: (list: Item[]) => Item): Buffer => {
    const value = readCbor(notary.cose());
    const list = typeof value === 'object' && value !== null && 'tag' in value ? (value.value as readonly Cbor[]) : [];
    const [head, , body, signature] = list as unknown as readonly Buffer[];
    const open = new Map<Item, Item>([
      [33, [leaf.certPem, authority.certPem].map((pem) => new X509Certificate(pem).raw)],
    ]);
    return cborOf(change([head ?? '', open, body ?? '', signature ?? '']));
  };
  it.each([
    ['as it was', (list: Item[]) => ({ tag: 18, value: list }), 'ok'],
    ['without its tag', (list: Item[]) => list, 'not the COSE'],
    ['of another tag', (list: Item[]) => ({ tag: 98, value: list }), 'not the COSE'],
    ['of three parts', (list: Item[]) => ({ tag: 18, value: list.slice(1) }), 'not the COSE'],
    [
      'with another payload',
      ([a, b, , d]: Item[]) => ({ tag: 18, value: [a ?? '', b ?? '', Buffer.from('{}'), d ?? ''] }),
      'does not hold',
    ],
    [
      'without a header',
      ([, b, c, d]: Item[]) => ({ tag: 18, value: [Buffer.alloc(0), b ?? '', c ?? '', d ?? ''] }),
      'not the COSE',
    ],
    [
      'without a chain',
      ([a, , c, d]: Item[]) => ({ tag: 18, value: [a ?? '', new Map(), c ?? '', d ?? ''] }),
      'not the COSE',
    ],
    [
      'with bytes for its open header',
      ([a, , c, d]: Item[]) => ({ tag: 18, value: [a ?? '', Buffer.from('x'), c ?? '', d ?? ''] }),
      'not the COSE',
    ],
    [
      'with a list for its open header',
      ([a, , c, d]: Item[]) => ({ tag: 18, value: [a ?? '', [], c ?? '', d ?? ''] }),
      'not the COSE',
    ],
    [
      'with a chain of numbers',
      ([a, , c, d]: Item[]) => ({ tag: 18, value: [a ?? '', new Map<Item, Item>([[33, [1]]]), c ?? '', d ?? ''] }),
      'cannot be read',
    ],
  ] satisfies [string, (list: Item[]) => Item, string][])('%s is judged', (_what, change, said) => {
    expect(ofCose(parts(change))).toContain(said);
  });

  it.each([
    ['nothing', ''],
    ['a length that is not told', '5f41004100ff'],
    ['a list without an end', '9f0102ff'],
    ['a float', 'fb3ff0000000000000'],
    ['undefined', 'f7'],
    ['a key twice', 'a201010102'],
    ['a key of bytes', 'a1410001'],
    ['a length beyond the end', '5bffffffffffffffff00'],
    ['a list beyond the end', '9affffffff'],
    ['more than one value', '0000'],
    ['half a value', '1901'],
    ['lists in lists', '81'.repeat(100_000)],
    ['more values than may be', `990800${'00'.repeat(2_048)}`],
  ])('%s is not read', (_what, hex) => {
    expect(readCbor(Buffer.from(hex, 'hex'))).toBeUndefined();
    expect(ofCose(Buffer.from(hex, 'hex'))).toBe('it is not the COSE of a signature');
  });

  it('is read and written as RFC 8949 shows', () => {
    const read = (hex: string) => readCbor(Buffer.from(hex, 'hex'));
    expect([read('1864'), read('1903e8'), read('3863'), read('f4'), read('f5'), read('f6')]).toEqual([
      100,
      1_000,
      -100,
      false,
      true,
      null,
    ]);
    expect(read('6449455446')).toBe('IETF');
    expect(read('c11a514b67b0')).toEqual({ tag: 1, value: 1_363_896_240 });
    expect(read('1b000000e8d4a51000')).toBe(1_000_000_000_000);
    expect(cborBytes(Buffer.from('01020304', 'hex')).toString('hex')).toBe('4401020304');
    for (const length of [23, 24, 255, 256, 65_535, 65_536])
      expect(readCbor(cborBytes(Buffer.alloc(length, 7)))).toEqual(Buffer.alloc(length, 7));
  });
});

describe('a trust policy', () => {
  const faultOf = (policy: string, change: Partial<NotationTrust> = {}): string => {
    try {
      notationCheck({ ...trustOf(policy), ...change }, 'registry.example.com/org/app', NOW);
    } catch (error) {
      if (error instanceof Fault && error.code === 'signature-keys') return error.message;
      throw error;
    }
    return 'ok';
  };

  it('goes by the scope of the repository, else by *', () => {
    const own = statement({
      name: 'own',
      registryScopes: ['registry.example.com/org/app'],
      trustedIdentities: ['x509.subject:C=DE,ST=B,O=X'],
    });
    expect(why(envelope(), trustOf(policyOf(statement(), own)))).toContain('does not name');
    const others = statement({ registryScopes: ['registry.example.com/org'] });
    expect(faultOf(policyOf(others))).toContain(
      'no statement of it is for registry.example.com/org/app, and none for *',
    );
    expect(faultOf(policyOf(statement(), statement({ name: 'b' })))).toContain('two of its statements');
  });

  it.each([
    ['no JSON', 'x', 'not the JSON'],
    ['another version', '{"version":"2.0"}', 'version 1.0'],
    ['no statements', policyOf(), 'no statements'],
    ['a statement without name', policyOf(statement({ name: '' })), 'no name'],
    ['two of one name', policyOf(statement(), statement({ registryScopes: ['a/b'] })), 'that of another'],
    ['numbers for statements', policyOf(1, 2), 'no name'],
    ['no level', policyOf(statement({ signatureVerification: {} })), 'none of strict'],
    [
      'a level of every object',
      policyOf(statement({ signatureVerification: { level: 'toString' } })),
      'none of strict',
    ],
    ['skip', policyOf(statement({ signatureVerification: { level: 'skip' } })), 'nothing is verified'],
    [
      'an unknown override',
      policyOf(statement({ signatureVerification: { level: 'strict', override: { integrity: 'log' } } })),
      'override',
    ],
    [
      'a skipped expiry',
      policyOf(statement({ signatureVerification: { level: 'strict', override: { expiry: 'skip' } } })),
      'override',
    ],
    ['no stores', policyOf(statement({ trustStores: [] })), 'no trustStores'],
    ['a store of another kind', policyOf(statement({ trustStores: ['x:y'] })), 'known kind'],
    ['no identities', policyOf(statement({ trustedIdentities: [] })), 'no trustedIdentities'],
    ['all and some', policyOf(statement({ trustedIdentities: ['*', 'x509.subject:C=US,ST=WA,O=A'] })), '* and others'],
    ['another kind of identity', policyOf(statement({ trustedIdentities: ['a:b'] })), 'x509.subject:'],
    [
      'an identity that lacks a part',
      policyOf(statement({ trustedIdentities: ['x509.subject:C=US,O=A'] })),
      'it lacks ST',
    ],
    [
      'identities in one another',
      policyOf(statement({ trustedIdentities: ['x509.subject:C=US,ST=WA,O=A', 'x509.subject:C=US,ST=WA,O=A,CN=b'] })),
      'says the same',
    ],
    [
      'another verifyTimestamp',
      policyOf(statement({ signatureVerification: { level: 'strict', verifyTimestamp: 'x' } })),
      'verifyTimestamp',
    ],
  ])('with %s is refused', (_what, policy, said) => {
    expect(faultOf(policy)).toContain('trustpolicy.json of Secret apps/trust: ');
    expect(faultOf(policy)).toContain(said);
  });

  it('goes with certificates that can be read', () => {
    const bad = { certificates: [{ name: 'ca.crt', bytes: Buffer.from('x') }] };
    expect(faultOf(policyOf(statement()), bad)).toBe('ca.crt of Secret apps/trust is no certificate');
  });
});

describe('distinguished names', () => {
  it.each([
    ['C=US,ST=WA,O=Acme', { C: 'US', ST: 'WA', O: 'Acme' }],
    [' C = US , ST=WA,O=Acme Inc. ', { C: 'US', ST: 'WA', O: 'Acme Inc.' }],
    ['C=US,S=WA,O=Acme\\, Inc', { C: 'US', ST: 'WA', O: 'Acme, Inc' }],
    ['C=US,ST=WA,O=\\C3\\A9t\\C3\\A9\\ ', { C: 'US', ST: 'WA', O: 'été ' }],
    ['C=US,ST=WA,O=\\ a\\\\', { C: 'US', ST: 'WA', O: ' a\\' }],
    ['C=US,ST=WA,O=été', { C: 'US', ST: 'WA', O: 'été' }],
  ])('%s', (text, want) => {
    const names = parseNames(text);
    expect(typeof names === 'string' ? names : Object.fromEntries(names)).toEqual(want);
  });

  it.each([
    'C=US',
    'C=US,ST=WA,O=a,O=b',
    'C=US,ST=WA,S=WA,O=a',
    'C=US,ST=WA,O=a+CN=b',
    'C=US,ST=WA,O=#0c01',
    'C=US,ST=WA,O=\\zz',
    'C=US,ST=WA,O=\\',
    'C=US,ST=WA,O=',
    'C=US,,O=a',
    '=US,ST=WA,O=a',
    '',
    'x'.repeat(10_000),
  ])('%s is refused', (text) => {
    expect(typeof parseNames(text)).toBe('string');
  });
});

describe('chains with keys of other kinds', () => {
  // Made by openssl: roots of the name that the leaf names.
  const OTHERS = {
    ed25519:
      '-----BEGIN CERTIFICATE-----\nMIIBgTCCATOgAwIBAgIUFVwGecGSTeTpfy6PFX/zxlq6Q8MwBQYDK2VwMDUxCzAJBgNVBAYTAlVTMQswCQYDVQQIDAJXQTENMAsGA1UECgwEQWNtZTEKMAgGA1UEAwwBeDAgFw0yNjExMjkyMzM2MzJaGA8yMDUxMDcyMTIzMzYzMlowNTELMAkGA1UEBhMCVVMxCzAJBgNVBAgMAldBMQ0wCwYDVQQKDARBY21lMQowCAYDVQQDDAF4MCowBQYDK2VwAyEAUojUsajK7+17H14VJ56CObvw7gAzwBfS8TuiyBkgybSjUzBRMB0GA1UdDgQWBBRN5RDmSDEX96RxnkfT13WAK64JNzAfBgNVHSMEGDAWgBRN5RDmSDEX96RxnkfT13WAK64JNzAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAIyiOx6bdvTfpU0/tMxFvw11E8//l2yfOJfEVKcUxg13lulzoUYgMs9SwUpGuGDeXE7YkbBKkYJ6k99XMSll9gI=\n-----END CERTIFICATE-----',
    secp256k1:
      '-----BEGIN CERTIFICATE-----\nMIIBgTCCASagAwIBAgIUMlZNWGYHTq45gMx9Mv1LKMAnZfEwCgYIKoZIzj0EAwIwFjEUMBIGA1UEAwwLbm90YXJ5LnRlc3QwIBcNMjYxMTI5MjMzNjMyWhgPMjA1MTA3MjEyMzM2MzJaMBYxFDASBgNVBAMMC25vdGFyeS50ZXN0MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEq2JA2XFfheldse7K4QUoS1s5I6NjLiPoRdJ/cNJJHXm+QNV89qGhVuMj5mtSMes0FMszpJscUZEqUju4hSxFWqNTMFEwHQYDVR0OBBYEFF8jB3Zkvhv+lpUFwW4R/BNP6aCEMB8GA1UdIwQYMBaAFF8jB3Zkvhv+lpUFwW4R/BNP6aCEMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAPQT6vH7oAsRNP61sGh3JZHM5gvIuIKVqO0hpByRcTMOAiEAhQMUq+P/3HUBogmdNEWf5Fz85keTp/RxEgvDjQmBq5M=\n-----END CERTIFICATE-----',
  };
  it.each(Object.entries(OTHERS))('of %s are refused', (_kind, pem) => {
    expect(why(envelope({ chain: [pem, authority.certPem] }))).not.toBe('ok');
    expect(why(envelope({ chain: [leaf.certPem, pem] }))).not.toBe('ok');
    expect(why(envelope({ chain: [pem] }))).not.toBe('ok');
  });
});
