import { createHash } from 'node:crypto';
import { printable } from '../model/index.ts';
import { blobReader, blobString, fromBase64 } from './blob.ts';
import { fingerprintOf, type SshKey } from './ssh-key.ts';

/** A check of one signature. */
export type Verdict =
  /** `key` names the key as Flux does. */
  { readonly ok: true; readonly key: string } | { readonly ok: false; readonly why: string };

/** What Git signs with SSH is for this purpose only. */
const NAMESPACE = 'git';
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
const MAGIC = 'SSHSIG';

interface SshSignature {
  readonly key: Buffer;
  readonly namespace: string;
  readonly reserved: Buffer;
  readonly hash: string;
  readonly signature: Buffer;
}

/** Checks an armored SSH signature (PROTOCOL.sshsig) over a payload against keys that are trusted. */
export function verifySsh(armored: string, payload: Uint8Array, keys: readonly SshKey[]): Verdict {
  const sig = parse(armored);
  if (sig === undefined) return no('the SSH signature cannot be read');
  if (sig.namespace !== NAMESPACE)
    return no(`the SSH signature is for '${shown(sig.namespace)}', not for '${NAMESPACE}'`);
  if (sig.hash !== 'sha256' && sig.hash !== 'sha512')
    return no(`the hash '${shown(sig.hash)}' of the SSH signature is not taken`);
  const key = keys.find(({ blob }) => blob.equals(sig.key));
  if (key === undefined)
    return no(
      `unable to verify payload with any of the given authorized keys: it is signed by ${fingerprintOf(sig.key)}, which is none of them`,
    );
  const digest = createHash(sig.hash).update(payload).digest();
  const parts = [sig.namespace, sig.reserved, sig.hash, digest].map(blobString);
  const signed = Buffer.concat([Buffer.from(MAGIC, 'latin1'), ...parts]);
  if (!key.verifies(signed, sig.signature))
    return no(
      `unable to verify payload with any of the given authorized keys: the signature by ${key.fingerprint} does not fit it`,
    );
  return { ok: true, key: key.fingerprint };
}

/** Undefined when it is not exactly one signature of version 1. */
function parse(armored: string): SshSignature | undefined {
  const lines = armored.trim().split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) return undefined;
  const blob = fromBase64(lines.slice(1, -1).join(''));
  if (blob === undefined || blob.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  const reader = blobReader(blob.subarray(MAGIC.length));
  const version = reader.uint32();
  const [key, namespace, reserved] = [reader.bytes(), reader.text(), reader.bytes()];
  const [hash, signature] = [reader.text(), reader.bytes()];
  if (version !== 1 || key === undefined || namespace === undefined || reserved === undefined) return undefined;
  if (hash === undefined || signature === undefined || !reader.atEnd()) return undefined;
  return { key, namespace, reserved, hash, signature };
}

const no = (why: string): Verdict => ({ ok: false, why });

const shown = (text: string): string => printable(text, 60);
