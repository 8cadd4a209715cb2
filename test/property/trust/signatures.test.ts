import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/model/index.ts';
import { type FoundSignature, keyedCheck, type SignatureCheck } from '../../../src/trust/artifact/index.ts';
import { readCertificate } from '../../../src/trust/notation/certificate.ts';
import { derValues } from '../../../src/trust/notation/der.ts';
import { notationCheck } from '../../../src/trust/notation/index.ts';
import { keylessCheck } from '../../../src/trust/sigstore/index.ts';
import { createNotary } from '../../support/notary.ts';
import { createSigner, dsseBundle, messageBundle, simplePayload, statement } from '../../support/signatures.ts';
import { createSigstore } from '../../support/sigstore.ts';

const RUNS = 1_000;
const subjectOf = (text: string) => ({ digest: sha256(text), bytes: Buffer.from(text) });
const [signed, other] = [subjectOf('{"n":1}'), subjectOf('{"n":2}')];

const alice = createSigner();
const sigstore = createSigstore();
const release = sigstore.signer('https://git.example.com/release');
const notary = createNotary({ digest: signed.digest, size: signed.bytes.length });
const payload = simplePayload(signed.digest);
const keyed = keyedCheck([{ name: 'a.pub', pem: alice.publicPem }]);
const keyless = keylessCheck([{ issuer: '.*', subject: '.*' }], { name: 'root', text: sigstore.root() });
const POLICY = {
  name: 'all',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:a'],
  trustedIdentities: ['*'],
};
const notation = notationCheck(
  {
    name: 'trust',
    policy: JSON.stringify({ version: '1.0', trustPolicies: [POLICY] }),
    certificates: [{ name: 'a.crt', bytes: Buffer.from(notary.authority.certPem) }],
  },
  'registry.example.com/app',
  Date.parse('2026-03-01'),
);

/** A signature as text that can be changed anywhere, and as what is made of it. */
interface Form {
  readonly check: SignatureCheck;
  readonly text: string;
  readonly found: (text: string) => FoundSignature;
}
const bundle = (text: string): FoundSignature => ({ kind: 'bundle', bytes: Buffer.from(text) });
const simple = (text: string): FoundSignature => {
  const [first = '', ...rest] = text.split('\u0000');
  return {
    kind: 'simple',
    payload: Buffer.from(first),
    annotations: Object.fromEntries(rest.map((one) => one.split('\u0001'))),
  };
};
const simpleText = (annotations: Record<string, string>): string =>
  [payload.toString(), ...Object.entries(annotations).map((one) => one.join('\u0001'))].join('\u0000');
const jws = (text: string): FoundSignature => ({
  kind: 'envelope',
  mediaType: 'application/jose+json',
  bytes: Buffer.from(text),
});
const cose = (text: string): FoundSignature => ({
  kind: 'envelope',
  mediaType: 'application/cose',
  bytes: Buffer.from(text, 'latin1'),
});
const signature = { 'dev.cosignproject.cosign/signature': alice.raw(payload).toString('base64') };
const FORMS: Readonly<Record<string, Form>> = {
  'a bundle by a key': { check: keyed, text: dsseBundle(alice, statement(signed.digest)).toString(), found: bundle },
  'a bundle of bytes by a key': { check: keyed, text: messageBundle(alice, signed.bytes).toString(), found: bundle },
  'the older form by a key': { check: keyed, text: simpleText(signature), found: simple },
  'a bundle by an identity': { check: keyless, text: release.dsse(statement(signed.digest)).toString(), found: bundle },
  'the older form by an identity': { check: keyless, text: simpleText(release.simple(payload)), found: simple },
  'a JWS of notation': { check: notation, text: notary.envelope().toString(), found: jws },
  'a COSE of notation': { check: notation, text: notary.cose().toString('latin1'), found: cose },
};

/** Small changes of a text: characters set, pieces cut out or repeated, and one digest put in place of the other. */
const changes = fc.array(
  fc.oneof(
    fc.record({ at: fc.nat(), set: fc.string({ minLength: 1, maxLength: 4 }) }),
    fc.record({ at: fc.nat(), cut: fc.nat(40) }),
    fc.record({ at: fc.nat(), again: fc.nat(40) }),
    fc.constant({ swap: true as const }),
  ),
  { maxLength: 4 },
);
type Change = (typeof changes extends fc.Arbitrary<infer T> ? T : never)[number];

function changed(text: string, change: Change): string {
  if ('swap' in change) {
    const hex = (one: string): string => one.replace('sha256:', '');
    return text.replaceAll(hex(signed.digest), hex(other.digest));
  }
  const at = change.at % (text.length + 1);
  if ('set' in change) return text.slice(0, at) + change.set + text.slice(at + change.set.length);
  if ('cut' in change) return text.slice(0, at) + text.slice(at + change.cut);
  return text.slice(0, at + change.again) + text.slice(at);
}

describe.each(Object.entries(FORMS))('%s', (_name, { check, text, found }) => {
  it('holds, for what it signs', () => {
    expect(check(found(text), signed)).toEqual({ ok: true });
    expect(check(found(text), other).ok).toBe(false);
  });

  it('that was changed holds for nothing else, and throws nothing', () => {
    fc.assert(
      fc.property(changes, (all) => {
        const mutant = found(all.reduce(changed, text));
        check(mutant, signed);
        expect(check(mutant, other).ok).toBe(false);
      }),
      // A certificate of an identity takes some 10 ms.
      { numRuns: check === keyless ? RUNS / 10 : RUNS },
    );
  });

  it('that is anything holds for nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (any) => {
        expect(check(found(any), signed).ok).toBe(false);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('certificates', () => {
  const der = new X509Certificate(notary.leaf.certPem).raw;
  it('of any bytes are read, or not, and throw nothing', () => {
    fc.assert(
      fc.property(fc.nat(), fc.uint8Array({ maxLength: 8 }), fc.uint8Array(), (at, set, any) => {
        const mutant = Buffer.from(der);
        mutant.set(set.subarray(0, mutant.length - (at % mutant.length)), at % mutant.length);
        readCertificate(mutant);
        readCertificate(Buffer.from(any));
        derValues(Buffer.from(any));
      }),
      { numRuns: 2 * RUNS },
    );
    expect(readCertificate(der)?.subject?.get('O')).toBe('Acme');
  });
});
