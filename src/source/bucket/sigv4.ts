import { createHash, createHmac } from 'node:crypto';

/** Keys of an account; `sessionToken` where they are temporary. Never logged. */
export interface BucketKeys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

/** What is signed: the request line, and headers by lower-case names, `host` among them. */
export interface Signable {
  readonly method: string;
  /** As it is sent: path and query percent-encoded by `encodeS3`, the query's names sorted. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body. */
  readonly bodyHash: string;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
}

/** Hex SHA-256 of an empty body. */
export const EMPTY_HASH = createHash('sha256').update('').digest('hex');

/** `20260102T030405Z`. */
export function amzDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Percent-encodes all but letters, digits, `-._~`, and slashes where they divide a path. */
export function encodeS3(text: string, slashes = false): string {
  const out = encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return slashes ? out.replaceAll('%2F', '/') : out;
}

/** A query string as it must be signed and sent: names and values encoded, sorted. */
export function queryOf(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${encodeS3(name)}=${encodeS3(value)}`)
    .sort()
    .join('&');
}

/** The Authorization header of AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests"). */
export function signatureV4(request: Signable, keys: BucketKeys, scope: SigningScope): string {
  const date = amzDate(scope.now);
  const place = `${date.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`;
  const names = Object.keys(request.headers).sort();
  const signed = names.join(';');
  const lines = names.map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`).join('');
  const canonical = [request.method, request.path, request.query, lines, signed, request.bodyHash].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const signature = hmac(signingKey(keys.secretKey, place), `AWS4-HMAC-SHA256\n${date}\n${place}\n${hash}`);
  const credential = `${keys.accessKey}/${place}`;
  return `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signed}, Signature=${signature.toString('hex')}`;
}

function signingKey(secret: string, place: string): Buffer {
  const first: Buffer = Buffer.from(`AWS4${secret}`, 'utf8');
  return place.split('/').reduce((key, part) => hmac(key, part), first);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
