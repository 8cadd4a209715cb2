import { at, type Digest, fromJson, type Json, textAt } from '../../model/index.ts';
import { shown } from './types.ts';

/** Annotations of a layer that holds a payload (cosign, SIGNATURE_SPEC). */
export const SIMPLE = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  bundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;
const TYPE = 'cosign container image signature';

/** Why a payload, whose signature has been checked, does not speak for this digest; undefined when it does. */
export function payloadFault(payload: Uint8Array, digest: Digest): string | undefined {
  let value: Json;
  try {
    value = fromJson(Buffer.from(payload).toString('utf8'));
  } catch {
    return 'the payload is not JSON';
  }
  const type = textAt(value, 'critical', 'type');
  if (type !== TYPE) return `the payload is ${type === undefined ? 'of no type' : shown(type)}, and not a ${TYPE}`;
  // The name in it is not compared: a mirror has another one.
  const signed = at(value, 'critical', 'image', 'docker-manifest-digest');
  if (signed === digest) return undefined;
  return `it signs ${typeof signed === 'string' ? shown(signed) : 'no digest'}`;
}
