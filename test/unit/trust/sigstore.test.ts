import { describe, expect, it } from 'vitest';
import { Fault, sha256 } from '../../../src/model/index.ts';
import type { FoundSignature } from '../../../src/trust/artifact/index.ts';
import { keylessCheck, type OidcIdentity } from '../../../src/trust/sigstore/index.ts';
import { createSigner, dsseBundle, simplePayload, statement } from '../../support/signatures.ts';
import { type BundleJson, createSigstore, ISSUER, SIGNED_AT, type TrustedRootJson } from '../../support/sigstore.ts';

const bytes = Buffer.from('{"schemaVersion":2,"layers":[]}');
const digest = sha256(bytes);
const other = sha256('another manifest');
const RELEASE = 'https://git.example.com/org/app/.ci/release.yaml@refs/heads/main';
const sigstore = createSigstore();
const elsewhere = createSigstore();
const alice = sigstore.signer(RELEASE);
const anybody: OidcIdentity = { issuer: '.*', subject: '.*' };
const exact: OidcIdentity = { issuer: `^${ISSUER}$`, subject: '^https://git\\.example\\.com/org/app/.*$' };

const why = (found: FoundSignature, identities: readonly OidcIdentity[] = [exact], root = sigstore.root()): string => {
  const verdict = keylessCheck(identities, { name: 'root', text: root })(found, { digest, bytes });
  return verdict.ok ? 'ok' : verdict.why;
};
const bundled = (text: Uint8Array): FoundSignature => ({ kind: 'bundle', bytes: text });
const simple = (annotations: Record<string, string>, payload = simplePayload(digest)): FoundSignature => ({
  kind: 'simple',
  payload,
  annotations,
});

