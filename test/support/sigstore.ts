import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { createAuthority, der, type Extension } from './certificates.ts';
import { bundle, type Signer } from './signatures.ts';

/** An instance of Sigstore for tests: an authority, a log of certificates, and one of signatures, with keys of their own. */
export interface Sigstore {
  /** `trusted_root.json`; `change` goes over it. */
  root(change?: (root: TrustedRootJson) => void): string;
  /** Somebody with a certificate for ten minutes. */
  signer(subject: string, options?: SignerOptions): KeylessSigner;
}

export interface SignerOptions {
  readonly issuer?: string;
  /** Milliseconds since 1970 at which the certificate begins. */
  readonly from?: number;
  /** Without the promise of the log of certificates. */
  readonly unlogged?: boolean;
}

export interface KeylessSigner extends Signer {
  readonly certificate: X509Certificate;
  /** A bundle of cosign 3 around a statement; `at`: when it was logged. */
  dsse(payload: Uint8Array, at?: number, change?: (json: BundleJson) => void): Buffer;
  /** A bundle of a signature of the bytes themselves. */
  message(artifact: Uint8Array, at?: number): Buffer;
  /** Annotations of cosign 2 beside a payload. */
  simple(payload: Uint8Array, at?: number): Record<string, string>;
}

interface LogJson {
  publicKey: { rawBytes: string; keyDetails: string; validFor?: { start?: string; end?: string } };
  [key: string]: unknown;
}
export interface TrustedRootJson {
  mediaType: string;
  tlogs: LogJson[];
  ctlogs: LogJson[];
  certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] }; validFor: { start: string } }[];
  timestampAuthorities: unknown[];
}
export interface BundleJson {
  verificationMaterial: { tlogEntries: Record<string, unknown>[]; [key: string]: unknown };
  [key: string]: unknown;
}

const TYPE = 'application/vnd.in-toto+json';
/** When everything is signed, unless told otherwise. */
export const SIGNED_AT = Date.parse('2026-03-01T12:00:00Z');
export const ISSUER = 'https://token.example.com';

export function createSigstore(): Sigstore {
  const authority = createAuthority('fulcio.test');
  const [certificates, signatures] = [createLog('https://ct.test'), createLog('https://rekor.test')];
  return {
    root: (change) => {
      const validFor = { start: '2026-01-01T00:00:00Z' };
      const json: TrustedRootJson = {
        mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
        tlogs: [signatures.json],
        ctlogs: [certificates.json],
        certificateAuthorities: [
          { certChain: { certificates: [{ rawBytes: base64(new X509Certificate(authority.certPem).raw) }] }, validFor },
        ],
        timestampAuthorities: [],
      };
      const copy = structuredClone(json);
      change?.(copy);
      return JSON.stringify(copy);
    },
    signer: (subject, { issuer = ISSUER, from = SIGNED_AT, unlogged = false } = {}) => {
      const { certPem, keyPem } = authority.issue({
        name: 'sigstore',
        uris: [subject],
        uses: ['1.3.6.1.5.5.7.3.3'],
        notBefore: new Date(from - 60_000),
        notAfter: new Date(from + 540_000),
        extras: [
          { id: '1.3.6.1.4.1.57264.1.1', value: Buffer.from(issuer) },
          { id: '1.3.6.1.4.1.57264.1.8', value: der(0x0c, Buffer.from(issuer)) },
        ],
        ...(unlogged ? {} : { logged: (body, key) => certificates.promise(body, key, from) }),
      });
      return keylessSigner(certPem, createPrivateKey(keyPem), signatures);
    },
  };
}

