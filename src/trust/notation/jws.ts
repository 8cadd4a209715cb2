import { fromJson, isObject, type Json, type JsonObject } from '../../model/index.ts';
import { type Envelope, openEnvelope } from './envelope.ts';

/** Reads a JWS envelope (Notary Project, "JWS Signature Envelope") and checks its signature; else why it is none. */
export function readJws(bytes: Buffer): Envelope | string {
  const json = jsonOf(bytes);
  const [head, body, signature] = ['protected', 'payload', 'signature'].map((key) => textOf(json?.[key]));
  const certificates = isObject(json?.['header']) ? json['header']['x5c'] : undefined;
  if (head === undefined || body === undefined || signature === undefined || !Array.isArray(certificates))
    return 'it is not the JWS of a signature';
  return openEnvelope({
    ders: (certificates as readonly Json[]).map((one) => Buffer.from(typeof one === 'string' ? one : '', 'base64')),
    header: jsonOf(urlBytes(head)),
    payload: urlBytes(body),
    signed: Buffer.from(`${head}.${body}`, 'latin1'),
    signature: urlBytes(signature),
  });
}

const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

function urlBytes(text: string): Buffer | undefined {
  return /^[A-Za-z0-9_-]+$/.test(text) ? Buffer.from(text, 'base64url') : undefined;
}

function jsonOf(bytes: Buffer | undefined): JsonObject | undefined {
  try {
    const value = bytes === undefined ? undefined : fromJson(bytes.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
