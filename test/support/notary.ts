import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { type Authority, type CertificateOptions, type Credentials, createAuthority } from './certificates.ts';

/** Somebody who signs artifacts as notation does, in JWS envelopes. */
export interface Notary {
  readonly authority: Authority;
  /** Whose certificate signs, unless told otherwise. */
  readonly leaf: Credentials;
  leafOf(options?: Partial<CertificateOptions>): Credentials;
  envelope(change?: EnvelopeChange): Buffer;
  /** The same as COSE; `header` is by label. */
  cose(change?: Omit<EnvelopeChange, 'header'> & { readonly header?: readonly (readonly [Item, Item])[] }): Buffer;
}

export interface EnvelopeChange {
  /** Goes over the protected header. */
  readonly header?: Record<string, unknown>;
  readonly payload?: unknown;
  /** PEM, from the leaf on. */
  readonly chain?: readonly string[];
  readonly by?: Credentials;
  /** Makes the signature itself. */
  readonly raw?: (input: Buffer) => Buffer;
}

/** What is written as CBOR: numbers, texts, bytes, lists, maps, and values with a tag. */
export type Item =
  | number
  | string
  | Buffer
  | readonly Item[]
  | ReadonlyMap<Item, Item>
  | { readonly tag: number; readonly value: Item };

/** CBOR with lengths of four bytes, which are as good as shorter ones. */
export function cborOf(item: Item): Buffer {
  const head = (kind: number, count: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes[0] = (kind << 5) | 26;
    bytes.writeUInt32BE(count, 1);
    return bytes;
  };
  if (typeof item === 'number') return item < 0 ? head(1, -1 - item) : head(0, item);
  if (typeof item === 'string') return Buffer.concat([head(3, Buffer.byteLength(item)), Buffer.from(item)]);
  if (Buffer.isBuffer(item)) return Buffer.concat([head(2, item.length), item]);
  if (item instanceof Map)
    return Buffer.concat([head(5, item.size), ...[...item].flat().map((one) => cborOf(one as Item))]);
  if ('tag' in item) return Buffer.concat([head(6, item.tag), cborOf(item.value)]);
  const list = item as readonly Item[];
  return Buffer.concat([head(4, list.length), ...list.map(cborOf)]);
}

export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

export function createNotary(target: { readonly digest: string; readonly size: number }): Notary {
  const authority = createAuthority('notary.test');
  const leafOf: Notary['leafOf'] = (options = {}) =>
    authority.issue({ name: 'release', groups: ['Acme'], place: ['US', 'WA'], uses: [CODE_SIGNING], ...options });
  const leaf = leafOf();
  const url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const derOf = (pem: string): Buffer => new X509Certificate(pem).raw;
  return {
    authority,
    leaf,
    leafOf,
    cose: ({ header = [], payload, chain, by = leaf, raw } = {}) => {
      const head = cborOf(
        new Map<Item, Item>([
          [1, -7],
          [2, ['io.cncf.notary.signingScheme']],
          [3, 'application/vnd.cncf.notary.payload.v1+json'],
          ['io.cncf.notary.signingScheme', 'notary.x509'],
          ['io.cncf.notary.signingTime', { tag: 1, value: Date.parse('2026-02-01') / 1000 }],
          ...header,
        ]),
      );
      const body = Buffer.from(JSON.stringify(payload ?? { targetArtifact: { mediaType: 'x', ...target } }));
      // Strings of bytes, as whoever signs writes them: as short as can be.
      const short = (bytes: Buffer): Buffer =>
        Buffer.concat([
          bytes.length < 256
            ? Buffer.from([0x58, bytes.length])
            : Buffer.from([0x59, bytes.length >> 8, bytes.length & 255]),
          bytes,
        ]);
      const input = Buffer.concat([
        Buffer.from('\x84\x6aSignature1', 'latin1'),
        short(head),
        Buffer.from([0x40]),
        short(body),
      ]);
      const key = { key: createPrivateKey(by.keyPem), dsaEncoding: 'ieee-p1363' } as const;
      const signature = raw?.(input) ?? sign('sha256', input, key);
      const open = new Map<Item, Item>([[33, (chain ?? [by.certPem, authority.certPem]).map(derOf)]]);
      return cborOf({ tag: 18, value: [head, open, body, signature] });
    },
    envelope: ({ header = {}, payload, chain, by = leaf, raw } = {}) => {
      const protectedHeader = url({
        alg: 'ES256',
        cty: 'application/vnd.cncf.notary.payload.v1+json',
        crit: ['io.cncf.notary.signingScheme'],
        'io.cncf.notary.signingScheme': 'notary.x509',
        'io.cncf.notary.signingTime': '2026-02-01T00:00:00Z',
        ...header,
      });
      const body = url(payload ?? { targetArtifact: { mediaType: 'x', ...target } });
      const input = Buffer.from(`${protectedHeader}.${body}`);
      const key = { key: createPrivateKey(by.keyPem), dsaEncoding: 'ieee-p1363' } as const;
      const signature = raw?.(input) ?? sign('sha256', input, key);
      const x5c = (chain ?? [by.certPem, authority.certPem]).map((pem) =>
        new X509Certificate(pem).raw.toString('base64'),
      );
      return Buffer.from(
        JSON.stringify({
          payload: body,
          protected: protectedHeader,
          header: { x5c },
          signature: signature.toString('base64url'),
        }),
      );
    },
  };
}
