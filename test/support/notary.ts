import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { type Authority, type CertificateOptions, type Credentials, createAuthority } from './certificates.ts';

/** Somebody who signs artifacts as notation does, in JWS envelopes. */
export interface Notary {
  readonly authority: Authority;
  /** Whose certificate signs, unless told otherwise. */
  readonly leaf: Credentials;
  leafOf(options?: Partial<CertificateOptions>): Credentials;
  envelope(change?: EnvelopeChange): Buffer;
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

export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

export function createNotary(target: { readonly digest: string; readonly size: number }): Notary {
  const authority = createAuthority('notary.test');
  const leafOf: Notary['leafOf'] = (options = {}) =>
    authority.issue({ name: 'release', groups: ['Acme'], place: ['US', 'WA'], uses: [CODE_SIGNING], ...options });
  const leaf = leafOf();
  const url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    authority,
    leaf,
    leafOf,
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
