import { type TrustedRoot, TrustedRoot as TrustedRoots } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { Fault, isObject } from '../../model/index.ts';

/** A `trusted_root.json` of Sigstore: the authorities and logs that are believed. */
export interface RootFile {
  /** Where it is from, for messages. */
  readonly name: string;
  readonly text: string;
}

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.[12]|\.v0\.[12]\+json)$/;
const LONGEST = 512 * 1024;

/** Reads it. Fault `signature-keys` that says what is wrong. */
export function trustMaterial({ name, text }: RootFile): TrustMaterial {
  const fault = (why: string): Fault => new Fault('signature-keys', `${name} is no trusted root of Sigstore: ${why}`);
  if (text.length > LONGEST) throw fault(`it has more than ${LONGEST} characters`);
  let root: TrustedRoot;
  try {
    const value: unknown = JSON.parse(text);
    const type = isObject(value) ? value['mediaType'] : undefined;
    if (typeof type !== 'string' || !MEDIA_TYPE.test(type)) throw fault('its mediaType is not that of one');
    root = TrustedRoots.fromJSON(value);
  } catch (error) {
    throw error instanceof Fault ? error : fault('it is not the JSON of one');
  }
  const why = gapOf(root);
  if (why !== undefined) throw fault(why);
  try {
    return toTrustMaterial(root, () => {
      throw new Error('signed by a key, where a certificate is asked for');
    });
  } catch {
    throw fault('a certificate or key of it cannot be read');
  }
}

/** A part without which something would be believed that must not be. */
function gapOf({ certificateAuthorities, tlogs, ctlogs, timestampAuthorities }: TrustedRoot): string | undefined {
  if (certificateAuthorities.length === 0) return 'it has no certificate authority';
  if (tlogs.length === 0) return 'it has no transparency log';
  // Without its beginning a log would be believed for any time before its end.
  if ([...tlogs, ...ctlogs].some(({ publicKey }) => publicKey?.validFor?.start === undefined))
    return 'a log has no key, or no time from which it is valid';
  if ([...tlogs, ...ctlogs].some(({ logId, checkpointKeyId }) => logId === undefined && checkpointKeyId === undefined))
    return 'a log has no id';
  const authorities = [...certificateAuthorities, ...timestampAuthorities];
  return authorities.some(({ certChain }) => (certChain?.certificates.length ?? 0) === 0)
    ? 'an authority has no certificate'
    : undefined;
}