describe('a signature by an identity', () => {
  it('holds in every form, without a clock and without a network', () => {
    expect(why(bundled(alice.dsse(statement(digest))))).toBe('ok');
    expect(why(bundled(alice.message(bytes)))).toBe('ok');
    expect(why(simple(alice.simple(simplePayload(digest))))).toBe('ok');
  });

  it('speaks for its own digest only, and says that it is a signature', () => {
    expect(why(bundled(alice.dsse(statement(other))))).toBe(`it signs '${other}'`);
    expect(why(bundled(alice.message(Buffer.from('another manifest'))))).toContain('does not hold');
    const stolen = simplePayload(other);
    expect(why(simple(alice.simple(stolen), stolen))).toBe(`it signs '${other}'`);
    expect(why(simple(alice.simple(stolen)))).toContain('does not hold');
    const slsa = statement(digest, { predicateType: 'https://slsa.dev/provenance/v1' });
    expect(why(bundled(alice.dsse(slsa)))).toContain('which is no signature');
  });

  it.each([
    ['another subject', [{ ...exact, subject: '^https://git\\.example\\.com/other/' }]],
    ['another issuer', [{ ...exact, issuer: '^https://other$' }]],
    [
      'issuer and subject of two',
      [
        { ...exact, issuer: '^x$' },
        { ...exact, subject: '^x$' },
      ],
    ],
    ['nobody', []],
  ])('is not taken for %s', (_what, identities) => {
    expect(why(bundled(alice.dsse(statement(digest))), identities)).toBe(
      `it is by '${RELEASE}' of '${ISSUER}', whom matchOIDCIdentity does not name`,
    );
  });

  it('is taken where one of several matches, anywhere in the text as in Flux', () => {
    const found = bundled(alice.dsse(statement(digest)));
    expect(why(found, [{ issuer: 'x', subject: 'y' }, exact])).toBe('ok');
    expect(why(found, [{ issuer: 'token', subject: 'org/app' }])).toBe('ok');
    expect(why(found, [{ issuer: 'token', subject: '^org/app' }])).toContain('does not name');
  });

  it('is matched in time that does not grow with the pattern', () => {
    const long = sigstore.signer(`https://git.example.com/${'a'.repeat(5_000)}!`);
    const start = performance.now();
    expect(why(bundled(long.dsse(statement(digest))), [{ issuer: '.*', subject: '^https://(.*)/(a+)+$' }])).toContain(
      'does not name',
    );
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('of another instance, of no log, or of another time, does not hold', () => {
    const mallory = elsewhere.signer(RELEASE);
    for (const found of [
      bundled(mallory.dsse(statement(digest))),
      simple(mallory.simple(simplePayload(digest))),
      bundled(sigstore.signer(RELEASE, { unlogged: true }).dsse(statement(digest))),
      bundled(alice.dsse(statement(digest), SIGNED_AT + 600_000)),
      bundled(alice.dsse(statement(digest), SIGNED_AT - 120_000)),
      // Before the authority was believed.
      bundled(
        sigstore
          .signer(RELEASE, { from: SIGNED_AT - 90 * 86_400_000 })
          .dsse(statement(digest), SIGNED_AT - 90 * 86_400_000),
      ),
    ])
      expect(why(found, [anybody])).toContain('its certificate or log entry does not hold');
  });

  it.each([
    ['no entry', (json: BundleJson) => (json.verificationMaterial.tlogEntries = [])],
    [
      'the entry twice',
      ({ verificationMaterial: m }: BundleJson) => (m.tlogEntries = [...m.tlogEntries, ...m.tlogEntries]),
    ],
    [
      'no promise and no proof',
      ({ verificationMaterial: m }: BundleJson) =>
        (m.tlogEntries = m.tlogEntries.map(({ inclusionPromise: _p, inclusionProof: _q, ...rest }) => rest)),
    ],
    [
      'another time',
      ({ verificationMaterial: m }: BundleJson) =>
        (m.tlogEntries = m.tlogEntries.map((one) => ({ ...one, integratedTime: '1772366401' }))),
    ],
    [
      'another log',
      ({ verificationMaterial: m }: BundleJson) =>
        (m.tlogEntries = m.tlogEntries.map((one) => ({ ...one, logId: { keyId: 'AAAA' } }))),
    ],
    [
      'another body',
      ({ verificationMaterial: m }: BundleJson) =>
        (m.tlogEntries = m.tlogEntries.map((one) => ({ ...one, canonicalizedBody: 'e30=' }))),
    ],
    [
      'a certificate that is none',
      ({ verificationMaterial: m }: BundleJson) => (m['certificate'] = { rawBytes: 'AAAA' }),
    ],
    [
      'a certificate nested without end',
      ({ verificationMaterial: m }: BundleJson) =>
        (m['certificate'] = { rawBytes: Buffer.alloc(60_000, 0x30).toString('base64') }),
    ],
    [
      'ten thousand entries',
      ({ verificationMaterial: m }: BundleJson) =>
        (m.tlogEntries = Array.from({ length: 10_000 }, () => ({ integratedTime: '1', inclusionPromise: {} }))),
    ],
  ])('with %s does not hold', (_what, change) => {
    const start = performance.now();
    expect(why(bundled(alice.dsse(statement(digest), SIGNED_AT, (json) => void change(json))), [anybody])).not.toBe(
      'ok',
    );
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('by a key is none', () => {
    expect(why(bundled(dsseBundle(createSigner(), statement(digest))))).toContain('by a key');
    const payload = simplePayload(digest);
    const signature = createSigner().raw(payload).toString('base64');
    expect(why(simple({ 'dev.cosignproject.cosign/signature': signature }))).toBe('it is not by a certificate');
    const both = (json: BundleJson): void => {
      json.verificationMaterial['publicKey'] = { hint: 'x' };
    };
    expect(why(bundled(alice.dsse(statement(digest), SIGNED_AT, both)))).toContain('by a key');
  });

  it('of cosign 2 needs its entry of the log', () => {
    const all = alice.simple(simplePayload(digest));
    const { 'dev.sigstore.cosign/bundle': entry = '', ...without } = all;
    expect(why(simple(without))).toBe('no entry of a transparency log comes with it');
    expect(why(simple({ ...without, 'dev.sigstore.cosign/bundle': '{' }))).toContain('no entry');
    expect(
      why(simple({ ...all, 'dev.sigstore.cosign/bundle': entry.replace('"logIndex":0', '"logIndex":1') })),
    ).toContain('does not hold');
    // The entry of another signature (CVE-2022-36056).
    const older = alice.simple(simplePayload(other));
    const swapped = { ...all, 'dev.sigstore.cosign/bundle': older['dev.sigstore.cosign/bundle'] ?? '' };
    expect(why(simple(swapped))).toContain('does not hold');
    expect(why(simple({ ...all, 'dev.sigstore.cosign/certificate': 'no PEM' }))).toBe('it is not by a certificate');
  });
});

describe('a trusted root', () => {
  const faultOf = (text: string, identities: readonly OidcIdentity[] = [exact]): string => {
    try {
      keylessCheck(identities, { name: 'trusted_root.json of Secret apps/root', text });
    } catch (error) {
      if (error instanceof Fault && error.code === 'signature-keys') return error.message;
      throw error;
    }
    return 'ok';
  };
  it.each([
    ['not JSON', 'x', 'not the JSON of one'],
    ['a list', '[]', 'mediaType'],
    ['another document', '{"mediaType":"x"}', 'mediaType'],
    ['empty', '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}', 'no certificate authority'],
    ['too long', 'x'.repeat(600_000), 'more than'],
    ['with numbers for keys', sigstore.root((root) => Object.assign(root.tlogs[0] ?? {}, { publicKey: 7 })), 'no key'],
  ])('that is %s is refused', (_what, text, said) => {
    const message = faultOf(text);
    expect(message).toContain('trusted_root.json of Secret apps/root is no trusted root of Sigstore: ');
    expect(message).toContain(said);
  });

  it.each([
    ['no log of signatures', (root: TrustedRootJson) => (root.tlogs = []), 'no transparency log'],
    ['no beginning of a log', (root: TrustedRootJson) => delete root.tlogs[0]?.publicKey.validFor?.start, 'no time'],
    [
      'no beginning of a log of certificates',
      (root: TrustedRootJson) => delete root.ctlogs[0]?.publicKey.validFor,
      'no time',
    ],
    ['no id of a log', (root: TrustedRootJson) => delete root.tlogs[0]?.['logId'], 'no id'],
    [
      'a key that is none',
      (root: TrustedRootJson) => root.tlogs.map((one) => Object.assign(one.publicKey, { rawBytes: 'AAAA' })),
      'cannot be read',
    ],
    [
      'an authority without certificate',
      (root: TrustedRootJson) =>
        root.certificateAuthorities.map((one) => Object.assign(one.certChain, { certificates: [] })),
      'no certificate',
    ],
    [
      'a certificate that is none',
      (root: TrustedRootJson) =>
        root.certificateAuthorities.map((one) =>
          Object.assign(one.certChain, { certificates: [{ rawBytes: 'AAAA' }] }),
        ),
      'cannot be read',
    ],
  ])('with %s is refused', (_what, change, said) => {
    expect(faultOf(sigstore.root((root) => void change(root)))).toContain(said);
  });

  it('without the log of certificates believes none of them', () => {
    const root = sigstore.root((json) => {
      json.ctlogs = [];
    });
    expect(why(bundled(alice.dsse(statement(digest))), [exact], root)).toContain('does not hold');
  });

  it('goes with patterns that can be read', () => {
    expect(faultOf(sigstore.root(), [{ ...exact, subject: '(' }])).toContain(
      'matchOIDCIdentity[0].subject is no regular',
    );
    expect(faultOf(sigstore.root(), [exact, { ...exact, issuer: '(?<x' }])).toContain('matchOIDCIdentity[1].issuer');
    expect(
      faultOf(
        sigstore.root(),
        Array.from({ length: 101 }, () => exact),
      ),
    ).toContain('more than 100');
  });
});
