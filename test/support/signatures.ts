import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Somebody who signs artifacts as cosign does. */
export interface Signer {
  readonly publicPem: string;
  /** A raw signature. */
  raw(data: Uint8Array): Buffer;
}

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'rsa' | 'ed25519' | 'rsa-1024' | 'secp256k1';

/** Signs with the hash that goes with the curve, or another one. */
export function createSigner(kind: KeyKind = 'P-256', hash?: string): Signer {
  const { publicKey, privateKey } = pairOf(kind);
  const own = hash ?? { 'P-384': 'sha384', 'P-521': 'sha512' }[kind as string] ?? 'sha256';
  return {
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    raw: (data) => sign(kind === 'ed25519' ? null : own, data, privateKey),
  };
}

function pairOf(kind: KeyKind): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519');
  if (kind.startsWith('rsa')) return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa' ? 2048 : 1024 });
  return generateKeyPairSync('ec', { namedCurve: kind });
}

export const sha256Of = (data: Uint8Array): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** Payload of cosign's older form. */
export function simplePayload(digest: string, change: Record<string, unknown> = {}): Buffer {
  const critical = {
    identity: { 'docker-reference': 'registry.example.com/org/app' },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
    ...change,
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

const STATEMENT = 'https://in-toto.io/Statement/v1';
export const SIGNED = 'https://sigstore.dev/cosign/sign/v1';

/** The statement that cosign 3 signs. */
export function statement(digest: string, change: Record<string, unknown> = {}): Buffer {
  const subject = [{ digest: { sha256: digest.replace('sha256:', '') } }];
  return Buffer.from(JSON.stringify({ _type: STATEMENT, subject, predicateType: SIGNED, predicate: {}, ...change }));
}

/** Signs a statement in an envelope, as a Sigstore bundle. */
export function dsseBundle(
  signer: Signer,
  payload: Uint8Array,
  { payloadType = 'application/vnd.in-toto+json', more = 0 }: { payloadType?: string; more?: number } = {},
): Buffer {
  const pae = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    Buffer.from(payload),
  ]);
  const sig = { sig: signer.raw(pae).toString('base64') };
  return bundle({
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType,
      signatures: Array.from({ length: 1 + more }, () => sig),
    },
  });
}

/** Signs the bytes themselves, as a Sigstore bundle. */
export function messageBundle(signer: Signer, artifact: Uint8Array): Buffer {
  const digest = createHash('sha256').update(artifact).digest('base64');
  return bundle({
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest },
      signature: signer.raw(artifact).toString('base64'),
    },
  });
}

export function bundle(
  content: Record<string, unknown>,
  material: unknown = { publicKey: { hint: 'aGludA==' } },
): Buffer {
  return Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: material,
      ...content,
    }),
  );
}
