import { type Digest, fromJson, isObject, type Json, type JsonObject, sha256 } from '../../model/index.ts';
import { fromBase64 } from '../blob.ts';
import { type SignedSubject, shown } from './types.ts';

/** What a Sigstore bundle has signed, and how. */
export interface SigstoreBundle {
  /** As parsed, for who checks the rest of it. */
  readonly json: JsonObject;
  /** What it says who has signed. */
  readonly signer: 'key' | 'certificate';
  readonly content: BundleContent;
}

export type BundleContent =
  /** An envelope around a statement. */
  | { readonly kind: 'dsse'; readonly type: string; readonly payload: Buffer; readonly signature: Buffer }
  /** A signature of the artifact's own bytes. */
  | { readonly kind: 'message'; readonly digest: Digest; readonly signature: Buffer };

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.3\+json|\+json;version=0\.[123])$/;
const IN_TOTO = 'application/vnd.in-toto+json';
const STATEMENT = /^https:\/\/in-toto\.io\/Statement\/v(?:0\.1|1)$/;
/** What a statement says that is a signature; others, of the same signer too, say something else of the artifact. */
const SIGNED = 'https://sigstore.dev/cosign/sign/v1';
const MOST_SUBJECTS = 1_024;

/** Reads a bundle (sigstore, protobuf-specs); else why it is none. Nothing of it is checked yet. */
export function parseBundle(bytes: Uint8Array): SigstoreBundle | string {
  let json: Json;
  try {
    json = fromJson(Buffer.from(bytes).toString('utf8'));
  } catch {
    return 'the bundle is not JSON';
  }
  if (!isObject(json)) return 'the bundle is not a map';
  const { mediaType, verificationMaterial: material } = json;
  if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) return 'it is not a Sigstore bundle that is known';
  if (!isObject(material)) return 'the bundle does not say who has signed';
  const signer = 'publicKey' in material ? 'key' : 'certificate';
  const content = contentOf(json);
  return typeof content === 'string' ? content : { json, signer, content };
}

function contentOf({ dsseEnvelope: envelope, messageSignature: message }: JsonObject): BundleContent | string {
  if (isObject(envelope) === isObject(message)) return 'the bundle holds no signature, or two kinds of them';
  return isObject(envelope) ? envelopeOf(envelope) : messageOf(message);
}

function envelopeOf(envelope: JsonObject): BundleContent | string {
  const { payloadType: type, signatures } = envelope;
  if (typeof type !== 'string') return 'the envelope has no payloadType';
  // One of several might be checked, and another one be meant.
  if (!Array.isArray(signatures) || signatures.length !== 1) return 'the envelope does not hold exactly one signature';
  const [payload, signature] = [bytesOf(envelope['payload']), bytesOf((signatures as readonly Json[])[0], 'sig')];
  if (payload === undefined || signature === undefined) return 'payload or signature of the envelope is not base64';
  return { kind: 'dsse', type, payload, signature };
}

function messageOf(message: Json | undefined): BundleContent | string {
  const digest = isObject(message) ? message['messageDigest'] : undefined;
  if (!isObject(message) || !isObject(digest) || digest['algorithm'] !== 'SHA2_256')
    return 'the bundle signs something by another digest than SHA-256';
  const [hash, signature] = [bytesOf(digest['digest']), bytesOf(message['signature'])];
  if (hash?.length !== 32 || signature === undefined) return 'digest or signature of the bundle is not base64';
  return { kind: 'message', digest: `sha256:${hash.toString('hex')}`, signature };
}

function bytesOf(value: Json | undefined, key?: string): Buffer | undefined {
  const text = key === undefined ? value : isObject(value) ? value[key] : undefined;
  return typeof text === 'string' && text !== '' ? fromBase64(text) : undefined;
}

/** What is signed of a bundle: the pre-authentication encoding of an envelope (DSSE), or the artifact itself. */
export function signedBytes(content: BundleContent, subject: SignedSubject): Uint8Array {
  if (content.kind === 'message') return subject.bytes;
  const { type, payload } = content;
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

/** Why content whose signature has been checked does not speak for the subject; undefined when it does. */
export function bindingFault(content: BundleContent, { digest, bytes }: SignedSubject): string | undefined {
  if (content.kind === 'message')
    return content.digest === digest && sha256(bytes) === digest ? undefined : `it signs ${content.digest}`;
  if (content.type !== IN_TOTO) return `its envelope holds ${shown(content.type)}, and no statement of in-toto`;
  let statement: Json;
  try {
    statement = fromJson(content.payload.toString('utf8'));
  } catch {
    return 'its statement is not JSON';
  }
  return statementFault(statement, digest);
}

function statementFault(statement: Json, digest: Digest): string | undefined {
  if (!isObject(statement)) return 'its statement is not a map';
  const { _type: type, predicateType, subject } = statement;
  if (typeof type !== 'string' || !STATEMENT.test(type)) return 'its statement is of no type that is known';
  if (predicateType !== SIGNED)
    return `it states ${typeof predicateType === 'string' ? shown(predicateType) : 'nothing'}, which is no signature`;
  if (!Array.isArray(subject) || subject.length > MOST_SUBJECTS) return 'its statement has no subjects, or too many';
  const digests = (subject as readonly Json[]).map((one) =>
    isObject(one) && isObject(one['digest']) ? one['digest']['sha256'] : undefined,
  );
  if (digests.some((hex) => typeof hex === 'string' && `sha256:${hex}` === digest)) return undefined;
  const [first] = digests;
  return `it signs ${typeof first === 'string' ? shown(`sha256:${first}`) : 'no digest'}`;
}
