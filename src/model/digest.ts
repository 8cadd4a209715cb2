import { hash } from 'node:crypto';

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** The SHA-256 of bytes or UTF-8 text. */
export function sha256(data: Uint8Array | string): Digest {
  return `sha256:${hash('sha256', data)}`;
}

/** True for a well-formed digest; digests from outside pass here before they become part of a path. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && PATTERN.test(text);
}

/** The 64 hex digits. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}