function keylessSigner(certPem: string, key: KeyObject, log: Log): KeylessSigner {
  const certificate = new X509Certificate(certPem);
  const raw = (data: Uint8Array): Buffer => sign('sha256', data, key);
  const bundled = (content: Record<string, unknown>, entry: object): Buffer =>
    bundle(content, { certificate: { rawBytes: base64(certificate.raw) }, tlogEntries: [entry] });
  const hashed = (signature: Buffer, signed: Uint8Array) => ({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: hashOf(signed).toString('hex') } },
      signature: { content: base64(signature), publicKey: { content: base64(Buffer.from(certPem)) } },
    },
  });
  return {
    certificate,
    publicPem: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    raw,
    dsse: (payload, at = SIGNED_AT, change) => {
      const signature = raw(
        Buffer.concat([Buffer.from(`DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} `), Buffer.from(payload)]),
      );
      const entry = log.entry(
        {
          apiVersion: '0.0.1',
          kind: 'dsse',
          spec: {
            envelopeHash: { algorithm: 'sha256', value: hashOf(signature).toString('hex') },
            payloadHash: { algorithm: 'sha256', value: hashOf(payload).toString('hex') },
            signatures: [{ signature: base64(signature), verifier: base64(Buffer.from(certPem)) }],
          },
        },
        at,
      );
      const envelope = { payload: base64(payload), payloadType: TYPE, signatures: [{ sig: base64(signature) }] };
      const bytes = bundled({ dsseEnvelope: envelope }, entry);
      if (change === undefined) return bytes;
      const json = JSON.parse(bytes.toString()) as BundleJson;
      change(json);
      return Buffer.from(JSON.stringify(json));
    },
    message: (artifact, at = SIGNED_AT) => {
      const signature = raw(artifact);
      const messageDigest = { algorithm: 'SHA2_256', digest: base64(hashOf(artifact)) };
      const content = { messageSignature: { messageDigest, signature: base64(signature) } };
      return bundled(content, log.entry(hashed(signature, artifact), at));
    },
    simple: (payload, at = SIGNED_AT) => {
      const signature = raw(payload);
      const entry = log.entry(hashed(signature, payload), at);
      return {
        'dev.cosignproject.cosign/signature': base64(signature),
        'dev.sigstore.cosign/certificate': certPem,
        'dev.sigstore.cosign/bundle': JSON.stringify({
          SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
          Payload: {
            body: entry.canonicalizedBody,
            integratedTime: at / 1000,
            logIndex: 0,
            logID: log.id.toString('hex'),
          },
        }),
      };
    },
  };
}

interface Log {
  readonly id: Buffer;
  readonly json: LogJson;
  /** A promise that a certificate is logged, as an extension of it. */
  promise(body: Buffer, issuer: Buffer, at: number): Extension;
  /** An entry with promise and proof: the log has this one alone. */
  entry(body: object, at: number): Entry;
}

interface Entry {
  readonly inclusionPromise: { readonly signedEntryTimestamp: string };
  readonly canonicalizedBody: string;
  readonly [key: string]: unknown;
}

function createLog(baseUrl: string): Log {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const id = hashOf(spki);
  const signed = (data: Uint8Array): Buffer => sign('sha256', data, privateKey);
  return {
    id,
    json: {
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: base64(spki),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: '2026-01-01T00:00:00Z' },
      },
      logId: { keyId: base64(id) },
    },
    promise: (body, issuer, at) => {
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(at));
      const head = Buffer.concat([Buffer.from([0, 0]), time, Buffer.from([0, 1]), hashOf(issuer)]);
      const signature = signed(Buffer.concat([head, number(body.length, 3), body, number(0, 2)]));
      const sct = Buffer.concat([
        Buffer.from([0]),
        id,
        time,
        number(0, 2),
        Buffer.from([4, 3]),
        number(signature.length, 2),
        signature,
      ]);
      const list = Buffer.concat([number(sct.length + 2, 2), number(sct.length, 2), sct]);
      return { id: '1.3.6.1.4.1.11129.2.4.2', value: der(0x04, list) };
    },
    entry: (json, at) => {
      const body = Buffer.from(JSON.stringify(json));
      const integratedTime = at / 1000;
      const text = `{"body":"${base64(body)}","integratedTime":${integratedTime},"logID":"${id.toString('hex')}","logIndex":0}`;
      const leaf = hashOf(Buffer.concat([Buffer.from([0]), body]));
      const origin = new URL(baseUrl).host;
      // The number of a tree tells a log of Rekor 1 from one of Rekor 2.
      const note = `${origin} - 1\n1\n${base64(leaf)}\n`;
      const line = base64(Buffer.concat([id.subarray(0, 4), signed(Buffer.from(note))]));
      return {
        logIndex: '0',
        logId: { keyId: base64(id) },
        kindVersion: { kind: (json as { kind: string }).kind, version: '0.0.1' },
        integratedTime: String(integratedTime),
        inclusionPromise: { signedEntryTimestamp: base64(signed(Buffer.from(text))) },
        inclusionProof: {
          logIndex: '0',
          rootHash: base64(leaf),
          treeSize: '1',
          hashes: [],
          checkpoint: { envelope: `${note}\n\u2014 ${origin} ${line}\n` },
        },
        canonicalizedBody: base64(body),
      };
    },
  };
}

const hashOf = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
const base64 = (data: Uint8Array): string => Buffer.from(data).toString('base64');
const number = (value: number, bytes: number): Buffer => {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
};
