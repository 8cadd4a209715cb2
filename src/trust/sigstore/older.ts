import { at, fromJson, type Json, type JsonObject, sha256, textAt } from '../../model/index.ts';
import { SIMPLE } from '../artifact/simple.ts';
import type { FoundSignature } from '../artifact/types.ts';

/**
 * A signature of cosign 1 or 2 by a certificate as a bundle of the first version, which says the same; else why that
 * cannot be.
 */
export function olderBundle({
  payload,
  annotations,
}: Extract<FoundSignature, { kind: 'simple' }>): JsonObject | string {
  const signature = annotations[SIMPLE.signature] ?? '';
  const certificate = derOf(annotations[SIMPLE.certificate] ?? '');
  if (certificate === undefined) return 'it is not by a certificate';
  const entry = entryOf(annotations[SIMPLE.bundle] ?? '');
  if (typeof entry === 'string') return entry;
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: certificate }] },
      tlogEntries: [entry],
      ...timestampOf(annotations[SIMPLE.timestamp] ?? ''),
    },
    messageSignature: {
      messageDigest: {
        algorithm: 'SHA2_256',
        digest: Buffer.from(sha256(payload).slice('sha256:'.length), 'hex').toString('base64'),
      },
      signature,
    },
  };
}

/** The first certificate of a PEM text, in base64. */
function derOf(pem: string): string | undefined {
  const head = '-----BEGIN CERTIFICATE-----';
  const start = pem.indexOf(head);
  const end = pem.indexOf('-----END CERTIFICATE-----', start);
  return start < 0 || end < 0 ? undefined : pem.slice(start + head.length, end).replace(/\s+/g, '');
}

/** The entry of the transparency log that cosign notes beside a signature. */
function entryOf(text: string): JsonObject | string {
  const value = jsonOf(text);
  const body = textAt(value, 'Payload', 'body');
  const promise = textAt(value, 'SignedEntryTimestamp');
  if (body === undefined || promise === undefined) return 'no entry of a transparency log comes with it';
  const logged = jsonOf(Buffer.from(body, 'base64').toString('utf8'));
  const [kind, version] = [textAt(logged, 'kind'), textAt(logged, 'apiVersion')];
  const number = (key: string): string => String(at(value, 'Payload', key) ?? '');
  const id = textAt(value, 'Payload', 'logID') ?? '';
  if (kind === undefined || version === undefined || !/^[0-9a-f]{64}$/.test(id))
    return 'its entry of a transparency log cannot be read';
  return {
    logIndex: number('logIndex'),
    logId: { keyId: Buffer.from(id, 'hex').toString('base64') },
    kindVersion: { kind, version },
    integratedTime: number('integratedTime'),
    inclusionPromise: { signedEntryTimestamp: promise },
    canonicalizedBody: body,
  };
}

function timestampOf(text: string): JsonObject {
  const signed = textAt(jsonOf(text), 'SignedRFC3161Timestamp');
  return signed === undefined
    ? {}
    : { timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: signed }] } };
}

function jsonOf(text: string): Json | undefined {
  try {
    return fromJson(text);
  } catch {
    return undefined;
  }
}
