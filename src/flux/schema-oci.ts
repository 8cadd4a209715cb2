import * as z from 'zod/mini';
import { weakly } from '../model/index.ts';
import { about, duration, field, flag, metadata, nameRef, nonEmpty, shortDuration, text } from './schema-common.ts';

const ref = () =>
  z.strictObject({
    tag: field(text(), 'Tag to take.', { default: 'latest' }),
    semver: field(text(), 'Range of versions; the highest tag in it is taken. Wins over `tag`.', {
      examples: ['>=1.0.0 <2.0.0'],
    }),
    semverFilter: field(text(), 'Regular expression; only tags that match count for `semver`.'),
    digest: field(text(), 'Digest of the manifest to take, `sha256:HEX`. Wins over all others.'),
  });

/** Which layer; the status repeats it. */
export const layerSelector = () =>
  z.strictObject({
    mediaType: field(text(), 'The first layer of this media type is taken; the first of all when absent.'),
    operation: field(z.enum(['extract', 'copy']), 'Whether the layer is an archive to unpack, or is kept as it is.', {
      default: 'extract',
    }),
  });

const verify = () =>
  z.strictObject({
    provider: field(z.enum(['cosign', 'notation']), 'What the signature is made with.', {
      default: 'cosign',
      crd: { fills: true },
    }),
    secretRef: field(
      nameRef('Secret'),
      'Who may sign: public keys (`*.pub`), or for notation `trustpolicy.json` and certificates. Without it, identities.',
    ),
    matchOIDCIdentity: field(
      z.array(
        z.strictObject({
          issuer: about(
            nonEmpty(),
            'Regular expression (RE2) that matches somewhere in the issuer of the certificate.',
          ),
          subject: about(
            nonEmpty(),
            'Regular expression (RE2) that matches somewhere in the subject of the certificate.',
          ),
        }),
      ),
      'Who may sign without keys; one match is enough.',
    ),
    trustedRootSecretRef: field(
      nameRef('Secret'),
      'Sigstore trusted root for identities, key `trusted_root.json`; in place of the one of the agent.',
    ),
  });

const spec = () =>
  z.strictObject({
    url: about(
      z.string().check(z.regex(/^oci:\/\/.*$/, { error: 'must begin with oci://' })),
      'Address of the repository in a registry, without tag.',
    ),
    interval: about(duration(), 'How often to ask for a new revision.', { examples: ['5m'] }),
    timeout: field(shortDuration(), 'How long one attempt may take, a day at most.', {
      default: '60s',
      crd: { fills: true },
    }),
    ref: field(ref(), 'Which artifact to follow.', { default: { tag: 'latest' } }),
    layerSelector: field(layerSelector(), 'Which layer of the artifact holds the manifests.'),
    provider: field(z.enum(['generic', 'aws', 'azure', 'gcp']), 'How to log in.', {
      default: 'generic',
      crd: { fills: true },
    }),
    secretRef: field(nameRef('Secret'), 'Credentials, of type `kubernetes.io/dockerconfigjson`.'),
    verify: field(verify(), 'Take only signed artifacts.'),
    serviceAccountName: field(text(), 'Account whose pull secrets, or cloud identity, are used.'),
    certSecretRef: field(nameRef('Secret'), 'TLS: `ca.crt`; `tls.crt` and `tls.key`.'),
    proxySecretRef: field(nameRef('Secret'), 'Proxy: `address`, `username`, `password`.'),
    ignore: field(text(), 'Rules in .gitignore form. Any rule replaces the default exclusions.'),
    insecure: field(flag(), 'Plain HTTP is allowed.', { default: false }),
    suspend: field(flag(), 'No more polling; what was fetched stays in use.', { default: false }),
  });

/** OCIRepository as it is written. */
export const ociRepositorySchema = weakly(() =>
  about(
    z.strictObject({
      apiVersion: z.literal('source.toolkit.fluxcd.io/v1'),
      kind: z.literal('OCIRepository'),
      metadata: about(metadata, 'Name, namespace, labels and annotations.'),
      spec: about(spec(), 'What to fetch, and when.'),
      status: z.optional(about(z.unknown(), 'Written by the agent; not read.')),
    }),
    'An artifact in an OCI registry as a source of manifests (Flux API).',
  ),
);

export type RawOciRepository = z.infer<ReturnType<typeof ociRepositorySchema>>;
