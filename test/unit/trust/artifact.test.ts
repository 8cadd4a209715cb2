import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Fault, sha256 } from '../../../src/model/index.ts';
import { type FoundSignature, keyedCheck, type SignatureVerdict } from '../../../src/trust/artifact/index.ts';
import {
  bundle,
  createSigner,
  dsseBundle,
  type KeyKind,
  messageBundle,
  type Signer,
  simplePayload,
  statement,
} from '../../support/signatures.ts';

const bytes = Buffer.from('{"schemaVersion":2,"layers":[]}');
const digest = sha256(bytes);
const other = sha256('another manifest');
const subject = { digest, bytes };
const alice = createSigner();
const mallory = createSigner();

const check = (found: FoundSignature, ...signers: readonly Signer[]): SignatureVerdict =>
  keyedCheck((signers.length === 0 ? [alice] : signers).map(({ publicPem }) => ({ name: 'a.pub', pem: publicPem })))(
    found,
    subject,
  );
const why = (found: FoundSignature, ...signers: readonly Signer[]): string => {
  const verdict = check(found, ...signers);
  return verdict.ok ? 'ok' : verdict.why;
};
const simple = (signer: Signer, payload = simplePayload(digest), signature = signer.raw(payload)): FoundSignature => ({
  kind: 'simple',
  payload,
  annotations: { 'dev.cosignproject.cosign/signature': signature.toString('base64') },
});
const bundled = (text: Uint8Array): FoundSignature => ({ kind: 'bundle', bytes: text });
const faultOf = (pem: string): Fault => {
  try {
    keyedCheck([{ name: 'a.pub of Secret apps/keys', pem }]);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('the key was taken');
};

describe('a signature by a key', () => {
  it.each([
    ['P-256', undefined],
    ['P-384', undefined],
    ['P-384', 'sha256'],
    ['P-521', undefined],
    ['P-521', 'sha256'],
    ['rsa', undefined],
    ['ed25519', undefined],
  ] satisfies [KeyKind, string | undefined][])('of %s (%s) holds in every form', (kind, hash) => {
    const signer = createSigner(kind, hash);
    const all = [simple(signer), bundled(dsseBundle(signer, statement(digest))), bundled(messageBundle(signer, bytes))];
    for (const found of all) {
      expect(check(found, signer)).toEqual({ ok: true });
      expect(check(found, mallory, signer)).toEqual({ ok: true });
      expect(why(found, mallory)).toBe('it is by none of the keys');
    }
  });

  it('of P-256 with another hash, or of RSA with another hash, does not hold', () => {
    const [ec, rsa] = [createSigner('P-256', 'sha512'), createSigner('rsa', 'sha1')];
    expect(why(simple(ec), ec)).toBe('it is by none of the keys');
    expect(why(simple(rsa), rsa)).toBe('it is by none of the keys');
  });

  it('speaks for its own digest only, whatever the name in it', () => {
    expect(why(simple(alice, simplePayload(other)))).toBe(`it signs '${other}'`);
    expect(why(bundled(dsseBundle(alice, statement(other))))).toBe(`it signs '${other}'`);
    expect(why(bundled(messageBundle(alice, Buffer.from('another manifest'))))).toBe('it is by none of the keys');
    expect(why(simple(alice, simplePayload(digest, { identity: { 'docker-reference': 'elsewhere' } })))).toBe('ok');
    expect(why(simple(alice, simplePayload(digest.toUpperCase())))).toContain('it signs');
    expect(why(bundled(dsseBundle(alice, statement(digest, { subject: [] }))))).toBe('it signs no digest');
    const sha1 = [{ digest: { sha1: digest.replace('sha256:', '') } }];
    expect(why(bundled(dsseBundle(alice, statement(digest, { subject: sha1 }))))).toBe('it signs no digest');
  });

  it('may name several subjects', () => {
    const subjects = [other, digest].map((one) => ({ digest: { sha256: one.replace('sha256:', '') } }));
    expect(why(bundled(dsseBundle(alice, statement(digest, { subject: subjects }))))).toBe('ok');
    const many = Array.from({ length: 1_025 }, () => subjects[1]);
    expect(why(bundled(dsseBundle(alice, statement(digest, { subject: many }))))).toContain('too many');
  });

  it('must say that it is one', () => {
    const slsa = { predicateType: 'https://slsa.dev/provenance/v1' };
    expect(why(bundled(dsseBundle(alice, statement(digest, slsa))))).toContain('provenance/v1');
    expect(why(bundled(dsseBundle(alice, statement(digest, { _type: 'x' }))))).toContain('no type that is known');
    expect(why(simple(alice, simplePayload(digest, { type: 'atomic container signature' })))).toContain('atomic');
    const payloadType = 'application/json';
    expect(why(bundled(dsseBundle(alice, statement(digest), { payloadType })))).toContain("'application/json'");
    expect(why(simple(alice, Buffer.from('no json')))).toBe('the payload is not JSON');
    expect(why(simple(alice, Buffer.from('[]')))).toContain('of no type');
    expect(why(bundled(dsseBundle(alice, Buffer.from('no json'))))).toBe('its statement is not JSON');
    expect(why(bundled(dsseBundle(alice, Buffer.from('[]'))))).toBe('its statement is not a map');
  });

  it('is not looked for twice in an envelope, nor taken with another payload', () => {
    expect(why(bundled(dsseBundle(alice, statement(digest), { more: 1 })))).toContain('exactly one signature');
    const swapped = JSON.parse(dsseBundle(alice, statement(other)).toString()) as { dsseEnvelope: { payload: string } };
    swapped.dsseEnvelope.payload = statement(digest).toString('base64');
    expect(why(bundled(Buffer.from(JSON.stringify(swapped))))).toBe('it is by none of the keys');
    const typed = JSON.parse(dsseBundle(alice, statement(digest), { payloadType: 'x/y' }).toString()) as {
      dsseEnvelope: { payloadType: string };
    };
    typed.dsseEnvelope.payloadType = 'application/vnd.in-toto+json';
    expect(why(bundled(Buffer.from(JSON.stringify(typed))))).toBe('it is by none of the keys');
  });

  it('must be by a key, where keys are trusted', () => {
    const envelope = JSON.parse(dsseBundle(alice, statement(digest)).toString()) as Record<string, unknown>;
    const { dsseEnvelope } = envelope;
    expect(why(bundled(bundle({ dsseEnvelope }, { certificate: { rawBytes: 'AAAA' } })))).toContain('by a certificate');
    expect(why({ kind: 'envelope', mediaType: 'application/jose+json', bytes })).toBe('it is not of cosign');
  });

  it.each([
    ['no base64', '!!!!'],
    ['empty', ''],
    ['half a character', 'A'],
    ['no signature', Buffer.from('x').toString('base64')],
    ['zeros', Buffer.alloc(72).toString('base64')],
    ['long', Buffer.alloc(100_000, 0x30).toString('base64')],
  ])('that is broken (%s) is none', (_what, text) => {
    for (const signer of [alice, createSigner('rsa'), createSigner('ed25519')]) {
      const annotations = { 'dev.cosignproject.cosign/signature': text };
      expect(check({ kind: 'simple', payload: simplePayload(digest), annotations }, signer).ok).toBe(false);
      const payload = statement(digest).toString('base64');
      const dsseEnvelope = { payload, payloadType: 'application/vnd.in-toto+json', signatures: [{ sig: text }] };
      expect(check(bundled(bundle({ dsseEnvelope })), signer).ok).toBe(false);
    }
    expect(check({ kind: 'simple', payload: simplePayload(digest), annotations: {} }).ok).toBe(false);
  });

  it.each([
    ['not JSON', 'x'],
    ['a list', '[]'],
    ['null', 'null'],
    ['empty', '{}'],
    ['of another type', '{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=9.9"}'],
    ['without material', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'],
    ['without content', bundle({}).toString()],
    ['with both', bundle({ dsseEnvelope: {}, messageSignature: {} }).toString()],
    ['with an empty envelope', bundle({ dsseEnvelope: {} }).toString()],
    ['with lists for texts', bundle({ dsseEnvelope: { payload: [], payloadType: [], signatures: {} } }).toString()],
    [
      'with null signatures',
      bundle({ dsseEnvelope: { payload: 'AA==', payloadType: '', signatures: [null] } }).toString(),
    ],
    ['with an empty message', bundle({ messageSignature: {} }).toString()],
    [
      'with SHA-512',
      bundle({ messageSignature: { messageDigest: { algorithm: 'SHA2_512' }, signature: 'AA==' } }).toString(),
    ],
    ['nested', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
  ])('in a bundle that is %s is refused', (_what, text) => {
    expect(check(bundled(Buffer.from(text))).ok).toBe(false);
  });
});

describe('public keys', () => {
  it('may stand with text around them', () => {
    const pem = `# of the release team\n${alice.publicPem}\n-----BEGIN JUNK-----\n`;
    expect(keyedCheck([{ name: 'a.pub', pem }])(simple(alice), subject)).toEqual({ ok: true });
  });

  it('are not taken as anything else', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(createPrivateKey(privatePem).type).toBe('private');
    expect(faultOf(privatePem).message).toContain('a PRIVATE KEY, and not a PUBLIC KEY');
    expect(faultOf('ssh-ed25519 AAAA').message).toBe(
      'a.pub of Secret apps/keys is no public key for cosign: it holds no PEM block',
    );
    expect(faultOf('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----').message).toContain('cannot be read');
    expect(faultOf('-----BEGIN PUBLIC KEY-----\nAAAA').message).toContain('no PEM block');
    expect(faultOf(createSigner('rsa-1024').publicPem).message).toContain('1024 bits');
    expect(faultOf(createSigner('secp256k1').publicPem).message).toContain('secp256k1 are not taken');
    expect(faultOf('x'.repeat(1_000_000)).code).toBe('signature-keys');
  });

  it('are bounded', () => {
    const many = Array.from({ length: 101 }, () => ({ name: 'a.pub', pem: alice.publicPem }));
    expect(() => keyedCheck(many)).toThrow('101 public keys are more than 100');
  });
});
