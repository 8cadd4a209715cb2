import type { Pushed, Pusher } from './push.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

interface Simple {
  readonly payload: Uint8Array;
  readonly signature?: Uint8Array | string;
  /** In place of the signature alone. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Puts signatures where cosign puts those of its older form: a layer each, under the tag `….sig`. */
export function pushSimple(push: Pusher, name: string, of: string, signatures: readonly Simple[]): Promise<Pushed> {
  return push.artifact({
    name,
    tag: `${of.replace(':', '-')}.sig`,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', bytes: Buffer.from('{}') },
    layers: signatures.map(({ payload, signature = '', annotations }) => ({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      bytes: payload,
      annotations: annotations ?? {
        'dev.cosignproject.cosign/signature':
          typeof signature === 'string' ? signature : Buffer.from(signature).toString('base64'),
      },
    })),
  });
}

/** Puts bundles where cosign 3 puts them in a registry without the referrers API: listed under the tag of the digest. */
export async function pushBundles(
  push: Pusher,
  name: string,
  of: Pick<Pushed, 'digest' | 'size'>,
  bundles: readonly Uint8Array[],
): Promise<void> {
  const manifests: object[] = [];
  for (const bytes of bundles) {
    const { digest, size } = await push.artifact({
      name,
      artifactType: BUNDLE,
      subject: of,
      layers: [{ mediaType: BUNDLE, bytes }],
    });
    manifests.push({ mediaType: MANIFEST, digest, size, artifactType: BUNDLE });
  }
  const index = { schemaVersion: 2, mediaType: INDEX, manifests };
  await push.manifest(name, of.digest.replace(':', '-'), INDEX, Buffer.from(JSON.stringify(index)));
}
