import { isObject, type Json, toJson } from '../../model/index.ts';
import type { FoundSignature } from '../../trust/artifact/index.ts';
import { objectIn } from '../answers.ts';

/** Signatures as they are kept with a revision, so that other keys can be held against them without a network. */
export function encodeProof(found: readonly FoundSignature[]): Buffer {
  const signatures = found.map((one): Json => {
    if (one.kind === 'simple') return { kind: one.kind, payload: base64(one.payload), annotations: one.annotations };
    if (one.kind === 'bundle') return { kind: one.kind, bytes: base64(one.bytes) };
    return { kind: one.kind, mediaType: one.mediaType, bytes: base64(one.bytes) };
  });
  return Buffer.from(toJson({ signatures }), 'utf8');
}

/** Reads them back; what cannot be read is left out, and asked for again. */
export function decodeProof(bytes: Uint8Array): readonly FoundSignature[] {
  const listed = objectIn(bytes)?.['signatures'];
  return Array.isArray(listed) ? (listed as readonly Json[]).flatMap((one) => foundOf(one) ?? []) : [];
}

function foundOf(one: Json): FoundSignature | undefined {
  if (!isObject(one)) return undefined;
  const { kind, mediaType, annotations } = one;
  const bytes = bytesOf(one['bytes']);
  if (kind === 'bundle' && bytes !== undefined) return { kind, bytes };
  if (kind === 'envelope' && bytes !== undefined && typeof mediaType === 'string') return { kind, mediaType, bytes };
  const payload = bytesOf(one['payload']);
  if (kind !== 'simple' || payload === undefined || !isObject(annotations)) return undefined;
  const texts = Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { kind, payload, annotations: Object.fromEntries(texts) };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (value: Json | undefined): Buffer | undefined =>
  typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
