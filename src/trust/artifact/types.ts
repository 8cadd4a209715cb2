import { type Digest, printable } from '../../model/index.ts';

/** What is signed: a manifest, or an index. */
export interface SignedSubject {
  readonly digest: Digest;
  /** Its bytes, which have that digest. */
  readonly bytes: Uint8Array;
}

/** A signature as a registry has it, and nothing of it is believed. */
export type FoundSignature =
  /** Of cosign's older form: a payload that names a digest, and what the annotations of its layer say. */
  | {
      readonly kind: 'simple';
      readonly payload: Uint8Array;
      readonly annotations: Readonly<Record<string, string>>;
    }
  /** A Sigstore bundle, JSON. */
  | { readonly kind: 'bundle'; readonly bytes: Uint8Array }
  /** A signature envelope of the Notary Project. */
  | { readonly kind: 'envelope'; readonly mediaType: string; readonly bytes: Uint8Array };

export type SignatureVerdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Whether a signature is by somebody who is trusted, over this subject. Never throws. */
export type SignatureCheck = (found: FoundSignature, subject: SignedSubject) => SignatureVerdict;

export const no = (why: string): SignatureVerdict => ({ ok: false, why });

/** Text of others, in a message. */
export const shown = (text: string): string => `'${printable(text, 100)}'`;
