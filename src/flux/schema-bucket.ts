import * as z from 'zod/mini';
import { weakly } from '../model/index.ts';
import { about, duration, field, flag, metadata, nameRef, nonEmpty, shortDuration, text } from './schema-common.ts';

const sts = () =>
  z.strictObject({
    provider: about(z.enum(['aws', 'ldap']), 'Kind of the service.'),
    endpoint: about(
      z.string().check(z.regex(/^(http|https):\/\/.*$/, { error: 'must begin with http:// or https://' })),
      'Address of the service.',
    ),
    secretRef: field(nameRef('Secret'), 'Login for ldap: `username` and `password`.'),
    certSecretRef: field(nameRef('Secret'), 'TLS for ldap: `ca.crt`; `tls.crt` and `tls.key`.'),
  });

const spec = () =>
  z.strictObject({
    endpoint: about(nonEmpty(), 'Host, and port where it is not the usual one, of the storage.'),
    bucketName: about(nonEmpty(), 'Name of the bucket.'),
    interval: about(duration(), 'How often to ask for a new revision.', { examples: ['5m'] }),
    timeout: field(shortDuration(), 'How long one attempt may take, a day at most.', {
      default: '60s',
      crd: { fills: true },
    }),
    provider: field(z.enum(['generic', 'aws', 'gcp', 'azure']), 'Kind of the storage, and how to log in.', {
      default: 'generic',
      crd: { fills: true },
    }),
    region: field(text(), 'Region of the bucket.'),
    prefix: field(text(), 'Only objects whose keys begin with this.'),
    secretRef: field(nameRef('Secret'), 'Credentials: `accesskey` and `secretkey` for generic and aws.'),
    serviceAccountName: field(text(), 'Account whose cloud identity is used.'),
    certSecretRef: field(nameRef('Secret'), 'TLS: `ca.crt`; `tls.crt` and `tls.key`.'),
    proxySecretRef: field(nameRef('Secret'), 'Proxy: `address`, `username`, `password`.'),
    sts: field(sts(), 'Service that gives temporary credentials.'),
    ignore: field(text(), 'Rules in .gitignore form; nothing is excluded without them.'),
    insecure: field(flag(), 'Plain HTTP is allowed.', { default: false }),
    suspend: field(flag(), 'No more polling; what was fetched stays in use.', { default: false }),
  });

const RULES = [
  {
    rule: "!has(self.sts) || self.provider in ['aws', 'generic']",
    message: "sts is for the providers 'aws' and 'generic' only",
  },
  {
    rule: "!has(self.sts) || self.provider != 'aws' || self.sts.provider == 'aws'",
    message: "sts.provider must be 'aws' with provider 'aws'",
  },
  {
    rule: "!has(self.sts) || self.provider != 'generic' || self.sts.provider == 'ldap'",
    message: "sts.provider must be 'ldap' with provider 'generic'",
  },
  {
    rule: "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",
    message: "sts.secretRef has no use with sts.provider 'aws'",
  },
  {
    rule: "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",
    message: "sts.certSecretRef has no use with sts.provider 'aws'",
  },
  {
    rule: "!has(self.serviceAccountName) || self.provider != 'generic'",
    message: "serviceAccountName has no use with provider 'generic'",
  },
  {
    rule: '!has(self.secretRef) || !has(self.serviceAccountName)',
    message: 'secretRef and serviceAccountName exclude each other',
  },
];

/** Bucket as it is written. */
export const bucketSchema = weakly(() =>
  about(
    z.strictObject({
      apiVersion: z.literal('source.toolkit.fluxcd.io/v1'),
      kind: z.literal('Bucket'),
      metadata: about(metadata, 'Name, namespace, labels and annotations.'),
      spec: about(spec(), 'What to fetch, and when.', { crd: { rules: RULES } }),
      status: z.optional(about(z.unknown(), 'Written by the agent; not read.')),
    }),
    'A bucket of an object storage as a source of manifests (Flux API).',
  ),
);

export type RawBucket = z.infer<ReturnType<typeof bucketSchema>>;
